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
from serving.shortages.promises import Promises
from serving.shortages.service import LineCase


@dataclass(frozen=True, slots=True)
class Seen:
    """Stock, what of it is promised, and the articles that could go instead; None if nobody names any."""

    stock: LiveStock
    promises: Promises
    substitutes: Sequence[Substitute] | None

    @classmethod
    def read(
        cls,
        session: Session,
        stock: LiveStock,
        cases: Sequence[LineCase],
        substitutes: Sequence[Substitute] | None,
        now: datetime,
    ) -> Self:
        """Read what concerns some lines. It stays true while the reader holds the chain."""
        named = substitutes or ()
        units = {case.judged.about.sku: case.order.unit for case in cases}
        units |= {each.instead: units.get(each.sku) for each in named}
        promises = Promises(partial(_told_since, stock, units, now))
        skus = {sku for case in cases if (sku := case.judged.about.sku)} | {each.instead for each in named}
        promises.read(session, skus, now)
        return cls(stock, promises, substitutes)

    def facts_of(self, case: LineCase, key: SubjectKey, *, strongest_branch_taken: Branch) -> dict[str, Fact]:
        """Gather the facts of a line; see `line_facts`."""
        around = Around(partial(self.promises.left, besides=key), self._substitutes(case))
        return line_facts(case, around, strongest_branch_taken=strongest_branch_taken)

    def _substitutes(self, case: LineCase) -> list[tuple[Substitute, float]] | None:
        about, unit = case.judged.about, case.order.unit
        if self.substitutes is None or about.place is None or unit is None:
            return None
        named = [each for each in self.substitutes if each.sku == about.sku]
        return [(each, self.stock.free(about.place, each.instead, unit, case.judged.cutoff)) for each in named]


def _told_since(
    stock: LiveStock, units: Mapping[str | None, str | None], now: datetime, place: str, sku: str, moment: datetime
) -> bool:
    """Tell whether the books of an article at a place were told at or after a moment."""
    changed = stock.changed_at(place, sku, units.get(sku) or "EA", micros(now))
    return changed < NEVER and changed >= micros(moment)
