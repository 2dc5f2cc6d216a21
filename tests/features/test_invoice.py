"""Invoice features: each on a small bill, habits and repeats against loops, and nothing from after the cutoff."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import duplicates
from features.as_known import counts_from
from features.billing import Bill
from features.definitions import FEATURES
from features.duplicates import Ledger, is_similar, order_of, plain_number
from features.fields import Record
from features.invoice import INVOICE_FEATURES, INVOICE_NAMES, InvoiceMatrix, build_invoices
from features.invoice_records import FreightInvoice, InvoiceLine
from features.invoice_vocabulary import InvoiceKind
from features.tables import RecordTables
from tests.drawn import drawn
from tests.features.agreed import CUTOFF, DAY, PICKUP, clocks, event, fuel, plan, rate, terms

NOTHING = float("nan")


def bill(name: str = "I", **given: Any) -> FreightInvoice:
    usual: dict[str, Any] = {
        "invoice_id": name, "invoice_number": name, "carrier_id": "C", "shipment_id": "S", "net_due_minor": 27_50,
        "currency": "EUR",
    }  # fmt: skip
    return FreightInvoice.model_validate(clocks(CUTOFF) | usual | given)


def line(kind: str, amount: int, number: int = 1, **given: Any) -> InvoiceLine:
    usual = {"invoice_id": "I", "line_number": number, "kind": kind, "amount_minor": amount, "currency": "EUR"}
    return InvoiceLine.model_validate(clocks(CUTOFF) | usual | given)


HAUL = line("line_haul", 25_00, quantity=250, rate_minor=10_00, rate_per=100, basis="kg")
FUEL = line("fuel", 2_50, 2, percent=10)
AGREED = (rate(fuel_index_id="F"), fuel(10), fuel(13, PICKUP - timedelta(days=7, hours=12)))
DELIVERED = event("delivered", 30)


def features(*records: Record) -> dict[str, float]:
    """The features of the invoice `I` among these records."""
    tables = RecordTables.from_records(records)
    matrix = build_invoices(tables)
    row = [one.invoice.invoice_id for one in matrix.bills].index("I")
    return dict(zip(INVOICE_NAMES, matrix.values[row].tolist(), strict=True))


def usual(*lines: InvoiceLine, **given: Any) -> dict[str, float]:
    beside = given.pop("beside", ())
    shipment = given.pop("shipment", plan())
    return features(*AGREED, shipment, DELIVERED, bill(**given), *(lines or (HAUL, FUEL)), *beside)


class TestDeclarations:
    def test_each_name_is_declared_once_and_says_all(self) -> None:
        assert len(set(INVOICE_NAMES)) == len(INVOICE_FEATURES)
        for feature in INVOICE_FEATURES:
            assert all((feature.unit, feature.meaning, feature.source, feature.owner))

    def test_the_delay_model_does_not_see_them(self) -> None:
        assert {feature.name for feature in FEATURES} & set(INVOICE_NAMES) == set()

    def test_no_invoices_no_rows(self) -> None:
        assert build_invoices(RecordTables.from_records([])).values.shape == (0, len(INVOICE_NAMES))


class TestAgainstTheContract:
    def test_a_right_bill_differs_in_nothing(self) -> None:
        found = usual()
        assert found["total_owed_minor"] == found["total_billed_minor"] == 27_50
        assert {found[f"{part}_{side}_{unit}"] for part in ("line_haul", "fuel", "accessorial", "tax", "total")
                for side in ("over", "under") for unit in ("minor", "pct")} == {0}  # fmt: skip

    def test_over_and_under_stand_apart_by_component(self) -> None:
        found = usual(HAUL.model_copy(update={"amount_minor": 30_00}), FUEL.model_copy(update={"amount_minor": 1_00}),
                      net_due_minor=31_00)  # fmt: skip
        assert (found["line_haul_over_minor"], found["line_haul_under_minor"]) == (5_00, 0)
        assert (found["line_haul_over_pct"], found["total_over_pct"]) == (20, pytest.approx(350 / 27.5))
        assert (found["fuel_over_minor"], found["fuel_under_minor"], found["fuel_under_pct"]) == (0, 1_50, 60)
        assert (found["total_over_minor"], found["extension_over_minor"], found["extension_under_minor"]) == (
            3_50,
            5_00,
            0,
        )

    def test_a_stated_discount_is_netted_with_the_line_haul(self) -> None:
        gross = line("line_haul", 30_00), line("discount", -5_00, 3), FUEL
        assert usual(*gross)["line_haul_over_minor"] == 0

    def test_the_stated_total_counts_before_what_is_asked_for(self) -> None:
        assert usual(total_minor=30_00)["total_over_minor"] == 2_50
        assert usual(total_minor=30_00)["sum_difference_minor"] == 2_50
        assert usual(net_due_minor=20_00, prepaid_minor=7_50)["total_over_minor"] == 0

    def test_something_for_nothing_has_no_percentage(self) -> None:
        found = usual(HAUL, FUEL, line("tax", 5_00, 3), net_due_minor=32_50)
        assert found["tax_over_minor"] == 5_00
        assert np.isnan(found["tax_over_pct"])

    def test_rate_weight_and_pieces_beside_what_they_should_be(self) -> None:
        found = usual(
            HAUL.model_copy(update={"rate_minor": 12_50}), FUEL, weight_kg=300, pieces=5, shipment=plan(pieces=4)
        )
        assert (found["rate_over_pct"], found["weight_over_kg"], found["weight_over_pct"], found["pieces_over"]) == (
            25,
            50,
            20,
            1,
        )
        flat = line("line_haul", 25_00, quantity=1, rate_minor=25_00, basis="shipment")
        assert np.isnan(usual(flat, FUEL)["rate_over_pct"])

    @pytest.mark.parametrize(("pct", "over", "other"), [(10, 0, 0), (13, 3, 1), (12, 2, 0)])
    def test_the_surcharge_of_another_week_is_recognised(self, pct: float, over: float, other: float) -> None:
        found = usual(HAUL, line("fuel", 2_50, 2, percent=pct))
        assert (found["fuel_pct_over"], found["fuel_pct_of_another_week"]) == (over, other)

    @pytest.mark.parametrize(
        ("told", "name", "differs"),
        [
            ({"origin": "NL"}, "lane_differs", 0), ({"origin": "NLRTM", "destination": "FRPAR"}, "lane_differs", 1),
            ({"mode": "air"}, "mode_differs", 1), ({"mode": "road_ltl"}, "mode_differs", 0),
            ({"service_id": "X"}, "service_differs", NOTHING), ({"freight_class": "50"}, "class_differs", NOTHING),
            ({"carrier_id": "D"}, "carrier_differs", 1), ({"currency": "CHF"}, "currency_differs", 1),
            ({}, "lane_differs", NOTHING),
        ],
    )  # fmt: skip
    def test_what_is_billed_beside_what_was_planned(self, told: dict[str, str], name: str, differs: float) -> None:
        assert usual(**told)[name] == pytest.approx(differs, nan_ok=True)

    def test_money_of_another_currency_is_not_compared(self) -> None:
        found = usual(currency="CHF")
        assert np.isnan(found["total_over_minor"])
        assert found["total_billed_minor"] == 27_50

    def test_without_a_weight_a_contract_or_a_shipment_it_says_so_and_guesses_nothing(self) -> None:
        for found, reason in (
            (usual(shipment=plan(None)), "no_weight"),
            (usual(shipment=plan(mode="air", carrier_id="D")), "no_contract"),
            (usual(shipment_id="T"), "no_shipment"),
            (usual(beside=(rate(rate_id="X", rate_minor=1),)), "several_contracts"),
        ):
            assert [name for name in found if name.startswith("doubt_") and found[name]] == [f"doubt_{reason}"]
            assert found["charges_in_doubt"] > 0
            assert all(np.isnan(found[f"{part}_owed_minor"]) for part in ("line_haul", "fuel", "total"))

    def test_evidence_by_what_the_contract_asks_for(self) -> None:
        again = terms("RDL", proof="attempt", rate_minor=38_00)
        billed = (
            HAUL,
            FUEL,
            line("accessorial", 38_00, 3, charge_code="RDL"),
            line("accessorial", 9_00, 4, charge_code="?"),
        )
        found = usual(*billed, beside=(again,))
        assert (found["attempt_billed_minor"], found["attempt_owed_minor"], found["attempt_shown"]) == (38_00, 0, 0)
        assert found["unknown_codes_minor"] == 9_00
        assert np.isnan(found["waiting_shown"])
        shown = usual(*billed, beside=(again, event("attempted", 20)))
        assert (shown["attempt_owed_minor"], shown["attempt_shown"]) == (38_00, 1)
        stay = terms("DET", proof="waiting", basis="hour", rate_minor=1)
        without_end = features(*AGREED, plan(), stay, event("delivery_arrived", 20), bill(), HAUL,
                               line("accessorial", 1, 2, charge_code="DET"))  # fmt: skip
        assert np.isnan(without_end["waiting_owed_minor"])
        assert np.isnan(without_end["waiting_shown"])

    def test_delivery_and_dates(self) -> None:
        found = usual(occurred_at=PICKUP + timedelta(hours=40), delivered_at=PICKUP + timedelta(hours=28))
        assert (found["is_delivered"], found["hours_since_delivery"], found["stated_delivery_hours"]) == (1, 10, -2)
        assert found["hours_on_the_way"] == (CUTOFF - PICKUP) / timedelta(hours=1) - 40
        late = features(*AGREED, plan(), DELIVERED.model_copy(update={"known_at": CUTOFF + DAY}), bill(), HAUL)
        assert late["is_delivered"] == 0
        assert np.isnan(late["hours_since_delivery"])

    def test_a_bill_without_lines_is_compared_as_a_whole(self) -> None:
        found = features(*AGREED, plan(), bill(net_due_minor=30_00))
        assert (found["total_over_minor"], found["extension_over_minor"]) == (2_50, 0)
        assert np.isnan(found["line_haul_over_minor"])
        assert np.isnan(found["sum_difference_minor"])


class TestRepeats:
    def before(self, **given: Any) -> dict[str, float]:
        return usual(beside=(bill("J", **clocks(CUTOFF - DAY), **given),))

    def counts(self, found: dict[str, float]) -> list[float]:
        return [found[feature.name] for feature in duplicates.FEATURES]

    def test_nothing_before(self) -> None:
        assert self.counts(usual()) == [0, 0, 0, 0, 0, 0, pytest.approx(NOTHING, nan_ok=True)]

    def test_the_same_bill_again(self) -> None:
        assert self.counts(self.before(invoice_number="I")) == [1, 1, 0, 1, 0, 0, 24]

    def test_under_another_number_or_with_another_amount(self) -> None:
        assert self.counts(self.before(invoice_number="999")) == [1, 1, 1, 0, 0, 0, 24]
        assert self.counts(self.before(invoice_number="999", net_due_minor=1)) == [0, 1, 1, 0, 0, 0, 24]

    def test_for_a_shipment_that_is_not_told(self) -> None:
        number = {"invoice_number": "77-1", "shipment_id": None}
        found = features(bill("J", invoice_number="0077", shipment_id="T", **clocks(CUTOFF - DAY)), bill(**number))
        assert self.counts(found) == [0, 0, 0, 0, 1, 0, pytest.approx(NOTHING, nan_ok=True)]
        old = features(bill("J", invoice_number="0077", shipment_id="T", **clocks(CUTOFF - 90 * DAY)), bill(**number))
        assert old["similar_number_before"] == 0

    def test_that_shares_a_reference(self) -> None:
        pro = {"references": [{"kind": "pro", "value": "P9"}]}
        found = features(bill("J", shipment_id="T", **pro, **clocks(CUTOFF - DAY)), bill(**pro))
        assert found["same_reference_before"] == 1

    def test_another_carrier_is_no_repeat(self) -> None:
        assert self.counts(self.before(invoice_number="I", carrier_id="D"))[:6] == [0] * 6

    @pytest.mark.parametrize("kind", ["correction", "balance_due", "cancellation"])
    def test_a_correction_before_is_left_aside(self, kind: str) -> None:
        assert self.counts(self.before(invoice_number="I", kind=kind))[:6] == [0] * 6
        assert usual(kind=kind)["is_correction"] == 1

    def test_what_was_cancelled_by_then_is_left_aside(self) -> None:
        first = bill("J", **clocks(CUTOFF - DAY))
        back = bill("K", invoice_number="j", kind="cancellation", net_due_minor=-27_50)
        for known, repeats in ((CUTOFF - timedelta(hours=1), 0), (CUTOFF + timedelta(hours=1), 1)):
            cancelled = back.model_copy(update=clocks(known))
            assert features(first, cancelled, bill())["same_shipment_amount_before"] == repeats

    @pytest.mark.parametrize(
        ("one", "other", "similar"),
        [
            ("500123", "500123-1", True), ("500123", "500123A", True), ("500123", "500132", True),
            ("500123", "500124", True),
            ("500123", "50012", True), ("500123", "500123", False), ("500123", "500145", False), ("12", "3456", False),
            ("1A3", "1B9", False),
        ],
    )  # fmt: skip
    def test_numbers_that_nearly_agree(self, one: str, other: str, similar: bool) -> None:
        assert is_similar(one, other) is is_similar(other, one) is similar

    def test_signs_and_leading_zeros_change_no_number(self) -> None:
        assert plain_number("inv/007 ") == plain_number("INV007")
        assert plain_number("0007") == "7"


ARRIVALS = st.integers(0, 60)
BILLS = st.builds(
    lambda shipment, number, amount, occurred, known, kind: {
        "shipment_id": shipment, "invoice_number": number, "net_due_minor": amount, "kind": kind,
        "occurred_at": CUTOFF + timedelta(days=occurred), "known_at": CUTOFF + timedelta(days=known),
    },
    st.sampled_from(["S", "T", None]), st.sampled_from(["71", "71-1", "0071", "72", "99", None]),
    st.sampled_from([27_50, 40_00]), ARRIVALS, ARRIVALS,
    st.sampled_from([*["original"] * 4, "correction", "cancellation"]),
)  # fmt: skip


def repeats_by_loop(one: FreightInvoice, others: list[FreightInvoice]) -> list[float]:
    """The meaning of the repeat features, in the words of their declaration."""

    def order(invoice: FreightInvoice) -> tuple[datetime, str]:
        return counts_from(invoice), invoice.invoice_id

    def number(invoice: FreightInvoice) -> str | None:
        return None if invoice.invoice_number is None else plain_number(invoice.invoice_number)

    before = [other for other in others if order(other) < order(one) and other.carrier_id == one.carrier_id]
    ends = [other for other in before if other.kind is InvoiceKind.CANCELLATION and number(other) is not None]
    stand = [
        other
        for other in before
        if other.kind is InvoiceKind.ORIGINAL
        and not any(number(end) == number(other) and order(end) > order(other) for end in ends)
    ]
    same = [other for other in stand if other.shipment_id is not None and other.shipment_id == one.shipment_id]
    alike = [
        other
        for other in stand
        if other.net_due_minor == one.net_due_minor
        and counts_from(one) - counts_from(other) < timedelta(days=90)
        and None not in (number(one), number(other))
        and is_similar(str(number(one)), str(number(other)))
    ]
    hours = [(counts_from(one) - counts_from(other)) / timedelta(hours=1) for other in same]
    return [
        sum(other.net_due_minor == one.net_due_minor for other in same), len(same),
        sum(other.invoice_number != one.invoice_number for other in same),
        sum(number(other) is not None and number(other) == number(one) for other in stand), len(alike), 0,
        min(hours, default=NOTHING),
    ]  # fmt: skip


class TestAgainstLoops:
    @given(st.lists(BILLS, min_size=1, max_size=12))
    def test_repeats(self, told: list[dict[str, Any]]) -> None:
        invoices = [bill(f"I{place}", **one) for place, one in enumerate(told)]
        ledger = Ledger()
        for one in sorted(invoices, key=order_of):
            assert list(ledger.values(one)) == pytest.approx(repeats_by_loop(one, invoices), nan_ok=True)
            ledger.take(one)
        cancelled = {one.invoice_id: ledger.cancelled_by(one) for one in invoices}
        assert {name: by for name, by in cancelled.items() if by is not None} == {
            one.invoice_id: by.invoice_id for by in invoices for one in ledger.cancels(by)
        }

    def test_habits(self, matrix: InvoiceMatrix) -> None:
        found = pd.DataFrame(matrix.values, columns=list(matrix.names))
        rng = np.random.default_rng(3)
        for row in rng.choice(len(matrix.bills), size=60, replace=False):
            for lane, stream in ((False, "carrier"), (True, "carrier_lane")):
                for days in (28, 90):
                    expected = habits_by_loop(matrix.bills, matrix.bills[row], days, lane=lane)
                    names = ("invoices", "over_share", "over_mean_minor", "in_doubt_share", "spend_minor")
                    got = [found.loc[row, f"{stream}_{name}_{days}d"] for name in names]
                    assert got == pytest.approx(expected, nan_ok=True)


def habits_by_loop(bills: tuple[Bill, ...], one: Bill, days: int, *, lane: bool) -> list[float]:
    past = [
        other
        for other in bills
        if other.invoice.carrier_id == one.invoice.carrier_id
        and (
            not lane
            or (other.invoice.origin, other.invoice.destination) == (one.invoice.origin, one.invoice.destination)
        )
        and one.cutoff - timedelta(days=days) < other.cutoff < one.cutoff
    ]
    rated = [other.over_minor for other in past if other.over_minor is not None]
    over = [amount for amount in rated if amount > 100]
    return [
        len(past), len(over) / len(rated) if rated else NOTHING, sum(over) / len(over) if over else NOTHING,
        (len(past) - len(rated)) / len(past) if past else NOTHING, sum(other.total_minor for other in past),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def matrix(world: RecordTables) -> InvoiceMatrix:
    return build_invoices(world)


class TestPointInTime:
    def test_what_is_known_later_changes_nothing(self, world: RecordTables, matrix: InvoiceMatrix) -> None:
        cutoffs = pd.Series([one.cutoff for one in matrix.bills])
        middle = cutoffs.quantile(0.5).to_pydatetime()
        earlier = build_invoices(world.known(until=middle))
        told = {one.invoice.invoice_id: row for row, one in enumerate(earlier.bills) if one.cutoff <= middle}
        rows = [row for row, one in enumerate(matrix.bills) if one.cutoff <= middle]
        assert len(rows) == len(told) > 150
        again = earlier.values[[told[matrix.bills[row].invoice.invoice_id] for row in rows]]
        np.testing.assert_array_equal(matrix.values[rows], again)

    def test_the_order_of_the_records_changes_nothing(self, world: RecordTables, matrix: InvoiceMatrix) -> None:
        shuffled = {
            name: getattr(world, name).sample(frac=1, random_state=1, ignore_index=True)
            for name in ("freight_invoices", "invoice_lines", "events", "carrier_rates", "fuel_index", "accessorials")
        }
        others = {name: getattr(world, name) for name in ("shipments", "stops", "weather", "references")}
        again = build_invoices(RecordTables(**shuffled, **others))
        row_of = {one.invoice.invoice_id: row for row, one in enumerate(again.bills)}
        np.testing.assert_array_equal(
            matrix.values, again.values[[row_of[one.invoice.invoice_id] for one in matrix.bills]]
        )

    @drawn(20)
    @given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 5)), max_size=6))
    def test_late_and_corrected_records_count_from_when_they_are_known(self, told: list[tuple[int, int, int]]) -> None:
        later: list[Record] = []
        for number, (occurred, known, kind) in enumerate(told):
            at = clocks(CUTOFF + timedelta(hours=known, seconds=number), CUTOFF + timedelta(hours=occurred))
            later.append(
                [
                    rate(fuel_index_id="F", rate_minor=100 * number, **at), fuel(number, **at),
                    event("attempted", 20, f"E{number}", **at), bill(f"J{number}", **at),
                    terms("RDL", proof="attempt", rate_minor=number, **at),
                ][kind - 1]
            )  # fmt: skip
        seen = [record for record in later if counts_from(record) <= CUTOFF]
        base = (*AGREED, plan(), DELIVERED, bill(), HAUL, FUEL)
        assert features(*base, *later) == pytest.approx(features(*base, *seen), nan_ok=True)

    def test_a_plan_made_anew_counts_from_when_it_was_known(self) -> None:
        heavier = plan(300, known_at=CUTOFF + timedelta(seconds=1))
        assert features(*AGREED, plan(), heavier, bill(weight_kg=250), HAUL)["weight_over_kg"] == 0
        in_time = plan(300, known_at=CUTOFF)
        assert features(*AGREED, plan(), in_time, bill(weight_kg=250), HAUL)["weight_over_kg"] == -50
