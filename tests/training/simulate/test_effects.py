"""Does the network hold what a model is to find in it? Each effect is also switched off, where it must vanish."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.tables import RecordTables
from training.simulate.generate import Simulation, simulate
from training.simulate.network import WAREHOUSES
from training.simulate.settings import SimulationSettings
from training.simulate.summary import outcomes_of

SEED = 7


def without(**changes: float) -> RecordTables:
    return simulate(SimulationSettings.model_validate(changes), np.random.default_rng(SEED)).tables


def backlog_correlation(tables: RecordTables) -> float:
    """Rank correlation of what is known to wait at the origin 2 h before a departure with its later delay."""
    outcome = outcomes_of(tables)
    departed = tables.events[tables.events["status"] == "departed"]
    outcome["left_known_at"] = departed.groupby("shipment_id")["known_at"].min()
    outcome = outcome.dropna(subset=["left_known_at"])
    parts = []
    for warehouse in WAREHOUSES:
        mine = outcome[outcome["origin"] == warehouse.code]
        cutoff = mine["planned_at"] - pd.Timedelta(hours=2)
        past_plan = np.searchsorted(np.sort(micros(mine["planned_at"])), micros(cutoff), side="right")
        gone = np.searchsorted(np.sort(micros(mine["left_known_at"])), micros(cutoff), side="right")
        parts.append(pd.DataFrame({"open": past_plan - gone, "delay": mine["departure_delay_hours"].to_numpy()}))
    return float(pd.concat(parts).corr(method="spearman").loc["open", "delay"])


def bad_week_correlation(tables: RecordTables) -> float:
    """Correlation of a carrier's late share in one week with that in the next, against itself and the others."""
    outcome = outcomes_of(tables)
    daily = outcome.groupby([outcome["planned_at"].dt.floor("D"), "carrier_id"])["late"].mean().unstack()
    daily = daily.reindex(pd.date_range(daily.index.min(), daily.index.max(), freq="D"))
    week = daily.rolling(7, min_periods=3).mean()
    week = week - week.mean()
    week = week.sub(week.mean(axis=1), axis=0)
    pairs = pd.DataFrame({"now": week.stack(), "next": week.shift(-7).stack()}).dropna()
    return float(pairs.corr().loc["now", "next"])


def storm_delay_hours(tables: RecordTables) -> float:
    """Mean departure delay in strong wind at the origin less that in light wind."""
    outcome = outcomes_of(tables)
    wind = tables.weather.set_index(["place", "occurred_at"])["wind_speed_ms"]
    at = pd.MultiIndex.from_arrays([outcome["origin"], outcome["planned_at"].dt.floor("h")])
    strength = wind.reindex(at).to_numpy()
    assert (strength > 12).sum() > 100
    delay = outcome["departure_delay_hours"]
    return float(delay[strength > 12].mean() - delay[strength < 8].mean())


def micros(times: pd.Series) -> np.ndarray:
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[us]")


class TestBacklog:
    def test_what_waits_at_the_origin_tells_of_the_next_delays(self, network: Simulation) -> None:
        assert backlog_correlation(network.tables) > 0.15

    @pytest.mark.slow
    def test_with_idle_warehouses_it_tells_nothing(self) -> None:
        assert backlog_correlation(without(utilisation=0.05)) < 0.11

    @pytest.mark.slow
    def test_busy_warehouses_make_more_shipments_late(self, network: Simulation) -> None:
        idle = outcomes_of(without(utilisation=0.05))["late"].mean()
        assert outcomes_of(network.tables)["late"].mean() > idle + 0.02


class TestBadWeeks:
    def test_a_carriers_last_week_tells_of_its_next(self, network: Simulation) -> None:
        assert bad_week_correlation(network.tables) > 0.14

    @pytest.mark.slow
    def test_without_bad_weeks_it_does_not(self) -> None:
        assert bad_week_correlation(without(bad_week_strength=0)) < 0.10

    @pytest.mark.slow
    def test_bad_weeks_make_more_shipments_late(self, network: Simulation) -> None:
        steady = outcomes_of(without(bad_week_strength=0))["late"].mean()
        assert outcomes_of(network.tables)["late"].mean() > steady + 0.02


class TestWeather:
    def test_wind_at_the_origin_holds_departures_up(self, network: Simulation) -> None:
        assert storm_delay_hours(network.tables) > 1.5

    @pytest.mark.slow
    def test_without_its_effect_the_same_wind_holds_nothing_up(self) -> None:
        assert abs(storm_delay_hours(without(weather_strength=0))) < 1.0

    def test_carriers_differ_in_what_weather_does_to_them(self, network: Simulation) -> None:
        outcome, calm = outcomes_of(network.tables), outcomes_of(without(weather_strength=0))
        added = (outcome["departure_delay_hours"] - calm["departure_delay_hours"]).groupby(outcome["carrier_id"]).mean()
        assert added["OSTB"] > 1.5 * added["RHEI"]


class TestHabits:
    def test_carriers_differ_in_lateness(self, network: Simulation) -> None:
        late = outcomes_of(network.tables).groupby("carrier_id")["late"].mean()
        assert late["OSTB"] > late["NORX"] + 0.08

    def test_a_carriers_weak_weekday_shows(self, network: Simulation) -> None:
        outcome = outcomes_of(without(utilisation=0.05, weather_strength=0, bad_week_strength=0))
        weekday = outcome["planned_at"].dt.day_of_week
        delay = outcome[outcome["carrier_id"] == "VELO"].groupby(weekday)["departure_delay_hours"].median()
        assert delay[4] > 1.3 * delay[[0, 1, 2]].mean()


@pytest.mark.slow
class TestPredictability:
    """The network is worth predicting from, and no oracle: LightGBM on the real features, split by time."""

    def test_auc_is_moderate_before_departure_and_rises_after(self, network: Simulation) -> None:
        from lightgbm import LGBMClassifier
        from sklearn.metrics import roc_auc_score

        from features.build import build
        from features.labels import lateness_of
        from features.moments import questions_of
        from features.settings import FeatureSettings

        tables, settings = network.tables, FeatureSettings()
        questions = questions_of(tables)
        late = lateness_of(tables, settings)["late"].reindex(questions["shipment_id"]).to_numpy()
        values = build(tables, questions, settings).values
        split = pd.Timestamp(SimulationSettings().start) + pd.Timedelta(days=130)
        labelled = ~np.isnan(late)
        before = (questions["cutoff_at"] < split - pd.Timedelta(days=7)).to_numpy() & labelled
        after = (questions["cutoff_at"] >= split).to_numpy() & labelled
        auc = {}
        for moment in ("24h_before", "2h_before", "at_departure"):
            here = (questions["moment"] == moment).to_numpy()
            trees = LGBMClassifier(n_estimators=150, learning_rate=0.03, num_leaves=15, min_child_samples=60,
                                   colsample_bytree=0.4, verbose=-1, n_jobs=2, random_state=0)  # fmt: skip
            trees.fit(values[here & before], late[here & before])
            auc[moment] = roc_auc_score(late[here & after], trees.predict_proba(values[here & after])[:, 1])
        assert 0.65 < auc["24h_before"] < 0.82
        assert 0.65 < auc["2h_before"] < 0.84
        assert auc["2h_before"] < auc["at_departure"] < 0.95
