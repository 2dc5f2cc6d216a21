"""Each fault is found once, with its owner, its beginning and its size; quiet weeks raise no alarm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from features.ingest.importer import prepare
from features.quality.check import alarms_of, measures_of, newest_news
from features.quality.measures import Kind
from features.quality.settings import QualitySettings
from features.quality.window import change_point
from features.records import Disruption, WeatherForecast
from features.tables import RecordTables
from features.vocabulary import Classifier, DisruptionKind, Severity
from tests.features.ingest.recorded import mapping_of, needs, source_of
from tests.features.quality.network import (
    AT,
    HOUR,
    SETTINGS,
    START,
    alarms,
    measured,
    of_carrier,
    only,
    quiet,
    with_events,
)  # fmt: skip
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

DAY = timedelta(days=1)


class TestMeasuresOf:
    def test_quiet_weeks_raise_no_alarm_and_every_kind_is_measured(self) -> None:
        measures = measures_of(quiet(), AT, SETTINGS)
        assert [measure for measure in measures if measure.alarm] == []
        # A unit jump is measured only where the level has a place at which to change.
        assert {measure.kind for measure in measures} | {Kind.UNIT_JUMP} == set(Kind)
        assert all(measure.owner and measure.found and measure.expected and measure.to_do for measure in measures)

    @pytest.mark.slow
    def test_what_became_known_later_changes_nothing(self) -> None:
        tables = simulate(SimulationSettings(shipments=900, days=45), np.random.default_rng(2)).tables
        for days in (20, 33, 44):
            at = datetime(2024, 9, 2, tzinfo=UTC) + timedelta(days=days)
            assert measures_of(tables, at, SETTINGS) == measures_of(tables.known(until=at), at, SETTINGS)

    def test_alarms_come_first(self) -> None:
        stale = with_events(
            lambda events: events[~((events["known_at"] > AT - 9 * HOUR) & of_carrier(quiet(), "RHEI"))]
        )
        assert [measure.alarm for measure in measures_of(stale, AT, SETTINGS)][:2] == [True, False]
        assert len(alarms_of(stale, AT, SETTINGS)) == 1

    def test_without_records_there_is_nothing_to_say(self) -> None:
        assert measures_of(RecordTables.from_records([]), AT, SETTINGS) == ()

    def test_settings_are_checked(self) -> None:
        with pytest.raises(ValidationError):
            QualitySettings(recent_days=0)


class TestStale:
    def silent(self, hours: int) -> RecordTables:
        """RHEI's scans stop so many hours before the end."""
        return with_events(
            lambda events: events[~((events["known_at"] > AT - hours * HOUR) & of_carrier(quiet(), "RHEI"))]
        )

    def test_a_carrier_that_falls_silent_is_named_with_the_beginning(self) -> None:
        alarm = only(self.silent(9))
        assert (alarm.kind, alarm.feed, alarm.source, alarm.carrier) == (Kind.STALE, "events", "carrier", "RHEI")
        assert alarm.owner == "carrier management"
        last = self.silent(9).events.loc[of_carrier(self.silent(9), "RHEI"), "known_at"].max()
        assert alarm.since == last.to_pydatetime()
        assert alarm.value == pytest.approx((AT - last) / HOUR)
        assert alarm.value > alarm.limit == 2 * (alarm.usual or 0)
        assert f"since {last:%Y-%m-%d %H:%M} UTC" in alarm.found

    def test_a_silence_as_usual_is_none(self) -> None:
        assert alarms(self.silent(1)) == []
        assert measured(self.silent(1), Kind.STALE, "events", "RHEI").since is None

    def test_a_feed_that_was_given_up_is_not_reported(self) -> None:
        tables = replace(quiet(), shipments=quiet().shipments.head(0), stops=quiet().stops.head(0))
        assert alarms(tables, AT + 89 * DAY) != []
        assert alarms(tables, AT + 92 * DAY) == []

    def test_forecasts_that_come_no_more_are_the_planners(self) -> None:
        issues = [START + hours * HOUR for hours in range(0, 42 * 24 - 36, 6)]
        forecasts = [
            WeatherForecast(place="NLRTM", temperature_c=5.0, valid_at=at + 9 * HOUR, occurred_at=at, known_at=at)
            for at in issues
        ]
        told = RecordTables.from_records(forecasts).weather_forecasts
        alarm = only(replace(quiet(), weather_forecasts=told))
        assert (alarm.kind, alarm.feed, alarm.source, alarm.owner) == (
            Kind.STALE, "weather_forecasts", "NLRTM", "network planning",
        )  # fmt: skip

    def test_the_silence_of_disruptions_says_nothing(self) -> None:
        told = [
            Disruption(
                disruption_id=f"D{hours}", kind=DisruptionKind.PLACE, severity=Severity.SEVERE, place="NLRTM",
                valid_from=START + hours * HOUR, valid_until=START + (hours + 2) * HOUR,
                occurred_at=START + hours * HOUR, known_at=START + hours * HOUR,
            )
            for hours in range(0, 20 * 24, 6)
        ]  # fmt: skip
        assert alarms(replace(quiet(), disruptions=RecordTables.from_records(told).disruptions)) == []

    def test_weekends_are_usual(self) -> None:
        def workdays(events: pd.DataFrame) -> pd.DataFrame:
            return events[events["known_at"].dt.day_of_week < 5]

        monday = AT
        assert monday.weekday() == 0
        assert [one for one in alarms(with_events(workdays), monday) if one.kind is Kind.STALE] == []


