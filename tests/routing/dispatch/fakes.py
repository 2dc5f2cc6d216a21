"""Fakes of the ports of dispatch."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from routing.dispatch.errors import OutboxUnavailableError, UnreachableError
from routing.dispatch.guard import Address
from routing.dispatch.ports import Answer, LeasedCall, expired_because
from routing.dispatch.signing import Secret
from routing.dispatch.targets import Target
from routing.dispatch.webhooks import WebhookTarget, read_report
from routing.effects import Report

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECRET = Secret(b"k" * 32)
OTHER_SECRET = Secret(b"o" * 32)


def a_target(name: str = "orchestrator", **changes: object) -> WebhookTarget:
    target = WebhookTarget(name=name, url="https://orchestrator.example/calls", secrets=(SECRET,))
    return replace(target, **changes)  # type: ignore[arg-type]


class FakeClock:
    """Stands still unless told otherwise."""

    def __init__(self, now: datetime = NOON) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


class FakeResolver:
    """Knows the names it is told."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.addresses_by_host = addresses
        self.asked: list[str] = []

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        if host not in self.addresses_by_host:
            raise UnreachableError(host, "the name cannot be resolved")
        return [ip_address(text) for text in self.addresses_by_host[host]]


@dataclass
class StoredCall:
    """A call in the fake outbox."""

    position: int
    call_id: str
    subject_id: str
    target: str
    body: str
    next_attempt_at: datetime
    latest_useful_at: datetime | None
    status: str = "pending"
    attempts: int = 0
    owner: str | None = None
    lease_expires_at: datetime | None = None
    delivered_at: datetime | None = None
    last_error: str | None = None
    asks: bool = False
    reports: list[Report] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.status in ("pending", "leased")


