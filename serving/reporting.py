"""The stand-in orchestrator's other half: says what became of each call it carried out, `POST /v1/outcomes`.

Told to, it lets some fail, some fail in part, forgets some reports and sends others twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

import httpx

from routing.canonical import rfc3339
from routing.effects import Outcome
from serving.clock import Clock

PAUSE_SECONDS = 0.05
_AGAIN = 409, 429, 503
_log = logging.getLogger(__name__)


class Telling(StrEnum):
    """How the outcome of a call is told."""

    ONCE = "once"
    TWICE = "twice"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """To whom outcomes are reported, and what goes wrong with them.

    Attributes
    ----------
    to
        Addresses of the service; one that does not answer is left for the next.
    fail_share, partial_share
        Shares of calls that fail, or fail in part; what undoes a call is only done or failed.
    lost_share, repeat_share
        Shares of calls whose outcome is never told, or told twice.
    seed
        With the call's id it decides which.
    """

    to: tuple[str, ...]
    fail_share: float = 0.0
    partial_share: float = 0.0
    lost_share: float = 0.0
    repeat_share: float = 0.0
    seed: int = 0

    def outcome_of(self, call_id: str, *, undoes: bool) -> Outcome:
        """Return what becomes of a call."""
        drawn = Random(f"{self.seed}:outcome:{call_id}").random()
        if drawn < self.fail_share:
            return Outcome.FAILED
        return Outcome.PARTIAL if drawn < self.fail_share + self.partial_share and not undoes else Outcome.DONE

    def telling_of(self, call_id: str) -> Telling:
        """Return how that is told."""
        drawn = Random(f"{self.seed}:telling:{call_id}").random()
        if drawn < self.lost_share:
            return Telling.NEVER
        return Telling.TWICE if drawn < self.lost_share + self.repeat_share else Telling.ONCE


class Reporter:
    """Reports outcomes, each until the service has taken it.

    Parameters
    ----------
    clock
        The business's time, by which outcomes are dated.
    """

    def __init__(self, settings: ReportSettings, *, clock: Clock) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._http = httpx.AsyncClient(timeout=30)
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, call_id: str, outcome: Outcome) -> None:
        """Begin to tell what became of a call."""
        telling = self.settings.telling_of(call_id)
        if telling is Telling.NEVER:
            self.counts["lost"] += 1
            return
        body = {
            "call_id": call_id,
            "outcome": outcome.value,
            "occurred_at": rfc3339(self._clock.now()),
            "reference": f"REF-{call_id[-24:]}",
        }
        for number in range(2 if telling is Telling.TWICE else 1):
            task = asyncio.create_task(self._report(body, key=f"outcome:{call_id}:{number}"))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what has not been told."""
        for task in self._tasks:
            task.cancel()
        await self._http.aclose()

    @property
    def underway(self) -> int:
        """How many reports the service has not taken yet."""
        return len(self._tasks)

    async def _report(self, body: Mapping[str, object], *, key: str) -> None:
        turn = 0
        while True:
            address = self.settings.to[turn % len(self.settings.to)]
            turn += 1
            try:
                answer = await self._http.post(f"{address}/v1/outcomes", json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                pass
            else:
                if answer.status_code not in _AGAIN:
                    self._note(answer)
                    return
            await asyncio.sleep(PAUSE_SECONDS)

    def _note(self, answer: httpx.Response) -> None:
        if answer.is_success:
            self.counts[answer.json()["reception"]] += 1
        else:
            self.counts["refused"] += 1
            _log.warning("An outcome was refused: %s", answer.text)
