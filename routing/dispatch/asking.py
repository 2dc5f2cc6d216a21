"""Asking a target what became of the calls that it has taken, where it does not report by itself."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from routing.dispatch.errors import DispatchError, OutboxUnavailableError
from routing.dispatch.ports import Answer, Caller, Clock, Outbox
from routing.dispatch.targets import Target
from routing.effects import REPORTABLE, Report

AT_A_TIME = 20
"""Calls that one target is asked about in one round."""
_OK = 200
_LONGEST = {"reference": 200, "reason": 2000}
_log = logging.getLogger(__name__)


class Asker:
    """Asks every target that has a status URL about its calls, one round at a time, beside the deliveries.

    Parameters
    ----------
    on_outbox
        Runs a piece of work on the outbox's own thread.
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
    ) -> None:
        self._outbox = outbox
        self._caller = caller
        self._targets = [target for target in targets if target.status_url is not None]
        self._clock = clock
        self._real_clock = real_clock
        self._on_outbox = on_outbox
        self._round: asyncio.Task[None] | None = None

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
        try:
            answer = await self._caller.ask(target, message_id=call_id, sent_at=self._real_clock.now())
        except DispatchError as error:
            _log.warning("What became of call %s cannot be asked: %s", call_id, error)
            return
        report = read_report(answer)
        if report is not None:
            await self._on_outbox(partial(self._outbox.told, call_id, report, now=self._clock.now()))


def read_report(answer: Answer) -> Report | None:
    """Read the answer to the question what became of a call; None if it says that nothing is known yet.

    A report is 200 with a JSON object that has the fields of `POST /v1/outcomes`. What cannot be read is no report.
    """
    if answer.status != _OK:
        return None
    try:
        told = json.loads(answer.body)
        outcome = next(each for each in REPORTABLE if each.value == told["outcome"])
        occurred_at = datetime.fromisoformat(told["occurred_at"])
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
    if occurred_at.tzinfo is None:
        return None
    return Report(outcome=outcome, occurred_at=occurred_at, **{name: _text(told, name) for name in _LONGEST})


def _text(told: dict[str, Any], name: str) -> str | None:
    value = told.get(name)
    return value.replace("\x00", "")[: _LONGEST[name]] or None if isinstance(value, str) else None
