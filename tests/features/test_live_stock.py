"""The online state of stock answers with the numbers of the batch build, bit for bit, however it is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import TimelineError
from features.instants import micros, micros_of
from features.inventory.around import Around
from features.inventory.features import Inventory
from features.inventory.live.lasting import Lasting
from features.inventory.live.rising import Rising
from features.inventory.live.stock import LiveStock
from features.inventory.stock import Stock
from features.inventory.waiting_lines import of_wave, released_at
from features.order_records import Order, OrderLine
from features.stock_records import WarehouseTask
from features.tables import RecordTables
from features.timeline import NEVER
from tests.drawn import drawn
from tests.features.stock_oracle import AnyRecord
from tests.features.test_inventory import Draw, at, histories, questions_about


class Tangled(Draw):
    """Also tasks that change their line, and two tasks of one line that are told alike in both clocks."""

    def task(self) -> WarehouseTask:
        told = super().task()
        moved = told.model_copy(update={"task_id": f"{told.kind}-{self.rng.randrange(6)}"})
        return moved.model_copy(update=self.clocks("task", moved.task_id))

    def clocks(self, *identity: object) -> dict[str, datetime]:
        drawn_times = super().clocks(*identity)
        drawn_times["occurred_at"] = min(drawn_times["occurred_at"], drawn_times["known_at"])
        return drawn_times


def told(records: Sequence[AnyRecord], state: LiveStock | None = None) -> LiveStock:
    state = LiveStock() if state is None else state
    for record in records:
        state.add(record)
    return state


def assert_same_as_batch(state: LiveStock, records: Sequence[AnyRecord], every: int = 9) -> None:
    questions = questions_about(records)
    questions = questions.iloc[:: max(1, len(questions) // every)].reset_index(drop=True)
    stock = Stock.of_tables(RecordTables.from_records(records))
    inventory = Inventory(stock)
    around = Around(stock, inventory)
    numbers, cutoffs = inventory.lines_of(questions), micros_of(questions["cutoff_at"])
    mine = np.array([state.line(name) for name in zip(questions["order_id"], questions["line_id"], strict=True)])
    view = state.views(mine, cutoffs)
    assert view.is_known.all()
    np.testing.assert_array_equal(state.values(mine, cutoffs, view), inventory.values(numbers, cutoffs))
    np.testing.assert_array_equal(state.news_hours(view, cutoffs), around.news_hours(numbers, cutoffs))
    for row, cutoff in enumerate(cutoffs.tolist()):
        assert state.nodes(int(view.article[row]), cutoff) == around.nodes(int(numbers[row]), cutoff)
        assert state.holders(int(mine[row]), view, row, cutoff) == around.holders(int(numbers[row]), cutoff)


@drawn(5)
@given(histories, st.randoms(use_true_random=False))
def test_whatever_is_told_in_whatever_order(seed: int, rng: Random) -> None:
    told_in_any_order(Draw(Random(seed)), rng)


@drawn(7)
@given(histories, st.randoms(use_true_random=False))
def test_tasks_may_go_over_to_other_lines(seed: int, rng: Random) -> None:
    told_in_any_order(Tangled(Random(seed)), rng)


def told_in_any_order(draw: Draw, rng: Random) -> None:
    records = draw.history()
    records = rng.sample(records, len(records))
    in_history, asked = sorted(rng.randrange(len(records) + 1) for _ in range(2))
    state = LiveStock()
    state.add_tables(RecordTables.from_records(records[:in_history]))
    told(records[in_history:asked], state)
    if any(isinstance(one, OrderLine) for one in records[:asked]):
        assert_same_as_batch(state, records[:asked], 5)
    told(records[asked:], state)
    assert_same_as_batch(state, records)


@drawn(4)
@given(histories)
def test_told_in_order_and_asked_about_the_present_each_time(seed: int) -> None:
    records = sorted(Draw(Random(seed)).history(), key=lambda one: one.known_at)
    state = LiveStock()
    for count, record in enumerate(records, start=1):
        state.add(record)
        lines = [one for one in records[:count] if isinstance(one, OrderLine)]
        if not lines or count % 7:
            continue
        now = max(max(one.occurred_at, one.known_at) for one in records[:count])
        line = state.line((lines[0].order_id, lines[0].line_id))
        number, cutoff = np.array([line]), np.array([micros(now)])
        stock = Stock.of_tables(RecordTables.from_records(records[:count]))
        name = stock.ids.get_indexer([(lines[0].order_id, lines[0].line_id)])
        expected = Inventory(stock).values(stock.line_numbers[name], cutoff)
        np.testing.assert_array_equal(state.values(number, cutoff, state.views(number, cutoff)), expected)


@drawn(4)
@given(histories)
def test_told_again_in_the_same_words_it_changes_nothing(seed: int) -> None:
    records = Draw(Random(seed)).history()
    state = told(records)
    assert not any(state.add(record) for record in records)


@drawn(6)
@given(histories)
def test_waves_are_those_of_the_tables(seed: int) -> None:
    records = Tangled(Random(seed)).history()
    stock, state = Stock.of_tables(RecordTables.from_records(records)), told(records)
    names = dict(zip(stock.line_numbers.tolist(), stock.ids, strict=True))
    for wave in ("V1", "V2", "none"):
        assert state.released_at(wave) == released_at(stock, wave)
        for cutoff in (micros(at(step)) for step in range(0, 200, 25)):
            mine = {state.lines.lines[number].name for number in state.of_wave(wave, cutoff)}
            assert mine == {names[number] for number in of_wave(stock, wave, cutoff).tolist()}


def test_a_pick_that_moves_to_another_wave_takes_its_line_along() -> None:
    line = TestLines.LINE
    pick = {"task_id": "T", "warehouse_id": "W", "kind": "pick", "order_id": "O1", "line_id": "1"}
    states = (("V1", "planned", 4), ("V2", "planned", 6), ("V2", "released", 8), ("V2", "cancelled", 9))
    moved = [
        WarehouseTask.model_validate(
            {**pick, "wave_id": wave, "status": status, "occurred_at": at(step), "known_at": at(step)}
        )
        for wave, status, step in states
    ]
    stock, state = Stock.of_tables(RecordTables.from_records([line, *moved])), told([line, *moved])
    assert (state.released_at("V1"), state.released_at("V2")) == (NEVER, micros(at(8)))
    assert (released_at(stock, "V1"), released_at(stock, "V2")) == (NEVER, micros(at(8)))
    for step, where in ((5, {"V1"}), (7, {"V2"}), (8, {"V2"}), (9, set())):
        cutoff = micros(at(step))
        assert {wave for wave in ("V1", "V2") if state.of_wave(wave, cutoff)} == where
        assert {wave for wave in ("V1", "V2") if len(of_wave(stock, wave, cutoff))} == where


def test_an_order_that_is_told_later_puts_its_lines_first() -> None:
    lines = [
        OrderLine(order_id=order, line_id="1", sku="X", quantity=2, warehouse_id="W", occurred_at=at(1), known_at=at(1))
        for order in ("O1", "O2")
    ]
    state = told(lines)
    assert_same_as_batch(state, lines)
    critical = Order(
        order_id="O2", customer_id="C", customer_tier="critical", ordered_at=at(0), occurred_at=at(2), known_at=at(2)
    )
    state.add(critical)
    assert_same_as_batch(state, [*lines, critical])


class TestLines:
    LINE = OrderLine(
        order_id="O1", line_id="1", sku="X", quantity=1, unit_value_minor=250, currency="EUR", warehouse_id="W",
        occurred_at=at(2), known_at=at(3),
    )  # fmt: skip

    def test_one_that_only_a_task_names_is_not_told(self) -> None:
        pick = WarehouseTask(
            task_id="T", warehouse_id="W", kind="pick", status="planned", order_id="O1", line_id="1", wave_id="V",
            occurred_at=at(1), known_at=at(1),
        )  # fmt: skip
        state = told([pick])
        assert state.line(("O1", "1")) is None
        assert not state.of_order("O1")
        assert not state.of_wave("V", micros(at(4)))
        state.add(self.LINE)
        assert state.of_order("O1") == state.of_wave("V", micros(at(4))) == [state.line(("O1", "1"))]

    def test_what_it_is_worth_is_what_was_known_then(self) -> None:
        dearer = self.LINE.model_copy(update={"unit_value_minor": 300, "known_at": at(9)})
        unknown = self.LINE.model_copy(update={"line_id": "2", "unit_value_minor": None, "currency": None})
        state = told([self.LINE, dearer, unknown])
        first, second = state.of_order("O1")
        assert state.unit_value(first, micros(at(5))) == (250, "EUR")
        assert state.unit_value(first, micros(at(9))) == (300, "EUR")
        assert state.unit_value(second, micros(at(9))) == (None, None)
        assert state.sku(first, micros(at(9))) == "X"

    def test_an_amount_beyond_all_reason_is_taken_for_the_most(self) -> None:
        absurd = self.LINE.model_copy(update={"quantity": 1e300})
        state = told([absurd])
        assert_same_as_batch(state, [absurd])


class TestRising:
    def test_a_state_that_is_never_in_force_is_not_kept(self) -> None:
        rising = Rising()
        rising.add((5, 5, "late"))
        assert rising.add((3, 9, "hidden")) == ([], [])
        assert rising.add((3, 3, "before")) == ([], [(3, 5, (3, 3, "before"))])
        assert list(rising.spans()) == [(3, 5, (3, 3, "before")), (5, NEVER, (5, 5, "late"))]
        assert rising.at(2) is None
        assert rising.at(4) == (3, 3, "before")


class TestLasting:
    def test_what_was_not_added_cannot_be_taken_back(self) -> None:
        lasting = Lasting(1)
        lasting.add(1, 5, 7)
        with pytest.raises(TimelineError, match=r"No amount \(1, 5, 8\) was added"):
            lasting.remove(1, 5, 8)
