"""Labour in the warehouse against a loop over all that was told: in arrays and online, equal to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from features import labour
from features.as_known import counts_from
from features.board import COUNT, Board
from features.errors import RecordError
from features.feeds import FEEDS
from features.instants import micros
from features.labour import FEATURES
from features.live_labour import LiveLabour
from features.state import State
from features.stock_records import LabourShift
from features.tables import RecordTables
from features.work import WIDTH as WORK
from features.work import Count
from tests.drawn import drawn

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACES = ("NLRTM", "DEHAM", "BEANR")
WAITING, DONE = 12.0, 30.0


def at(hour: float) -> datetime:
    return START + hour * HOUR


def a_shift(shift_id: str, starts: float, ends: float, *, known: float, **more: object) -> LabourShift:
    fields = {
        "shift_id": shift_id, "warehouse_id": "NLRTM", "starts_at": at(starts), "ends_at": at(ends),
        "planned_heads": 10, "occurred_at": at(known), "known_at": at(known),
    }  # fmt: skip
    return LabourShift.model_validate(fields | more)


@st.composite
def shifts(draw: st.DrawFn) -> LabourShift:
    known, starts = draw(st.integers(0, 90)), draw(st.integers(0, 100))
    return a_shift(
        draw(st.sampled_from("ABCD")),
        starts,
        starts + draw(st.integers(1, 40)),
        known=known,
        occurred_at=at(known + draw(st.integers(-20, 3))),
        warehouse_id=draw(st.sampled_from(["NLRTM", "NLRTM", "DEHAM"])),
        planned_heads=draw(st.integers(0, 9)),
        present_heads=draw(st.none() | st.integers(0, 9)),
    )


def told_once(told: Sequence[LabourShift]) -> list[LabourShift]:
    return list({(one.shift_id, one.known_at): one for one in reversed(told)}.values())


class Shop:
    """Who works in one warehouse as known at one time, written from the meaning of the features."""

    def __init__(self, told: Sequence[LabourShift], warehouse: str, now: datetime) -> None:
        self.now = now
        newest: dict[str, LabourShift] = {}
        for one in sorted(told, key=lambda one: one.known_at):
            if counts_from(one) <= now:
                newest[one.shift_id] = one
        self.shifts = [one for one in newest.values() if one.warehouse_id == warehouse]
        self.reports = [counts_from(one) for one in told if counts_from(one) <= now and one.warehouse_id == warehouse]

    @staticmethod
    def heads(shift: LabourShift) -> int:
        return shift.planned_heads if shift.present_heads is None else shift.present_heads

    def hours(self, since: timedelta, until: timedelta) -> float:
        begin, end = self.now + since, self.now + until
        spans = ((one, min(one.ends_at, end) - max(one.starts_at, begin)) for one in self.shifts)
        return sum((self.heads(one) * max(span, 0 * HOUR) for one, span in spans), 0 * HOUR) / HOUR

    def features(self, waiting: float, done: float) -> list[float]:
        if not self.reports:
            return [np.nan] * len(FEATURES)
        at_work = [one for one in self.shifts if one.starts_at <= self.now < one.ends_at]
        counted = [one for one in at_work if one.present_heads is not None]
        planned = sum(one.planned_heads for one in counted)
        heads = sum(map(self.heads, at_work))
        hours, ahead = self.hours(-24 * HOUR, 0 * HOUR), self.hours(0 * HOUR, 8 * HOUR)
        pace = done / hours if hours else np.nan
        return [
            heads,
            sum(map(self.heads, counted)) / planned if planned else np.nan,
            hours,
            ahead,
            waiting / heads if heads else np.nan,
            pace,
            waiting / pace / ahead if hours and ahead and done else np.nan,
            (self.now - max(self.reports)) / HOUR,
        ]


def work_of(waiting: float = WAITING, done: float = DONE) -> list[float]:
    row = [0.0] * WORK
    row[Count.WAITING], row[Count.DONE] = waiting, done
    return row


def in_arrays(told: Sequence[LabourShift], warehouses: Sequence[str], cutoffs: Sequence[datetime]) -> np.ndarray:
    feed = FEEDS["labour_shifts"]
    known = feed.told(feed.prepare({"labour_shifts": RecordTables.from_records(told).labour_shifts}))
    now = np.array([micros(cutoff) for cutoff in cutoffs], dtype=np.int64)
    answers = known.at(np.array(warehouses, dtype=object), now, now)
    return labour.values(answers, np.array([work_of()] * len(now)))


class Asked(LiveLabour):
    """Live labour that is asked warehouse by warehouse."""

    def __init__(self) -> None:
        self._board = Board()
        super().__init__(self._board)

    def at(self, warehouse: str, cutoff: int) -> Sequence[float]:
        told = self._board.at(np.array(self.rows(warehouse, lasting=True)), cutoff)
        alive = told[0::2, COUNT : COUNT + 3] - told[1::2, COUNT : COUNT + 3]
        return self.values(warehouse, alive.ravel().tolist(), cutoff)


@drawn(24)
@given(st.lists(shifts(), min_size=1, max_size=20), st.lists(st.integers(0, 150), min_size=1, max_size=10))
def test_equal_a_loop_over_what_is_known(told: list[LabourShift], hours: list[int]) -> None:
    told = told_once(told)
    live = Asked()
    assert all(live.add(one) for one in told)
    assert not any(live.add(one) for one in told)
    asked = [(place, at(hour)) for hour in hours for place in PLACES]
    many = in_arrays(told, *zip(*asked, strict=True))
    for row, (place, now) in enumerate(asked):
        np.testing.assert_allclose(many[row], Shop(told, place, now).features(WAITING, DONE), rtol=1e-12)
        one = labour.values_of_one(live.at(place, micros(now)), work_of())
        np.testing.assert_array_equal(many[row], one)


@drawn(12)
@given(st.lists(shifts(), min_size=1, max_size=20), st.integers(0, 150))
def test_what_becomes_known_after_a_cutoff_changes_nothing(told: list[LabourShift], hour: int) -> None:
    told = told_once(told)
    known = [one for one in told if one.known_at <= at(hour)]
    asked = PLACES, [at(hour)] * len(PLACES)
    np.testing.assert_array_equal(in_arrays(told, *asked), in_arrays(known, *asked))


def feature(row: Sequence[float], name: str) -> float:
    return row[[declared.name for declared in FEATURES].index(f"origin_{name}")]


class TestMeaning:
    def test_who_came_takes_the_place_of_who_was_to_come_from_when_it_is_known(self) -> None:
        told = [a_shift("A", 6, 14, known=0), a_shift("A", 6, 14, known=7, present_heads=8)]
        rows = in_arrays(told, ["NLRTM"] * 3, [at(5), at(6), at(7)])
        assert [feature(row, "heads") for row in rows] == [0, 10, 8]
        assert [feature(row, "labour_hours_ahead") for row in rows] == [70, 80, 56]
        assert [feature(row, "attendance_share") for row in rows[2:]] == [0.8]
        assert np.isnan(feature(rows[1], "attendance_share"))

    def test_work_that_waits_is_set_against_the_labour_to_come(self) -> None:
        told = [a_shift("A", 0, 8, known=0), a_shift("B", 20, 26, known=0)]
        row = in_arrays(told, ["NLRTM"], [at(22)])[0]
        assert feature(row, "labour_hours") == 80 + 20
        assert feature(row, "tasks_per_labour_hour") == DONE / 100
        assert feature(row, "labour_hours_ahead") == 40
        assert feature(row, "work_to_labour") == pytest.approx(WAITING / (DONE / 100) / 40)
        assert feature(row, "tasks_per_head") == WAITING / 10

    def test_of_a_warehouse_that_tells_nothing_nothing_is_known(self) -> None:
        rows = in_arrays([a_shift("A", 6, 14, known=5)], ["DEHAM", "NLRTM", "NLRTM"], [at(6), at(4), at(6)])
        assert np.isnan(rows[:2]).all()
        assert feature(rows[2], "labour_told_age_hours") == 1

    def test_a_shift_ends_after_it_starts(self) -> None:
        with pytest.raises(ValidationError, match="ends_at is not after starts_at"):
            a_shift("A", 6, 6, known=0)


def test_a_shift_told_twice_in_one_instant_is_refused() -> None:
    state = State()
    one = a_shift("A", 6, 14, known=0)
    assert state.add(one)
    assert not state.add(one)
    with pytest.raises(RecordError, match="'A' is told twice"):
        state.add(one.model_copy(update={"present_heads": 3}))


def test_an_empty_table_is_asked_like_any_other() -> None:
    feed = FEEDS["labour_shifts"]
    empty = feed.prepare({"labour_shifts": RecordTables.from_records([]).labour_shifts})
    now = np.array([micros(START)])
    assert np.isnan(feed.told(empty).at(np.array(["NLRTM"], dtype=object), now, now)).all()
