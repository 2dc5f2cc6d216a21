"""Labour for one shift and one question at a time: the numbers of `features.labour`."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

import numpy as np

from features.board import Board
from features.errors import RecordError
from features.history import HOUR
from features.labour import ATTENDED, LEFT_AFTER, SECOND, TOLD, WIDTH, Amount, amounts_of_shift
from features.live_timeline import LiveSpans, LiveTimeline
from features.stock_records import LabourShift
from features.timeline import NEVER

_NOTHING = (np.nan,) * WIDTH
_FOR_EVER = NEVER // 4
"""A window that never closes: what is summed in it lasts until an instant of its own."""

SUMMED = (*range(len(LEFT_AFTER)), ATTENDED)
"""Terms that are asked for."""


class LiveLabour:
    """The labour of each warehouse.

    Parameters
    ----------
    board
        Where its sums are asked.
    """

    def __init__(self, board: Board) -> None:
        self._told: dict[str, list[LabourShift]] = {}
        self._sums = LiveTimeline([_FOR_EVER], board)
        self._reports = LiveSpans()

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
                self._sums.remove((warehouse, amount.term), _lasting(amount))
        for warehouse, amount in after:
            if amount.term == TOLD:
                self._reports.add(warehouse, amount.start, amount.end)
            else:
                self._sums.add((warehouse, amount.term), _lasting(amount))
        return True

    def rows(self, warehouse: str | None, *, lasting: bool) -> list[int]:
        """Return where each of `SUMMED` is asked of a warehouse (`LiveTimeline.rows`)."""
        keys = [None if warehouse is None else (warehouse, term) for term in SUMMED]
        return [row for key in keys for row in self._sums.rows(key, lasting=lasting)]

    def values(self, warehouse: str | None, sums: Sequence[int], cutoff: int) -> Sequence[float]:
        """Return what is known of a warehouse at the cutoff: WIDTH numbers.

        Parameters
        ----------
        sums
            Count and both sums of each of `SUMMED`, one after the other.
        """
        told = NEVER if warehouse is None else self._reports.last_start(warehouse, cutoff)
        if told == NEVER:
            return _NOTHING
        now = cutoff // SECOND
        _, moments_before, heads_before, _, moments, heads, _, moments_later, heads_later, _, came, planned = sums
        before, after = moments_before - now * heads_before, moments - now * heads
        later = moments_later - now * heads_later
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
