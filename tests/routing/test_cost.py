from __future__ import annotations

import pytest

from features.vocabulary import Branch
from routing.cost import CostTable, Offer
from routing.facts import Unknown

COSTS = CostTable(
    currency="EUR",
    probability_fact="late_probability",
    value_fact="value_minor",
    tier_fact="customer_tier",
    lateness_share={"standard": 0.02, "critical": 0.15},
    analyst_minute_minor=90,
)
KNOWN = {"late_probability": 0.5, "value_minor": 1_000_000, "customer_tier": "critical"}
REBOOK = Offer(lateness_left=0.3, fixed_minor=9000, share_of_value=0.01, analyst_minutes=4)


class TestValueAtStakeMinor:
    def test_is_probability_times_value_times_share(self) -> None:
        assert COSTS.value_at_stake_minor(probability=0.5, value_minor=1_000_000, customer_tier="critical") == 75_000

    def test_is_unknown_for_a_tier_without_a_share(self) -> None:
        stake = COSTS.value_at_stake_minor(probability=0.5, value_minor=1, customer_tier="gold")
        assert stake == Unknown("the cost table has no lateness share for tier 'gold'")


class TestStakeOf:
    def test_reads_the_facts_it_is_told_to(self) -> None:
        assert COSTS.stake_of(KNOWN) == 75_000

    @pytest.mark.parametrize("name", list(KNOWN))
    def test_is_unknown_when_one_of_them_is(self, name: str) -> None:
        known = {key: value for key, value in KNOWN.items() if key != name}
        assert COSTS.stake_of(known) == Unknown(f"{name} is unknown")


class TestCompare:
    def test_adds_the_lateness_a_branch_leaves_to_its_price(self) -> None:
        nothing, rebook = COSTS.compare({Branch.NONE: Offer(), Branch.REBOOK: REBOOK}, KNOWN)
        assert (nothing.expected_cost_minor, nothing.lateness_minor, nothing.price_minor) == (75_000, 75_000, 0)
        assert (rebook.lateness_minor, rebook.price_minor) == (22_500, 9000 + 10_000 + 360)
        assert rebook.expected_cost_minor == 41_860
        assert rebook.because is None

    def test_keeps_the_price_when_the_stake_is_unknown(self) -> None:
        known = {"value_minor": 1_000_000}
        (rebook,) = COSTS.compare({Branch.REBOOK: REBOOK}, known)
        assert (rebook.expected_cost_minor, rebook.price_minor) == (None, 19_360)
        assert rebook.because == "late_probability is unknown"

    def test_has_no_price_for_a_share_of_an_unknown_value(self) -> None:
        notify, rebook = COSTS.compare({Branch.NOTIFY: Offer(fixed_minor=10), Branch.REBOOK: REBOOK}, {})
        assert (notify.price_minor, rebook.price_minor) == (10, None)

    def test_is_written_in_plain_json_types(self) -> None:
        (nothing,) = COSTS.compare({Branch.NONE: Offer()}, KNOWN)
        assert nothing.as_json() == {
            "branch": "none",
            "expected_cost_minor": 75_000,
            "lateness_minor": 75_000,
            "price_minor": 0,
            "currency": "EUR",
            "because": None,
        }