class TestIncomplete:
    def test_a_field_that_a_sender_drops_is_named(self) -> None:
        def drop(events: pd.DataFrame) -> pd.DataFrame:
            gone = (events["known_at"] > AT - 3 * DAY) & of_carrier(quiet(), "VELO")
            return events.assign(raw_status=events["raw_status"].where(~gone, None))

        alarm = only(with_events(drop))
        assert (alarm.kind, alarm.carrier, alarm.field, alarm.usual) == (Kind.INCOMPLETE, "VELO", "raw_status", 0.0)
        assert alarm.value == pytest.approx(3 / 7, abs=0.02)
        assert alarm.limit == pytest.approx(0.1)
        assert alarm.since is not None
        assert AT - 3 * DAY < alarm.since < AT - 3 * DAY + 3 * HOUR

    def test_a_promise_may_be_missing_rarely_whatever_is_usual(self) -> None:
        stops = quiet().stops.copy()
        none = stops["shipment_id"].str.endswith(("3", "7")) & stops["shipment_id"].str.startswith("RHEI")
        stops["promised_at"] = stops["promised_at"].where(~none)
        alarm = only(replace(quiet(), stops=stops))
        assert (alarm.feed, alarm.carrier, alarm.field, alarm.limit) == ("shipments", "RHEI", "promised_at", 0.05)
        assert alarm.value == pytest.approx(0.2, abs=0.02)
        assert alarm.usual == pytest.approx(0.2, abs=0.02)
        assert alarm.owner == "transport planning"

    def test_shipments_without_an_end_are_the_carriers(self) -> None:
        def lose(events: pd.DataFrame) -> pd.DataFrame:
            lost = events["shipment_id"].str.endswith("5") & (events["status"] == "delivered")
            return events[~(lost & of_carrier(quiet(), "RHEI"))]

        alarm = only(with_events(lose))
        assert (alarm.kind, alarm.carrier) == (Kind.NO_END, "RHEI")
        assert alarm.value == pytest.approx(0.1, abs=0.01)


