"""Labour for one shift and one question at a time: the numbers of `features.labour`."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

import numpy as np

from features.errors import RecordError
from features.history import HOUR
from features.labour import ATTENDED, LEFT_AFTER, SECOND, TOLD, WIDTH, Amount, amounts_of_shift
from features.live_timeline import LiveSpans, LiveTimeline
from features.stock_records import LabourShift
from features.timeline import NEVER

_NOTHING = (np.nan,) * WIDTH
_NOW = LEFT_AFTER.index(0)
_FOR_EVER = NEVER // 4
"""A window that never closes: what is summed in it lasts until an instant of its own."""


class LiveLabour:
    """The labour of each warehouse."""

    def __init__(self) -> None:
        self._told: dict[str, list[LabourShift]] = {}
        self._sums = LiveTimeline([_FOR_EVER])
        self._reports = LiveSpans()
        self._shops: dict[str, _Shop] = {}

    def check(self, record: LabourShift) -> None:
        """Raise if a shift is told twice in one instant, with other contents."""
        for other in self._told.get(record.shift_id, ()):
            if other.known_at == record.known_at and other != record:
                raise RecordError(
                    f"Shift '{record.shift_id}' is told twice at {record.known_at.isoformat()}, so neither is the "
                    f"newer one. Give the changed one the `known_at` at which it was learnt."
                )

    def add(self, record: LabourShift) -> bool:
        """Take a state of a shift in; False if it was there already."""
        told = self._told.setdefault(record.shift_id, [])
        if record in told:
            return False
        before = list(amounts_of_shift(told))
        insort(told, record, key=lambda shift: shift.known_at)
        after = list(amounts_of_shift(told))
        for warehouse, amount in before:
            if amount.term == TOLD:
                self._reports.remove(warehouse, amount.start, amount.end)
            else:
                self._sums.remove((warehouse, amount.term), *_lasting(amount))
        for warehouse, amount in after:
            if amount.term == TOLD:
                self._reports.add(warehouse, amount.start, amount.end)
            else:
                self._sums.add((warehouse, amount.term), *_lasting(amount))
        return True

    def at(self, warehouse: str | None, cutoff: int) -> Sequence[float]:
        """Return what is known of a warehouse at the cutoff: WIDTH numbers."""
        shop = None if warehouse is None else self._shops.get(warehouse)
        if shop is None:
            if warehouse is None or self._reports.last_start(warehouse, cutoff) == NEVER:
                return _NOTHING
            shop = self._shops[warehouse] = _Shop(self._sums, self._reports, warehouse)
        return shop.at(cutoff)


class _Shop:
    """The sums of one warehouse, found once."""

    __slots__ = ("_attended", "_left_after", "_reports")

    def __init__(self, sums: LiveTimeline, reports: LiveSpans, warehouse: str) -> None:
        self._left_after = [sums.under((warehouse, term), (), lasting=True) for term in range(len(LEFT_AFTER))]
        self._attended = sums.under((warehouse, ATTENDED), (), lasting=True)
        self._reports = reports.under(warehouse, lasting=True)

    def at(self, cutoff: int) -> Sequence[float]:
        """Return what is known at the cutoff: WIDTH numbers."""
        told = self._reports.last_start(cutoff)
        if told == NEVER:
            return _NOTHING
        now = cutoff // SECOND
        sums = [facts.at(cutoff) for facts in self._left_after]
        before, after, later = [moments - now * heads for _, moments, heads in sums]
        _, came, planned = self._attended.at(cutoff)
        heads = sums[_NOW][2]
        return (
            float(heads),
            float(came),
            float(planned),
            float(before - after),
            float(after - later),
            (cutoff - told) / HOUR,
        )


def _lasting(amount: Amount) -> tuple[int, int, int, tuple[int, int]]:
    return amount.start, amount.start, amount.end, (amount.first, amount.second)
