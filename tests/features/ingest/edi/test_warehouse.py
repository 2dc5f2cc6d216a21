"""944, 945 and 947: what a warehouse received, shipped and adjusted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.stock_records import InventoryAdjustment, WarehouseTask
from features.vocabulary import AdjustmentReason, Disposition, TaskKind, TaskStatus
from tests.features.ingest.edi.written import imported, one, several

RECEIPT = """
    W17*F*20260302*R1*O1*S1**0915
    N1*WH*NORTH DC*92*DC1
    N4*BOSTON*MA
    W07*90*CA*000000000001*VN*V1*SK*A1
    W13*2*CA*01
    W13*1*CA*02
    W07*10*EA*000000000002
    W14*100
"""
SHIPPED = """
    W06*F*O1*20260302*S1
    N1*WH*NORTH DC*92*DC1
    N4*BOSTON*MA
    G62*11*20260303*W*1600
    LX*1
    W12*CC*10*10*0*EA**VN*V1
    LX*2
    W12*CP*10*4*6*EA*000000000002
    W12*CC**3**EA**VN*V3
    W03*17
"""
ADJUSTED = """
    W15*20260302*ADJ1
    N1*WH*NORTH DC*92*DC1
    N4*BOSTON*MA
    W19*AA*-5*EA**VN*A1***LOT1
    W19*05*-3*EA**VN*A2
    W19*55*3*EA**VN*A2
    W19*AU*-1*EA*000000000003
    W19*ZQ*2*EA**VN*A4
"""


class TestReceipt:
    def test_each_article_is_a_task_that_is_done(self, tmp_path: Path) -> None:
        first, second = imported(tmp_path, one("944", RECEIPT)).all(WarehouseTask)
        assert (first.task_id, second.task_id) == ("DC1/R1/1", "DC1/R1/2")
        assert (first.kind, first.status, first.warehouse_id) == (TaskKind.RECEIVE, TaskStatus.DONE, "DC1")
        assert (first.order_id, first.shipment_id, first.sku) == ("O1", "S1", "A1")
        assert (first.done_quantity, first.unit, first.reason) == (90, "CA", "01 2 CA; 02 1 CA")
        assert first.occurred_at == datetime(2026, 3, 2, 14, 15, tzinfo=UTC)
        assert (second.sku, second.done_quantity, second.reason) == ("000000000002", 10, None)

    def test_a_warehouse_that_is_not_named_is_the_sender(self, tmp_path: Path) -> None:
        written = RECEIPT.replace("N1*WH*NORTH DC*92*DC1", "NTE**x").replace("N4*BOSTON*MA", "NTE**x")
        found = imported(tmp_path, one("944", written))
        assert {task.warehouse_id for task in found.all(WarehouseTask)} == {"RHEI"}
        assert found.remarks == ["zone_assumed"]

    def test_a_receipt_that_is_sent_again_is_a_new_state(self, tmp_path: Path) -> None:
        found = imported(tmp_path, several("944", RECEIPT, RECEIPT.replace("W07*90", "W07*91")))
        states = [task for task in found.all(WarehouseTask) if task.task_id == "DC1/R1/1"]
        assert [task.done_quantity for task in sorted(states, key=lambda task: task.known_at)] == [90, 91]

    @pytest.mark.parametrize(
        ("good", "bad", "reason", "segment", "element"),
        [
            ("W17*F*20260302*R1*", "W17*F*20260302**", "element_missing", "W17", 3),
            ("W07*90*CA*000000000001*VN*V1*SK*A1", "W07*90*CA", "element_missing", "W07", 5),
            ("W07*90*CA*", "W07**CA*", "element_missing", "W07", 1),
            ("W07*90*CA*", "W07*90**", "element_missing", "W07", 2),
            ("W07*90*CA*", "W07*-90*CA*", "number", "W07", 1),
            ("*R1*", f"*{'R' * 201}*", "record", "W07", None),
        ],
    )
    def test_what_cannot_be_read_says_where(
        self, tmp_path: Path, good: str, bad: str, reason: str, segment: str, element: int | None
    ) -> None:
        reject = imported(tmp_path, one("944", RECEIPT.replace(good, bad))).reject
        assert (reject["reason"], reject["segment"], reject["element"]) == (reason, segment, element)

    def test_a_receipt_of_nothing_is_rejected(self, tmp_path: Path) -> None:
        assert imported(tmp_path, one("944", "W17*F*20260302*R1*O1")).reject["reason"] == "segment_missing"


class TestShippingAdvice:
    def test_each_article_is_done_or_short(self, tmp_path: Path) -> None:
        full, short, unasked = imported(tmp_path, one("945", SHIPPED)).all(WarehouseTask)
        assert (full.task_id, full.kind, full.status) == ("DC1/O1/S1/1", TaskKind.LOAD, TaskStatus.DONE)
        assert (full.order_id, full.shipment_id, full.sku, full.reason) == ("O1", "S1", "V1", None)
        assert (short.status, short.quantity, short.done_quantity) == (TaskStatus.SHORT, 10, 4)
        assert (short.reason, short.sku) == ("CP", "000000000002")
        assert (unasked.status, unasked.quantity, unasked.done_quantity) == (TaskStatus.DONE, None, 3)
        assert full.occurred_at == datetime(2026, 3, 3, 21, tzinfo=UTC)

    def test_no_article_is_a_fault(self, tmp_path: Path) -> None:
        written = SHIPPED.replace("W12*CC**3**EA**VN*V3", "W12*CC**3**EA")
        reject = imported(tmp_path, one("945", written)).reject
        assert (reject["reason"], reject["segment"], reject["element"]) == ("element_missing", "W12", 8)

    def test_without_a_date_of_shipping_that_of_the_advice_counts(self, tmp_path: Path) -> None:
        written = SHIPPED.replace("G62*11*", "G62*10*")
        assert imported(tmp_path, one("945", written)).all(WarehouseTask)[0].occurred_at.day == 2


class TestAdjustment:
    def test_each_says_what_it_changes_and_why(self, tmp_path: Path) -> None:
        found = imported(tmp_path, one("947", ADJUSTED))
        count, hold, release, damage, other = found.all(InventoryAdjustment)
        assert (count.place, count.sku, count.lot, count.document) == ("DC1", "A1", "LOT1", "ADJ1")
        assert (count.quantity, count.reason, count.raw_reason) == (-5, AdjustmentReason.COUNT, "AA")
        assert (count.disposition, count.from_disposition) == (Disposition.AVAILABLE, None)
        assert (hold.quantity, hold.disposition, hold.from_disposition) == (3, Disposition.HELD, Disposition.AVAILABLE)
        assert (release.quantity, release.disposition) == (3, Disposition.AVAILABLE)
        assert release.from_disposition is Disposition.HELD
        assert (damage.reason, damage.sku) == (AdjustmentReason.DAMAGE, "000000000003")
        assert (other.reason, other.raw_reason) == (AdjustmentReason.OTHER, "ZQ")
        assert found.remarks == ["unknown_code"]
        assert count.occurred_at == datetime(2026, 3, 2, 5, tzinfo=UTC)

    @pytest.mark.parametrize(("good", "bad", "element"), [("W19*AA*-5*", "W19*AA**", 2), ("W19*AA*-5*", "W19**-5*", 1)])
    def test_what_is_missing_says_where(self, tmp_path: Path, good: str, bad: str, element: int) -> None:
        reject = imported(tmp_path, one("947", ADJUSTED.replace(good, bad))).reject
        assert (reject["reason"], reject["segment"], reject["element"]) == ("element_missing", "W19", element)
