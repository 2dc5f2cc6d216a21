"""Positions of stock that follow from levels that were given and the movements that documents tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from features.errors import SourceError
from features.ingest.edi.faults import Finding, Remark
from features.ingest.edi.movements import Movement
from features.ingest.edi.stock_levels import ArticleLevels, Placed
from features.stock_records import InventoryPosition
from features.tables import RecordTables, records_of

Article = tuple[str, str]
"""A sku at a place: place, sku."""
_REMARKS: Mapping[Placed, tuple[Remark, str]] = {
    Placed.NO_OPENING: (Remark.NO_OPENING, "no level of it was given"),
    Placed.BEFORE_OPENING: (Remark.BEFORE_OPENING, "it happened before the level that was given, and is in it"),
    Placed.LOT_NOT_TOLD: (Remark.LOT_NOT_TOLD, "its levels are by lot, and the line names none"),
}


class StockLedger:
    """Takes levels and movements in any order; then says what lay where, as known at any time.

    Attributes
    ----------
    counts
        Levels given, positions that followed, how many of them came out below zero, and what became of the movements
        (`Placed`); complete once `settle` has been read to its end.
    units
        Unit of the stock of each article.
    """

    def __init__(self, given: Iterable[InventoryPosition]) -> None:
        self.counts: Counter[str] = Counter()
        self.units: dict[Article, str] = {}
        self._given: defaultdict[Article, list[InventoryPosition]] = defaultdict(list)
        self._movements: defaultdict[Article, list[tuple[Movement, Mapping[str, Any]]]] = defaultdict(list)
        for one in given:
            article = (one.place, one.sku)
            unit = self.units.setdefault(article, one.unit)
            if unit != one.unit:
                words = f"stock of {one.sku} at {one.place} is told in {unit} and in {one.unit}; tell it in one unit"
                raise ValueError(words)
            self._given[article].append(one)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the levels that are given: the table `inventory_positions` of a folder of canonical tables.

        Raises
        ------
        SourceError
            If the folder cannot be read or holds no position, or if an article is told in two units.
        TableError
            If a table lacks a column that no record may lack.
        """
        given = list(records_of(RecordTables.read(folder), InventoryPosition))
        if not given:
            raise SourceError(folder, "it holds no inventory_positions; import them first, with triage import files")
        try:
            return cls(given)
        except ValueError as error:
            raise SourceError(folder, str(error)) from error

    def add(self, movement: Movement, where: Mapping[str, Any]) -> None:
        """Take in what a line of a document moved, and where that stands."""
        self._movements[movement.place, movement.sku].append((movement, where))

    def settle(self) -> Iterator[tuple[list[InventoryPosition], list[tuple[Finding, Mapping[str, Any]]]]]:
        """Yield by article the levels that were given with the positions that follow, and what could not be placed."""
        for article in dict.fromkeys([*self._given, *self._movements]):
            given, told = self._given.get(article, []), self._movements.get(article, [])
            levels = ArticleLevels()
            followed = list(levels.follow(given, [movement for movement, _ in told]))
            became = [levels.became(movement) for movement, _ in told]
            self.counts.update({"given": len(given), "followed": len(followed), "below_zero": levels.below_zero})
            self.counts.update(placed.value for placed in became)
            left = [
                (_finding(movement, placed), where)
                for (movement, where), placed in zip(told, became, strict=True)
                if placed in _REMARKS
            ]
            # A document that counts from the instant of a level tells more than the level: it stands in its place.
            told_more = {_identity(one) for one in followed}
            yield [*(one for one in given if _identity(one) not in told_more), *followed], left


def _identity(position: InventoryPosition) -> tuple[Any, ...]:
    return position.lot, position.disposition, position.held_by, position.known_at


def _finding(movement: Movement, placed: Placed) -> Finding:
    remark, why = _REMARKS[placed]
    return Finding(remark, f"stock of {movement.sku} at {movement.place} is not changed: {why}")