class TestUnitJump:
    def changed(self, factor: float, *, share: float = 1.0) -> RecordTables:
        """VELO's weights are multiplied from five days before the end, all of them or a share."""
        shipments = quiet().shipments.copy()
        rows = (shipments["carrier_id"] == "VELO") & (shipments["known_at"] >= AT - 5 * DAY)
        rows &= np.random.default_rng(3).random(len(shipments)) < share
        shipments.loc[rows, "weight_kg"] *= factor
        return replace(quiet(), shipments=shipments)

    @pytest.mark.parametrize(
        ("factor", "words"),
        [(2.2046, "pounds and kilograms"), (1 / 2.2046, "pounds"), (1000.0, "grams and kilograms"), (0.001, "grams")],
    )
    def test_a_change_of_unit_is_found_with_its_day_and_the_units(self, factor: float, words: str) -> None:
        alarm = only(self.changed(factor))
        assert (alarm.kind, alarm.carrier, alarm.field) == (Kind.UNIT_JUMP, "VELO", "weight_kg")
        assert alarm.value == pytest.approx(factor, rel=0.3)
        assert words in alarm.found
        assert alarm.since is not None
        assert abs(alarm.since - (AT - 5 * DAY)) < timedelta(hours=36)

    @pytest.mark.parametrize("factor", [1.3, 5.0, 60.0, 100.0])
    def test_other_goods_are_not_another_unit(self, factor: float) -> None:
        assert alarms(self.changed(factor)) == []

    def test_a_mix_of_goods_is_not_another_unit(self) -> None:
        """The median may move by the right factor; the quartiles do not."""
        assert alarms(self.changed(1000.0, share=0.6)) == []

    @pytest.mark.parametrize(
        ("factor", "least", "most"),
        [
            pytest.param(2.2046, 38, 40, marks=pytest.mark.slow),
            pytest.param(1 / 2.2046, 38, 40, marks=pytest.mark.slow),
            pytest.param(1000.0, 40, 40, marks=pytest.mark.slow),
            pytest.param(1.0, 0, 0, marks=pytest.mark.slow),
            pytest.param(1.3, 0, 3, marks=pytest.mark.slow),
        ],
    )
    def test_it_is_seldom_missed_and_seldom_made_up(self, factor: float, least: int, most: int) -> None:
        """Forty draws of a month and a week of weights that spread widely: half of them between 70 and 205 kg."""
        jumps = 0
        for seed in range(40):
            weights = np.exp(np.random.default_rng(seed).normal(4.79, 0.8, 420))
            weights[336:] *= factor
            plans = quiet().shipments[quiet().shipments["carrier_id"] == "VELO"].iloc[-420:]
            tables = replace(quiet(), shipments=plans.assign(weight_kg=weights), events=quiet().events.head(0))
            jumps += sum(one.kind is Kind.UNIT_JUMP for one in alarms(tables))
        assert least <= jumps <= most

    @pytest.mark.parametrize("draws", [range(10), pytest.param(range(10, 40), marks=pytest.mark.slow)])
    def test_few_records_that_spread_widely_say_little(self, draws: range) -> None:
        """Half of the values between 2,100 and 46,000: their median moves tenfold by chance, over sixty records."""
        jumps = 0
        for seed in draws:
            value = np.exp(np.random.default_rng(seed).normal(9.2, 2.3, 60)).astype(np.int64)
            plans = quiet().shipments[quiet().shipments["carrier_id"] == "VELO"].iloc[-60:]
            tables = replace(quiet(), shipments=plans.assign(value_minor=value), events=quiet().events.head(0))
            jumps += sum(one.kind is Kind.UNIT_JUMP for one in alarms(tables))
        assert jumps == 0

    def test_money_goes_by_a_hundred_and_not_by_pounds(self) -> None:
        shipments = quiet().shipments.assign(value_minor=10_000, currency="EUR")
        shipments["value_minor"] += np.arange(len(shipments)) % 500
        later = shipments["known_at"] >= AT - 5 * DAY

        def jump(factor: float) -> RecordTables:
            value = shipments["value_minor"].where(~later, (shipments["value_minor"] * factor).astype("int64"))
            return replace(quiet(), shipments=shipments.assign(value_minor=value))

        assert alarms(jump(2.2046)) == []
        assert {(one.kind, one.field) for one in alarms(jump(0.01))} == {(Kind.UNIT_JUMP, "value_minor")}


