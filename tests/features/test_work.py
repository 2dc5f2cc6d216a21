"""Work in the warehouse against a loop over all that was told: in arrays and online, equal to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.as_known import counts_from
from features.board import COUNT, Board
from features.errors import RecordError
from features.feeds import FEEDS
from features.instants import micros
from features.live_work import LiveWork
from features.state import State
from features.stock_records import WarehouseTask
from features.tables import RecordTables
from features.vocabulary import TaskKind, TaskStatus
from features.work import FEATURES, WIDTH
from tests.drawn import drawn

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
WAITING, DONE = {TaskStatus.RELEASED, TaskStatus.STARTED}, {TaskStatus.DONE, TaskStatus.SHORT}


def at(hour: float) -> datetime:
    return START + hour * HOUR


def a_task(
    task_id: str, status: TaskStatus, hour: float, *, known: float | None = None, **more: object
) -> WarehouseTask:
    fields = {
        "task_id": task_id, "warehouse_id": "NLRTM", "kind": TaskKind.PICK, "status": status, "occurred_at": at(hour),
        "known_at": at(hour if known is None else known),
    }  # fmt: skip
    return WarehouseTask.model_validate(fields | more)


@st.composite
def tasks(draw: st.DrawFn) -> WarehouseTask:
    hour = draw(st.integers(0, 200))
    due = draw(st.none() | st.integers(0, 200))
    return a_task(
        draw(st.sampled_from("ABCDE")),
        draw(st.sampled_from(TaskStatus)),
        hour,
        known=hour + draw(st.integers(-2, 30)),
        warehouse_id=draw(st.sampled_from(["NLRTM", "NLRTM", "DEHAM"])),
        kind=draw(st.sampled_from(TaskKind)),
        wave_id=draw(st.sampled_from([None, "W1", "W2"])),
        order_id=draw(st.sampled_from([None, "O1", "O2"])),
        due_at=None if due is None else at(due),
    )


def told_once(told: Sequence[WarehouseTask]) -> list[WarehouseTask]:
    return list({(one.task_id, one.known_at): one for one in reversed(told)}.values())


class Floor:
    """What is known of one warehouse at one time, written from the meaning of the features."""

    def __init__(self, told: Sequence[WarehouseTask], warehouse: str, now: datetime) -> None:
        self.now = now
        states: dict[str, list[WarehouseTask]] = {}
        for one in sorted(told, key=lambda one: one.known_at):
            if counts_from(one) <= now:
                states.setdefault(one.task_id, []).append(one)
        self.states = [each for each in states.values() if each[-1].warehouse_id == warehouse]
        self.newest = [each[-1] for each in self.states]
        self.reports = [counts_from(one) for each in states.values() for one in each if one.warehouse_id == warehouse]

    def waiting(self) -> Iterator[tuple[WarehouseTask, datetime]]:
        """Yield what waits, and since when."""
        for each in self.states:
            since = min((one.occurred_at for one in each if one.status in WAITING), default=self.now)
            if each[-1].status in WAITING and each[-1].occurred_at <= self.now < since + WEEK:
                yield each[-1], since

    def of_kind(self, *kinds: TaskKind) -> int:
        return sum(task.kind in kinds for task, _ in self.waiting())

    def due(self, *, since: timedelta, until: timedelta, statuses: set[TaskStatus]) -> int:
        """Count what came to be due in `(now + since, now + until]`."""
        return sum(
            task.due_at is not None
            and task.occurred_at <= self.now
            and self.now + since < task.due_at <= self.now + until
            and task.status in statuses
            for task in self.newest
        )

    def features(self) -> list[float]:
        if not self.reports:
            return [np.nan] * WIDTH
        waits = list(self.waiting())
        open_ones = set(TaskStatus) - DONE - {TaskStatus.CANCELLED}
        done = sum(
            one.status in DONE and one.occurred_at <= self.now < one.occurred_at + 24 * HOUR for one in self.newest
        )
        due, due_and_done = (
            self.due(since=-24 * HOUR, until=0 * HOUR, statuses=statuses) for statuses in (DONE | open_ones, DONE)
        )
        since = min((since for _, since in waits), default=None)
        return [
            self.of_kind(TaskKind.PICK, TaskKind.PACK),
            self.of_kind(TaskKind.STAGE, TaskKind.LOAD),
            self.of_kind(TaskKind.RECEIVE, TaskKind.PUT_AWAY),
            len({task.wave_id for task, _ in waits if task.wave_id is not None}),
            len({task.order_id for task, _ in waits if task.order_id is not None}),
            len(waits),
            self.due(since=0 * HOUR, until=8 * HOUR, statuses=open_ones),
            self.due(since=-WEEK, until=0 * HOUR, statuses=open_ones),
            done,
            due_and_done / due if due else np.nan,
            np.nan if since is None else (self.now - since) / HOUR,
            len(waits) / done * 24.0 if done else np.nan,
            (self.now - max(self.reports)) / HOUR,
        ]


def in_arrays(told: Sequence[WarehouseTask], warehouses: Sequence[str], cutoffs: Sequence[datetime]) -> np.ndarray:
    feed = FEEDS["warehouse_tasks"]
    work = feed.told(feed.prepare({"warehouse_tasks": RecordTables.from_records(told).warehouse_tasks}))
    now = np.array([micros(cutoff) for cutoff in cutoffs], dtype=np.int64)
    return work.at(np.array(warehouses, dtype=object), now, now)


class Asked(LiveWork):
    """Live work that is asked warehouse by warehouse."""

    def __init__(self) -> None:
        self._board = Board()
        super().__init__(self._board)

    def at(self, warehouse: str, cutoff: int) -> Sequence[float]:
        told = self._board.at(np.array(self.rows(warehouse, lasting=True)), cutoff)
        return self.values(warehouse, told[:, COUNT].tolist(), cutoff)


@drawn(28)
@given(st.lists(tasks(), min_size=1, max_size=25), st.lists(st.integers(0, 400), min_size=1, max_size=12))
def test_equal_a_loop_over_what_is_known(told: list[WarehouseTask], hours: list[int]) -> None:
    told = told_once(told)
    live = Asked()
    assert all(live.add(one) for one in told)
    assert not any(live.add(one) for one in told)
    asked = [(place, at(hour)) for hour in hours for place in ("NLRTM", "DEHAM", "BEANR")]
    many = in_arrays(told, *zip(*asked, strict=True))
    for row, (place, now) in enumerate(asked):
        expected = Floor(told, place, now).features()
        np.testing.assert_array_equal(many[row], expected)
        np.testing.assert_array_equal(live.at(place, micros(now)), expected)


@drawn(14)
@given(st.lists(tasks(), min_size=1, max_size=25), st.integers(0, 25))
def test_loaded_in_bulk_and_told_on_it_answers_as_if_told_one_by_one(told: list[WarehouseTask], loaded: int) -> None:
    told = told_once(told)
    one_by_one, in_bulk = Asked(), Asked()
    in_bulk.add_tables(RecordTables.from_records(told[:loaded]))
    assert not any(in_bulk.add(one) for one in told[:loaded])
    in_bulk.add_tables(RecordTables.from_records(told[loaded:]))
    for one in told:
        one_by_one.add(one)
    for hour in range(0, 420, 7):
        for place in ("NLRTM", "DEHAM", "BEANR"):
            now = micros(at(hour))
            np.testing.assert_array_equal(in_bulk.at(place, now), one_by_one.at(place, now))


@drawn(14)
@given(st.lists(tasks(), min_size=1, max_size=25))
def test_asked_while_it_is_told_it_answers_as_if_all_of_it_had_come_at_once(told: list[WarehouseTask]) -> None:
    told = sorted(told_once(told), key=lambda one: one.known_at)
    live = Asked()
    for place, one in enumerate(told):
        live.add(one)
        at_once = Asked()
        for other in told[: place + 1]:
            at_once.add(other)
        for now in (micros(one.known_at), micros(one.known_at) - 3_600_000_000):
            np.testing.assert_array_equal(live.at("NLRTM", now), at_once.at("NLRTM", now))


def feature(row: Sequence[float], name: str) -> float:
    return row[[declared.name for declared in FEATURES].index(f"origin_{name}")]


class TestMeaning:
    def test_a_wave_waits_until_its_last_pick_is_done(self) -> None:
        told = [
            *(a_task(name, TaskStatus.RELEASED, 0, wave_id="W") for name in "AB"),
            a_task("A", TaskStatus.DONE, 2, wave_id="W"),
            a_task("B", TaskStatus.SHORT, 5, wave_id="W"),
        ]
        hours = (1, 3, 5)
        rows = in_arrays(told, ["NLRTM"] * 3, [at(hour) for hour in hours])
        assert [feature(row, "waves_waiting") for row in rows] == [1, 1, 0]
        assert [feature(row, "picks_waiting") for row in rows] == [2, 1, 0]
        assert [feature(row, "tasks_done") for row in rows] == [0, 1, 2]
        assert feature(rows[1], "hours_of_work") == 24
        assert [feature(row, "oldest_task_hours") for row in rows[:2]] == [1, 3]

    def test_an_order_waits_until_the_last_of_its_tasks_is_done_whatever_their_kinds(self) -> None:
        told = [
            a_task("A", TaskStatus.RELEASED, 0, order_id="O-1"),
            a_task("B", TaskStatus.STARTED, 0, order_id="O-1", kind=TaskKind.LOAD),
            a_task("C", TaskStatus.RELEASED, 1, order_id="O-2"),
            a_task("A", TaskStatus.DONE, 2, order_id="O-1"),
            a_task("B", TaskStatus.DONE, 4, order_id="O-1", kind=TaskKind.LOAD),
            a_task("C", TaskStatus.CANCELLED, 5, order_id="O-2"),
        ]
        hours = (0, 1, 3, 4, 5)
        rows = in_arrays(told, ["NLRTM"] * 5, [at(hour) for hour in hours])
        assert [feature(row, "orders_waiting") for row in rows] == [1, 2, 2, 1, 0]

    def test_what_is_planned_for_soon_is_due_and_does_not_wait(self) -> None:
        row = in_arrays([a_task("A", TaskStatus.PLANNED, 0, due_at=at(8))], ["NLRTM"], [at(1)])[0]
        assert feature(row, "tasks_due_soon") == 1
        assert feature(row, "tasks_waiting") == 0

    def test_past_due_it_is_overdue_and_once_done_a_share_of_what_was_due(self) -> None:
        told = [a_task("A", TaskStatus.RELEASED, 0, due_at=at(2)), a_task("A", TaskStatus.DONE, 4, due_at=at(2))]
        rows = in_arrays(told, ["NLRTM"] * 2, [at(3), at(5)])
        assert [feature(row, "tasks_overdue") for row in rows] == [1, 0]
        assert [feature(row, "due_done_share") for row in rows] == [0, 1]

    def test_a_report_that_never_came_is_forgotten_after_a_week(self) -> None:
        told = [a_task("A", TaskStatus.RELEASED, 0), a_task("A", TaskStatus.STARTED, 100)]
        rows = in_arrays(told, ["NLRTM"] * 2, [at(167), at(168)])
        assert [feature(row, "tasks_waiting") for row in rows] == [1, 0]

    def test_what_is_said_to_be_done_later_waits_until_then(self) -> None:
        told = [a_task("A", TaskStatus.RELEASED, 0), a_task("A", TaskStatus.DONE, 30, known=6)]
        rows = in_arrays(told, ["NLRTM"] * 3, [at(6), at(29), at(30)])
        assert [feature(row, "tasks_waiting") for row in rows] == [1, 1, 0]

    def test_of_a_warehouse_that_tells_nothing_nothing_is_known(self) -> None:
        rows = in_arrays([a_task("A", TaskStatus.RELEASED, 5)], ["DEHAM", "NLRTM", "NLRTM"], [at(6), at(4), at(6)])
        assert np.isnan(rows[:2]).all()
        assert feature(rows[2], "work_told_age_hours") == 1


def test_a_task_told_twice_in_one_instant_is_refused() -> None:
    state = State()
    one = a_task("A", TaskStatus.RELEASED, 0)
    assert state.add(one)
    assert not state.add(one)
    with pytest.raises(RecordError, match="'A' is told twice"):
        state.add(one.model_copy(update={"status": TaskStatus.DONE}))


def test_an_empty_table_is_asked_like_any_other() -> None:
    feed = FEEDS["warehouse_tasks"]
    empty = feed.prepare({"warehouse_tasks": RecordTables.from_records([]).warehouse_tasks})
    assert empty.empty
    now = np.array([micros(START)])
    assert np.isnan(feed.told(empty).at(np.array(["NLRTM"], dtype=object), now, now)).all()


def test_a_feed_is_told_each_state_of_a_task_once() -> None:
    tables = RecordTables.from_records([
        a_task("A", TaskStatus.RELEASED, 0, wave_id="W1", order_id="O1", due_at=at(9)), a_task("B", TaskStatus.DONE, 2),
        a_task("A", TaskStatus.DONE, 5, due_at=at(9)),
    ])  # fmt: skip
    rows = FEEDS["warehouse_tasks"].prepare({"warehouse_tasks": tables.warehouse_tasks})
    assert len(rows) == 3
