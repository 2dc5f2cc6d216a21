"""The declarations: each feature once, owned, explained, and bound into the fingerprint."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from features.alternatives import alternate_carriers, alternate_origins
from features.catalogue import catalogue
from features.declaration import Feature
from features.definitions import FEATURES, HISTORY, NAMES, fingerprint
from features.history import WINDOWS
from features.records import DeliveryEvent, Shipment, Stop
from features.settings import FeatureSettings
from features.state import State
from features.vocabulary import EventStatus, Mode, StopKind

ROOT = Path(__file__).parents[2]


class TestDeclarations:
    def test_each_name_is_declared_once(self) -> None:
        assert len(set(NAMES)) == len(NAMES) == len(FEATURES)

    @pytest.mark.parametrize("field", ["unit", "meaning", "source", "owner"])
    def test_each_feature_says_all_that_an_auditor_asks(self, field: str) -> None:
        assert [feature.name for feature in FEATURES if not getattr(feature, field).strip()] == []

    def test_a_parent_has_every_window_of_its_children_and_counts_the_same(self) -> None:
        streams = {stream.name: stream for stream in HISTORY.streams}
        for stream in streams.values():
            if stream.parent is not None:
                parent = streams[stream.parent]
                assert set(stream.windows) <= set(parent.windows)
                assert stream.fact is parent.fact
                assert set(parent.key) < set(stream.key)
                assert set(stream.windows) <= set(WINDOWS)

    def test_the_catalogue_on_file_is_what_the_declarations_say(self) -> None:
        assert (ROOT / "docs" / "features.md").read_text(encoding="utf-8") == catalogue(), "run `make docs`"

    def test_it_says_towards_what_each_stream_is_shrunk(self) -> None:
        said = [line for line in catalogue().splitlines() if line.startswith("  * ")]
        for stream in HISTORY.streams:
            assert stream.parent is None or any(
                f"`{stream.name}`" in line and line.endswith(f" towards `{stream.parent}`") for line in said
            ), stream.name


class TestFingerprint:
    def test_is_the_same_for_the_same_settings(self) -> None:
        assert fingerprint(FeatureSettings()) == fingerprint(FeatureSettings(late_after_minutes=0))

    def test_is_the_same_in_another_process(self) -> None:
        """Python shuffles the order of sets from process to process; no declaration may depend on it."""
        code = "from features import definitions, settings; print(definitions.fingerprint(settings.FeatureSettings()))"
        told = [
            subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            ).stdout.strip()
            for seed in ("1", "2")
        ]  # fmt: skip
        assert told == [fingerprint(FeatureSettings())] * 2

    @pytest.mark.parametrize("field", [field.name for field in fields(Feature)])
    def test_changes_with_whatever_a_feature_declares(self, field: str) -> None:
        changed = replace(FEATURES[7], **{field: "something else"})
        assert fingerprint(FeatureSettings(), [*FEATURES[:7], changed, *FEATURES[8:]]) != fingerprint(FeatureSettings())

    def test_changes_with_a_feature_more_or_less_and_with_their_order(self) -> None:
        other = replace(FEATURES[0], name="another")
        sets = [FEATURES, FEATURES[:-1], (*FEATURES, other), (FEATURES[1], FEATURES[0], *FEATURES[2:])]
        assert len({fingerprint(FeatureSettings(), features) for features in sets}) == len(sets)

    def test_changes_with_a_setting(self) -> None:
        assert fingerprint(FeatureSettings()) != fingerprint(FeatureSettings(late_after_minutes=15))


class TestAlternatives:
    """Four carriers on one lane and two origins for one destination, all delivered within the month."""

    @pytest.fixture
    def state(self, noon: datetime) -> State:
        state = State()
        for number, (carrier, origin, late_hours, days_ago) in enumerate(
            [
                ("RHEI", "NLRTM", -1, 3),
                ("PAKT", "NLRTM", -1, 5),
                ("PAKT", "NLRTM", -1, 6),
                ("VELO", "NLRTM", 4, 2),
                ("OLDY", "NLRTM", -1, 60),
                ("PAKT", "BEANR", 4, 2),
            ]
        ):
            self.deliver(state, noon - timedelta(days=days_ago), f"S{number}", carrier, origin, late_hours)
        return state

    def deliver(
        self, state: State, at: datetime, name: str, carrier: str, origin: str, late_hours: float, *, over: bool = True
    ) -> Shipment:
        shipment = Shipment(
            shipment_id=name,
            carrier_id=carrier,
            mode=Mode.ROAD_LTL,
            stops=(
                Stop(place=origin, kind=StopKind.PICKUP, planned_at=at - timedelta(hours=12)),
                Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=at - timedelta(hours=late_hours)),
            ),
            occurred_at=at - timedelta(days=2),
            known_at=at - timedelta(days=2),
        )
        state.add(shipment)
        if over:
            said = {"shipment_id": name, "occurred_at": at, "known_at": at}
            state.add(DeliveryEvent(event_id=name, status=EventStatus.DELIVERED, **said))
        return shipment

    def test_other_carriers_of_the_lane_come_most_punctual_first(self, state: State, noon: datetime) -> None:
        subject = state.shipment("S0")
        found = alternate_carriers(state, subject, noon)
        assert [(other.carrier_id, other.legs) for other in found] == [("PAKT", 2), ("VELO", 1)]
        assert found[0].late_share == pytest.approx((0 + 10 * 0.2) / 12)
        assert found[1].late_share == pytest.approx((1 + 10 * 0.2) / 11)

    def test_what_is_not_known_yet_recommends_nobody(self, state: State, noon: datetime) -> None:
        assert alternate_carriers(state, state.shipment("S0"), noon - timedelta(days=100)) == ()

    def test_other_origins_come_least_loaded_first(self, state: State, noon: datetime) -> None:
        self.deliver(state, noon + timedelta(hours=1), "OPEN", "PAKT", "BEANR", 0, over=False)
        (other,) = alternate_origins(state, state.shipment("S0"), noon)
        assert (other.place, other.open_shipments, other.legs) == ("BEANR", 1, 1)
        assert alternate_origins(state, state.shipment("S0"), noon - timedelta(days=100)) == ()
