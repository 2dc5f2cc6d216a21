from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.simulate.generate import Simulation, simulate
from training.simulate.settings import SimulationSettings


def lag_minutes(made: Simulation) -> pd.Series:
    events = made.tables.events
    return (events["known_at"] - events["occurred_at"]).dt.total_seconds() / 60


class TestMakeScans:
    def test_reports_are_late_with_a_heavy_tail(self, network: Simulation) -> None:
        events = network.tables.events
        live = network.tables.shipments.set_index("shipment_id")["carrier_id"].isin(["NORX", "ALPK", "VELO", "PAKT"])
        lag = lag_minutes(network)[
            live[events["shipment_id"]].to_numpy() & events["asserted_by"].isin(["carrier", "driver"]).to_numpy()
        ]
        assert 3 < lag.median() < 20
        assert lag.quantile(0.99) > 15 * lag.median()
        assert lag.max() <= 24 * 60 * 10

    def test_some_clocks_run_fast_but_never_by_a_minute(self, network: Simulation) -> None:
        lag = lag_minutes(network)
        assert 0.0005 < (lag < 0).mean() < 0.005
        assert lag.min() > -1.0

    def test_carriers_with_batches_report_at_set_hours(self, network: Simulation) -> None:
        events = network.tables.events
        carrier = network.tables.shipments.set_index("shipment_id")["carrier_id"][events["shipment_id"]].to_numpy()
        plain = (lag_minutes(network) >= 0) & events["corrects"].isna() & ~events["event_id"].str.endswith("R")
        batched = events[(carrier == "OSTB") & (events["asserted_by"] == "driver").to_numpy() & plain.to_numpy()]
        # Times are whole hours of the simulation; the batch itself takes a while to be taken in.
        assert (batched["known_at"].dt.hour % 6 == 0).mean() > 0.9

    def test_reports_come_out_of_order(self, network: Simulation) -> None:
        events = network.tables.events.drop_duplicates("event_id").sort_values("occurred_at", kind="stable")
        behind = events["known_at"] < events.groupby("shipment_id")["known_at"].cummax()
        assert 0.005 < behind.mean() < 0.2

    def test_some_scans_are_never_made(self, network: Simulation) -> None:
        events, shipments = network.tables.events, network.tables.shipments
        cancelled = events[events["status"] == "cancelled"]["shipment_id"]
        going = shipments[~shipments["shipment_id"].isin(cancelled)]
        scanned = going["shipment_id"].isin(events[events["status"] == "departed"]["shipment_id"])
        share = 1 - scanned.groupby(going["carrier_id"]).mean()
        assert share["PAKT"] < 0.015
        assert share["RHEI"] > 0.05

    def test_a_correction_supersedes_an_earlier_report_of_the_same_fact(self, network: Simulation) -> None:
        events = network.tables.events
        corrections = events[events["corrects"].notna()]
        assert 0.001 < len(corrections) / len(events) < 0.006
        wrong = events.set_index("event_id").loc[corrections["corrects"]]
        assert not wrong.index.duplicated().any()
        assert (wrong["shipment_id"].to_numpy() == corrections["shipment_id"].to_numpy()).all()
        assert (wrong["status"].to_numpy() == corrections["status"].to_numpy()).all()
        assert (wrong["known_at"].to_numpy() < corrections["known_at"].to_numpy()).all()
        assert (wrong["occurred_at"].to_numpy() < corrections["occurred_at"].to_numpy()).all()

    @pytest.mark.parametrize(
        ("setting", "left"),
        [
            ("clock_skew_share", lambda made: (lag_minutes(made) < 0).sum()),
            ("correction_share", lambda made: made.tables.events["corrects"].notna().sum()),
            ("duplicate_share", lambda made: made.tables.events["event_id"].str.endswith("R").sum()),
            ("duplicate_share", lambda made: made.tables.events["event_id"].duplicated().sum()),
            ("cancelled_share", lambda made: (made.tables.events["status"] == "cancelled").sum()),
            ("missing_promise_share", lambda made: made.tables.stops["promised_at"].isna().sum() - 600),
        ],
    )
    def test_a_share_of_zero_leaves_none(self, setting, left) -> None:
        made = simulate(SimulationSettings(shipments=600, days=28, **{setting: 0.0}), np.random.default_rng(3))
        usual = simulate(SimulationSettings(shipments=600, days=28, **{setting: 0.05}), np.random.default_rng(3))
        assert left(made) == 0
        assert left(usual) > 0


class TestEventsFrame:
    def test_a_message_sent_twice_is_the_same_to_the_byte(self, network: Simulation) -> None:
        events = network.tables.events
        twice = events[events["event_id"].duplicated(keep=False)]
        assert 100 < len(twice) < 1500
        assert twice.drop_duplicates().groupby("event_id").size().eq(1).all()

    def test_a_fact_told_again_has_a_new_id_and_is_known_later(self, network: Simulation) -> None:
        events = network.tables.events.drop_duplicates("event_id").set_index("event_id")
        again = events[events.index.str.endswith("R")]
        first = events.loc[again.index.str.removesuffix("R")]
        assert len(again) > 100
        for column in ("shipment_id", "status", "occurred_at", "place"):
            assert (again[column].to_numpy() == first[column].to_numpy()).all()
        assert (again["known_at"].to_numpy() > first["known_at"].to_numpy()).all()

    def test_a_breakdown_on_the_way_is_not_told_at_the_departure(self, network: Simulation) -> None:
        events = network.tables.events
        broken = events[events["reason"] == "AI"]
        assert len(broken) > 10
        assert set(broken["status"]) == {"delayed"}
        destination = network.tables.stops[network.tables.stops["kind"] == "delivery"].set_index("shipment_id")["place"]
        assert (broken["place"].to_numpy() == destination[broken["shipment_id"]].to_numpy()).all()
