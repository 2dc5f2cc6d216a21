from __future__ import annotations

from math import nan

import pytest

from features.definitions import FEATURES, NAMES
from models.contracts import Explanation
from models.explain import explain


def told(parts: dict[str, float], values: dict[str, float] | None = None, **options: int) -> Explanation:
    given = values or {}
    return explain(-1.0, [parts.get(name, 0.0) for name in NAMES], [given.get(name, nan) for name in NAMES], **options)


class TestReasons:
    def test_the_strongest_comes_first_whatever_its_direction(self) -> None:
        found = told({"hours_to_promise": -2.0, "origin_open": 1.0}, {"hours_to_promise": 30.0, "origin_open": 4.0})
        assert [reason.feature for reason in found.reasons[:2]] == ["hours_to_promise", "origin_open"]
        assert found.reasons[0].words.endswith("(lowers the risk)")
        assert found.reasons[1].words.endswith("(raises the risk)")

    def test_windows_of_the_same_thing_make_one_reason(self) -> None:
        family = [name for name in NAMES if name.startswith("carrier_arrivals_late_share_")]
        assert len(family) > 1
        found = told(dict.fromkeys(family, 0.25))
        assert found.reasons[0].log_odds == pytest.approx(0.25 * len(family))
        assert sum(reason.feature in family for reason in found.reasons) == 1

    def test_what_is_not_listed_is_summed_into_the_last_one(self) -> None:
        found = told({"hours_to_promise": 3.0, "origin_open": 2.0, "carrier_origin_open": 1.5}, top=1)
        assert [reason.log_odds for reason in found.reasons] == [3.0, 3.5]
        assert found.reasons[-1].words == "everything else (raises the risk)"

    def test_a_value_that_is_not_known_says_so(self) -> None:
        assert "is not known" in told({"hours_to_promise": 1.0}).reasons[0].words

    def test_every_feature_is_in_the_contributions_in_order(self) -> None:
        assert tuple(name for name, _ in told({}).contributions) == tuple(feature.name for feature in FEATURES)
