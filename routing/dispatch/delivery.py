"""Delivering: leased calls go out side by side, and whatever becomes of each is written down.

At least once: a call whose answer is lost, or whose worker dies, goes out again with the same id, by which the
orchestrator knows a repeat. One shipment's calls go out one after the other.

Two clocks: `clock` is the business's time (due, useful, waiting), which a demo may run fast; `real_clock` is the
machine's (leases and signatures, which bind processes and strangers).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import TypeVar

from routing.dispatch.asking import Asker
from routing.dispatch.breaker import CircuitBreaker
from routing.dispatch.errors import (
    AddressRefusedError,
    DispatchError,
    LeaseTooShortError,
    NotConfirmedError,
    OutboxUnavailableError,
    UnreachableError,
)
from routing.dispatch.ports import Answer, Caller, Clock, LeasedCall, Outbox, expired_because
from routing.dispatch.retry import Fate, asks_to_wait, fate_of, parse_retry_after, speaks_against_target
from routing.dispatch.targets import Limits, Target

T = TypeVar("T")

LARGEST_CALL = 256 * 1024
"""How many bytes a call may have: several times what any branch says, and no more than brokers and gateways take."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """How calls are delivered.

    Attributes
    ----------
    owner
        Name of this worker, unique among those alive.
    lease
        Real time after which a worker that has not settled a call is taken for dead.
    limits
        Of each target that has none of its own: a slow target takes nothing from another.
    """

    owner: str
    lease: timedelta = timedelta(seconds=60)
    limits: Limits = field(default_factory=Limits)


class Dispatcher:
    """Takes what is due from the outbox, calls the targets and settles each call.

    Parameters
    ----------
    outbox, caller, clock, real_clock
        The ports.
    targets
        Those this worker calls. Calls for any other stay where they are.
    rng
        Source of the jitter.

    Raises
    ------
    LeaseTooShortError
        The lease is less than twice a target's timeout.
    """

    def __init__(
        self,
        outbox: Outbox,
        caller: Caller,
        targets: Sequence[Target],
        *,
        clock: Clock,
        real_clock: Clock,
        rng: Random,
        settings: DispatchSettings,
    ) -> None:
        for target in targets:
            if settings.lease < 2 * target.timeout:
                raise LeaseTooShortError(settings.lease, target.name, target.timeout)
        self.settings = settings
        self.tally: Counter[str] = Counter()
        self._outbox = outbox
        self._caller = caller
        self._targets = {target.name: target for target in targets}
        self._clock = clock
        self._real_clock = real_clock
        self._rng = rng
        self._limits = {target.name: target.limits or settings.limits for target in targets}
        self._breakers = {
            name: CircuitBreaker(threshold=limits.breaker_threshold, cool_down=limits.breaker_cool_down)
            for name, limits in self._limits.items()
        }
        self._running: dict[str, set[asyncio.Task[None]]] = {target.name: set() for target in targets}
        self._asker = Asker(
            outbox, caller, targets, clock=clock, real_clock=real_clock, on_outbox=self._on_outbox, tally=self.tally
        )
        # One thread: this process never waits for its own write lock, and calls in flight never wait for a commit.
        self._outbox_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")

    @property
    def in_flight(self) -> int:
        """How many calls are out."""
        return len(self._tasks())

    async def fill(self) -> int:
        """Expire what is past, then start due calls while there is room. Return how many were started or expired.

        Raises
        ------
        OutboxUnavailableError
            The outbox did not answer; nothing was started.
        """
        self._asker.start()
        now, real_now = self._clock.now(), self._real_clock.now()
        expired = await self._on_outbox(partial(self._outbox.expire_overdue, now=now, real_now=real_now))
        self.tally["expired"] += expired
        self.tally["unconfirmed"] += await self._on_outbox(partial(self._outbox.tend_effects, now=now))
        started = 0
        for target in self._targets.values():
            room = self._room(target)
            if room == 0:
                continue
            calls = await self._on_outbox(
                partial(
                    self._outbox.claim,
                    target=target.name,
                    owner=self.settings.owner,
                    limit=room,
                    now=self._clock.now(),
                    real_now=self._real_clock.now(),
                    lease=self.settings.lease,
                )
            )
            for call in calls:
                self._start(target, call)
            started += len(calls)
        return started + expired

    async def wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Return when a call in flight has ended, `stop` is set or `seconds` of real time are over."""
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({stopped, *self._tasks()}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()

    async def drain(self) -> None:
        """Let every call in flight and every question end; each is bounded by its target's timeout."""
        await self._asker.drain()
        while tasks := self._tasks():
            await asyncio.wait(tasks)

    async def open_calls(self) -> int:
        """Return how many calls are still to be settled for the targets that are live."""
        now = self._clock.now()
        live = [target.name for target in self._targets.values() if not target.is_held(now)]
        return await self._on_outbox(partial(self._outbox.open_calls, live))

    def close(self) -> None:
        """Give the outbox's thread back."""
        self._outbox_thread.shutdown()

    def _room(self, target: Target) -> int:
        now = self._clock.now()
        if target.is_held(now):
            return 0
        free = self._limits[target.name].concurrency - len(self._running[target.name])
        allowed = self._breakers[target.name].room(now)
        return free if allowed is None else min(free, allowed)

    def _start(self, target: Target, call: LeasedCall) -> None:
        self._breakers[target.name].started()
        running = self._running[target.name]
        task = asyncio.create_task(self._deliver(target, call), name=call.call_id)
        running.add(task)
        task.add_done_callback(running.discard)

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {task for running in self._running.values() for task in running}

    async def _deliver(self, target: Target, call: LeasedCall) -> None:
        """Make one call and settle it. Whatever goes wrong is the call's own affair and stops no other."""
        well: bool | None = None
        try:
            well = await self._attempt_safely(target, call)
        except OutboxUnavailableError as error:
            log.warning("Call %s was not settled, its lease runs out by itself: %s", call.call_id, error)
        finally:
            self._breakers[target.name].ended(well=well, now=self._clock.now())

    async def _attempt_safely(self, target: Target, call: LeasedCall) -> bool | None:
        try:
            return await self._attempt(target, call)
        except OutboxUnavailableError:
            raise
        except Exception as error:
            log.exception("Call %s failed in a way nobody foresaw", call.call_id)
            await self._put_off(target, call, f"{type(error).__name__}: {error}")
            return None

    async def _attempt(self, target: Target, call: LeasedCall) -> bool | None:
        """Return whether the target did well; None if it says nothing about it."""
        now, real_now = self._clock.now(), self._real_clock.now()
        if call.latest_useful_at is not None and now >= call.latest_useful_at:
            reason = expired_because(call.latest_useful_at, call.attempt - 1, sent_before=call.sent_before)
            await self._settle("expired", call, partial(self._outbox.expired, call, reason=reason, now=now))
            return None
        if self._limits[target.name].retry.max_attempts < call.attempt:
            reason = f"{call.attempt - 1} attempts were begun and the last was never settled."
            await self._settle("dead", call, partial(self._outbox.dead, call, reason=reason, now=now))
            return None
        if real_now + target.timeout > call.lease_expires_at:
            await self._settle("released", call, partial(self._outbox.release, call, now=now))
            return None
        body = call.body.encode("utf-8")
        if len(body) > LARGEST_CALL:
            await self._bury(call, f"It has {len(body):,} bytes, expected at most {LARGEST_CALL:,}: nobody was asked.")
            return None
        try:
            answer = await self._caller.call(target, message_id=call.call_id, body=body, sent_at=real_now)
        except (UnreachableError, NotConfirmedError, AddressRefusedError) as error:
            if isinstance(error, AddressRefusedError):  # waiting alone will hardly mend it
                log.warning("Call %s was not sent: %s", call.call_id, error)
            await self._put_off(target, call, str(error))
            return False
        except DispatchError as error:
            await self._bury(call, str(error))
            return None
        await self._settle_by(answer, target, call)
        return not speaks_against_target(answer.status)

    async def _settle_by(self, answer: Answer, target: Target, call: LeasedCall) -> None:
        fate = fate_of(answer.status)
        said = f"HTTP {answer.status}: {answer.excerpt}" if answer.excerpt else f"HTTP {answer.status}"
        if fate is Fate.DELIVERED:
            await self._settle("delivered", call, partial(self._outbox.delivered, call, now=self._clock.now()))
        elif fate is Fate.DEAD:
            await self._bury(call, said)
        else:
            after = parse_retry_after(answer.retry_after, self._real_clock.now())
            if after and asks_to_wait(answer.status):
                self._breakers[target.name].open(self._clock.now())
            await self._put_off(target, call, said, retry_after=after)

    async def _put_off(
        self, target: Target, call: LeasedCall, reason: str, *, retry_after: timedelta | None = None
    ) -> None:
        """Try again later, if the budget lets us."""
        retry = self._limits[target.name].retry
        if retry.spent(call.attempt):
            await self._bury(call, f"Given up after {call.attempt} attempts. {reason}")
            return
        now = self._clock.now()
        at = now + retry.wait(call.attempt, self._rng, retry_after=retry_after)
        await self._settle("retried", call, partial(self._outbox.retry_at, call, at=at, reason=reason, now=now))

    async def _bury(self, call: LeasedCall, reason: str) -> None:
        log.warning("Call %s of %s is a dead letter: %s", call.call_id, call.subject_id, reason)
        await self._settle("dead", call, partial(self._outbox.dead, call, reason=reason, now=self._clock.now()))

    async def _settle(self, what: str, call: LeasedCall, move: partial[bool]) -> None:
        if await self._on_outbox(move):
            self.tally[what] += 1
            return
        self.tally["lease_lost"] += 1
        log.warning("Call %s was leased to another worker before it was %s here", call.call_id, what)

    async def _on_outbox(self, work: partial[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._outbox_thread, work)
