"""Levels of one article at one place: those that were told, and those that follow from what was moved.

A level at an instant is the newest told one plus all movements that happened since it was so, as far as known; so it is
the same in whatever order the documents came. A movement counts from when it had happened and was known; a late one
changes no earlier state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from features.ingest.edi.movements import Movement
from features.stock_records import InventoryPosition
from features.vocabulary import Disposition

_SMALLEST_STEP = timedelta(microseconds=1)


class Placed(StrEnum):
    """What became of a movement."""

    PLACED = "placed"
    REPLACED = "replaced"
    """A later state of it was told."""
    NO_OPENING = "no_opening"
    """No level of the article at the place was given."""
    BEFORE_OPENING = "before_opening"
    """It happened before the level was so that was given: it is in it."""
    LOT_NOT_TOLD = "lot_not_told"
    """The levels given are by lot, and it names none."""


class Key(NamedTuple):
    """Which position of an article at a place."""

    lot: str | None
    disposition: Disposition
    held_by: str | None = None


class ArticleLevels:
    """The levels of one article at one place, worked out once from all that is known of it."""

    def __init__(self) -> None:
        self._told: dict[Key, InventoryPosition] = {}  # the newest level given
        self._shown: dict[Key, InventoryPosition] = {}  # the newest position, given or worked out
        self._lots: set[str | None] = set()
        self._since: datetime | None = None  # the oldest of the levels given of what lies there
        self._in_force: dict[str, Movement] = {}
        self._levels: dict[str | None, dict[Key, Decimal]] = {}
        self._moved_at: dict[Key, datetime] = {}
        self.below_zero = 0

    def follow(self, given: Iterable[InventoryPosition], movements: Iterable[Movement]) -> Iterator[InventoryPosition]:
        """Yield the positions that follow from those given, in the order in which they became known."""
        everything: list[InventoryPosition | Movement] = [*given, *movements]
        for start, group in groupby(sorted(everything, key=_start), key=_start):
            turned: list[tuple[Movement | None, Movement]] = []
            rebuilt = False
            for one in group:
                if isinstance(one, InventoryPosition):
                    rebuilt |= self._tell(one)
                else:
                    before = self._in_force.get(one.identity)
                    if before is None or one.age >= before.age:
                        self._in_force[one.identity] = one
                        turned.append((before, one))
            lots = self._rebuild() if rebuilt else self._turn(turned)
            for lot in lots:
                yield from self._show(lot, start)

    def became(self, movement: Movement) -> Placed:
        """Tell what became of a movement in the end."""
        if self._since is None:
            return Placed.NO_OPENING
        if self._in_force[movement.identity] is not movement:
            return Placed.REPLACED
        keys = [key for key, _ in self._routed(movement)]
        if not keys:
            return Placed.LOT_NOT_TOLD
        return Placed.PLACED if any(self._counts(movement, key) for key in keys) else Placed.BEFORE_OPENING

    def _tell(self, given: InventoryPosition) -> bool:
        """Take in a level that is given; tell whether it is the newest of its position."""
        key = Key(given.lot, given.disposition, given.held_by)
        if key in self._told and _age(given) < _age(self._told[key]):
            return False
        self._told[key] = given
        if key not in self._shown or _age(given) >= _age(self._shown[key]):
            self._shown[key] = given
        return True

    def _on_site(self) -> list[InventoryPosition]:
        return [one for one in self._told.values() if one.disposition is not Disposition.IN_TRANSIT]

    def _routed(self, movement: Movement) -> list[tuple[Key, Decimal]]:
        """Return which positions a movement changes; none where it cannot be told."""
        if movement.lot is not None and self._lots - {None}:
            lot: str | None = movement.lot
        elif None in self._lots:
            lot = None
        else:
            return []
        routed = []
        for disposition, amount in movement.changes:
            key = Key(lot, disposition)
            if disposition is Disposition.IN_TRANSIT:
                key = Key(movement.lot, disposition)
                if key not in self._told:
                    continue
            elif movement.order is not None:
                reserved = Key(lot, Disposition.RESERVED, movement.order)
                key = reserved if reserved in self._told else key
            routed.append((key, amount))
        return routed

    def _counts(self, movement: Movement, key: Key) -> bool:
        """Tell whether a movement is not yet in the level that is given; one that is not listed was zero."""
        since = self._told[key].occurred_at if key in self._told else self._since
        return since is not None and movement.occurred_at >= since

    def _rebuild(self) -> Sequence[str | None]:
        self._levels, self._moved_at = {}, {}
        self._lots = {one.lot for one in self._on_site()}
        self._since = min((one.occurred_at for one in self._on_site()), default=None)
        for key in self._shown:  # what is not listed any more is none
            self._levels.setdefault(key.lot, {})[key] = Decimal()
        for key, told in self._told.items():
            self._levels[key.lot][key] = Decimal(repr(told.quantity))
        for movement in self._in_force.values():
            self._apply(movement, 1)
        return list(self._levels)

    def _turn(self, turned: Sequence[tuple[Movement | None, Movement]]) -> Sequence[str | None]:
        lots: dict[str | None, None] = {}
        for before, after in turned:
            if before is not None:
                lots |= self._apply(before, -1)
            lots |= self._apply(after, 1)
        return list(lots)

    def _apply(self, movement: Movement, sign: int) -> dict[str | None, None]:
        touched: dict[str | None, None] = {}
        for key, amount in self._routed(movement):
            if self._counts(movement, key):
                levels = self._levels.setdefault(key.lot, {})
                levels[key] = levels.get(key, Decimal()) + sign * amount
                self._moved_at[key] = max(self._moved_at.get(key, movement.occurred_at), movement.occurred_at)
                touched[key.lot] = None
        return touched

    def _show(self, lot: str | None, start: datetime) -> Iterator[InventoryPosition]:
        """Yield the positions of a lot that are not as they were shown."""
        levels, available = dict(self._levels[lot]), Key(lot, Disposition.AVAILABLE)
        overdrawn = [key for key, level in levels.items() if key.held_by is not None and level < 0]
        for key in overdrawn:  # an order that ships more than it reserved takes what is available
            levels[available] = levels.get(available, Decimal()) + levels[key]
        for key, level in levels.items():
            shown = self._shown.get(key)
            quantity = float(max(level, Decimal()))
            if quantity == (0.0 if shown is None else shown.quantity):
                continue
            self.below_zero += level < 0 and key not in overdrawn and key.disposition is not Disposition.IN_TRANSIT
            changed_by = (key, *overdrawn) if key == available else (key,)
            times = [self._moved_at[one] for one in changed_by if one in self._moved_at]
            occurred_at = max(times if shown is None else [*times, shown.occurred_at])
            known_at = start if shown is None else max(start, shown.known_at + _SMALLEST_STEP)
            changed = {"quantity": quantity, "occurred_at": occurred_at, "known_at": known_at}
            self._shown[key] = position = self._like(key).model_copy(update=changed)
            yield position

    def _like(self, key: Key) -> InventoryPosition:
        """Return the level given for a position, or one of the article's where none was given for it."""
        if key in self._told:
            return self._told[key]
        return self._on_site()[0].model_copy(update={**key._asdict(), "reason": None, "expected_at": None})


def _age(position: InventoryPosition) -> tuple[datetime, datetime]:
    return position.occurred_at, position.known_at


def _start(one: InventoryPosition | Movement) -> datetime:
    """Return from when it counts: when it had happened, and was known."""
    return max(one.occurred_at, one.known_at)