class FakeOutbox:
    """The outbox as a list, one thread at a time."""

    def __init__(self) -> None:
        self.calls: list[StoredCall] = []
        self.available = True
        self.after_claim: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def put(
        self,
        call_id: str,
        subject_id: str,
        *,
        due: datetime = NOON,
        latest_useful_at: datetime | None = None,
        target: str = "orchestrator",
        body: str = "{}",
    ) -> None:
        self.calls.append(StoredCall(len(self.calls) + 1, call_id, subject_id, target, body, due, latest_useful_at))

    def stored(self, call_id: str) -> StoredCall:
        return next(call for call in self.calls if call.call_id == call_id)

    def claim(
        self, *, target: str, owner: str, limit: int, now: datetime, real_now: datetime, lease: timedelta
    ) -> Sequence[LeasedCall]:
        with self._lock:
            self._require_available()
            due = [call for call in self.calls if call.target == target and self._is_due(call, now, real_now)]
            chosen = sorted(due, key=lambda call: (call.next_attempt_at, call.position))[:limit]
            for call in chosen:
                call.status, call.owner, call.lease_expires_at = "leased", owner, real_now + lease
                call.attempts += 1
            self.after_claim()
            return [
                LeasedCall(
                    call_id=call.call_id,
                    subject_id=call.subject_id,
                    target=call.target,
                    body=call.body,
                    attempt=call.attempts,
                    owner=owner,
                    lease_expires_at=real_now + lease,
                    latest_useful_at=call.latest_useful_at,
                    sent_before=call.attempts > 1,
                )
                for call in chosen
            ]

    def delivered(self, call: LeasedCall, *, now: datetime) -> bool:
        return self._move(call, "delivered", delivered_at=now, last_error=None)

    def retry_at(self, call: LeasedCall, *, at: datetime, reason: str, now: datetime) -> bool:
        return self._move(call, "pending", next_attempt_at=at, last_error=reason)

    def dead(self, call: LeasedCall, *, reason: str, now: datetime) -> bool:
        return self._move(call, "dead", last_error=reason)

    def expired(self, call: LeasedCall, *, reason: str, now: datetime) -> bool:
        return self._move(call, "expired", last_error=reason, attempts=call.attempt - 1)

    def release(self, call: LeasedCall, *, now: datetime) -> bool:
        return self._move(call, "pending", attempts=call.attempt - 1)

    def expire_overdue(self, *, now: datetime, real_now: datetime) -> int:
        with self._lock:
            self._require_available()
            overdue = [
                call
                for call in self.calls
                if self._is_free(call, real_now) and call.latest_useful_at is not None and call.latest_useful_at <= now
            ]
            for call in overdue:
                assert call.latest_useful_at is not None
                call.status, call.owner = "expired", None
                call.last_error = expired_because(call.latest_useful_at, call.attempts, sent_before=call.attempts > 0)
            return len(overdue)

    def tend_effects(self, *, now: datetime) -> int:
        self._require_available()
        return 0

    def to_ask(self, *, target: str, limit: int, now: datetime) -> Sequence[str]:
        self._require_available()
        return [call.call_id for call in self.calls if call.target == target and call.asks][:limit]

    def told(self, call_id: str, report: Report, *, now: datetime) -> None:
        call = self.stored(call_id)
        call.asks, call.reports = False, [*call.reports, report]

    def open_calls(self, targets: Collection[str]) -> int:
        self._require_available()
        return sum(call.open and call.target in targets for call in self.calls)

    def _is_free(self, call: StoredCall, real_now: datetime) -> bool:
        if call.status == "leased":
            assert call.lease_expires_at is not None
            return call.lease_expires_at <= real_now
        return call.status == "pending"

    def _is_due(self, call: StoredCall, now: datetime, real_now: datetime) -> bool:
        first_open = next(
            other for other in self.calls if (other.subject_id == call.subject_id and other.open) or other is call
        )
        useful = call.latest_useful_at is None or now < call.latest_useful_at
        return first_open is call and self._is_free(call, real_now) and call.next_attempt_at <= now and useful

    def _move(self, call: LeasedCall, status: str, **changes: object) -> bool:
        with self._lock:
            self._require_available()
            stored = self.stored(call.call_id)
            if (stored.status, stored.owner, stored.attempts) != ("leased", call.owner, call.attempt):
                return False
            stored.status, stored.owner, stored.lease_expires_at = status, None, None
            for name, value in changes.items():
                setattr(stored, name, value)
            return True

    def _require_available(self) -> None:
        if not self.available:
            raise OutboxUnavailableError("told so")


class FakeCaller:
    """Answers what it is told, call by call, and keeps what it saw. Without a script it answers 200."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock
        self.scripts: dict[str, list[Answer | Exception]] = defaultdict(list)
        self.seen: list[str] = []
        self.sent: list[tuple[Target, str, bytes, datetime]] = []
        self.in_flight: Counter[str] = Counter()
        self.most_in_flight = 0
        self.gate: asyncio.Event | None = None
        self.seconds = 0.0
        self.asked: list[str] = []
        self.answers: dict[str, list[Answer | Exception]] = defaultdict(list)
        """To the question what became of a call; without one it answers 404."""

    def will_answer(self, message_id: str, *answers: int | Answer | Exception) -> None:
        self.scripts[message_id] += [Answer(status=each) if isinstance(each, int) else each for each in answers]

    async def call(self, target: Target, *, message_id: str, body: bytes, sent_at: datetime) -> Answer:
        assert self.in_flight[message_id] == 0, f"{message_id} is in flight twice"
        self.seen.append(message_id)
        self.sent.append((target, message_id, body, sent_at))
        self.in_flight[message_id] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight.total())
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(self.seconds)
            script = self.scripts[message_id]
            answer = script.pop(0) if script else Answer(status=200)
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.in_flight[message_id] -= 1

    async def ask(self, target: Target, *, message_id: str, sent_at: datetime) -> Report | None:
        self.asked.append(message_id)
        script = self.answers[message_id]
        answer = script.pop(0) if script else Answer(status=404)
        if isinstance(answer, Exception):
            raise answer
        return read_report(answer)
