"""What dispatch needs from outside: an outbox, clocks, and somebody who makes the call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from routing.dispatch.targets import Target
from routing.effects import Report


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment; aware."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedCall:
    """A call that one worker holds for a while.

    Attributes
    ----------
    attempt
        Which attempt this is, from 1. With `owner` it names this lease and no other, so that a worker that lost it
        cannot settle the call.
    lease_expires_at
        Real time: a lease bounds a process, whatever the simulated time.
    latest_useful_at
        From this moment on the call is not sent.
    sent_before
        Whether an attempt before this one may have had its effect: also one from before it was a dead letter and was
        put back, which `attempt` does not count.
    """

    call_id: str
    subject_id: str
    target: str
    body: str
    attempt: int
    owner: str
    lease_expires_at: datetime
    latest_useful_at: datetime | None
    sent_before: bool = False


class Outbox(Protocol):
    """The calls that are to go out. Each method is one transaction; whatever it moves, it audits.

    A call is *open* while it is pending or leased, and *settled* when it is delivered, dead, expired or dismissed. A
    later call of a shipment is never leased while an earlier one is open. A dead letter does not hold its shipment's
    later calls back: the stronger branch that follows matters more than the one that failed.

    A method that settles or gives back returns False, and changes nothing, if the lease is no longer the caller's.
    All raise `OutboxUnavailableError` when the store does not answer.
    """

    def claim(
        self, *, target: str, owner: str, limit: int, now: datetime, real_now: datetime, lease: timedelta
    ) -> Sequence[LeasedCall]:
        """Lease up to `limit` calls that are due, longest due first, counting an attempt for each.

        Due: for `target`, open and next in turn for its shipment, `next_attempt_at` ≤ `now` < `latest_useful_at`, and
        pending, or held under a lease that ran out at or before `real_now`.
        """
        ...

    def delivered(self, call: LeasedCall, *, now: datetime) -> bool:
        """Settle a call that was accepted."""
        ...

    def retry_at(self, call: LeasedCall, *, at: datetime, reason: str, now: datetime) -> bool:
        """Give a call back, due again at `at`."""
        ...

    def dead(self, call: LeasedCall, *, reason: str, now: datetime) -> bool:
        """Settle a call as a dead letter."""
        ...

    def expired(self, call: LeasedCall, *, reason: str, now: datetime) -> bool:
        """Settle a call that is no longer worth making."""
        ...

    def release(self, call: LeasedCall, *, now: datetime) -> bool:
        """Give a call back as if it had not been claimed: nothing was sent, no attempt counts."""
        ...

    def expire_overdue(self, *, now: datetime, real_now: datetime) -> int:
        """Settle as expired every call nobody holds whose `latest_useful_at` ≤ `now`; return how many."""
        ...

    def tend_effects(self, *, now: datetime) -> int:
        """Put before a person each effect that was not confirmed in time; return how many."""
        ...

    def to_ask(self, *, target: str, limit: int, now: datetime) -> Sequence[str]:
        """Return the calls whose outcome the target is to be asked for now, each once until its next turn."""
        ...

    def told(self, call_id: str, report: Report, *, now: datetime) -> None:
        """Take in what a target answered when it was asked."""
        ...

    def open_calls(self, targets: Collection[str]) -> int:
        """Return how many calls for these targets are open."""
        ...


def expired_because(latest_useful_at: datetime, attempts: int, *, sent_before: bool) -> str:
    """Say why a call expired, and whether it may have had its effect all the same.

    Parameters
    ----------
    attempts
        Since it was let out, or put back by a person.
    sent_before
        Whether it may have been sent at all, also before it was put back.
    """
    sent = f"{attempts} attempt(s) went unanswered" if attempts else "It was sent before it was put back"
    sent = f"{sent}: it may have had its effect." if sent_before else "It was never sent."
    return f"It was of no use from {latest_useful_at.isoformat()} on. {sent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a target answered.

    Attributes
    ----------
    status
        Of HTTP; what a broker has confirmed is 202.
    excerpt
        The beginning of the body, for whoever reads the dead letter.
    body
        All that was read of it.
    """

    status: int
    retry_after: str | None = None
    excerpt: str = ""
    body: bytes = field(default=b"", repr=False, compare=False)


class Caller(Protocol):
    """Makes one call."""

    async def call(self, target: Target, *, message_id: str, body: bytes, sent_at: datetime) -> Answer:
        """Send `body`, within the target's timeout.

        Raises
        ------
        UnreachableError
            No answer came.
        NotConfirmedError
            The broker did not say that it has the call.
        AddressRefusedError
            The target's name leads inside the house; nothing was sent.
        """
        ...

    async def ask(self, target: Target, *, message_id: str, sent_at: datetime) -> Report | None:
        """Ask what became of a call; None if nothing is known yet. It fails as `call` does."""
        ...
