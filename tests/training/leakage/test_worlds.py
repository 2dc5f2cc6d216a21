"""Every disturbed world differs from the real one, and only in what no answer at the cutoff may rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from features.fields import Record
from features.records import Shipment
from features.tables import PARTS, SCHEMAS, RecordTables, records_of
from features.vocabulary import Classifier
from tests.features.conftest import filled
from tests.training.leakage.planted import world
from training.leakage.worlds import Cut, announced_early, changed, told_late, without_newest

CUTOFF = pd.Timestamp("2024-09-09 12:00", tz="UTC")
PART_TABLES = {part.table for part in PARTS}
everything = filled
"""One record of each table."""


@pytest.fixture(scope="module")
def cut() -> Cut:
    return Cut.of(world(), CUTOFF, world().shipments["shipment_id"].iloc[:50])


def rng() -> np.random.Generator:
    return np.random.default_rng(2)


def same(one: RecordTables, other: RecordTables) -> None:
    for table in SCHEMAS:
        frames: list[pd.DataFrame] = [getattr(tables, table) for tables in (one, other)]
        if table in PART_TABLES:  # whether a part names its state or belongs to the only one there is
            frames = [frame.drop(columns="known_at") for frame in frames]
        by = list(frames[0].columns)
        ordered = [frame.astype("str").sort_values(by).reset_index(drop=True) for frame in frames]
        pd.testing.assert_frame_equal(*ordered)


class TestChanged:
    def test_what_was_known_stays(self, cut: Cut) -> None:
        same(changed(cut, rng()).known(until=CUTOFF), cut.known)

    def test_what_comes_later_says_something_else(self, cut: Cut) -> None:
        other = changed(cut, rng())
        for table in ("shipments", "stops", "events", "weather"):
            mine, theirs = getattr(other, table), getattr(world(), table)
            assert len(mine) == len(theirs)
            assert not mine.reset_index(drop=True).equals(theirs.reset_index(drop=True))
        later = other.events[other.events["known_at"] > CUTOFF]
        assert (later["occurred_at"] < CUTOFF).any()


class TestToldLate:
    def test_what_was_known_stays(self, cut: Cut) -> None:
        same(told_late(cut, rng()).known(until=CUTOFF), cut.known)

    def test_the_news_is_of_the_time_before_and_known_only_later(self, cut: Cut) -> None:
        later = told_late(cut, rng()).known(until=CUTOFF + timedelta(days=9), after=CUTOFF)
        assert len(later.events) > 300
        assert len(later.shipments) > 200
        assert len(later.weather) > 200
        assert (later.events["occurred_at"] <= CUTOFF).all()
        assert later.events["corrects"].isin(cut.known.events["event_id"]).mean() > 0.3
        assert not later.events["event_id"].isin(cut.known.events["event_id"]).any()

    def test_a_new_plan_has_stops_of_its_own(self, cut: Cut) -> None:
        plans = [plan for plan in records_of(told_late(cut, rng()), Shipment) if plan.known_at > CUTOFF]
        known = {plan.shipment_id: plan for plan in records_of(cut.known, Shipment)}
        assert plans
        assert all(len(plan.stops) == len(known[plan.shipment_id].stops) for plan in plans)
        moved = [plan.promised_at != known[plan.shipment_id].promised_at for plan in plans]
        assert np.mean(moved) > 0.9

    def test_every_table_is_told_anew_with_its_parts(self, everything: dict[str, Record]) -> None:
        tables = RecordTables.from_records(everything.values())
        learnt = pd.Timestamp(everything["shipments"].known_at)
        other = told_late(Cut.of(tables, learnt, ["S1"]), rng())
        same(other.known(until=learnt), tables)
        for table in SCHEMAS:
            assert len(getattr(other, table)) == 2 * len(getattr(tables, table)), table


class TestAnnouncedEarly:
    def test_only_claims_about_the_future_are_added(self, cut: Cut) -> None:
        other = announced_early(cut, rng())
        for table in ("events", "weather", "warehouse_tasks", "labour_shifts"):
            frame = getattr(other, table)
            more = frame[len(getattr(cut.known, table)) :]
            assert len(more) > 150
            assert (more["known_at"] == CUTOFF).all()
            assert (more["occurred_at"] > CUTOFF).all()
        assert other.events["shipment_id"].isin(cut.shipment_ids).any()

    def test_a_plan_that_lies_ahead_is_no_such_claim(self, cut: Cut) -> None:
        planned = cut.known.events.assign(classifier=Classifier.PLANNED.value)
        other = announced_early(replace(cut, known=replace(cut.known, events=planned)), rng())
        assert set(other.events["classifier"][: len(planned)]) == {Classifier.PLANNED.value}
        assert set(other.events["classifier"][len(planned) :]) == {Classifier.ACTUAL.value}


class TestWithoutNewest:
    @pytest.mark.parametrize("clock", ["known_at", "occurred_at"])
    def test_the_newest_facts_are_gone_by_that_clock_and_plans_stay(self, cut: Cut, clock: str) -> None:
        age = timedelta(hours=6)
        other = without_newest(cut, age, clock)
        assert 0 < len(other.events) < len(cut.known.events)
        assert other.events[clock].max() <= CUTOFF - age
        assert other.shipments.equals(cut.known.shipments)
