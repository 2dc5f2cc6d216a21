"""Re-rating: each rule on a small contract, and the choice of the weight break against a loop over all weights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import line_haul
from features.amounts import exact, half_up
from features.charges import Expected, Reason
from features.contracts import Contracts, lies_in
from features.fields import Record
from features.invoice_records import Accessorial, CarrierRate, FuelIndex
from features.invoice_vocabulary import ChargeKind
from features.rating import rate_shipment
from features.records import DeliveryEvent, Shipment
from tests.drawn import drawn
from tests.features.agreed import AGREED, CUTOFF, DAY, MONDAY, PICKUP, event, fuel, plan, rate, terms


def rated(
    *agreed: Record, shipment: Shipment | None = None, events: Sequence[DeliveryEvent] = (), cutoff: datetime = CUTOFF
) -> Expected:
    kinds = (CarrierRate, FuelIndex, Accessorial)
    rates, weeks, accessorials = ([one for one in agreed if isinstance(one, kind)] for kind in kinds)
    contracts = Contracts(rates, weeks, accessorials)
    return rate_shipment(shipment or plan(), events, contracts, cutoff)


def reasons(expected: Expected) -> list[Reason]:
    """Each reason once, but for the fuel that hangs on a line haul in doubt."""
    own = [doubt.reason for doubt in expected.doubts if (doubt.kind, doubt.code) != (ChargeKind.FUEL, None)]
    return list(dict.fromkeys(own))


def amounts(expected: Expected) -> dict[str, int]:
    return {charge.code or charge.kind.value: charge.amount_minor for charge in expected.charges}


class TestAmounts:
    def test_a_decimal_is_what_is_written(self) -> None:
        assert exact(0.1) == Fraction(1, 10)
        assert exact(1e-7) == Fraction(1, 10_000_000)

    @pytest.mark.parametrize(("amount", "rounded"), [("1/2", 1), ("3/2", 2), ("-1/2", -1), ("49/100", 0), ("-3/4", -1)])
    def test_halves_are_rounded_away_from_zero(self, amount: str, rounded: int) -> None:
        assert half_up(Fraction(amount)) == rounded


class TestLineHaul:
    def test_weight_times_rate(self) -> None:
        expected = rated(rate())
        assert expected.total_minor == 25_00
        (charge,) = expected.charges
        assert (charge.kind, charge.clause.record_id, charge.clause.valid_from) == ("line_haul", "R", AGREED)
        assert expected.billed_kg == 250

    def test_no_cent_is_lost_to_binary_fractions(self) -> None:
        # 0.7 kg at 0.15 a kilogram is 10.5 cents; in binary it is a little less, and would be rounded down.
        assert rated(rate(rate_minor=15, rate_per=1), shipment=plan(0.7)).total_minor == 11

    def test_at_least_the_minimum(self) -> None:
        assert rated(rate(minimum_minor=40_00)).total_minor == 40_00

    def test_the_own_break_counts_where_it_is_cheaper(self) -> None:
        breaks = (rate(rate_id="A", weight_until_kg=499.9), rate(rate_id="B", weight_from_kg=500, rate_minor=8_00))
        expected = rated(*breaks, shipment=plan(250))
        assert (expected.total_minor, expected.charges[0].clause.record_id) == (25_00, "A")

    def test_the_least_weight_of_a_heavier_break_where_that_is_cheaper(self) -> None:
        breaks = (rate(rate_id="A", weight_until_kg=499.9), rate(rate_id="B", weight_from_kg=500, rate_minor=8_00))
        expected = rated(*breaks, shipment=plan(450))
        assert (expected.total_minor, expected.charges[0].clause.record_id, expected.billed_kg) == (40_00, "B", 500)

    def test_a_price_for_the_shipment_is_not_undercut_by_a_heavier_one(self) -> None:
        flat = {"basis": "shipment", "rate_per": 1}
        breaks = (rate(rate_id="A", weight_until_kg=499.9, rate_minor=90_00, **flat),
                  rate(rate_id="B", weight_from_kg=500, rate_minor=50_00, **flat))  # fmt: skip
        assert rated(*breaks).total_minor == 90_00

    def test_between_two_breaks_the_next_one_counts_with_its_least_weight(self) -> None:
        breaks = (rate(rate_id="A", weight_until_kg=99), rate(rate_id="B", weight_from_kg=100, rate_minor=9_00))
        assert rated(*breaks, shipment=plan(99.5)).total_minor == 9_00

    def test_above_the_last_break_there_is_no_amount(self) -> None:
        assert reasons(rated(rate(weight_until_kg=200))) == [Reason.BEYOND_BREAKS]

    def test_a_weight_on_the_edge_belongs_to_its_break(self) -> None:
        assert rated(rate(weight_until_kg=250)).total_minor == 25_00
        assert rated(rate(weight_from_kg=250)).total_minor == 25_00

    def test_without_a_weight_a_rate_by_weight_gives_no_amount(self) -> None:
        assert reasons(rated(rate(), shipment=plan(None))) == [Reason.NO_WEIGHT]
        assert rated(rate(basis="shipment", rate_per=1), shipment=plan(None)).total_minor == 10_00

    @pytest.mark.parametrize(
        ("basis", "told", "total"),
        [("m3", {"volume_m3": 1.5}, 15_00), ("km", {"distance_km": 480.5}, 4_805_00), ("piece", {"pieces": 3}, 30_00)],
    )
    def test_other_bases(self, basis: str, told: dict[str, float], total: int) -> None:
        by = rate(basis=basis, rate_per=1)
        assert rated(by, shipment=plan(**told)).total_minor == total
        assert reasons(rated(by)) == [Reason.NO_QUANTITY]

    def test_a_line_haul_by_the_hour_cannot_be_determined(self) -> None:
        assert reasons(rated(rate(basis="hour", rate_per=1))) == [Reason.NO_QUANTITY]

    def test_two_rates_that_differ_are_named(self) -> None:
        expected = rated(rate(rate_id="A"), rate(rate_id="B", rate_minor=11_00))
        assert reasons(expected) == [Reason.SEVERAL_CONTRACTS]
        assert "A, B hold for 250 kg" in expected.doubts[0].words
        assert expected.total_minor is None

    def test_two_rates_that_come_to_the_same_are_one(self) -> None:
        assert rated(rate(rate_id="A"), rate(rate_id="B")).total_minor == 25_00

    def test_a_quarrel_over_a_heavier_break_matters_only_where_it_is_cheaper(self) -> None:
        heavier = [
            rate(rate_id=name, weight_from_kg=500, rate_minor=minor) for name, minor in (("B", 8_00), ("D", 7_00))
        ]
        own = rate(rate_id="A", weight_until_kg=499.9)
        assert rated(own, *heavier, shipment=plan(250)).total_minor == 25_00
        assert reasons(rated(own, *heavier, shipment=plan(450))) == [Reason.SEVERAL_CONTRACTS]

    def test_a_dearer_rate_that_holds_where_another_is_cheaper_contradicts_it(self) -> None:
        own, cheaper = rate(rate_id="A", weight_until_kg=499.9), rate(rate_id="C", weight_from_kg=500, rate_minor=8_00)
        short = rate(rate_id="B", weight_from_kg=460, weight_until_kg=499.9)
        assert rated(own, short, cheaper, shipment=plan(450)).total_minor == 40_00
        longer = rate(rate_id="B", weight_from_kg=460)
        expected = rated(own, longer, cheaper, shipment=plan(450))
        assert reasons(expected) == [Reason.SEVERAL_CONTRACTS]
        assert "C, B hold for 500 kg and differ" in expected.doubts[0].words

    def test_each_of_many_breaks_is_reckoned_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reckoned: list[str] = []

        def applied(one: CarrierRate, *given: Any, _applied: Any = line_haul._applied) -> Any:
            reckoned.append(one.rate_id)
            return _applied(one, *given)

        monkeypatch.setattr(line_haul, "_applied", applied)
        own = rate(rate_id="own", weight_until_kg=300)
        without_end = [rate(rate_id=f"R{kg}", weight_from_kg=kg, rate_minor=11_00) for kg in range(301, 401)]
        assert rated(own, *without_end).total_minor == 25_00
        assert len(reckoned) == len(set(reckoned)) == 101

    def test_an_unknown_carrier_lane_service_mode_or_class_has_no_contract(self) -> None:
        for other in ({"carrier_id": "X"}, {"origin": "BEANR"}, {"service_id": "Z"}, {"mode": "air"},
                      {"freight_class": "50"}, {"valid_from": PICKUP + DAY}, {"valid_until": PICKUP}):  # fmt: skip
            assert reasons(rated(rate(**other))) == [Reason.NO_CONTRACT], other

    def test_the_closest_rate_counts(self) -> None:
        country = rate(rate_id="zone", origin="NL", destination="DE", rate_minor=1_00)
        lane = rate(rate_id="lane", rate_minor=2_00)
        service = rate(rate_id="service", service_id="C1", rate_minor=3_00)
        mode = rate(rate_id="mode", mode="road_ltl", rate_minor=4_00)
        shipment = plan(100, service_id="C1")
        agreed = [country, lane, mode, service]
        for expected in (3_00, 4_00, 2_00, 1_00):
            assert rated(*agreed, shipment=shipment).total_minor == expected
            agreed = [one for one in agreed if one.rate_minor != expected]

    def test_a_wider_rate_counts_where_the_closest_does_not_reach_the_weight(self) -> None:
        assert rated(rate(weight_until_kg=100), rate(rate_id="zone", origin="NL", rate_minor=3_00)).total_minor == 7_50

    def test_an_open_end_ends_where_a_later_rate_begins(self) -> None:
        later = rate(rate_id="new", valid_from=MONDAY, rate_minor=12_00)
        assert rated(rate(), later).total_minor == 30_00
        assert rated(rate(), later, shipment=plan(planned_at=MONDAY - DAY)).total_minor == 25_00
        assert reasons(rated(rate(valid_until=MONDAY + 90 * DAY), later)) == [Reason.SEVERAL_CONTRACTS]

    def test_one_break_may_be_priced_anew_alone(self) -> None:
        agreed = (rate(rate_id="A", weight_until_kg=99), rate(rate_id="B", weight_from_kg=100),
                  rate(rate_id="B2", weight_from_kg=100, rate_minor=20_00, valid_from=MONDAY))  # fmt: skip
        assert rated(*agreed, shipment=plan(90)).total_minor == 9_00
        assert rated(*agreed, shipment=plan(200)).total_minor == 40_00

    def test_no_date_no_shipment(self) -> None:
        assert reasons(rated(rate(), shipment=plan(planned_at=None))) == [Reason.NO_DATE]
        assert reasons(rate_shipment(None, (), Contracts([rate()]), CUTOFF)) == [Reason.NO_SHIPMENT]
        expected = rated(rate(), shipment=plan(known_at=CUTOFF + DAY))
        assert reasons(expected) == [Reason.NO_SHIPMENT]
        assert all(expected.amount_minor(kind) is None for kind in ChargeKind)


class TestZones:
    @pytest.mark.parametrize(
        ("place", "zone", "inside"),
        [
            ("NLRTM", "NLRTM", True), ("NLRTM", "NL", True), ("NLRTM", "DE", False), ("DE-20095", "DE-2", True),
            ("DE-20095", "DE", True), ("DE-30095", "DE-2", False), ("PORT11", "PORT1", False), ("NLX", "NL", False),
        ],
    )  # fmt: skip
    def test_a_place_lies_in_itself_its_country_and_the_beginning_of_its_postcode(
        self, place: str, zone: str, inside: bool
    ) -> None:
        assert lies_in(place, zone) is inside


class TestFuel:
    def test_the_week_of_the_pickup_counts(self) -> None:
        weeks = [fuel(10 + number, MONDAY + number * 7 * DAY) for number in (-1, 0, 1)]
        expected = rated(rate(fuel_index_id="F"), *weeks)
        assert amounts(expected) == {"line_haul": 25_00, "F": 2_50}
        assert expected.fuel_week == weeks[1]

    def test_the_first_instant_of_a_week_belongs_to_it(self) -> None:
        weeks = [fuel(10), fuel(20, MONDAY + 7 * DAY)]
        shipment = plan(planned_at=MONDAY + 7 * DAY)
        assert amounts(rated(rate(fuel_index_id="F"), *weeks, shipment=shipment))["F"] == 5_00

    def test_without_a_week_or_a_surcharge_the_total_is_not_known_but_the_line_haul_is(self) -> None:
        for weeks in ([], [fuel(10, MONDAY - 7 * DAY)], [fuel(None)]):
            expected = rated(rate(fuel_index_id="F"), *weeks)
            assert reasons(expected) == [Reason.NO_FUEL_WEEK]
            assert (expected.total_minor, expected.amount_minor(ChargeKind.LINE_HAUL)) == (None, 25_00)

    def test_two_weeks_that_differ(self) -> None:
        weeks = [fuel(10), fuel(11, MONDAY - DAY)]
        assert reasons(rated(rate(fuel_index_id="F"), *weeks)) == [Reason.SEVERAL_FUEL_WEEKS]

    def test_no_index_no_surcharge(self) -> None:
        assert amounts(rated(rate(), fuel(10))) == {"line_haul": 25_00}


class TestDiscountAndTax:
    def test_a_discount_is_taken_off_before_fuel_and_tax(self) -> None:
        agreed = (rate(fuel_index_id="F"), fuel(10), terms("DSC", charge="discount", basis="percent", percent=20),
                  terms("VAT", charge="tax", basis="percent", percent=19))  # fmt: skip
        assert amounts(rated(*agreed)) == {"line_haul": 25_00, "DSC": -5_00, "F": 2_00, "VAT": 4_18}

    def test_a_discount_goes_no_deeper_than_the_minimum(self) -> None:
        discount = terms("DSC", charge="discount", basis="percent", percent=20)
        assert amounts(rated(rate(minimum_minor=22_00), discount)) == {"line_haul": 25_00, "DSC": -3_00}
        assert amounts(rated(rate(minimum_minor=40_00), discount)) == {"line_haul": 40_00, "DSC": 0}

    def test_two_discounts_add_up(self) -> None:
        both = [terms(code, charge="discount", basis="percent", percent=10) for code in ("D1", "D2")]
        assert amounts(rated(rate(), *both)) == {"line_haul": 25_00, "D1": -2_50, "D2": -2_50}

    def test_without_a_line_haul_neither_is_determined(self) -> None:
        agreed = (terms("DSC", charge="discount", basis="percent", percent=20),
                  terms("VAT", charge="tax", basis="percent", percent=19))  # fmt: skip
        expected = rated(*agreed)
        assert reasons(expected) == [Reason.NO_CONTRACT, Reason.NO_BASE]
        unknown = (ChargeKind.LINE_HAUL, ChargeKind.DISCOUNT, ChargeKind.FUEL, ChargeKind.TAX)
        assert [expected.amount_minor(kind) for kind in unknown] == [None] * 4
        assert expected.amount_minor(ChargeKind.ACCESSORIAL) == 0


class TestGuarantee:
    PROMISE = PICKUP + timedelta(hours=24)
    AGREED = (
        rate(fuel_index_id="F", minimum_minor=15_00), fuel(10),
        terms("DSC", charge="discount", basis="percent", percent=20),
        terms("GTD", charge="discount", proof="late_delivery", basis="percent", percent=50),
    )  # fmt: skip

    def refunded(self, *events: DeliveryEvent, **given: Any) -> dict[str, int]:
        promised = plan(**given)
        last = promised.stops[-1].model_copy(update={"promised_at": self.PROMISE})
        promised = promised.model_copy(update={"stops": (promised.stops[0], last)})
        return amounts(rated(*self.AGREED, shipment=promised, events=events))

    def test_a_late_delivery_takes_off_its_share_of_what_is_left_below_the_minimum_and_fuel_follows(self) -> None:
        found = self.refunded(event("delivered", 25))
        assert found == {"line_haul": 25_00, "DSC": -5_00, "GTD": -10_00, "F": 1_00}

    def test_nothing_is_refunded_in_time_before_a_delivery_or_with_an_excuse(self) -> None:
        storm = event("delayed", 10, party_at_fault="outside")
        for events in ((event("delivered", 24),), (), (storm, event("delivered", 30))):
            assert "GTD" not in self.refunded(*events)

    def test_what_the_carrier_did_or_did_after_the_delivery_is_no_excuse(self) -> None:
        late = event("delivered", 30)
        assert self.refunded(event("delayed", 10, party_at_fault="carrier"), late)["GTD"] == -10_00
        assert self.refunded(late, event("other", 31, party_at_fault="consignee"))["GTD"] == -10_00

    def test_the_delivery_is_the_evidence(self) -> None:
        stops = [{"place": "NLRTM", "kind": "pickup", "planned_at": PICKUP},
                 {"place": "DEHAM", "kind": "delivery", "promised_at": self.PROMISE}]  # fmt: skip
        expected = rated(*self.AGREED, shipment=plan(stops=stops), events=[event("delivered", 25, "D")])
        assert next(charge for charge in expected.charges if charge.code == "GTD").event_ids == ("D",)


class TestAccessorials:
    DETENTION = terms("DET", proof="waiting", basis="hour", rate_minor=45_00, free_minutes=120)

    def detained(self, hours: float, **given: Any) -> list[DeliveryEvent]:
        return [event("delivery_arrived", 20), event("delivered", 20 + hours, **given)]

    @pytest.mark.parametrize(("hours", "owed"), [(1, None), (2, None), (2.5, 45_00), (3, 45_00), (3.02, 90_00)])
    def test_waiting_is_charged_by_begun_hours_beyond_what_is_free(self, hours: float, owed: int | None) -> None:
        expected = rated(rate(), self.DETENTION, events=self.detained(hours))
        assert amounts(expected).get("DET") == owed
        if owed is None:
            assert "no stay was longer than the 120 free minutes" in expected.not_owed[0].words
        else:
            assert expected.charges[1].event_ids == ("delivery_arrived-20", f"delivered-{20 + hours:g}")

    def test_a_residence_is_shown_by_the_plan_and_a_wrong_address_by_an_event(self) -> None:
        home, address = terms("RES", proof="residence", rate_minor=7_00), terms("ADC", proof="address", rate_minor=9_00)
        stops = [{"place": "NLRTM", "kind": "pickup", "planned_at": PICKUP},
                 {"place": "DEHAM", "kind": "delivery", "is_residence": True}]  # fmt: skip
        assert amounts(rated(rate(), home, address)) == {"line_haul": 25_00}
        found = rated(rate(), home, address, shipment=plan(stops=stops), events=[
            event("delayed", 9, "W", party_at_fault="address"), event("delayed", 11, party_at_fault="carrier"),
        ])  # fmt: skip
        assert amounts(found) == {"line_haul": 25_00, "ADC": 9_00, "RES": 7_00}
        assert [charge.event_ids for charge in found.charges if charge.code == "ADC"] == [("W",)]

    def test_waiting_at_the_pickup_counts_as_well(self) -> None:
        events = [event("pickup_arrived", -3), event("departed", 0), *self.detained(3)]
        assert amounts(rated(rate(), self.DETENTION, events=events))["DET"] == 90_00

    def test_the_clock_starts_at_the_appointment_if_the_vehicle_is_early(self) -> None:
        shipment = plan(appointment_at=PICKUP + timedelta(hours=22))
        assert amounts(rated(rate(), self.DETENTION, events=self.detained(3), shipment=shipment)).get("DET") is None

    def test_no_arrival_no_waiting(self) -> None:
        expected = rated(rate(), self.DETENTION, events=[event("delivered", 30)])
        assert expected.total_minor == 25_00
        assert "no arrival is known" in expected.not_owed[0].words

    def test_a_stay_without_an_end_leaves_it_open(self) -> None:
        expected = rated(rate(), self.DETENTION, events=[event("delivery_arrived", 20)])
        assert (reasons(expected), expected.total_minor) == ([Reason.OPEN_STAY], None)
        odd = [event("delivery_arrived", 20), event("delivered", 19)]
        assert reasons(rated(rate(), self.DETENTION, events=odd)) == [Reason.OPEN_STAY]

    def test_a_second_delivery_needs_a_failed_first_one_that_the_carrier_did_not_cause(self) -> None:
        again = terms("RDL", proof="attempt", rate_minor=38_00)
        assert amounts(rated(rate(), again)).get("RDL") is None
        assert amounts(rated(rate(), again, events=[event("attempted", 20)]))["RDL"] == 38_00
        twice = [event("attempted", 20), event("attempted", 44)]
        assert amounts(rated(rate(), again, events=twice))["RDL"] == 76_00
        own_fault = [event("attempted", 20, party_at_fault="carrier")]
        assert amounts(rated(rate(), again, events=own_fault)).get("RDL") is None

    def test_a_fact_told_twice_is_one_fact(self) -> None:
        twice = [event("attempted", 20, "E1"), event("attempted", 20, "E1R")]
        assert amounts(rated(rate(), terms("RDL", proof="attempt", rate_minor=38_00), events=twice))["RDL"] == 38_00

    def test_a_service_needs_an_event_with_its_code(self) -> None:
        lift = terms("LFT", rate_minor=25_00)
        used = [event("other", 20, raw_status="LFT", asserted_by="driver")]
        assert amounts(rated(rate(), lift, events=used))["LFT"] == 25_00
        assert amounts(rated(rate(), lift, events=[event("other", 20, raw_status="RES")])).get("LFT") is None

    def test_what_needs_to_be_asked_for_is_owed_only_if_our_side_asked_before_the_delivery(self) -> None:
        lift = terms("LFT", rate_minor=25_00, needs_authorisation=True)
        for hours, who, owed in ((1, "customer", 25_00), (1, "carrier", None), (31, "customer", None)):
            events = [event("other", hours, raw_status="LFT", asserted_by=who), event("delivered", 30)]
            assert amounts(rated(rate(), lift, events=events)).get("LFT") == owed

    @pytest.mark.parametrize(
        ("proof", "told"),
        [
            ("return", event("returned", 30)), ("diversion", event("diverted", 30)),
            ("customs_hold", event("customs_hold", 30)), ("appointment", event("in_transit", 30, appointment="AA")),
        ],
    )  # fmt: skip
    def test_other_proofs(self, proof: str, told: DeliveryEvent) -> None:
        extra = terms("X", proof=proof, rate_minor=5_00)
        assert amounts(rated(rate(), extra)).get("X") is None
        expected = rated(rate(), extra, events=[told])
        assert (amounts(expected)["X"], expected.charges[1].event_ids) == (5_00, (told.event_id,))

    def test_an_appointment_of_the_plan_proves_itself(self) -> None:
        extra = terms("X", proof="appointment", rate_minor=5_00)
        assert amounts(rated(rate(), extra, shipment=plan(appointment_at=PICKUP + DAY)))["X"] == 5_00

    def test_amounts_stay_between_least_and_most(self) -> None:
        for bounds, owed in (({"minimum_minor": 50_00}, 50_00), ({"maximum_minor": 20_00}, 20_00)):
            assert amounts(rated(rate(), terms("T", proof="nothing", rate_minor=30_00, **bounds)))["T"] == owed

    def test_a_share_of_the_line_haul(self) -> None:
        toll = terms("T", proof="nothing", basis="percent", percent=3.5)
        assert amounts(rated(rate(), toll))["T"] == 88  # 87.5 cents
        assert Reason.NO_BASE in reasons(rated(toll))

    def test_what_names_no_amount_or_another_currency_cannot_be_determined(self) -> None:
        assert reasons(rated(rate(), terms("T", proof="nothing"))) == [Reason.NO_QUANTITY]
        assert reasons(rated(rate(), terms("T", proof="nothing", basis="percent"))) == [Reason.NO_QUANTITY]
        franc = terms("T", proof="nothing", rate_minor=1_00, currency="CHF")
        assert reasons(rated(rate(), franc)) == [Reason.OTHER_CURRENCY]

    def test_two_terms_for_one_code_that_differ(self) -> None:
        both = [
            terms("T", proof="nothing", accessorial_id=name, rate_minor=minor) for name, minor in (("A", 1), ("B", 2))
        ]
        expected = rated(rate(), *both)
        assert (reasons(expected), amounts(expected)) == ([Reason.SEVERAL_TERMS], {"line_haul": 25_00})

    def test_without_a_line_haul_a_fixed_charge_is_still_known(self) -> None:
        expected = rated(terms("T", proof="nothing", rate_minor=5_00))
        assert (amounts(expected), reasons(expected), expected.currency) == ({"T": 5_00}, [Reason.NO_CONTRACT], "EUR")


class TestTwoClocks:
    def test_a_new_price_counts_from_when_it_was_known(self) -> None:
        told = rate(rate_minor=12_00, known_at=CUTOFF, occurred_at=MONDAY)
        assert rated(rate(), told, cutoff=CUTOFF).total_minor == 30_00
        assert rated(rate(), told, cutoff=CUTOFF - timedelta(microseconds=1)).total_minor == 25_00

    def test_an_older_state_that_arrives_late_changes_nothing(self) -> None:
        newer = rate(rate_minor=12_00, occurred_at=MONDAY, known_at=MONDAY)
        late = rate(rate_minor=9_00, occurred_at=MONDAY - DAY, known_at=MONDAY + DAY)
        assert rated(newer, late).total_minor == 30_00

    def test_a_corrected_fuel_week_counts_from_its_correction(self) -> None:
        again = fuel(30, known_at=CUTOFF, occurred_at=MONDAY)
        agreed = (rate(fuel_index_id="F"), fuel(10), again)
        assert amounts(rated(*agreed))["F"] == 7_50
        assert amounts(rated(*agreed, cutoff=CUTOFF - timedelta(seconds=1)))["F"] == 2_50

    def test_an_attempt_that_is_taken_back_is_no_longer_charged(self) -> None:
        again = terms("RDL", proof="attempt", rate_minor=38_00)
        back = event("attempted", 20, "E2", corrects="E1", correction="did_not_occur")
        back = back.model_copy(update={"known_at": CUTOFF})
        events = [event("attempted", 20, "E1"), back]
        assert amounts(rated(rate(), again, events=events)).get("RDL") is None
        assert amounts(rated(rate(), again, events=events, cutoff=CUTOFF - DAY))["RDL"] == 38_00

    def test_a_plan_of_an_event_shows_nothing(self) -> None:
        planned = event("attempted", 20, classifier="PLN")
        assert amounts(rated(rate(), terms("RDL", proof="attempt", rate_minor=1), events=[planned])).get("RDL") is None


WEIGHTS = st.integers(1, 60).map(float)
CARDS = st.lists(
    st.tuples(st.integers(1, 50), st.integers(1, 40)), min_size=1, max_size=6, unique_by=lambda cut: cut[0]
)


class TestAgainstOracles:
    @given(CARDS, WEIGHTS, st.integers(0, 600))
    def test_the_amount_is_the_least_over_all_weights_that_may_be_declared(
        self, cuts: list[tuple[int, int]], weight: float, minimum: int
    ) -> None:
        """A shipper may always declare more weight: the slow way is to try every heavier whole kilogram."""
        cuts = [(0, cuts[0][1]), *sorted(cuts)]
        ends = [start - 0.01 for start, _ in cuts[1:]] + [None]
        card = [
            rate(
                rate_id=f"R{start}",
                weight_from_kg=start,
                weight_until_kg=end,
                rate_minor=price,
                rate_per=1,
                minimum_minor=minimum,
            )
            for (start, price), end in zip(cuts, ends, strict=True)
        ]
        prices = [next(price for start, price in reversed(cuts) if start <= kg) * kg for kg in range(int(weight), 61)]
        assert rated(*card, shipment=plan(weight)).total_minor == max(min(prices), minimum)

    @drawn(100)
    @given(st.data())
    def test_what_is_learnt_or_happens_after_the_cutoff_changes_nothing(self, data: st.DataObject) -> None:
        instants = st.integers(-48, 48).map(lambda hours: CUTOFF + timedelta(hours=hours))
        told = [rate(rate_id="A"), terms("RDL", proof="attempt", rate_minor=38_00), fuel(10)]
        for number in range(data.draw(st.integers(0, 8))):
            # No two states of one record are known in the same instant.
            known = data.draw(instants) + timedelta(seconds=number)
            times = {"occurred_at": data.draw(instants), "known_at": known}
            minor = 100 * (number + 1)
            told.append(
                data.draw(
                    st.sampled_from(
                        [
                            rate(rate_id="A", rate_minor=minor, fuel_index_id="F", **times),
                            rate(rate_id="B", rate_minor=minor, valid_from=MONDAY, **times),
                            fuel(number, **times),
                            terms("RDL", proof="attempt", rate_minor=minor, **times),
                        ]
                    )
                )
            )
        events = [
            event("attempted", hours, f"E{number}", known_at=data.draw(instants), corrects=data.draw(corrected))
            for number, hours in enumerate(data.draw(st.lists(st.integers(1, 20), max_size=4)))
            for corrected in [st.sampled_from([None, "E0", "E1"]) if number > 1 else st.none()]
        ]
        before = [one for one in told if max(one.occurred_at, one.known_at) <= CUTOFF]
        seen = [one for one in events if max(one.occurred_at, one.known_at) <= CUTOFF]
        expected = rated(*before, events=seen)
        assert rated(*told, events=events) == expected
        shuffled = data.draw(st.permutations(told))
        again = rated(*shuffled, events=data.draw(st.permutations(events)))
        assert (amounts(again), reasons(again)) == (amounts(expected), reasons(expected))
