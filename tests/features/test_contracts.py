"""What replaces what in a contract, against a look at every pair."""

from __future__ import annotations

from datetime import timedelta
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from features.contracts import Contracts
from features.invoice_records import CarrierRate
from tests.drawn import drawn
from tests.features.agreed import AGREED, CUTOFF, fuel, plan, rate, terms

DAY = timedelta(days=1)
BOOKED = AGREED + 30 * DAY

spans = st.tuples(st.integers(0, 6), st.one_of(st.none(), st.integers(0, 4)))
"""The least weight of a rate, and how far above it the most is."""
held = st.lists(st.tuples(spans, st.integers(0, 3), st.booleans()), max_size=10)


def until(one: CarrierRate) -> float:
    return inf if one.weight_until_kg is None else one.weight_until_kg


def replaces(other: CarrierRate, one: CarrierRate) -> bool:
    share = one.weight_from_kg <= until(other) and other.weight_from_kg <= until(one)
    return other.valid_from > one.valid_from and share


@given(held)
@drawn(200)
def test_an_open_rate_gives_way_to_a_later_one_for_a_weight_that_both_hold_for(drawn: list) -> None:
    rates = [
        rate(
            rate_id=f"R{number}", weight_from_kg=least, weight_until_kg=None if wide is None else least + wide,
            valid_from=AGREED + day * DAY, valid_until=BOOKED + DAY if ends else None,
        )
        for number, ((least, wide), day, ends) in enumerate(drawn)
    ]  # fmt: skip
    expected = {
        one.rate_id for one in rates if one.valid_until is not None or not any(replaces(other, one) for other in rates)
    }
    found = Contracts(rates).rates(plan(), BOOKED, CUTOFF)
    assert {one.rate_id for each in found for one in each} == expected


def test_a_week_of_fuel_and_a_charge_give_way_to_later_ones() -> None:
    weeks = [fuel(pct, AGREED + day * DAY, valid_until=None) for day, pct in enumerate((10.0, 11.0, 12.0))]
    charges = [terms("DET", accessorial_id=str(day), rate_minor=day, valid_from=AGREED + day * DAY) for day in range(3)]
    charges.append(terms("DET", accessorial_id="ends", rate_minor=9, valid_until=BOOKED + DAY))
    contracts = Contracts([], weeks, charges)
    assert [one.surcharge_pct for one in contracts.fuel_weeks(weeks[0].fuel_index_id, BOOKED, CUTOFF)] == [12.0]
    assert [one.rate_minor for one in contracts.accessorials("C", BOOKED, CUTOFF)] == [2, 9]
