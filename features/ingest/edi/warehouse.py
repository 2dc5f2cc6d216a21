"""944, receipt of stock, 945, shipping advice, and 947, adjustment of stock, as a warehouse sends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from features.ingest.edi.codes import ADJUSTMENTS
from features.ingest.edi.faults import Reason
from features.ingest.edi.movements import Movement
from features.ingest.edi.names import article_of, parties_of, party
from features.ingest.edi.reading import Reading, split
from features.ingest.edi.segments import Segment
from features.stock_records import InventoryAdjustment, WarehouseTask
from features.vocabulary import AdjustmentReason, Disposition, TaskKind, TaskStatus

_SHIPPED = "11"
_LOT = "LT"
_MOVES = {
    AdjustmentReason.HOLD: (Disposition.HELD, Disposition.AVAILABLE),
    AdjustmentReason.RELEASE: (Disposition.AVAILABLE, Disposition.HELD),
}
"""Reasons that only move stock: to which disposition, from which."""


@dataclass(frozen=True, slots=True)
class _Warehouse:
    """Who sends it: the party WH, or else the sender, and where it lies."""

    name: str
    place: str | None

    @classmethod
    def of(cls, reading: Reading, header: Sequence[Segment]) -> _Warehouse:
        found = party(parties_of(header), "WH", "SF", "RL")
        named = None if found is None else found.code or found.name
        return cls(named or reading.transaction.interchange.sender, None if found is None else found.place)

    def instant(self, reading: Reading, segment: Segment, date_at: int, time_at: int | None = None) -> datetime:
        return reading.instant(segment, date_at, time_at, place=self.place, by_sender=self.place is None)


def read_receipt(reading: Reading) -> None:
    """Read a 944: each article that was received (W07) is a task that is done."""
    head = reading.first("W17")
    header, *lines = split(reading.segments, "W07")
    warehouse = _Warehouse.of(reading, header)
    received_at = warehouse.instant(reading, head, 2, 7)
    receipt = head.required(3)
    reading.first("W07")
    for number, piece in enumerate(lines, start=1):
        with reading.part():
            line = piece[0]
            task = reading.add(
                WarehouseTask,
                line,
                task_id=f"{warehouse.name}/{receipt}/{number}",
                warehouse_id=warehouse.name,
                kind=TaskKind.RECEIVE,
                status=TaskStatus.DONE,
                order_id=head.text(4),
                shipment_id=head.text(5),
                sku=_article(line, 4, 6, code=3),
                done_quantity=_quantity(line, 1),
                unit=line.required(2),
                reason=_exceptions(piece),
                occurred_at=received_at,
            )
            reading.move(Movement.of_task(task, _lot(piece, 8)), task.unit, line, 2)


def read_shipping_advice(reading: Reading) -> None:
    """Read a 945: each article that was to be shipped (W12) is a task that is done, or short."""
    head = reading.first("W06")
    header, *lines = split(reading.segments, "W12")
    warehouse = _Warehouse.of(reading, header)
    shipped = next((one for one in header if one.tag == "G62" and one.text(1) == _SHIPPED), None)
    shipped_at = warehouse.instant(reading, *((head, 3) if shipped is None else (shipped, 2, 4)))
    order, shipment = head.required(2), head.text(4)
    # An order may leave in several shipments: each has its own lines.
    advice = "/".join(filter(None, (warehouse.name, order, shipment)))
    reading.first("W12")
    for number, piece in enumerate(lines, start=1):
        with reading.part():
            line = piece[0]
            asked, done = line.amount(2), _quantity(line, 3)
            short = asked is not None and done < asked
            task = reading.add(
                WarehouseTask,
                line,
                task_id=f"{advice}/{number}",
                warehouse_id=warehouse.name,
                kind=TaskKind.LOAD,
                status=TaskStatus.SHORT if short else TaskStatus.DONE,
                order_id=order,
                shipment_id=shipment,
                sku=_article(line, 7, 17, code=6),
                quantity=asked,
                done_quantity=done,
                unit=line.text(5) or "EA",
                reason=line.text(1) if short else None,
                occurred_at=shipped_at,
            )
            reading.move(Movement.of_task(task, _lot(piece, 9)), task.unit, line, 5)


def read_adjustments(reading: Reading) -> None:
    """Read a 947: each W19 segment changes stock, or moves it between two dispositions."""
    head = reading.first("W15")
    header, *lines = split(reading.segments, "W19")
    warehouse = _Warehouse.of(reading, header)
    adjusted_at = warehouse.instant(reading, head, 1)
    reading.first("W19")
    for number, piece in enumerate(lines, start=1):
        with reading.part():
            line = piece[0]
            code, quantity = line.required(1), line.number(2)
            if quantity is None:
                raise line.error(Reason.ELEMENT_MISSING, "the quantity is missing", 2)
            reading.known(code, ADJUSTMENTS, "adjustment", line)
            reason = ADJUSTMENTS.get(code, AdjustmentReason.OTHER)
            to, taken_from = _MOVES.get(reason, (Disposition.AVAILABLE, None))
            adjustment = reading.add(
                InventoryAdjustment,
                line,
                adjustment_id=f"{reading.identity}/{number}",
                place=warehouse.name,
                sku=_article(line, 5, 7, 17, code=4),
                lot=_lot(piece, 9),
                disposition=to,
                from_disposition=taken_from,
                quantity=quantity if taken_from is None else abs(quantity),
                unit=line.required(3),
                reason=reason,
                raw_reason=code,
                document=head.text(2),
                occurred_at=adjusted_at,
            )
            reading.move(Movement.of_adjustment(adjustment), adjustment.unit, line, 3)


def _article(line: Segment, *places: int, code: int) -> str:
    found = article_of(line, *places, code=code)
    if found is None:
        raise line.error(Reason.ELEMENT_MISSING, "no article is named", places[0] + 1)
    return found


def _lot(piece: Sequence[Segment], element: int) -> str | None:
    """Return the lot that a line names, in an element or in a reference behind it."""
    told = [one.text(2) for one in piece if one.tag == "N9" and one.text(1) == _LOT]
    return next((lot[:200] for lot in (piece[0].text(element), *told) if lot), None)


def _quantity(line: Segment, element: int) -> float:
    line.required(element)
    return line.amount(element) or 0.0


def _exceptions(piece: Sequence[Segment]) -> str | None:
    """Return what was wrong with what came, in the warehouse's own codes (W13): condition, quantity and unit."""
    told = [" ".join(filter(None, (one.text(3), one.text(1), one.text(2)))) for one in piece if one.tag == "W13"]
    return "; ".join(told) or None
