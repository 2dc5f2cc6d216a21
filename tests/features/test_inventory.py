"""Inventory features of random histories, with late, corrected and repeated records, against loops over the records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import TimelineError
from features.inventory.features import INVENTORY_FEATURES, INVENTORY_NAMES, build_inventory
from features.order_records import Order, OrderLine
from features.stock_records import InventoryAdjustment, InventoryPosition, WarehouseTask
from features.tables import RecordTables
from features.vocabulary import AdjustmentReason, CustomerTier, Disposition, TaskKind, TaskStatus
from tests.drawn import drawn
from tests.features.stock_oracle import ORACLES, AnyRecord, Known

START = datetime(2026, 3, 2, tzinfo=UTC)
STEPS = 160
"""Times are whole multiples of six hours within forty days, so that many of them meet."""


def at(step: float) -> datetime:
    return START + timedelta(hours=6 * step)


class Draw:
    """Draws records; no two states of one thing become known at once, as the import sees to."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.taken: set[tuple[object, ...]] = set()

    def clocks(self, *identity: object) -> dict[str, datetime]:
        occurred = self.rng.randrange(STEPS)
        known = occurred + self.rng.choice([0, 0, 0, 1, 3, 30, -1])
        while (*identity, known) in self.taken:
            known += 1
        self.taken.add((*identity, known))
        return {"occurred_at": at(occurred), "known_at": at(known)}

    def one(self, *choices: object) -> object:
        return self.rng.choice(choices)

    def quantity(self) -> float:
        return self.rng.choice([0, 0, 1, 2.5, 4, 10, 0.125])

    def line(self) -> tuple[str, str]:
        return self.rng.choice([("O1", "1"), ("O1", "2"), ("O2", "1"), ("O3", "1")])

    def time(self) -> datetime | None:
        return self.rng.choice([None, at(self.rng.randrange(STEPS)), at(self.rng.randrange(STEPS))])

    def article(self) -> dict[str, str]:
        return {"sku": self.rng.choice("XXXY"), "unit": self.rng.choice(["EA"] * 5 + ["CS"])}

    def order(self) -> Order:
        name = self.one("O1", "O2", "O3")
        return Order(
            order_id=name, customer_id="C", customer_tier=self.one(*CustomerTier), ordered_at=at(0),
            last_confirmed_at=self.time(), ship_complete=self.one(True, False), **self.clocks("order", name),
        )  # fmt: skip

    def order_line(self) -> OrderLine:
        order, line = self.line()
        return OrderLine(
            order_id=order, line_id=line, quantity=self.quantity(), warehouse_id=self.one("W", "W", "V", None),
            last_confirmed_at=self.time(), **self.article(), **self.clocks("line", order, line),
        )  # fmt: skip

    def task(self) -> WarehouseTask:
        order, line = self.line()
        about = self.one({"order_id": order, "line_id": line}, {"order_id": order, "line_id": line}, {})
        kind = self.one(TaskKind.PICK, TaskKind.PICK, TaskKind.PICK, TaskKind.COUNT)
        name = f"{kind}-{order}-{line}-{self.rng.randrange(2)}" if about else f"{kind}-{self.rng.randrange(3)}"
        return WarehouseTask(
            task_id=name, warehouse_id=self.one("W", "W", "V"), status=self.one(*TaskStatus, *TaskStatus),
            kind=kind,
            wave_id=self.one(None, "V1", "V2"), quantity=self.one(None, self.quantity()),
            done_quantity=self.one(None, self.quantity()), due_at=self.time(), **about,
            **(self.article() if self.rng.random() < 0.8 else {}), **self.clocks("task", order, line),
        )  # fmt: skip

    def position(self) -> InventoryPosition:
        disposition = self.one(*Disposition, Disposition.RESERVED, Disposition.IN_TRANSIT)
        held_by = self.one(None, "O1", "O1", "O2", "O3", "V1") if disposition is Disposition.RESERVED else None
        lot = self.one(None, "L1", "L2") if disposition is Disposition.IN_TRANSIT else None
        article, place = self.article(), self.one("W", "W", "V")
        article["unit"] = "CS" if (place, article["sku"]) == ("V", "Y") else "EA"  # stock does not change its unit
        return InventoryPosition(
            place=place, lot=lot, disposition=disposition, held_by=held_by, quantity=self.quantity(),
            expected_at=self.time(), **article, **self.clocks(place, article["sku"], lot, disposition, held_by),
        )  # fmt: skip

    def adjustment(self) -> InventoryAdjustment:
        to, source = self.rng.sample([*Disposition], 2)
        name = f"J{self.rng.randrange(12)}"
        return InventoryAdjustment(
            adjustment_id=name, place=self.one("W", "V"), disposition=to, from_disposition=self.one(None, source),
            quantity=self.rng.choice([-3, -1.5, 0, 2]), reason=self.one(*AdjustmentReason), **self.article(),
            **self.clocks("adjustment", name),
        )  # fmt: skip

    def history(self) -> list[AnyRecord]:
        told: list[AnyRecord] = []
        for draw, most in (
            (self.order, 5), (self.order_line, 12), (self.task, 16), (self.position, 40), (self.adjustment, 10),
        ):  # fmt: skip
            told += [draw() for _ in range(self.rng.randrange(most + 1))]
        told.append(self.order_line())
        again = self.rng.sample(told, len(told) // 5)
        repeats = [one.model_copy(update={"known_at": one.known_at + timedelta(hours=6.5)}) for one in again]
        return told + repeats


histories = st.integers(0, 2**32)
"""Seeds of histories: a history spelt out fills pages."""


def questions_about(records: Sequence[AnyRecord]) -> pd.DataFrame:
    lines = [one for one in records if isinstance(one, OrderLine)]
    first: dict[tuple[str, str], datetime] = {}
    for one in lines:
        key, counts = (one.order_id, one.line_id), max(one.occurred_at, one.known_at)
        first[key] = min(first.get(key, counts), counts)
    rows = [(*key, at(step)) for key, known in first.items() for step in range(0, STEPS + 40, 14) if at(step) >= known]
    return pd.DataFrame(rows, columns=["order_id", "line_id", "cutoff_at"])


def tables_of(records: Sequence[AnyRecord]) -> RecordTables:
    return RecordTables.from_records(records)


def assert_equals_the_oracle(records: Sequence[AnyRecord], questions: pd.DataFrame) -> None:
    values = build_inventory(tables_of(records), questions).values
    for row, case in enumerate(questions.itertuples()):
        known = Known(records, case.order_id, case.line_id, case.cutoff_at.to_pydatetime())
        expected = [ORACLES[name](known) for name in INVENTORY_NAMES]
        for name, found, wanted in zip(INVENTORY_NAMES, values[row], expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9, err_msg=f"{name} of {case}")


def test_every_feature_has_an_oracle_and_a_name_of_its_own() -> None:
    assert set(ORACLES) == set(INVENTORY_NAMES)
    assert len(set(INVENTORY_NAMES)) == len(INVENTORY_FEATURES)


class TestRandomHistories:
    @drawn(18)
    @given(histories)
    def test_equal_loops_over_what_is_known(self, seed: int) -> None:
        records = Draw(Random(seed)).history()
        questions = questions_about(records)
        assert_equals_the_oracle(records, questions.iloc[:: max(1, len(questions) // 12)].reset_index(drop=True))

    @drawn(7)
    @given(histories)
    def test_what_becomes_known_after_a_cutoff_changes_nothing(self, seed: int) -> None:
        records = Draw(Random(seed)).history()
        questions, tables = questions_about(records), tables_of(records)
        whole = build_inventory(tables, questions).values
        for cutoff in questions["cutoff_at"].unique()[::3]:
            chosen = (questions["cutoff_at"] == cutoff).to_numpy()
            known = tables.known(until=cutoff.to_pydatetime())
            cut = build_inventory(known, questions[chosen].reset_index(drop=True)).values
            np.testing.assert_array_equal(cut, whole[chosen], err_msg=str(cutoff))

    @drawn(7)
    @given(histories, st.randoms(use_true_random=False))
    def test_the_order_of_rows_changes_nothing(self, seed: int, rng: Random) -> None:
        records = Draw(Random(seed)).history()
        questions = questions_about(records)
        whole = build_inventory(tables_of(records), questions).values
        shuffled = rng.sample(records, len(records))
        np.testing.assert_array_equal(build_inventory(tables_of(shuffled), questions).values, whole)

    @drawn(4)
    @given(histories)
    def test_one_question_is_answered_as_many(self, seed: int) -> None:
        records = Draw(Random(seed)).history()
        questions, tables = questions_about(records), tables_of(records)
        whole = build_inventory(tables, questions).values
        for row in range(0, len(questions), 7):
            one = build_inventory(tables, questions.iloc[[row]].reset_index(drop=True)).values
            np.testing.assert_array_equal(one[0], whole[row])


class TestRefusing:
    LINE = OrderLine(order_id="O1", line_id="1", sku="X", quantity=1, occurred_at=at(2), known_at=at(3))

    def ask(self, line_id: str, step: float) -> None:
        questions = pd.DataFrame({"order_id": ["O1"], "line_id": [line_id], "cutoff_at": [at(step)]})
        build_inventory(tables_of([self.LINE]), questions)

    def test_a_line_that_is_not_there(self) -> None:
        with pytest.raises(TimelineError, match=r"not in the tables, the first \('O1', '2'\). Import its order line"):
            self.ask("2", 4)

    def test_a_question_before_the_line_is_known(self) -> None:
        with pytest.raises(TimelineError, match="1 of 1 questions are asked before their order line was known"):
            self.ask("1", 2.5)
