"""Asking a target what became of the calls that it has taken, where it does not report by itself."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from routing.dispatch.errors import DispatchError, OutboxUnavailableError
from routing.dispatch.ports import Caller, Clock, Outbox
from routing.dispatch.targets import Target

AT_A_TIME = 20
"""Calls that one target is asked about in one round."""
_log = logging.getLogger(__name__)


class Asker:
    """Asks every target that can be asked about its calls, one round at a time, beside the deliveries.

    Parameters
    ----------
    on_outbox
        Runs a piece of work on the outbox's own thread.
    tally
        Counts, as `not_asked`, the calls that could not be asked about.
    """

    def __init__(
        self,
        outbox: Outbox,
        caller: Caller,
        targets: Sequence[Target],
        *,
        clock: Clock,
        real_clock: Clock,
        on_outbox: Callable[[partial[Any]], Awaitable[Any]],
        tally: Counter[str],
    ) -> None:
        self._outbox = outbox
        self._caller = caller
        self._targets = [target for target in targets if target.can_be_asked]
        self._clock = clock
        self._real_clock = real_clock
        self._on_outbox = on_outbox
        self._round: asyncio.Task[None] | None = None
        self._tally = tally

    def start(self) -> None:
        """Begin a round, unless one is under way."""
        if self._targets and (self._round is None or self._round.done()):
            self._round = asyncio.create_task(self._ask_all(), name="asking")

    async def drain(self) -> None:
        """Let the round that is under way end."""
        if self._round is not None:
            await self._round

    async def _ask_all(self) -> None:
        try:
            for target in self._targets:
                due = partial(self._outbox.to_ask, target=target.name, limit=AT_A_TIME, now=self._clock.now())
                await asyncio.gather(*(self._ask(target, call_id) for call_id in await self._on_outbox(due)))
        except OutboxUnavailableError as error:
            _log.warning("%s", error)
        except Exception:
            _log.exception("What became of calls cannot be asked.")

    async def _ask(self, target: Target, call_id: str) -> None:
        """Ask about one call. Whatever comes of that is the call's own affair and stops no other."""
        try:
            report = await self._caller.ask(target, message_id=call_id, sent_at=self._real_clock.now())
            if report is not None:
                await self._on_outbox(partial(self._outbox.told, call_id, report, now=self._clock.now()))
        except OutboxUnavailableError:
            raise
        except DispatchError as error:
            self._tally["not_asked"] += 1
            _log.warning("What became of call %s cannot be asked: %s", call_id, error)
        except Exception:
            self._tally["not_asked"] += 1
            _log.exception("What became of call %s cannot be asked, for a reason that nobody foresaw.", call_id)
