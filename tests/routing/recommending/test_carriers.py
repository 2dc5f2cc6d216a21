from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from routing.facts import Unknown
from routing.loss import Loss
from routing.recommending.carriers import Asking, Carrier, Load, carrier_options, reasons_against, risk_of

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
LOAD = Load(closes_at=NOW + 10 * HOUR, promised_at=NOW + 40 * HOUR, leaves_at=NOW + 10 * HOUR)
ASKING = Asking(currency="EUR", handling_minor=360, refusal_minor=360)
LOSS = Loss(minor=100_000, by_tier_minor=100_000, by_terms_minor=None)
ACE = Carrier(
    name="ACE", carrier_id="ACE", rate_minor=20_000, currency="EUR", late_probability=0.1, accepted=0.8, tenders=12
)
NWX = replace(ACE, name="NWX", carrier_id="NWX", is_current=True, rate_minor=15_000, late_probability=0.5)


def reasons(carrier: Carrier = ACE, load: Load = LOAD) -> tuple[str, ...]:
    return reasons_against(carrier, load, ASKING, NOW)


class TestReasons:
    def test_are_none_for_one_that_can_take_it(self) -> None:
        assert reasons() == reasons(NWX) == ()

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"rate_minor": None, "no_rate": ("no rate holds for ACE",)}, "no rate holds for ACE"),
            ({"currency": "USD"}, "it charges in USD, the policy counts in EUR"),
            ({"late_probability": None, "no_risk": ("carrier ACE has no history",)}, "carrier ACE has no history"),
            ({"usual_hours": 31.0}, "half of its runs on this lane take more than 31 hours, 30 are left"),
            ({"disruption": 3}, "severe disruption"),
            ({"hours_silent": 12.0}, "nothing was heard of it for 12 hours"),
        ],
    )
    def test_are_said_in_words(self, changed: dict[str, object], words: str) -> None:
        (reason,) = reasons(replace(ACE, **changed))  # type: ignore[arg-type]
        assert words in reason

    @pytest.mark.parametrize(
        "changed", [{"usual_hours": 30.0}, {"disruption": 2}, {"hours_silent": 11.9}, {"hours_silent": None}]
    )
    def test_end_at_their_limits(self, changed: dict[str, object]) -> None:
        assert reasons(replace(ACE, **changed)) == ()  # type: ignore[arg-type]

    def test_name_the_cut_off_that_an_answer_would_miss(self) -> None:
        assert reasons(load=replace(LOAD, closes_at=NOW + 2 * HOUR)) == ()
        (reason,) = reasons(load=replace(LOAD, closes_at=NOW + 1.9 * HOUR))
        assert reason == "2 hours to answer end after the cut-off, 2026-03-02 07:54 UTC"

    def test_stand_against_others_alone_once_it_has_left(self) -> None:
        left = replace(LOAD, departed=True, closes_at=NOW - HOUR)
        assert reasons(load=left) == ("the shipment has left",)
        assert reasons(replace(NWX, hours_silent=99.0, disruption=3), left) == ()

    def test_never_take_unknown_for_yes(self) -> None:
        needs = replace(LOAD, equipment=frozenset({"reefer"}), dangerous_goods=True)
        assert reasons(load=needs) == (
            "it is not known whether it has reefer", "it is not known whether it takes dangerous goods"
        )  # fmt: skip
        cannot = replace(ACE, equipment=frozenset({"tail lift"}), takes_dangerous_goods=False)
        assert reasons(cannot, needs) == ("it has no reefer", "it takes no dangerous goods")
        can = replace(ACE, equipment=frozenset({"reefer", "tail lift"}), takes_dangerous_goods=True)
        assert reasons(can, needs) == ()


class TestOptions:
    def test_weigh_rate_risk_handling_and_the_chance_of_a_no(self) -> None:
        first, second = carrier_options([NWX, ACE], LOAD, LOSS, ASKING, NOW)
        standing = 15_000 + 50_000
        assert (first.way.name, second.way.name) == ("ACE", "NWX")
        assert second.expected_cost_minor == standing
        assert first.expected_cost_minor == round(0.8 * (20_000 + 10_000 + 360) + 0.2 * (standing + 360))

    def test_reckon_another_carrier_with_no_less_risk_than_its_transits_say(self) -> None:
        slow = replace(ACE, usual_hours=25.0, slow_hours=30.0)
        assert risk_of(slow, LOAD) == pytest.approx(0.1)
        slower = replace(slow, slow_hours=50.0)
        risk = risk_of(slower, LOAD)
        assert risk is not None
        assert 0.3 < risk < 0.5
        assert risk_of(replace(slower, is_current=True), LOAD) == 0.1
        (first, *_) = carrier_options([slower], LOAD, LOSS, ASKING, NOW)
        assert first.way.delay_minor == round(risk * LOSS.minor)

    def test_leave_it_where_it_is_if_that_costs_least(self) -> None:
        small = Loss(minor=1_000, by_tier_minor=1_000, by_terms_minor=None)
        assert carrier_options([NWX, ACE], LOAD, small, ASKING, NOW)[0].way.stands

    def test_cannot_be_compared_without_knowing_what_lateness_costs(self) -> None:
        options = carrier_options([NWX, ACE], LOAD, Unknown("no value is given"), ASKING, NOW)
        for option in options:
            assert option.rank is None
            assert option.way.infeasible_because == ("what lateness costs cannot be told: no value is given",)
