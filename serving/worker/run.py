"""The worker's loop: poll, deliver, sleep, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from routing.dispatch.callers import TargetCaller
from routing.dispatch.delivery import Dispatcher, DispatchSettings
from routing.dispatch.errors import OutboxUnavailableError
from routing.dispatch.ports import Caller, Clock, Outbox
from routing.dispatch.routes import Routes
from routing.dispatch.targets import Target
from serving.clock import SystemClock
from serving.db.engine import create_engine_for, require_file
from serving.db.migrate import require_head
from serving.worker.outbox import SqlOutbox
from serving.worker.unrouted import require_targets, watching

log = logging.getLogger(__name__)


class Until(StrEnum):
    """When the worker ends by itself."""

    STOPPED = "stopped"
    """Never; it waits for SIGTERM or SIGINT."""
    EMPTY = "empty"
    """When no call is open, which includes waiting for those put off."""
    ONCE = "once"
    """When nothing is due: calls put off are left for another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker process is told.

    Attributes
    ----------
    routes, owner
        Which calls go to which target, and who answers for that; None where there is one target for all.
    poll_seconds
        Real time between two looks at the outbox while there is nothing to do.
    seed
        Of the jitter; None for one from the operating system.
    """

    database_url: str
    targets: Sequence[Target] = field(repr=False)
    routes: Routes | None = None
    owner: str = ""
    dispatch: DispatchSettings
    poll_seconds: float = 0.5
    until: Until = Until.STOPPED
    seed: int | None = None


async def work(dispatcher: Dispatcher, *, stop: asyncio.Event, poll_seconds: float, until: Until) -> None:
    """Deliver until `stop` is set or, if asked for, nothing is left; calls in flight end first.

    An outbox that does not answer is asked again at the next poll.
    """
    while not stop.is_set():
        try:
            if await dispatcher.fill():
                continue
            if not dispatcher.in_flight and await _is_over(dispatcher, until):
                break
        except OutboxUnavailableError as error:
            log.warning("%s", error)
        await dispatcher.wait(stop, poll_seconds)
    await dispatcher.drain()


async def _is_over(dispatcher: Dispatcher, until: Until) -> bool:
    if until is Until.EMPTY:
        return await dispatcher.open_calls() == 0
    return until is Until.ONCE


async def deliver_from(
    outbox: Outbox,
    settings: WorkerSettings,
    *,
    clock: Clock,
    stop: asyncio.Event,
    caller: Caller,
    real_clock: Clock | None = None,
) -> Counter[str]:
    """Work on an outbox that is at hand; return how many calls were delivered, retried, dead, expired, …"""
    dispatcher = Dispatcher(
        outbox,
        caller,
        settings.targets,
        clock=clock,
        real_clock=real_clock or SystemClock(),
        rng=Random(settings.seed),
        settings=settings.dispatch,
    )
    try:
        await work(dispatcher, stop=stop, poll_seconds=settings.poll_seconds, until=settings.until)
    finally:
        dispatcher.close()
    return dispatcher.tally


async def run_worker(settings: WorkerSettings, *, clock: Clock, stop: asyncio.Event | None = None) -> Counter[str]:
    """Run a worker on the database it is told, to its end; return how many calls were delivered, retried, dead, ….

    The first SIGTERM or SIGINT lets the calls in flight end and stops; being killed loses nothing either, it only
    leaves leases that have to run out.

    Parameters
    ----------
    clock
        The business's time. Leases and signatures go by the machine's own clock.
    stop
        Set it to stop; signals set it too.

    Raises
    ------
    DatabaseMissingError, DatabaseNotMigratedError
        There is no database, or its tables are not those of this program.
    NoTargetError
        A bundle in force or a call in the outbox leads to calls that no target takes.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    require_file(settings.database_url)
    engine = create_engine_for(settings.database_url)
    try:
        require_head(engine)
        outbox = SqlOutbox(engine, settings.routes)
        if settings.routes is not None:
            require_targets(engine, outbox, settings.routes, settings.owner)
        async with TargetCaller(settings.targets) as caller, watching(outbox, settings.owner):
            return await deliver_from(outbox, settings, clock=clock, stop=stop, caller=caller)
    finally:
        engine.dispose()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
