"""What is not known at the cutoff changes nothing: the promises that keep a model honest."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features import disruption
from features.build import Builder, build
from features.definitions import NAMES
from features.errors import TimelineError
from features.records import DeliveryEvent, Shipment, Stop
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.vocabulary import EventStatus, Mode, StopKind

SETTINGS = FeatureSettings(late_after_minutes=15)


def values(tables: RecordTables, questions: pd.DataFrame) -> np.ndarray:
    return build(tables, questions, SETTINGS).values


def known_by(tables: RecordTables, cutoff: pd.Timestamp) -> RecordTables:
    return tables.known(until=cutoff.to_pydatetime())


class TestBuild:
    def test_what_becomes_known_after_the_cutoff_changes_nothing(
        self, world: RecordTables, questions: pd.DataFrame
    ) -> None:
        whole = values(world, questions)
        for number in range(0, len(questions), 37):
            question = questions.iloc[[number]]
            truncated = values(known_by(world, question["cutoff_at"].iloc[0]), question)
            np.testing.assert_array_equal(truncated[0], whole[number], err_msg=str(question.iloc[0].to_dict()))

    def test_the_order_of_records_changes_nothing(self, world: RecordTables, questions: pd.DataFrame) -> None:
        shuffled = RecordTables(
            **{name: getattr(world, name).sample(frac=1.0, random_state=4) for name in RecordTables.__slots__}
        )
        np.testing.assert_array_equal(values(shuffled, questions), values(world, questions))

    def test_one_row_and_all_rows_give_the_same_bits(self, world: RecordTables, questions: pd.DataFrame) -> None:
        whole = values(world, questions)
        builder = Builder.of_tables(world, SETTINGS)
        shipments = builder.positions_of(questions["shipment_id"])
        cutoffs = questions["cutoff_at"].dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
        for number in range(0, len(questions), 61):
            one = slice(number, number + 1)
            np.testing.assert_array_equal(builder.values(shipments[one], cutoffs[one])[0], whole[number])

    def test_every_feature_varies_or_is_unknown_to_all(self, world: RecordTables, questions: pd.DataFrame) -> None:
        whole = values(world, questions)
        constant = {
            name
            for name, column in zip(NAMES, whole.T, strict=True)
            if np.isfinite(column).any() and np.nanmin(column) == np.nanmax(column)
        }
        untold = {feature.name for feature in disruption.FEATURES if feature.name.startswith("carrier_")}
        untold |= {"origin_station_km", "destination_station_km"}  # every place is its own station
        # Every shipment of the generated network goes straight, none is damaged, and every event says where.
        assert constant == untold | {"transfers", "troubles_told", "carrier_feed_placeless_share"}

    def test_says_how_far_it_is(self, world: RecordTables, questions: pd.DataFrame) -> None:
        told: list[tuple[int, int]] = []
        matrix = build(world, questions, SETTINGS, lambda done, total: told.append((done, total)))
        assert told == [(len(questions), len(questions))]
        assert matrix.names == NAMES

    def test_refuses_a_shipment_that_is_not_in_the_tables(self, world: RecordTables, questions: pd.DataFrame) -> None:
        strange = questions.head(3).assign(shipment_id=["S000001", "nobody", "S000002"])
        with pytest.raises(TimelineError, match="name a shipment that is not in the tables"):
            values(world, strange)

    def test_refuses_a_question_from_before_the_shipment_was_known(
        self, world: RecordTables, questions: pd.DataFrame
    ) -> None:
        early = questions.head(2).assign(cutoff_at=pd.Timestamp("2000-01-01", tz="UTC"))
        with pytest.raises(TimelineError, match="before their shipment was known"):
            values(world, early)


def shipment(name: str, planned_at: datetime, *, known_at: datetime, vehicle: str = "V1") -> Shipment:
    return Shipment(
        shipment_id=name,
        carrier_id="RHEI",
        service_id="RHEI7",
        vehicle_id=vehicle,
        mode=Mode.ROAD_LTL,
        stops=(
            Stop(place="NLRTM", kind=StopKind.PICKUP, planned_at=planned_at),
            Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=planned_at + timedelta(hours=10)),
        ),
        occurred_at=known_at,
        known_at=known_at,
    )


def event(name: str, status: EventStatus, occurred_at: datetime, known_at: datetime) -> DeliveryEvent:
    return DeliveryEvent(
        event_id=f"{name}-{status}-{known_at:%H%M%S}",
        shipment_id=name,
        status=status,
        occurred_at=occurred_at,
        known_at=known_at,
    )


class TestEdges:
    """A shipment A leaves at noon, an hour late; B is asked about at various instants around it."""

    @pytest.fixture
    def told(self, noon: datetime) -> RecordTables:
        week_ago = noon - timedelta(days=7)
        return RecordTables.from_records(
            [
                shipment("A", noon - timedelta(hours=1), known_at=week_ago),
                shipment("B", noon + timedelta(hours=6), known_at=week_ago, vehicle="V2"),
                event("A", EventStatus.DEPARTED, noon, noon + timedelta(hours=3)),
            ]
        )

    def feature(self, tables: RecordTables, name: str, at: datetime) -> float:
        question = pd.DataFrame({"shipment_id": ["B"], "cutoff_at": pd.to_datetime([at])})
        return float(values(tables, question)[0, NAMES.index(name)])

    def test_a_late_fact_counts_from_the_instant_it_is_known(self, told: RecordTables, noon: datetime) -> None:
        known = noon + timedelta(hours=3)
        instant = timedelta(microseconds=1)
        assert self.feature(told, "carrier_departures_count_24h", known - instant) == 0
        assert self.feature(told, "carrier_departures_count_24h", known) == 1

    def test_it_leaves_the_window_by_when_it_happened(self, told: RecordTables, noon: datetime) -> None:
        day_on = noon + timedelta(days=1)
        assert self.feature(told, "carrier_departures_count_24h", day_on - timedelta(microseconds=1)) == 1
        assert self.feature(told, "carrier_departures_count_24h", day_on) == 0

    def test_a_fact_known_only_after_its_window_never_counts_in_it(self, told: RecordTables, noon: datetime) -> None:
        for hours in (2, 3, 4):
            assert self.feature(told, "all_departures_count_2h", noon + timedelta(hours=hours)) == 0

    def test_a_shipment_is_open_from_its_plan_until_its_departure_is_known(
        self, told: RecordTables, noon: datetime
    ) -> None:
        counts = {
            hours: self.feature(told, "origin_open", noon + timedelta(hours=hours)) for hours in (-1.001, -1, 0, 2.9, 3)
        }
        assert counts == {-1.001: 0, -1: 1, 0: 1, 2.9: 1, 3: 0}

    def test_a_shipment_is_ahead_until_its_planned_departure(self, told: RecordTables, noon: datetime) -> None:
        leaves = noon + timedelta(hours=6)
        assert self.feature(told, "origin_ahead_3h", leaves - timedelta(hours=3, seconds=1)) == 0
        assert self.feature(told, "origin_ahead_3h", leaves - timedelta(hours=3)) == 1
        assert self.feature(told, "origin_ahead_3h", leaves) == 0

    def test_its_own_departure_is_unknown_until_it_is_told(self, told: RecordTables, noon: datetime) -> None:
        left = noon + timedelta(hours=7)
        known = left + timedelta(hours=1)
        more = RecordTables.from_records([event("B", EventStatus.DEPARTED, left, known)])
        tables = replace(told, events=pd.concat([told.events, more.events], ignore_index=True))
        before, after = known - timedelta(seconds=1), known
        assert self.feature(tables, "departed", before) == 0
        assert np.isnan(self.feature(tables, "departure_delay_minutes", before))
        assert self.feature(tables, "departed", after) == 1
        assert self.feature(tables, "departure_delay_minutes", after) == 60
        assert self.feature(tables, "overdue_minutes", before) == pytest.approx(60 + 59 + 59 / 60)

    def test_a_share_of_one_leg_stays_near_its_parents(self, told: RecordTables, noon: datetime) -> None:
        """(1 late + 10 x parent) / 11 at each level, from the prior share of 0.2 on."""
        at = noon + timedelta(hours=4)
        everybody = (1 + 10 * 0.2) / 11
        carrier = (1 + 10 * everybody) / 11
        assert self.feature(told, "all_departures_late_share_24h", at) == pytest.approx(everybody, abs=1e-15)
        assert self.feature(told, "carrier_departures_late_share_24h", at) == pytest.approx(carrier, abs=1e-15)
