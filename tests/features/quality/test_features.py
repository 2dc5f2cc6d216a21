"""The state of a carrier's feed at many cutoffs, beside a slow, obvious way of finding it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from features.errors import TimelineError
from features.moments import questions_of
from features.quality.features import FEATURES, feed_values
from features.tables import RecordTables
from tests.features.conftest import world

network = world
"""A small generated network, with late, early and repeated events."""
SAME = ["shipment_id", "status", "classifier", "place", "occurred_at", "corrects"]


def slowly(tables: RecordTables, shipment_id: str, cutoff: pd.Timestamp) -> list[float]:
    plans = tables.shipments.drop_duplicates("shipment_id").set_index("shipment_id")
    carrier = plans.loc[shipment_id, "carrier_id"]
    ours = plans.index[(plans["carrier_id"] == carrier) & (plans["known_at"] <= cutoff)]
    events = tables.events.sort_values(["known_at", "occurred_at", "event_id"], kind="stable")
    events = events.assign(again=events.duplicated(SAME))
    events = events[events["shipment_id"].isin(ours) & (events["known_at"] <= cutoff)]
    heard = np.maximum(events["known_at"], events["shipment_id"].map(plans["known_at"]))
    if events.empty:
        return [np.nan] * len(FEATURES)
    silence = (cutoff - heard.max()) / pd.Timedelta(hours=1)
    month = (heard > cutoff - timedelta(days=28)).sum()
    week = events[heard > cutoff - timedelta(days=7)]
    actual = week[week["classifier"] == "ACT"]
    lag = (actual["known_at"] - actual["occurred_at"]) // pd.Timedelta(minutes=1)
    early = actual["known_at"] < actual["occurred_at"]
    weights = plans.loc[ours[plans.loc[ours, "known_at"] > cutoff - timedelta(days=35)], ["known_at", "weight_kg"]]
    logarithm, newer = np.log(weights["weight_kg"]), weights["known_at"] > cutoff - timedelta(days=7)
    ratio = np.exp(logarithm[newer].mean() - logarithm[~newer].mean())
    placeless = actual["place"].isna().mean()
    return [silence, silence * month / 672, lag.mean() / 60, early.mean(), week["again"].mean(), placeless, ratio]


class TestFeedValues:
    def test_equals_the_slow_way(self, network: RecordTables) -> None:
        questions = questions_of(network).iloc[::29].reset_index(drop=True)
        found = feed_values(network, questions)
        expected = [slowly(network, one.shipment_id, one.cutoff_at) for one in questions.itertuples()]
        np.testing.assert_allclose(found[:, :-1], np.array(expected)[:, :-1], rtol=1e-12)
        np.testing.assert_allclose(found[:, -1], np.array(expected)[:, -1], rtol=2e-6)  # of logarithms in millionths
        assert np.isfinite(found).mean() > 0.8

    def test_what_became_known_later_changes_nothing(self, network: RecordTables) -> None:
        questions = questions_of(network).iloc[::97].reset_index(drop=True)
        whole = feed_values(network, questions)
        for number, cutoff in enumerate(questions["cutoff_at"]):
            cut = feed_values(network.known(until=cutoff), questions.iloc[[number]])
            np.testing.assert_array_equal(cut[0], whole[number])

    def test_a_place_left_out_and_a_changed_unit_show(self, network: RecordTables) -> None:
        asked = questions_of(network).sort_values("cutoff_at")
        question = asked.iloc[[len(asked) // 2]]
        cutoff = question["cutoff_at"].iloc[0]
        carriers = network.shipments.drop_duplicates("shipment_id").set_index("shipment_id")["carrier_id"]
        carrier = carriers[question["shipment_id"].iloc[0]]
        newest, plans = network.events["known_at"] > cutoff - timedelta(days=7), network.shipments
        ours = newest & (network.events["shipment_id"].map(carriers) == carrier)
        events = network.events.assign(place=network.events["place"].mask(ours))
        in_pounds = plans["weight_kg"].where(
            plans["known_at"] <= cutoff - timedelta(days=7), plans["weight_kg"] / 0.4536
        )
        was, now = (
            dict(zip((feature.name for feature in FEATURES), feed_values(tables, question)[0], strict=True))
            for tables in (network, replace(network, events=events, shipments=plans.assign(weight_kg=in_pounds)))
        )
        assert (was["carrier_feed_placeless_share"], now["carrier_feed_placeless_share"]) == (0.0, 1.0)
        factor = now["carrier_plans_weight_ratio"] / was["carrier_plans_weight_ratio"]
        assert factor == pytest.approx(1 / 0.4536, rel=1e-5)

    def test_a_carrier_of_which_nothing_was_heard_is_unknown(self, network: RecordTables) -> None:
        first = network.shipments.sort_values("known_at").iloc[[0]]
        question = pd.DataFrame({"shipment_id": first["shipment_id"], "cutoff_at": first["known_at"]})
        assert np.isnan(feed_values(network, question)).all()

    def test_a_shipment_that_is_not_there_is_refused(self, network: RecordTables) -> None:
        question = pd.DataFrame({"shipment_id": ["nobody"], "cutoff_at": network.events["known_at"].iloc[:1]})
        with pytest.raises(TimelineError, match="the first 'nobody'"):
            feed_values(network, question)
