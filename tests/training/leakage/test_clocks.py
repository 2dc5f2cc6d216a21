"""Leaks planted into the features are found by the check that is made for them, and honest features pass."""

from __future__ import annotations

import numpy as np
import pytest

from features import rests
from features.build import build
from features.definitions import NAMES
from features.legs import Legs
from features.rests import Rests
from features.tables import RecordTables
from features.tracking import Reports
from tests.training.leakage import planted
from tests.training.leakage.planted import SETTINGS, Column, planting, prompt_world, world
from training.leakage.clocks import check_clocks, differing
from training.leakage.findings import Finding
from training.leakage.questions import groups_of


def found(column: Column, tables: RecordTables) -> dict[str, Finding]:
    """Return the findings by check; all are about the planted feature, as the honest ones have no leak."""
    groups = groups_of(tables, SETTINGS, 60, np.random.default_rng(1))
    _, findings, _ = check_clocks(planting(column), tables, groups, SETTINGS, np.random.default_rng(1))
    assert {finding.feature for finding in findings} <= {"planted"}
    return {finding.check: finding for finding in findings}


class TestCheckClocks:
    def test_the_features_of_the_product_have_no_leak_and_every_check_and_trail_is_told(self) -> None:
        groups = groups_of(world(), SETTINGS, 90, np.random.default_rng(1))
        told: list[tuple[str, int, int]] = []
        checks, findings, trails = check_clocks(
            build, world(), groups, SETTINGS, np.random.default_rng(1), lambda *step: told.append(step)
        )
        assert findings == ()
        asked = sum(len(group.questions) for group in groups)
        assert [(check.name, check.compared) for check in checks] == [
            (name, asked * len(NAMES)) for name in ("removed", "changed", "told late", "announced early")
        ]
        assert told[-1] == ("what it rests on", len(groups) * 6, len(groups) * 6)
        of = {trail.feature: trail for trail in trails}
        assert list(of) == list(NAMES)
        # A trail tells how new the facts are on which a feature rests.
        assert of["all_departures_count_24h"].newest_known in {"5 min", "1 h", "6 h"}
        assert of["all_departures_count_24h"].newest_occurred != ""
        assert (of["weight_kg"].newest_known, of["weight_kg"].newest_occurred) == ("", "")

    def test_a_feature_that_reads_on_after_the_cutoff(self) -> None:
        leak = found(planted.reads_on, prompt_world())["removed"]
        assert "features.timeline" in leak.to_do
        example = leak.examples[0]
        assert (example.as_it_is, example.as_checked) == (1.0, 0.0)
        assert f"for {example.subject} at {example.cutoff_at:%Y-%m-%d %H:%M:%S} UTC from 1 to 0" in leak.found

    def test_a_feature_that_goes_by_event_time_is_found_even_where_the_data_hold_nothing_late(self) -> None:
        assert set(found(planted.goes_by_event_time, prompt_world())) == {"changed", "told late"}
        everywhere = {"removed", "changed", "told late", "announced early"}  # all but `changed` lack what came later
        assert set(found(planted.goes_by_event_time, world())) == everywhere

    @pytest.mark.parametrize("column", [planted.newest_plan, planted.newest_promise])
    def test_a_feature_that_takes_the_newest_plan_is_found_even_where_no_plan_was_changed(self, column: Column) -> None:
        assert set(found(column, world())) == {"told late"}

    def test_a_copy_of_the_outcome_is_gone_with_what_came_later(self) -> None:
        leak = found(planted.copies_the_label, world())["removed"]
        assert leak.examples[0].as_checked is None
        assert leak.found.endswith("to unknown.")

    def test_a_feature_that_believes_a_claim_about_the_future(self) -> None:
        assert set(found(planted.goes_by_knowledge, prompt_world())) == {"announced early"}

    @pytest.mark.slow
    def test_a_rest_that_counts_before_it_is_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        honest = rests.rests_of_many

        def by_event_time(legs: Legs, reports: Reports) -> Rests:
            found = honest(legs, reports)
            return found._replace(known=found.occurred)

        monkeypatch.setattr(rests, "rests_of_many", by_event_time)
        groups = groups_of(world(), SETTINGS, 60, np.random.default_rng(1))
        _, findings, _ = check_clocks(build, world(), groups, SETTINGS, np.random.default_rng(1))
        leaking = {finding.feature for finding in findings}
        assert "last_scan_usual_hours" in leaking <= {feature.name for feature in rests.FEATURES}

    @pytest.mark.slow
    def test_a_feature_that_keeps_both_clocks_passes(self) -> None:
        assert found(planted.keeps_both_clocks, world()) == {}


class TestDiffering:
    def test_every_bit_counts_but_unknown_is_unknown(self) -> None:
        one = np.array([1.0, np.nan, np.nan, 0.0, 0.1 + 0.2])
        other = np.array([1.0, -np.nan, 1.0, -0.0, 0.3])
        assert differing(one, other).tolist() == [False, False, True, True, True]
