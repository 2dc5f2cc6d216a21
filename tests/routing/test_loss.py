from __future__ import annotations

from typing import Any

import pytest

from routing.facts import Unknown
from routing.loss import Loss, Terms, loss_if_late
from tests.routing.branches.cases import COSTS


def loss(days_late: float = 1.0, **given: Any) -> Loss | Unknown:
    usual = {"value_minor": 100_000, "currency": "EUR", "customer_tier": "priority"}
    return loss_if_late(COSTS, Terms(**{**usual, **given}), days_late=days_late)


def minor(**given: Any) -> int:
    found = loss(**given)
    assert isinstance(found, Loss)
    return found.minor


class TestLossIfLate:
    def test_is_the_share_of_the_tier_where_no_terms_say_more(self) -> None:
        assert loss() == Loss(minor=10_000, by_tier_minor=10_000, by_terms_minor=None)
        assert minor(penalty_minor=9_999) == 10_000

    def test_is_what_the_terms_say_where_that_is_more_and_never_both(self) -> None:
        assert minor(penalty_minor=12_000) == 12_000
        assert minor(penalty_minor=9_000, penalty_per_day_minor=2_000) == 11_000

    def test_counts_a_penalty_for_each_day(self) -> None:
        assert minor(penalty_per_day_minor=8_000, days_late=2.5) == 20_000

    @pytest.mark.parametrize(
        ("given", "because"),
        [
            ({"value_minor": None}, "no value is given"),
            ({"currency": "USD"}, "the value is in USD, the policy counts in EUR"),
            ({"customer_tier": "gold"}, "the cost table has no lateness share for tier 'gold'"),
        ],
    )
    def test_cannot_be_told_without_value_currency_and_tier(self, given: dict[str, Any], because: str) -> None:
        assert loss(**given) == Unknown(because)
