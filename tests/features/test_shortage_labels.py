"""When order lines are judged, and what is said afterwards to have become of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.fields import Record
from features.inventory.line_moments import line_questions_of
from features.inventory.shortage_labels import shortage_of
from features.order_records import OrderLine
from features.stock_records import InventoryPosition, WarehouseTask
from features.tables import RecordTables
from features.vocabulary import Disposition, TaskKind, TaskStatus

START = datetime(2026, 3, 2, tzinfo=UTC)


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def a_line(known: float = 0, **more: object) -> OrderLine:
    fields: dict[str, object] = {"order_id": "O1", "line_id": "1", "sku": "X", "quantity": 10, "warehouse_id": "W"}
    return OrderLine.model_validate(fields | {"occurred_at": at(0), "known_at": at(known)} | more)


def a_pick(
    status: TaskStatus, hour: float, task: str = "K", known: float | None = None, **more: object
) -> WarehouseTask:
    fields: dict[str, object] = {
        "task_id": task, "warehouse_id": "W", "kind": TaskKind.PICK, "status": status, "order_id": "O1",
        "line_id": "1", "sku": "X", "quantity": 10, "occurred_at": at(hour),
        "known_at": at(hour if known is None else known),
    }  # fmt: skip
    return WarehouseTask.model_validate(fields | more)


def a_position(disposition: Disposition, quantity: float, hour: float = 0, **more: object) -> InventoryPosition:
    fields: dict[str, object] = {"place": "W", "sku": "X", "disposition": disposition, "quantity": quantity}
    return InventoryPosition.model_validate(fields | {"occurred_at": at(hour), "known_at": at(hour)} | more)


def label(*records: Record, cutoff: float = 1) -> pd.Series:
    questions = pd.DataFrame({"order_id": ["O1"], "line_id": ["1"], "cutoff_at": [at(cutoff)]}, index=["q"])
    return shortage_of(RecordTables.from_records([a_line(), *records]), questions).loc["q"]


RELEASED = a_pick(TaskStatus.RELEASED, 5)


class TestMoments:
    def test_a_line_is_judged_when_it_is_known_and_a_microsecond_before_its_release(self) -> None:
        tables = RecordTables.from_records([a_line(known=1), a_pick(TaskStatus.PLANNED, 2), RELEASED])
        asked = line_questions_of(tables)
        assert list(asked["moment"]) == ["at_order", "before_wave"]
        assert list(asked["cutoff_at"]) == [at(1), at(5) - timedelta(microseconds=1)]

    def test_a_line_learnt_of_after_its_release_is_judged_only_then(self) -> None:
        asked = line_questions_of(RecordTables.from_records([a_line(known=6), RELEASED]))
        assert list(asked["moment"]) == ["at_order"]

    def test_a_pick_that_only_reports_its_end_was_released_by_then(self) -> None:
        asked = line_questions_of(RecordTables.from_records([a_line(), a_pick(TaskStatus.DONE, 7)]))
        assert list(asked["cutoff_at"]) == [at(0), at(7) - timedelta(microseconds=1)]


class TestShort:
    def test_a_line_is_short_if_its_picks_took_less_than_was_asked_for(self) -> None:
        found = label(RELEASED, a_pick(TaskStatus.SHORT, 8, known=9, done_quantity=4))
        assert (found["short"], found["quantity_short"], found["label_known_at"]) == (1.0, 6.0, at(9))

    def test_and_not_if_they_took_all(self) -> None:
        found = label(RELEASED, a_pick(TaskStatus.DONE, 8))
        assert (found["short"], found["quantity_short"], found["cause"]) == (0.0, 0.0, None)

    def test_done_with_less_is_short_whatever_the_status_says(self) -> None:
        assert label(RELEASED, a_pick(TaskStatus.DONE, 8, done_quantity=9.5))["quantity_short"] == 0.5

    def test_a_warehouse_that_does_not_say_how_much_leaves_the_quantity_open(self) -> None:
        found = label(RELEASED, a_pick(TaskStatus.SHORT, 8))
        assert found["short"] == 1.0
        assert np.isnan(found["quantity_short"])

    def test_what_is_known_in_the_end_counts(self) -> None:
        wrong = a_pick(TaskStatus.SHORT, 8, done_quantity=4)
        assert label(RELEASED, wrong, a_pick(TaskStatus.DONE, 8, known=30))["short"] == 0.0

    def test_a_later_wave_that_brings_the_rest_does_not_heal_the_first(self) -> None:
        short = a_pick(TaskStatus.SHORT, 8, done_quantity=4)
        rest = [
            a_pick(status, hour, "K2", quantity=6)
            for status, hour in ((TaskStatus.RELEASED, 20), (TaskStatus.DONE, 22))
        ]
        assert label(RELEASED, short, *rest)["short"] == 1.0
        assert label(RELEASED, short, *rest, cutoff=6)["short"] == 0.0

    def test_picks_of_one_release_are_one_wave(self) -> None:
        half = [a_pick(TaskStatus.RELEASED, 5, task, quantity=5) for task in ("K1", "K2")]
        ends = [
            a_pick(TaskStatus.DONE, 7, "K1", quantity=5),
            a_pick(TaskStatus.SHORT, 9, "K2", quantity=5, done_quantity=2),
        ]
        assert label(*half, *ends)["quantity_short"] == 3.0
        assert np.isnan(label(*half, ends[1])["short"]), "while one is not over there is no label"

    @pytest.mark.parametrize(
        "told",
        [[], [a_pick(TaskStatus.PLANNED, 3)], [RELEASED], [RELEASED, a_pick(TaskStatus.CANCELLED, 6)]],
        ids=["nothing", "planned", "released", "cancelled"],
    )
    def test_there_is_no_label_without_a_pick_that_is_over(self, told: list[WarehouseTask]) -> None:
        found = label(*told)
        assert np.isnan(found["short"])
        assert found["cause"] is None
        assert pd.isna(found["label_known_at"])


class TestCause:
    SHORT = (RELEASED, a_pick(TaskStatus.SHORT, 8, done_quantity=4))

    def cause(self, *positions: InventoryPosition) -> object:
        return label(*self.SHORT, *positions)["cause"]

    def test_what_was_reserved_and_did_not_lie_there_was_not_found(self) -> None:
        told_late = a_position(Disposition.RESERVED, 10, held_by="O1").model_copy(update={"known_at": at(50)})
        assert self.cause(told_late, a_position(Disposition.RESERVED, 0, 8, held_by="O1")) == "not_found"

    def test_stock_may_be_there_for_others(self) -> None:
        own, others = (
            a_position(Disposition.RESERVED, quantity, held_by=by) for quantity, by in ((4, "O1"), (6, "O2"))
        )
        assert self.cause(own, others) == "for_others"
        assert self.cause(own, a_position(Disposition.HELD, 7)) == "for_others"

    def test_stock_may_be_late(self) -> None:
        own = a_position(Disposition.RESERVED, 4, held_by="O1")
        assert self.cause(own, a_position(Disposition.IN_TRANSIT, 50, lot="L", expected_at=at(7))) == "inbound_late"
        assert self.cause(own, a_position(Disposition.IN_TRANSIT, 50, lot="L", expected_at=at(9))) == "not_enough"

    def test_or_there_is_not_enough(self) -> None:
        assert self.cause(a_position(Disposition.RESERVED, 4, held_by="O1")) == "not_enough"
