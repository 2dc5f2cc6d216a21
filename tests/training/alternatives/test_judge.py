from __future__ import annotations

from dataclasses import replace

import pytest

from training.alternatives.judge import Candidate, Choice, summary_of

NWX = Candidate(
    carrier_id="NWX",
    is_current=True,
    rate_minor=100,
    probability=0.5,
    late_share=0.4,
    usual_hours=20.0,
    slow_hours=30.0,
    chance=0.5,
)
ACE = replace(NWX, carrier_id="ACE", is_current=False, rate_minor=150, probability=0.2, chance=0.1)


def choice(**taken: Candidate) -> Choice:
    return Choice((NWX, ACE), 1_000, taken, ACE, 20)


class TestRegret:
    def test_is_what_a_choice_costs_beyond_the_truly_cheapest(self) -> None:
        found = choice(stay=NWX, change=ACE)
        assert found.true_minor(NWX) == 600
        assert found.true_minor(ACE) == 150 + 100 + 20
        assert (found.regret_minor("stay"), found.regret_minor("change")) == (330, 0)


class TestSummary:
    def test_counts_how_often_the_truly_cheapest_is_taken(self) -> None:
        found = summary_of([choice(way=ACE), choice(way=NWX), choice(way=ACE), choice(way=ACE)])
        ways = found["ways"]
        assert isinstance(ways, dict)
        assert ways["way"]["truly_cheapest"] == 0.75
        assert ways["way"]["regret_mean_minor"] == pytest.approx(330 / 4)
        assert found["as_if"] == {
            "risk_minus_truth_mean": pytest.approx(0.1),
            "risk_minus_truth_absolute_mean": pytest.approx(0.1),
        }
