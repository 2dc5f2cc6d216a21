"""What an order line sees of the stock around it, once every other line has what it was promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from sqlalchemy.orm import Session

from features.instants import micros
from features.inventory.live.stock import LiveStock
from features.timeline import NEVER
from features.vocabulary import Branch
from routing.facts import Fact
from serving.db.subjects import SubjectKey
from serving.shortages.facts import Around, Substitute, line_facts
from serving.shortages.promises import Promises, promised_places
from serving.shortages.service import LineCase


@dataclass(frozen=True, slots=True)
class Books:
    """What the books say around some lines, read at once: whoever decides later needs the state of stock no more.

    Attributes
    ----------
    free
        What is free of the articles that could go instead, in units, by place, article and unit.
    changed
        When what lies of an article at a place changed last, in microseconds, of all that was promised of the articles.
    """

    free: Mapping[tuple[str, str, str], float]
    changed: Mapping[tuple[str, str], int]

    @classmethod
    def read(
        cls,
        session: Session,
        stock: LiveStock,
        cases: Sequence[LineCase],
        substitutes: Sequence[Substitute] | None,
        now: datetime,
    ) -> Self:
        """Read what concerns some lines, as known now."""
        named = substitutes or ()
        free = {}
        for case in cases:
            about, unit = case.judged.about, case.order.unit
            for each in named:
                if about.place is not None and unit is not None and each.sku == about.sku:
                    key = about.place, each.instead, unit
                    if key not in free:
                        free[key] = stock.free(*key, case.judged.cutoff)
        units = {case.judged.about.sku: case.order.unit for case in cases}
        units |= {each.instead: units.get(each.sku) for each in named}
        cutoff = micros(now)
        promised = promised_places(session, _articles(cases, named), now)
        changed = {
            (place, sku): stock.changed_at(place, sku, units.get(sku) or "EA", cutoff) for place, sku in promised
        }
        return cls(free, changed)

    def told_since(self, place: str, sku: str, moment: datetime) -> bool:
        """Tell whether the books of an article at a place were told at or after a moment.

        What was promised since the books were read was done after that, if at all, and they say nothing of it.
        """
        changed = self.changed.get((place, sku), NEVER)
        return changed < NEVER and changed >= micros(moment)


@dataclass(frozen=True, slots=True)
class Seen:
    """Stock, what of it is promised, and the articles that could go instead; None if nobody names any."""

    books: Books
    promises: Promises
    substitutes: Sequence[Substitute] | None

    @classmethod
    def read(
        cls,
        session: Session,
        books: Books,
        cases: Sequence[LineCase],
        substitutes: Sequence[Substitute] | None,
        now: datetime,
    ) -> Self:
        """Read what is promised of what concerns some lines. It stays true while the reader holds the chain."""
        promises = Promises(books.told_since)
        promises.read(session, _articles(cases, substitutes or ()), now)
        return cls(books, promises, substitutes)

    def facts_of(self, case: LineCase, key: SubjectKey, *, strongest_branch_taken: Branch) -> dict[str, Fact]:
        """Gather the facts of a line; see `line_facts`."""
        around = Around(partial(self.promises.left, besides=key), self._substitutes(case))
        return line_facts(case, around, strongest_branch_taken=strongest_branch_taken)

    def _substitutes(self, case: LineCase) -> list[tuple[Substitute, float]] | None:
        about, unit = case.judged.about, case.order.unit
        if self.substitutes is None or about.place is None or unit is None:
            return None
        named = [each for each in self.substitutes if each.sku == about.sku]
        return [(each, self.books.free[about.place, each.instead, unit]) for each in named]


def _articles(cases: Sequence[LineCase], named: Sequence[Substitute]) -> set[str]:
    return {sku for case in cases if (sku := case.judged.about.sku)} | {each.instead for each in named}
