"""Open lines and orders, told line by line: the numbers of `features.inventory.demand.Demand`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from features.codes import Ints
from features.inventory.demand import WINDOWS, Placed, ReadDemand, Wants
from features.inventory.live.lasting import Lasting
from features.inventory.live.names import gathered
from features.live_timeline import LiveTimeline

_NEEDED, _UNRESERVED, _DUE, _RANK = range(4)
_Row = tuple[int, ...]
_NOTHING: tuple[frozenset[_Row], frozenset[_Row]] = (frozenset(), frozenset())


class LiveDemand(ReadDemand):
    """What open lines want of each article, and what was ordered."""

    def __init__(self) -> None:
        self._of_line: dict[int, tuple[frozenset[_Row], frozenset[_Row]]] = {}
        self._wants: dict[int, Lasting] = {}
        self._ordered = LiveTimeline(WINDOWS)

    def replace(self, lines: Iterable[int], wants: Wants, placed: Placed) -> None:
        """Take in what lines want, in place of what they wanted before."""
        wanted, ordered = _by_line(wants), _by_line(placed)
        for line in lines:
            had_wanted, had_ordered = self._of_line.get(line, _NOTHING)
            now = self._of_line[line] = wanted.get(line, frozenset()), ordered.get(line, frozenset())
            for article, *row in had_wanted - now[0]:
                self._wants[article].remove(*row)
            for article, *row in now[0] - had_wanted:
                if article not in self._wants:
                    self._wants[article] = Lasting(4)
                self._wants[article].add(*row)
            for article, first, since, until, quantity in had_ordered - now[1]:
                self._ordered.remove(article, (first, since, until, (quantity, 0)))
            for article, first, since, until, quantity in now[1] - had_ordered:
                self._ordered.add(article, (first, since, until, (quantity, 0)))

    def wanted(self, articles: Ints, instants: Ints) -> Ints:
        """Return the open lines for each article."""
        return gathered(3, self._wanted, articles, instants)

    def due_by(self, articles: Ints, instants: Ints, bounds: Ints) -> Ints:
        """Return what open lines need that are due by a bound."""
        return gathered(1, self._due_by, articles, instants, bounds)[:, 0]

    def ranked_to(self, articles: Ints, instants: Ints, bounds: Ints) -> Ints:
        """Return what open lines up to a rank need, and have not reserved."""
        return gathered(2, self._ranked_to, articles, instants, bounds)

    def ordered(self, articles: Ints, instants: Ints) -> Ints:
        """Return what was ordered of each article in each of `WINDOWS`."""
        return gathered(3 * len(WINDOWS), self._ordered_of, articles, instants)[:, 1::3]

    def _wanted(self, article: int, instant: int) -> Sequence[int]:
        rows = self._rows(article, instant)
        return (0, 0, 0) if rows is None else (len(rows), *rows[:, : _UNRESERVED + 1].sum(axis=0).tolist())

    def _due_by(self, article: int, instant: int, bound: int) -> Sequence[int]:
        rows = self._rows(article, instant)
        return (0,) if rows is None else (int(rows[rows[:, _DUE] <= bound, _NEEDED].sum()),)

    def _ranked_to(self, article: int, instant: int, bound: int) -> Sequence[int]:
        rows = self._rows(article, instant)
        if rows is None:
            return 0, 0
        return tuple(rows[rows[:, _RANK] <= bound, : _UNRESERVED + 1].sum(axis=0).tolist())

    def _ordered_of(self, article: int, instant: int) -> Sequence[int]:
        return tuple(map(int, self._ordered.at(article, instant)))

    def _rows(self, article: int, instant: int) -> Ints | None:
        wants = self._wants.get(article)
        return None if wants is None else wants.at(instant)


def _by_line(columns: Wants | Placed) -> dict[int, frozenset[_Row]]:
    """Return the rows of each line, without its number."""
    found: dict[int, list[_Row]] = {}
    for line, *row in zip(*(column.tolist() for column in columns), strict=True):
        found.setdefault(line, []).append(tuple(row))
    return {line: frozenset(rows) for line, rows in found.items()}
