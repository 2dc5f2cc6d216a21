"""Work features for one task and one question at a time: the numbers of `features.work`."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from features.errors import RecordError
from features.history import HOUR
from features.live_timeline import LiveSpans
from features.stock_records import WarehouseTask
from features.timeline import NEVER
from features.work import AT_MOST, FEATURES, PACE, Count, Span, spans_of_task

_NOTHING = (np.nan,) * len(FEATURES)


class LiveWork:
    """What waits and is due by warehouse."""

    def __init__(self) -> None:
        self._told: dict[str, list[WarehouseTask]] = {}
        self._counts = [LiveSpans() for _ in Count]
        self._waves: dict[tuple[str, str], Counter[tuple[int, int]]] = {}
        self._waiting: dict[str, _Waiting] = {}

    def check(self, record: WarehouseTask) -> None:
        """Raise if a task is told twice in one instant, with other contents."""
        for other in self._told.get(record.task_id, ()):
            if other.known_at == record.known_at and other != record:
                raise RecordError(
                    f"Task '{record.task_id}' is told twice at {record.known_at.isoformat()}, so neither is the newer "
                    f"one. Give the changed one the `known_at` at which it was learnt."
                )

    def add(self, record: WarehouseTask) -> bool:
        """Take a state of a task in; False if it was there already."""
        told = self._told.setdefault(record.task_id, [])
        if record in told:
            return False
        before = Counter(spans_of_task(told))
        insort(told, record, key=lambda task: task.known_at)
        after = Counter(spans_of_task(told))
        for warehouse, span in (before - after).elements():
            self._counts[span.what].remove(warehouse, span.start, span.end)
            if span.what is Count.WAITING:
                self._waiting[warehouse].remove(span)
                self._change_wave(warehouse, span, -1)
        for warehouse, span in (after - before).elements():
            self._waiting.setdefault(warehouse, _Waiting())
            self._counts[span.what].add(warehouse, span.start, span.end)
            if span.what is Count.WAITING:
                self._waiting[warehouse].add(span)
                self._change_wave(warehouse, span, 1)
        return True

    def _change_wave(self, warehouse: str, span: Span, by: int) -> None:
        if span.wave is None:
            return
        spans = self._waves.setdefault((warehouse, span.wave), Counter())
        line, lasts = self._counts[Count.WAVES], (span.start, span.end)
        for start, end in _united(spans):
            line.remove(warehouse, start, end)
        spans[lasts] += by
        if not spans[lasts]:
            del spans[lasts]
        for start, end in _united(spans):
            line.add(warehouse, start, end)

    def at(self, warehouse: str | None, cutoff: int) -> Sequence[float]:
        """Return the features of a warehouse at the cutoff."""
        waiting = None if warehouse is None else self._waiting.get(warehouse)
        told = NEVER if waiting is None else self._counts[Count.TOLD].last_start(warehouse, cutoff)
        if waiting is None or told == NEVER:
            return _NOTHING
        counts = [float(line.at(warehouse, cutoff)) for line in self._counts[: Count.TOLD]]
        due, done = counts[Count.DUE], counts[Count.DONE]
        share = counts[Count.DUE_AND_DONE] / due if due > 0.0 else np.nan
        hours = counts[Count.WAITING] / done * (PACE / HOUR) if done > 0.0 else np.nan
        since = waiting.oldest(cutoff)
        age = np.nan if since == NEVER else (cutoff - since) / HOUR
        return (*counts[: Count.DONE + 1], share, age, hours, (cutoff - told) / HOUR)


def _united(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the union of spans, in order."""
    begun, until = NEVER, -NEVER
    for start, end in sorted(spans):
        if begun < NEVER and start > until:
            yield begun, until
            begun, until = start, end
        else:
            begun, until = min(begun, start), max(until, end)
    if begun < NEVER:
        yield begun, until


class _Waiting:
    """What waits in one warehouse, in order of its release; what has passed at `asked` is not looked at again."""

    __slots__ = ("asked", "first", "spans")

    def __init__(self) -> None:
        self.spans: list[tuple[int, int, int]] = []
        self.first, self.asked = 0, -NEVER

    def add(self, span: Span) -> None:
        entry = (span.since, span.start, span.end)
        place = bisect_left(self.spans, entry)
        self.spans.insert(place, entry)
        self.first = min(self.first, place)

    def remove(self, span: Span) -> None:
        place = bisect_left(self.spans, (span.since, span.start, span.end))
        del self.spans[place]
        if place < self.first:
            self.first -= 1

    def oldest(self, cutoff: int) -> int:
        """Return since when what waits longest at the cutoff has waited; `NEVER` if nothing does."""
        over = cutoff >= self.asked
        first = self.first if over else bisect_left(self.spans, (cutoff - AT_MOST,))
        for place in range(first, len(self.spans)):
            since, start, end = self.spans[place]
            if start <= cutoff < end:
                return since
            over = over and end <= cutoff
            if over:
                self.first, self.asked = place + 1, cutoff
        return NEVER
