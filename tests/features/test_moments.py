"""Decision moments, for tables and for one shipment; labels."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.labels import lateness_of
from features.legs import Row
from features.moments import IN_TURN, moment_at, questions_of
from features.records import DeliveryEvent, Shipment, Stop
from features.settings import FeatureSettings
from features.state import State
from features.tables import RecordTables, events_of, shipments_of
from features.versions import versions_of
from features.vocabulary import Classifier, EventStatus, Mode, Moment, StopKind


def plan(noon: datetime, *, known_hours_before: float = 72, promise: bool = True, planned: bool = True) -> Shipment:
    """A shipment planned to leave at noon and promised ten hours later."""
    known = noon - timedelta(hours=known_hours_before)
    return Shipment(
        shipment_id="S1",
        carrier_id="RHEI",
        mode=Mode.ROAD_LTL,
        stops=(
            Stop(place="NLRTM", kind=StopKind.PICKUP, planned_at=noon if planned else None),
            Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=noon + timedelta(hours=10) if promise else None),
        ),
        occurred_at=known,
        known_at=known,
    )


def said(noon: datetime, status: EventStatus, hours: float, *, known_hours: float | None = None) -> DeliveryEvent:
    return DeliveryEvent(
        event_id=f"{status}{hours}{known_hours}",
        shipment_id="S1",
        status=status,
        occurred_at=noon + timedelta(hours=hours),
        known_at=noon + timedelta(hours=hours if known_hours is None else known_hours),
    )


def times_of(shipment: Shipment, events: list[DeliveryEvent]) -> Row:
    """The times of a shipment planned once."""
    ((_, times),) = versions_of([shipment], events)
    return times


DEPARTED, DELIVERED, CANCELLED = EventStatus.DEPARTED, EventStatus.DELIVERED, EventStatus.CANCELLED


class TestMomentAt:
    @pytest.mark.parametrize(
        ("hours", "moment"),
        [(-60, Moment.DAY_BEFORE), (-24, Moment.DAY_BEFORE), (-2.001, Moment.DAY_BEFORE), (-2, Moment.HOURS_BEFORE)],
    )
    def test_before_departure_it_goes_by_the_plan(self, noon: datetime, hours: float, moment: Moment) -> None:
        assert moment_at(times_of(plan(noon), []), noon + timedelta(hours=hours)) is moment

    def test_an_overdue_departure_is_still_before_departure(self, noon: datetime) -> None:
        assert moment_at(times_of(plan(noon), []), noon + timedelta(hours=5)) is Moment.HOURS_BEFORE

    def test_a_departure_counts_when_it_is_known(self, noon: datetime) -> None:
        times = times_of(plan(noon), [said(noon, DEPARTED, 1, known_hours=3)])
        assert moment_at(times, noon + timedelta(hours=2.9)) is Moment.HOURS_BEFORE
        assert moment_at(times, noon + timedelta(hours=3)) is Moment.AT_DEPARTURE

    @pytest.mark.parametrize("status", [DELIVERED, CANCELLED, EventStatus.DIVERTED, EventStatus.RETURNED])
    def test_once_it_is_over_there_is_no_moment(self, noon: datetime, status: EventStatus) -> None:
        times = times_of(plan(noon), [said(noon, status, 9)])
        assert moment_at(times, noon + timedelta(hours=8.9)) is Moment.HOURS_BEFORE
        assert moment_at(times, noon + timedelta(hours=9)) is None

    def test_an_estimate_is_no_departure(self, noon: datetime) -> None:
        estimate = said(noon, DEPARTED, 1).model_copy(update={"classifier": Classifier.ESTIMATED})
        assert moment_at(times_of(plan(noon), [estimate]), noon + timedelta(hours=2)) is Moment.HOURS_BEFORE


class TestQuestionsOf:
    def asked(self, *records: Shipment | DeliveryEvent) -> dict[str, pd.Timestamp]:
        questions = questions_of(RecordTables.from_records(records))
        return dict(zip(questions["moment"], questions["cutoff_at"], strict=True))

    def test_asks_once_at_each_moment(self, noon: datetime) -> None:
        asked = self.asked(plan(noon), said(noon, DEPARTED, 1, known_hours=2), said(noon, DELIVERED, 12))
        assert asked == {
            "at_booking": noon - timedelta(hours=72),
            "24h_before": noon - timedelta(hours=24),
            "2h_before": noon - timedelta(hours=2),
            "at_departure": noon + timedelta(hours=2),
        }

    def test_asks_nothing_before_the_shipment_is_known(self, noon: datetime) -> None:
        assert set(self.asked(plan(noon, known_hours_before=5))) == {"at_booking", "2h_before"}
        late_plan = plan(noon, known_hours_before=-2)
        assert set(self.asked(late_plan, said(noon, DEPARTED, 1), said(noon, DELIVERED, 12))) == set()

    def test_asks_nothing_once_it_is_over(self, noon: datetime) -> None:
        assert set(self.asked(plan(noon), said(noon, CANCELLED, -10))) == {"at_booking", "24h_before"}
        late_scan = said(noon, DEPARTED, 1, known_hours=15)
        assert "at_departure" not in self.asked(plan(noon), late_scan, said(noon, DELIVERED, 12))

    def test_asks_nothing_before_departure_without_a_plan(self, noon: datetime) -> None:
        assert set(self.asked(plan(noon, planned=False))) == {"at_booking"}

    def test_the_online_state_finds_each_question_at_its_cutoff(
        self, world: RecordTables, questions: pd.DataFrame
    ) -> None:
        state = State()
        for record in (*shipments_of(world), *events_of(world)):
            state.add(record)
        for case in questions[questions["moment"].isin(IN_TURN)].itertuples():
            found = state.moment(state.shipment(case.shipment_id), case.cutoff_at.to_pydatetime())
            assert found == case.moment


class TestLatenessOf:
    def label(self, *records: Shipment | DeliveryEvent, late_after_minutes: int = 15) -> pd.Series:
        tables = RecordTables.from_records(records)
        return lateness_of(tables, FeatureSettings(late_after_minutes=late_after_minutes)).loc["S1"]

    @pytest.mark.parametrize(("minutes", "late"), [(-30, 0.0), (15, 0.0), (15.01, 1.0)])
    def test_late_is_more_than_the_grace_after_the_promise(self, noon: datetime, minutes: float, late: float) -> None:
        label = self.label(plan(noon), said(noon, DELIVERED, 10 + minutes / 60))
        assert label["late"] == late
        assert label["delay_hours"] == pytest.approx(minutes / 60)

    def test_is_known_when_the_delivery_is_known(self, noon: datetime) -> None:
        label = self.label(plan(noon), said(noon, DELIVERED, 10, known_hours=30))
        assert label["label_known_at"] == noon + timedelta(hours=30)

    def test_there_is_none_without_promise_or_delivery(self, noon: datetime) -> None:
        for label in (self.label(plan(noon)), self.label(plan(noon, promise=False), said(noon, DELIVERED, 10))):
            assert np.isnan(label["late"])
            assert np.isnan(label["delay_hours"])
            assert pd.isna(label["label_known_at"])
