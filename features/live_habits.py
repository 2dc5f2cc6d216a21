"""Billing habits for one bill and one question at a time: the numbers of `features.invoice` and `features.likeness`.

A past bill counts an instant after it came in, so it is no past of itself.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np

from features.history import WINDOWS
from features.invoice import HABIT_WINDOWS, Habit, habit_key
from features.invoice_records import FreightInvoice
from features.likeness import CHARGE_WINDOWS, charge_share, own_share
from features.live_timeline import LiveTimeline
from features.timeline import NEVER, Ints

UNKNOWN = float("nan")
_NOTHING = (0, 0)


class LiveHabits:
    """How often a carrier's past bills were too high, and by how much: of the carrier, and on each lane."""

    def __init__(self) -> None:
        windows = [WINDOWS[window] for window in HABIT_WINDOWS]
        self._over, self._rated = LiveTimeline(windows), LiveTimeline(windows)

    def add(self, invoice: FreightInvoice, arrived: int, habit: Habit) -> None:
        """Take in what a bill shows."""
        over, too_much, rated, spend = habit
        for key in _keys(invoice):
            self._over.add(key, (arrived, arrived + 1, NEVER, (over, too_much)))
            self._rated.add(key, (arrived, arrived + 1, NEVER, (rated, spend)))

    def remove(self, invoice: FreightInvoice, arrived: int, habit: Habit) -> None:
        """Take back what was taken in."""
        over, too_much, rated, spend = habit
        for key in _keys(invoice):
            self._over.remove(key, (arrived, arrived + 1, NEVER, (over, too_much)))
            self._rated.remove(key, (arrived, arrived + 1, NEVER, (rated, spend)))

    def values(self, invoice: FreightInvoice, arrived: int) -> Iterator[float]:
        """Yield the habits of the carrier, then of the carrier on the lane, window by window."""
        for key in _keys(invoice):
            over, rated = self._over.at(key, arrived), self._rated.at(key, arrived)
            for place in range(0, len(over), 3):
                count, too_high, too_much = over[place : place + 3]
                _, known, spend = rated[place : place + 3]
                yield float(count)
                yield _share(too_high, known)
                yield _share(too_much, too_high)
                yield _share(count - known, count)
                yield float(spend)


class LiveCharges:
    """How often charges beside the freight are billed: by all carriers and by each."""

    def __init__(self) -> None:
        self._counts = LiveTimeline(CHARGE_WINDOWS)

    def add(self, carrier: str, codes: Iterable[str], arrived: int) -> None:
        """Take in the charges of a bill."""
        for key in (None, carrier, *_both(carrier, codes)):
            self._counts.add(key, (arrived, arrived + 1, NEVER, _NOTHING))

    def add_many(self, carriers: Sequence[str], arrived: Ints, rows: Ints, codes: Sequence[str]) -> None:
        """Take in many bills.

        Parameters
        ----------
        carriers : n of them
        arrived : int64 [n]
        rows : int64 [m]
            The bill that each of the m codes stands on, each code once a bill.
        """
        told: list[tuple[Hashable, int]] = []
        for row, carrier in enumerate(carriers):
            told += [(None, row), (carrier, row)]
        for row, code in zip(rows.tolist(), codes, strict=True):
            told += [(key, row) for key in _both(carriers[row], (code,))]
        keys = list(dict.fromkeys(key for key, _ in told))
        number = {key: place for place, key in enumerate(keys)}
        when = arrived[np.array([row for _, row in told], dtype=np.int64)]
        self._counts.add_many(
            keys,
            np.array([number[key] for key, _ in told], dtype=np.int64),
            when,
            when + 1,
            np.full(len(when), NEVER, dtype=np.int64),
            np.zeros((len(when), 2), dtype=np.int64),
        )

    def values(self, carrier: str, codes: Iterable[str], arrived: int) -> tuple[float, float]:
        """Return how rare the rarest charge is, and how much more often than others the carrier bills one."""
        rarest, rise = 1.0, 1.0
        by_all, by_carrier = self._at(None, arrived)[1], self._at(carrier, arrived)[0]
        for code in codes:
            share = charge_share(self._at((code,), arrived)[1], by_all)
            own = own_share(self._at((code, carrier), arrived)[0], by_carrier, share)
            rarest, rise = min(rarest, share), max(rise, own / share)
        return rarest, rise

    def _at(self, key: Hashable, arrived: int) -> tuple[float, float]:
        found = self._counts.at(key, arrived)
        return float(found[0]), float(found[3])


def _keys(invoice: FreightInvoice) -> tuple[str, str]:
    return habit_key(invoice, lane=False), habit_key(invoice, lane=True)


def _both(carrier: str, codes: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the key of each code, and of the code and the carrier."""
    for code in codes:
        yield (code,)
        yield code, carrier


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else UNKNOWN
