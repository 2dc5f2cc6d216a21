"""856, ship notice: pallets (tares) are handling units, packs are packages, and items are what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from features.ingest.edi.codes import UNITS
from features.ingest.edi.faults import Fault, Reason, TransactionError
from features.ingest.edi.names import article_of, parties_of, party
from features.ingest.edi.reading import Reading, pieces_of, split
from features.ingest.edi.segments import Segment
from features.records import Content, HandlingUnit, Package
from features.vocabulary import UnitKind

_ORDER, _TARE, _PACK, _ITEM = "O", "T", "P", "I"
_SHIPPED = "011"
_READ = frozenset({"00", "05"})
_TRACKING = frozenset({"2I", "CN"})


@dataclass(slots=True)
class _Level:
    """One level of the hierarchy (HL), and what it stands in.

    Attributes
    ----------
    order, tare, pack, item
        The nearest of each kind, itself included; what a level is of does not change below it.
    contents
        What is in a pack.
    packs
        How many packs an item is parted among, where the packs stand below their item.
    """

    number: str
    kind: str
    segments: Sequence[Segment]
    order: str | None = None
    tare: _Level | None = None
    pack: _Level | None = None
    item: _Level | None = None
    parent: _Level | None = None
    contents: list[Content] = field(default_factory=list)
    packs: int = 0

    def first(self, tag: str) -> Segment | None:
        return next((segment for segment in self.segments if segment.tag == tag), None)

    def mark(self) -> str | None:
        """Return the number that stands on it (MAN)."""
        mark = self.first("MAN")
        return None if mark is None else mark.text(2)


def read_ship_notice(reading: Reading) -> None:
    """Read an 856 into handling units and packages with their contents."""
    head = reading.first("BSN")
    if head.required(1) not in _READ:
        words = f"{head.text(1)!r} is no purpose that is known here: 00 is an original, 05 a replacement"
        raise head.error(Reason.CODE, words, 1)
    shipment = head.required(2)
    levels = _levels(reading)
    shared = {"shipment_id": shipment, "occurred_at": _shipped_at(reading, head)}
    boxes: dict[str, _Level] = {}
    for level in levels.values():
        with reading.part():
            if level.kind == _TARE:
                _add_unit(reading, level, shared)
            elif level.kind == _PACK:
                boxes[level.number] = level
            if (level.kind == _ITEM and not level.packs) or (level.kind == _PACK and level.item is not None):
                box = level.pack or level.parent or level
                boxes.setdefault(box.number, box).contents.append(_content(level))
    for box in boxes.values():
        with reading.part():
            _add_package(reading, box, shared)


def _levels(reading: Reading) -> dict[str, _Level]:
    """Return the levels by number; each stands below one that came before it."""
    reading.first("HL")
    levels: dict[str, _Level] = {}
    for piece in split(reading.segments, "HL")[1:]:
        head = piece[0]
        number, above, kind = head.required(1), head.text(2), head.required(3)
        if number in levels:
            raise head.error(Reason.CODE, f"there is another level {number!r}", 1)
        if above is not None and above not in levels:
            raise head.error(Reason.CODE, f"it stands below level {above!r}, which does not come before it", 2)
        level = _below(levels.get(above or ""), _Level(number, kind, piece))
        levels[number] = level
    return levels


def _below(parent: _Level | None, level: _Level) -> _Level:
    level.parent = parent
    if parent is not None:
        level.order, level.tare, level.pack, level.item = parent.order, parent.tare, parent.pack, parent.item
    if level.kind == _ORDER:
        order = level.first("PRF")
        level.order = None if order is None else order.text(1)
    elif level.kind == _TARE:
        level.tare = level
    elif level.kind == _PACK:
        level.pack = level
        if level.item is not None:
            level.item.packs += 1
    elif level.kind == _ITEM:
        level.item = level
    return level


def _shipped_at(reading: Reading, head: Segment) -> datetime:
    """Return when it left: DTM 011, local to where it is shipped from, or else when the notice was written."""
    for segment in reading.segments:
        if segment.tag == "DTM" and segment.text(1) == _SHIPPED:
            shipper = party(parties_of(reading.segments), "SF", "SH")
            place = None if shipper is None else shipper.place
            return reading.instant(segment, 2, 3, 4, place=place, by_sender=place is None)
    return reading.instant(head, 3, 4, place=None, by_sender=True)


def _add_unit(reading: Reading, level: _Level, shared: Mapping[str, Any]) -> None:
    weighed = level.first("TD1")
    kind = None if weighed is None else UNITS.get((weighed.text(1) or "")[:3])
    above = level.parent.tare if level.parent is not None else None
    reading.add(
        HandlingUnit,
        level.segments[0],
        handling_unit_id=_unit_id(level, shared),
        parent_id=None if above is None else _unit_id(above, shared),
        kind=kind or UnitKind.PALLET,
        pieces=None if weighed is None else pieces_of(weighed, 2),
        weight_kg=None if weighed is None else reading.kilograms(weighed, 7, weighed.text(8)),
        **shared,
    )


def _add_package(reading: Reading, level: _Level, shared: Mapping[str, Any]) -> None:
    weighed = level.first("TD1") if level.kind == _PACK else None
    tracked = next((one for one in level.segments if one.tag == "REF" and one.text(1) in _TRACKING), None)
    own = level.mark() if level.kind == _PACK else None
    reading.add(
        Package,
        level.segments[0],
        package_id=own or f"{shared['shipment_id']}/{level.number}",
        handling_unit_id=None if level.tare is None else _unit_id(level.tare, shared),
        tracking_number=None if tracked is None else tracked.text(2),
        weight_kg=None if weighed is None else reading.kilograms(weighed, 7, weighed.text(8)),
        contents=tuple(level.contents),
        **shared,
    )


def _unit_id(level: _Level, shared: Mapping[str, Any]) -> str:
    return level.mark() or f"{shared['shipment_id']}/{level.number}"


def _content(level: _Level) -> Content:
    """Return what an item, or a pack below its item, holds."""
    item = level.item or level
    line, counted = item.first("LIN"), level.first("SN1")
    if counted is None and item.packs == 1:
        counted = item.first("SN1")
    if line is None or counted is None:
        missing = "LIN" if line is None else "SN1"
        position = level.segments[0].position
        words = f"level {level.number} has no {missing} segment, so it is not known what is in it, or how much"
        raise TransactionError(Fault(Reason.SEGMENT_MISSING, words, missing, position))
    sku = article_of(line, *range(2, len(line.elements) - 1, 2))
    if sku is None:
        raise line.error(Reason.ELEMENT_MISSING, "no article is named", 3)
    counted.required(2)
    quantity, unit = counted.amount(2) or 0.0, counted.text(3) or "EA"
    try:
        return Content(sku=sku, quantity=quantity, unit=unit, order_id=item.order, line_id=line.text(1))
    except ValueError as error:
        raise line.error(Reason.RECORD, "a number of the item is longer than 200 characters") from error