class TestClocks:
    def shifted(self, minutes: float, column: str = "known_at") -> RecordTables:
        """RHEI's clock goes wrong by so many minutes five days before the end."""

        def shift(events: pd.DataFrame) -> pd.DataFrame:
            rows = of_carrier(quiet(), "RHEI") & (events["known_at"] >= AT - 5 * DAY)
            events.loc[rows, column] = events.loc[rows, column] + timedelta(minutes=minutes)
            return events

        return with_events(shift)

    def test_known_before_it_happened(self) -> None:
        alarm = only(self.shifted(30, "occurred_at"))
        assert (alarm.kind, alarm.source, alarm.carrier) == (Kind.EARLY, "carrier", "RHEI")
        assert alarm.value == pytest.approx(5 / 7, abs=0.02)
        assert alarm.since is not None
        assert AT - 5 * DAY <= alarm.since < AT - 5 * DAY + 3 * HOUR

    def test_a_small_skew_is_allowed(self) -> None:
        assert alarms(self.shifted(5.9, "occurred_at")) == []

    def test_what_happens_only_later_is_counted(self) -> None:
        found = alarms(self.shifted(600, "occurred_at"))
        assert {one.kind for one in found} == {Kind.EARLY, Kind.FUTURE}
        (ahead,) = [one for one in found if one.kind is Kind.FUTURE]
        events = self.shifted(600, "occurred_at").known(until=AT).events
        assert ahead.value == (events["occurred_at"] > AT + timedelta(seconds=60)).sum() > 0

    @pytest.mark.parametrize("classifier", [Classifier.PLANNED, Classifier.ESTIMATED])
    def test_what_is_planned_or_estimated_may_lie_ahead(self, classifier: Classifier) -> None:
        def tell(events: pd.DataFrame) -> pd.DataFrame:
            ahead = events.assign(
                event_id=events["event_id"] + "-ahead",
                classifier=classifier.value,
                occurred_at=events["known_at"] + 30 * HOUR,
            )
            return pd.concat([events, ahead], ignore_index=True)

        told = with_events(tell)
        assert alarms(told) == []
        for kind in (Kind.EARLY, Kind.FUTURE, Kind.LATE_NEWS):
            assert measured(told, kind, "events", "RHEI") == measured(quiet(), kind, "events", "RHEI")
        claimed = replace(told, events=told.events.assign(classifier=Classifier.ACTUAL.value))
        assert {one.kind for one in alarms(claimed)} >= {Kind.EARLY, Kind.FUTURE}

    def test_a_sender_of_nothing_but_plans_has_no_clock_to_be_wrong(self) -> None:
        planned = with_events(lambda events: events.assign(classifier=Classifier.PLANNED.value))
        clocks = {Kind.EARLY, Kind.FUTURE, Kind.LATE_NEWS}
        assert [one for one in measures_of(planned, AT, SETTINGS) if one.feed == "events" and one.kind in clocks] == []

    def test_news_that_takes_longer_by_whole_hours_smells_of_a_time_zone(self) -> None:
        (alarm,) = [one for one in alarms(self.shifted(120)) if one.kind is Kind.LATE_NEWS]
        assert alarm.carrier == "RHEI"
        assert alarm.value == pytest.approx(2.0, abs=0.1)
        assert "Now it is 2 h more to the minute" in alarm.found
        assert alarm.since is not None
        assert abs(alarm.since - (AT - 5 * DAY)) < timedelta(hours=12)

    def test_a_backlog_of_days_is_no_time_zone(self) -> None:
        (alarm,) = [one for one in alarms(self.shifted(1440, "known_at")) if one.kind is Kind.LATE_NEWS]
        assert "time zone" not in alarm.found

    def test_news_that_takes_half_an_hour_longer_is_allowed(self) -> None:
        assert alarms(self.shifted(29)) == []
        (alarm,) = alarms(self.shifted(45))
        assert "time zone" not in alarm.found


class TestRepeated:
    def test_the_same_scan_under_another_number_is_a_repeat(self) -> None:
        def twice(events: pd.DataFrame) -> pd.DataFrame:
            some = events[of_carrier(quiet(), "VELO") & (events["known_at"] > AT - 5 * DAY)].iloc[::8]
            again = some.assign(event_id=some["event_id"] + "R", known_at=some["known_at"] + timedelta(minutes=3))
            return pd.concat([events, again], ignore_index=True)

        alarm = only(with_events(twice))
        assert (alarm.kind, alarm.carrier) == (Kind.REPEATED, "VELO")
        assert alarm.value == pytest.approx(5 / 8 / (7 + 5 / 8), abs=0.01)
        assert alarm.usual == 0.0


class TestChangePoint:
    def test_it_is_the_first_of_the_new_level(self) -> None:
        assert change_point(np.array([1.0, 1.0, 1.0, 5.0, 5.0])) == 3
        assert change_point(np.array([5.0, 1.0])) == 1


class TestNewestNews:
    def test_it_is_the_newest_fact_and_not_the_newest_plan(self) -> None:
        assert newest_news(quiet()) == quiet().events["known_at"].max()
        plans = replace(quiet(), events=quiet().events.head(0), weather=quiet().weather.head(0))
        assert newest_news(plans) == quiet().shipments["known_at"].max()
        assert newest_news(RecordTables.from_records([])) is None


@needs("flights_pnw14")
@pytest.mark.slow
def test_recorded_flights_lack_the_promise_of_cancelled_legs_and_the_last_day_of_weather() -> None:
    """The file holds no scheduled arrival: it is reckoned from the actual one, which a cancelled leg has not."""
    told = prepare(mapping_of("flights_pnw14"), source_of("flights_pnw14")).kept
    # Each leg as published: the second plan, with the aircraft, would count the promises of most legs twice.
    tables = replace(told, shipments=told.shipments[told.shipments["vehicle_id"].isna()])
    (promise,) = alarms_of(tables, datetime(2014, 4, 12, tzinfo=UTC), SETTINGS)
    assert (promise.carrier, promise.field, round(promise.value, 3)) == ("AA", "promised_at", 0.054)
    at = newest_news(tables)
    assert at is not None
    weather = [one for one in alarms_of(tables, at, SETTINGS) if one.feed == "weather"]
    assert [one.source for one in weather] == ["PDX", "SEA"]
    assert {one.since for one in weather} == {datetime(2014, 12, 30, 23, tzinfo=UTC)}
