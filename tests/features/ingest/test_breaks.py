"""Weight breaks beside each other: what contradicts, what leaves a gap, against a look at every weight and pair."""

from __future__ import annotations

from datetime import timedelta
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from features.contracts import Contracts
from features.ingest.breaks import breaks_of
from features.invoice_records import CarrierRate
from features.line_haul import Haul, NoHaul, line_haul
from tests.drawn import drawn
from tests.features.agreed import AGREED, CUTOFF, PICKUP, plan, rate

DAY = timedelta(days=1)


def until(one: CarrierRate) -> float:
    return inf if one.weight_until_kg is None else one.weight_until_kg


def hauled(weight: float, *rates: CarrierRate) -> Haul | NoHaul:
    return line_haul(plan(weight), Contracts(rates).rates(plan(weight), PICKUP, CUTOFF))


class TestContradictions:
    def test_breaks_that_share_no_weight_contradict_nothing(self) -> None:
        found = breaks_of(
            [rate(rate_id="A", weight_until_kg=99.9), rate(rate_id="B", weight_from_kg=100, rate_minor=9)]
        )
        assert (found.contradicting, found.gaps, found.first_contradiction, found.first_gap) == (0, 0, "", "")

    def test_breaks_that_meet_in_one_weight_are_told_with_it_and_no_charge_follows(self) -> None:
        rates = (rate(rate_id="A", weight_until_kg=100), rate(rate_id="B", weight_from_kg=100, rate_minor=5_00))
        found = breaks_of(rates)
        assert found.contradicting == 1
        assert (
            found.first_contradiction == "A and B hold for 100 kg from NLRTM to DEHAM with C on 2026-01-01 and differ"
        )
        assert all(isinstance(hauled(weight, *rates), NoHaul) for weight in (90, 100))

    def test_a_break_within_a_wider_one_is_found_behind_others(self) -> None:
        wide, small = rate(rate_id="wide"), rate(rate_id="small", weight_from_kg=5, weight_until_kg=6)
        other = rate(rate_id="other", weight_from_kg=50, rate_minor=9)
        assert breaks_of([wide, small]).contradicting == 0
        assert breaks_of([wide, small, other]).contradicting == 1

    def test_what_is_for_something_else_contradicts_nothing(self) -> None:
        others = [{"service_id": "X"}, {"mode": "air"}, {"origin": "NL"}, {"freight_class": "70"}, {"carrier_id": "D"}]
        rates = [rate(rate_id=f"{number}", rate_minor=number, **given) for number, given in enumerate([{}, *others])]
        assert breaks_of(rates).contradicting == 0

    def test_what_a_later_rate_or_state_replaces_contradicts_nothing(self) -> None:
        old, new = rate(rate_id="old"), rate(rate_id="new", rate_minor=9, valid_from=AGREED + DAY)
        assert breaks_of([new, old]).contradicting == 0
        later = rate(rate_id="old", rate_minor=9, known_at=AGREED + DAY)
        assert breaks_of([later, old]).contradicting == 0
        ends = rate(rate_id="old", valid_until=AGREED + 9 * DAY)
        assert breaks_of([new, ends]).contradicting == 1


class TestGaps:
    def test_a_gap_is_told_and_is_charged_as_the_next_break(self) -> None:
        rates = (rate(rate_id="A", weight_until_kg=300), rate(rate_id="B", weight_from_kg=800, rate_minor=9_00))
        found = breaks_of(rates)
        assert (found.gaps, found.contradicting) == (1, 0)
        assert (
            found.first_gap == "none holds from 300 to 800 kg, where B begins, from NLRTM to DEHAM with C on 2026-01-01"
        )
        haul = hauled(500, *rates)
        assert isinstance(haul, Haul)
        assert haul.billed_kg == 800

    def test_whole_kilograms_leave_none_and_what_lies_below_the_first_break_is_one(self) -> None:
        whole = [rate(rate_id="A", weight_until_kg=499), rate(rate_id="B", weight_from_kg=500)]
        assert breaks_of(whole).gaps == 0
        assert breaks_of(whole[1:]).first_gap.startswith("none holds from 0 to 500 kg, where B begins")


spans = st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 4)), st.integers(1, 3), st.integers(0, 2))


@given(st.lists(spans, max_size=8))
@drawn(150)
def test_every_rate_that_begins_where_another_price_holds_is_found_and_every_gap(drawn: list) -> None:
    rates = [
        rate(
            rate_id=f"R{number}", weight_from_kg=least, weight_until_kg=None if wide is None else least + wide,
            rate_minor=price, valid_from=AGREED + day * DAY, valid_until=AGREED + (day + 1) * DAY,
        )
        for number, (least, wide, price, day) in enumerate(drawn)
    ]  # fmt: skip
    contradicting, gaps = set(), set()
    for at in {one.valid_from for one in rates}:
        held = [one for one in rates if one.valid_from == at]
        for one in held:
            begins = one.weight_from_kg
            for other in held:
                if other.rate_minor != one.rate_minor and other.weight_from_kg <= begins <= until(other):
                    contradicting.add(frozenset((one.rate_id, other.rate_id)))
            reach = max([0.0, *(until(other) for other in held if other.weight_from_kg < begins)])
            if begins - reach > 1:
                gaps.add((at, begins))
    found = breaks_of(rates)
    assert bool(found.contradicting) == bool(contradicting)
    assert found.contradicting <= len(contradicting)
    assert found.gaps == len(gaps)
