"""Each class of discrepancy on a bill made by hand, with its evidence; and what is no finding."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from features.as_known import counts_from
from features.charges import Reason
from features.invoice_vocabulary import ChargeKind, Discrepancy
from features.vocabulary import ReferenceKind
from models.audit import arithmetic
from models.audit.dispute import dispute_text
from models.audit.findings import OPEN_QUESTIONS, WHOLE_BILL, AuditSettings, Finding, Tolerance
from tests.features.agreed import CUTOFF, DAY, PICKUP, clocks, event, plan, rate, terms
from tests.models.audit.billed import (
    ARRIVED,
    CONTRACT,
    DELIVERED,
    TOLL,
    audited,
    bill,
    found,
    haul,
    line,
    surcharge,
)

EARLIER = clocks(CUTOFF - DAY, PICKUP + timedelta(hours=50))
D = Discrepancy


def home(**given: Any) -> dict[str, Any]:
    last = {"place": "DEHAM", "kind": "delivery", **given}
    return {"stops": [{"place": "NLRTM", "kind": "pickup", "planned_at": PICKUP}, last]}


def charged(code: str, amount: int, **given: Any) -> tuple[Any, ...]:
    return (
        line(4, "accessorial", amount, code, **({"quantity": 1, "rate_minor": amount, "basis": "shipment"} | given)),
    )


class TestARightBill:
    def test_has_no_finding(self) -> None:
        audit = audited()
        assert (audit.findings, audit.undetermined, audit.within_tolerance_minor) == ((), (), 0)
        assert audit.recoverable_minor(30_50) == 0

    def test_has_none_with_what_is_shown_beside_it(self) -> None:
        waited = event("delivered", 34.5, "D")
        asked = event("other", 5, "Q", raw_status="MSG", asserted_by="customer")
        failed = event("attempted", 20, "T", party_at_fault="consignee")
        beside = (*charged("DET", 135_00, quantity=3, rate_minor=45_00, basis="hour"), *charged("RDL", 38_00),
                  *charged("MSG", 12_00), *charged("RES", 7_00))  # fmt: skip
        events = (ARRIVED, waited, asked, failed)
        assert audited(beside=beside, events=events, plan_of=home(is_residence=True)).findings == ()

    def test_has_none_where_the_carrier_nets_a_discount_or_bills_the_minimum(self) -> None:
        off = terms("DSC", charge="discount", basis="percent", percent=20)
        netted = (haul(20_00, rate_minor=8_00), surcharge(2_00), TOLL)
        assert audited(contract=(*CONTRACT, off), lines=netted).findings == ()
        least = (haul(15_00, quantity=100, rate_minor=10_00), surcharge(1_50), TOLL)
        assert audited(plan_of={"weight": 100}, lines=least).findings == ()

    def test_has_none_if_it_corrects_cancels_or_asks_for_the_rest(self) -> None:
        before = bill("J", **EARLIER)
        assert audited(before, kind="correction").findings == ()
        assert audited(before, kind="cancellation").findings == ()
        part = bill("J", **EARLIER, net_due_minor=27_50)
        assert audited(part, lines=(TOLL,), kind="balance_due").findings == ()
        assert audited(part, lines=(TOLL,)).findings == ()


RIGHT_FUEL = surcharge()
CASES: dict[Discrepancy, tuple[dict[str, Any], int | None]] = {
    D.DUPLICATE_LINE: ({"beside": (TOLL.model_copy(update={"line_number": 4}),)}, 3_00),
    D.RATE_MISMATCH: ({"lines": (haul(30_00, rate_minor=12_00), surcharge(3_00), TOLL)}, 5_50),
    D.MINIMUM_CHARGE: (
        {"plan_of": {"weight": 100},
         "lines": (haul(20_00, 1, 20_00, rate_per=1, basis="shipment"), surcharge(2_00), TOLL)},
        5_50,
    ),
    D.DISCOUNT_NOT_APPLIED: (
        {"contract": (*CONTRACT, terms("DSC", charge="discount", basis="percent", percent=20))},
        5_50,
    ),
    D.FUEL_INDEX_WEEK: ({"lines": (haul(), surcharge(3_25, 13), TOLL)}, 75),
    D.FUEL_BASE: ({"lines": (haul(), surcharge(2_80), TOLL)}, 30),
    D.FUEL_TABLE: ({"lines": (haul(), surcharge(4_25, 17), TOLL)}, 1_75),
    D.ACCESSORIAL_NOT_AUTHORISED: ({"beside": charged("MSG", 12_00)}, 12_00),
    D.ACCESSORIAL_NOT_EVIDENCED: ({"beside": charged("RDL", 38_00)}, 38_00),
    D.DETENTION_CLOCK: ({"beside": charged("DET", 45_00, rate_minor=45_00, basis="hour")}, 45_00),
    D.RESIDENTIAL_MISCLASS: ({"beside": charged("RES", 7_00)}, 7_00),
    D.ADDRESS_CORRECTION: ({"beside": charged("ADC", 9_00)}, 9_00),
    D.WEIGHT_MISMATCH: ({"lines": (haul(30_00, 300), surcharge(3_00), TOLL), "weight_kg": 300}, 5_50),
    D.DIM_WEIGHT: (
        {"lines": (haul(40_00, 400), surcharge(4_00), TOLL), "weight_kg": 400, "plan_of": {"volume_m3": 2.0}},
        16_50,
    ),
    D.FREIGHT_CLASS: (
        {"lines": (haul(30_00, rate_minor=12_00), surcharge(3_00), TOLL), "freight_class": "70",
         "plan_of": {"freight_class": "50"}},
        5_50,
    ),
    D.REWEIGH_UNSUPPORTED: (
        {"lines": (haul(30_00, 300), surcharge(3_00), TOLL), "weight_kg": 300, "kind": "correction"},
        5_50,
    ),
    D.WRONG_LANE_ZONE_MILEAGE: (
        {"lines": (haul(35_00, rate_minor=14_00), surcharge(3_50), TOLL), "destination": "FRPAR"},
        11_00,
    ),
    D.WRONG_SERVICE: (
        {"lines": (haul(40_00, rate_minor=16_00), surcharge(4_00), TOLL), "service_id": "EXPRESS",
         "plan_of": {"service_id": "SLOW"}},
        16_50,
    ),
    D.WRONG_MODE: ({"lines": (haul(75_00, rate_minor=30_00), surcharge(7_50), TOLL), "mode": "air"}, 55_00),
    D.TAX: ({"beside": (line(4, "tax", 5_80, "VAT", percent=19),)}, 5_80),
    D.EXTENSION: ({"lines": (haul(27_00), surcharge(2_70), TOLL)}, 2_20),
    D.TOTAL_NOT_SUM: ({"total_minor": 33_00, "net_due_minor": 33_00}, 2_50),
    D.LATE_GUARANTEE_REFUND: ({"plan_of": home(promised_at=PICKUP + timedelta(hours=24))}, 13_75),
    D.UNDERCHARGE: ({"lines": (haul(20_00, rate_minor=8_00), surcharge(2_00), TOLL)}, -5_50),
    D.LATE_BILLED: ({"settings": AuditSettings(bill_within_days=1)}, 30_50),
    D.WRONG_BILL_TO: ({"settings": AuditSettings(payers=frozenset({"US"})), "bill_to": "THEM"}, 30_50),
    D.SERVICE_NOT_RENDERED: ({"events": (event("cancelled", 1, "X"),)}, 30_50),
    D.NO_POD: ({"events": (ARRIVED,)}, None),
    D.CURRENCY: ({"currency": "CHF"}, None),
    D.MISSING_REFERENCE: ({"shipment_id": None, "lines": ()}, None),
    D.NO_SHIPMENT_MATCH: ({"shipment_id": "T", "lines": ()}, None),
    D.RATE_NOT_ON_FILE: ({"contract": CONTRACT[7:], "lines": (haul(), TOLL)}, None),
}  # fmt: skip


@pytest.fixture(scope="module")
def by_label() -> dict[Discrepancy, Finding]:
    """The only finding of each case."""
    return {label: found(**spoilt) for label, (spoilt, _) in CASES.items()}


class TestClasses:
    @pytest.mark.parametrize("label", CASES)
    def test_each_is_the_only_finding_of_a_bill_with_it(
        self, by_label: dict[Discrepancy, Finding], label: Discrepancy
    ) -> None:
        finding, difference = by_label[label], CASES[label][1]
        assert (finding.label, finding.difference_minor) == (label, difference)
        assert (difference is None) == (label in OPEN_QUESTIONS)
        if difference is not None and finding.billed_minor is not None and finding.recomputed_minor is not None:
            own = finding.billed_minor - finding.recomputed_minor
            assert 0 < abs(own) <= abs(difference)  # what follows from it is in the difference alone

    def test_every_class_has_a_case(self) -> None:
        assert {*CASES, D.DUPLICATE_INVOICE, D.BALANCE_DUE_REBILL} == set(Discrepancy)

    def test_a_charge_that_a_contract_knows_names_its_clause(self, by_label: dict[Discrepancy, Finding]) -> None:
        own = WHOLE_BILL | OPEN_QUESTIONS | {D.TOTAL_NOT_SUM, D.TAX}
        for label, finding in by_label.items():
            assert (finding.clause is None) == (label in own), label


class TestEvidence:
    def test_events_that_show_something_else_are_named(self) -> None:
        beside = charged("DET", 135_00, quantity=3, rate_minor=45_00, basis="hour")
        finding = found(beside=beside, events=(ARRIVED, event("delivered", 33, "D")))
        assert (finding.label, finding.difference_minor, finding.event_ids) == (D.DETENTION_CLOCK, 90_00, ("A", "D"))
        refund = found(plan_of=home(promised_at=PICKUP + timedelta(hours=24)))
        assert refund.event_ids == ("D",)

    def test_waiting_without_a_known_arrival_is_not_evidenced(self) -> None:
        finding = found(beside=charged("DET", 45_00, basis="hour"), events=(DELIVERED,))
        assert finding.label is D.ACCESSORIAL_NOT_EVIDENCED

    def test_a_charge_that_no_agreement_names_is_not_authorised(self) -> None:
        finding = found(beside=charged("???", 12_00))
        assert (finding.label, finding.line_numbers, finding.clause) == (D.ACCESSORIAL_NOT_AUTHORISED, (4,), None)

    def test_one_attempt_is_shown_and_two_are_billed(self) -> None:
        failed = event("attempted", 20, "T", party_at_fault="consignee")
        beside = charged("RDL", 76_00, quantity=2, rate_minor=38_00)
        finding = found(beside=beside, events=(ARRIVED, DELIVERED, failed))
        assert (finding.label, finding.difference_minor) == (D.ACCESSORIAL_NOT_EVIDENCED, 38_00)

    def test_a_dearer_unit_than_agreed_is_a_wrong_rate(self) -> None:
        failed = event("attempted", 20, "T", party_at_fault="consignee")
        finding = found(beside=charged("RDL", 40_00), events=(ARRIVED, DELIVERED, failed))
        assert (finding.label, finding.difference_minor) == (D.RATE_MISMATCH, 2_00)

    def test_what_is_owed_and_not_billed_is_an_undercharge(self) -> None:
        finding = found(lines=(haul(), surcharge()))
        assert (finding.label, finding.difference_minor, finding.recomputed_minor) == (D.UNDERCHARGE, -3_00, 3_00)

    def test_a_lane_that_no_rate_is_agreed_for_is_still_the_cause(self) -> None:
        finding = found(lines=(haul(40_00, rate_minor=16_00), surcharge(4_00), TOLL), destination="ITMIL")
        assert (finding.label, finding.difference_minor) == (D.WRONG_LANE_ZONE_MILEAGE, 16_50)

    def test_a_fact_that_changes_no_amount_is_no_finding(self) -> None:
        assert audited(weight_kg=300, destination="FRPAR", mode="air").findings == ()

    @pytest.mark.parametrize(
        ("weight", "label"),
        [(400, D.DIM_WEIGHT), (400.04, D.DIM_WEIGHT), (400.2, D.WEIGHT_MISMATCH), (400.5, D.DIM_WEIGHT),
         (401.5, D.WEIGHT_MISMATCH)],
    )  # fmt: skip
    def test_a_weight_by_volume_is_exact_or_raised_to_a_half_kilogram(self, weight: float, label: D) -> None:
        amount = round(weight * 10)
        lines = (haul(amount, weight), surcharge(round(amount / 10)), TOLL)
        labels = [one.label for one in audited(lines=lines, weight_kg=weight, plan_of={"volume_m3": 2.0}).findings]
        assert labels[0] is label

    def test_a_surcharge_without_a_percentage_is_known_by_what_it_comes_to(self) -> None:
        for amount, label in ((3_25, D.FUEL_INDEX_WEEK), (2_80, D.FUEL_BASE), (3_00, D.FUEL_TABLE)):
            assert found(lines=(haul(), surcharge(amount, None), TOLL)).label is label

    def test_a_surcharge_that_no_lane_has_is_of_no_table(self) -> None:
        bare = (rate(), *CONTRACT[7:])
        finding = found(contract=bare)
        assert (finding.label, finding.difference_minor) == (D.FUEL_TABLE, 2_50)
        assert found(lines=(haul(), TOLL)).label is D.UNDERCHARGE


class TestSeveralCauses:
    def test_their_differences_add_up_to_what_is_too_much(self) -> None:
        # 300 kg instead of 250, 12.00 instead of 10.00, a wrong sum of it, fuel of 13 %, the toll twice, and the total.
        lines = (haul(37_00, 300, 12_00), surcharge(4_81, 13), TOLL, TOLL.model_copy(update={"line_number": 4}))
        audit = audited(lines=lines, weight_kg=300, total_minor=50_00, net_due_minor=50_00)
        parts = {finding.label: finding.difference_minor for finding in audit.findings}
        assert parts == {
            D.TOTAL_NOT_SUM: 2_19, D.WEIGHT_MISMATCH: 5_50, D.EXTENSION: 1_00, D.RATE_MISMATCH: 6_70,
            D.FUEL_INDEX_WEEK: 1_11, D.DUPLICATE_LINE: 3_00,
        }  # fmt: skip
        assert sum(part or 0 for part in parts.values()) == 50_00 - 30_50 == audit.recoverable_minor(50_00)

    def test_the_line_haul_twice_and_the_surcharge_taken_of_both(self) -> None:
        again = haul().model_copy(update={"line_number": 4})
        finding = found(lines=(haul(), surcharge(5_00), TOLL, again))
        assert (finding.label, finding.difference_minor, finding.line_numbers) == (D.DUPLICATE_LINE, 27_50, (4,))

    def test_one_charge_for_each_of_two_parcels_is_no_repeat(self) -> None:
        parcels = [
            TOLL.model_copy(update={"line_number": number, "reference_kind": ReferenceKind.PRO, "reference": parcel})
            for number, parcel in ((3, "P1"), (4, "P2"), (5, "P2"))
        ]
        assert arithmetic.repeated(parcels, 9_00) == [parcels[2]]

    def test_a_tax_twice(self) -> None:
        tax = terms("VAT", charge="tax", proof="nothing", basis="percent", percent=20)
        beside = [line(number, "tax", 6_10, "VAT") for number in (4, 5)]
        finding = found(contract=(*CONTRACT, tax), beside=beside)
        assert (finding.label, finding.difference_minor) == (D.DUPLICATE_LINE, 6_10)

    def test_what_was_paid_before_is_not_asked_for_again(self) -> None:
        finding = found(prepaid_minor=10_00, net_due_minor=30_50)
        assert (finding.label, finding.difference_minor) == (D.TOTAL_NOT_SUM, 10_00)
        assert audited(prepaid_minor=10_00, net_due_minor=20_50).findings == ()

    def test_shares_of_the_line_haul_and_taxes_follow_it(self) -> None:
        share, tax = terms("RISK", proof="nothing", basis="percent", percent=4), terms(
            "VAT", charge="tax", proof="nothing", basis="percent", percent=20)  # fmt: skip
        beside = (line(4, "accessorial", 1_20, "RISK"), line(5, "tax", 7_44, "VAT"))
        lines = (haul(30_00, rate_minor=12_00), surcharge(3_00), TOLL)
        finding = found(contract=(*CONTRACT, share, tax), lines=lines, beside=beside)
        # 5.00 of line haul, 0.50 of fuel, 0.20 of the share, and a fifth of these.
        assert (finding.label, finding.difference_minor) == (D.RATE_MISMATCH, 6_84)

    def test_a_bill_without_lines_is_compared_as_a_whole(self) -> None:
        assert found(lines=(), net_due_minor=33_00, total_minor=33_00).difference_minor == 2_50
        by_weight = found(lines=(), net_due_minor=36_00, total_minor=36_00, weight_kg=300)
        assert (by_weight.label, by_weight.difference_minor) == (D.WEIGHT_MISMATCH, 5_50)


class TestRepeats:
    def test_a_shipment_is_billed_once(self) -> None:
        finding = found(bill("J", **EARLIER), invoice_number="OTHER")
        assert (finding.label, finding.difference_minor, finding.other_invoice_ids) == (
            D.DUPLICATE_INVOICE, 30_50, ("J",))  # fmt: skip

    def test_not_again_after_it_was_cancelled(self) -> None:
        cancelled = bill("K", kind="cancellation", invoice_number="NJ", **clocks(CUTOFF - DAY / 2))
        assert audited(bill("J", **EARLIER), cancelled).findings == ()

    @pytest.mark.parametrize(
        "number",
        [
            {"invoice_number": "NI"},
            {"invoice_number": "NK"},
            {"invoice_number": "OTHER", "references": [{"kind": "pro", "value": "7"}]},
        ],
    )
    def test_without_a_shipment_the_amount_and_a_number_must_be_the_same(self, number: dict[str, Any]) -> None:
        before = bill("J", **EARLIER, **{"shipment_id": None} | number)
        invoice = {"references": [{"kind": "pro", "value": "7"}]}
        labels = {one.label for one in audited(before, lines=(), **invoice).findings}
        assert labels == {D.DUPLICATE_INVOICE}
        dearer = before.model_copy(update={"net_due_minor": 31_00})
        assert audited(dearer, lines=(), **invoice).findings == ()

    def test_two_shipments_of_one_amount_are_two(self) -> None:
        other = plan(shipment_id="T")
        assert audited(other, bill("J", **EARLIER, shipment_id="T", invoice_number="NK")).findings == ()

    def test_a_further_bill_asks_for_no_more_than_what_is_still_owed(self) -> None:
        finding = found(bill("J", **EARLIER), lines=(TOLL,), kind="balance_due")
        assert (finding.label, finding.difference_minor) == (D.BALANCE_DUE_REBILL, 3_00)
        in_part = found(bill("J", **EARLIER, net_due_minor=28_00), lines=(TOLL,))
        assert (in_part.label, in_part.difference_minor) == (D.BALANCE_DUE_REBILL, 50)


class TestDoubt:
    def test_what_cannot_be_determined_is_said_and_is_no_finding(self) -> None:
        audit = audited(plan_of={"weight": None})
        assert audit.findings == ()
        assert {doubt.reason for doubt in audit.undetermined} == {Reason.NO_WEIGHT, Reason.NO_BASE}

    def test_arithmetic_and_the_other_charges_are_judged_all_the_same(self) -> None:
        lines = (haul(24_00), surcharge(), TOLL, *charged("RDL", 38_00))
        labels = [one.label for one in audited(plan_of={"weight": None}, lines=lines).findings]
        assert labels == [D.EXTENSION, D.ACCESSORIAL_NOT_EVIDENCED]

    def test_more_than_the_arithmetic_may_be_a_minimum_that_is_not_known(self) -> None:
        assert audited(plan_of={"weight": None}, lines=(haul(26_00), surcharge(), TOLL)).findings == ()

    def test_a_stay_that_has_not_ended_leaves_the_waiting_open(self) -> None:
        audit = audited(beside=charged("DET", 45_00, basis="hour"), events=(ARRIVED,))
        assert [one.label for one in audit.findings] == [D.NO_POD]
        assert [doubt.code for doubt in audit.undetermined] == ["DET"]

    def test_carriers_without_events_are_not_asked_for_a_delivery(self) -> None:
        assert audited(events=(), settings=AuditSettings(delivery_is_shown=False)).findings == ()

    def test_where_much_is_bought_without_a_contract_its_absence_is_no_finding(self) -> None:
        audit = audited(contract=CONTRACT[7:], lines=(haul(), TOLL), settings=AuditSettings(rates_are_on_file=False))
        assert audit.findings == ()
        assert audit.undetermined[0].reason is Reason.NO_CONTRACT

    def test_another_carrier_than_the_one_that_carried(self) -> None:
        labels = {one.label for one in audited(carrier_id="T").findings}
        assert D.NO_SHIPMENT_MATCH in labels

    def test_nothing_that_came_after_the_invoice_counts(self) -> None:
        known_later = event("delivered", 31, "D", known_at=CUTOFF + DAY)
        assert counts_from(known_later) > CUTOFF
        assert found(events=(ARRIVED, known_later)).label is D.NO_POD
        later_bill = bill("J", **clocks(CUTOFF + DAY))
        assert audited(later_bill).findings == ()


class TestTolerance:
    def test_both_limits_must_be_kept(self) -> None:
        tolerance = Tolerance(1_00, 2.0)
        assert tolerance.allows(-1_00, 100_00)
        assert not tolerance.allows(1_01, 1_000_00)
        assert not tolerance.allows(1_00, 49_00)

    def test_too_much_and_too_little_are_let_pass_apart(self) -> None:
        settings = AuditSettings(over=Tolerance(10, 1.0), under=Tolerance(6_00, 50.0))
        too_little = audited(lines=(haul(20_00, rate_minor=8_00), surcharge(2_00), TOLL), settings=settings)
        assert (too_little.findings, too_little.within_tolerance_minor) == ((), -5_50)
        too_much = audited(lines=(haul(), surcharge(2_70), TOLL), settings=settings)
        assert [one.difference_minor for one in too_much.findings] == [20]

    def test_small_ones_that_are_too_much_together_stay(self) -> None:
        settings = AuditSettings(over=Tolerance(40, 5.0))
        lines = (haul(25_30), surcharge(2_53), TOLL.model_copy(update={"amount_minor": 3_30}))
        assert [one.difference_minor for one in audited(lines=lines, settings=settings).findings] == [33, 30]
        alone = (haul(25_30), surcharge(2_53), TOLL)
        assert audited(lines=alone, settings=settings).findings == ()

    def test_an_open_question_has_no_amount_to_let_pass(self) -> None:
        loose = AuditSettings(over=Tolerance(10_000_00, 1_000.0))
        assert found(events=(ARRIVED,), settings=loose).label is D.NO_POD


class TestDisputeText:
    def test_it_says_what_is_billed_by_which_clause_what_is_owed_and_what_is_asked(self) -> None:
        finding = found(lines=(haul(30_00, rate_minor=12_00), surcharge(3_00), TOLL))
        assert dispute_text(bill(), finding) == (
            "Invoice NI of 2026-03-05, shipment S, line 1: billed at 12.00 EUR for 100 kg; charges that are shares of "
            "it follow. Agreed is clause R, in force from 2026-01-01: 10.00 EUR for 100 kg, at least 15.00 EUR. "
            "Billed: 30.00 EUR. Owed: 25.00 EUR. Please credit 5.50 EUR."
        )

    def test_each_class_has_words_and_asks_for_something(self, by_label: dict[Discrepancy, Finding]) -> None:
        for label, finding in by_label.items():
            text, difference = dispute_text(bill(), finding), finding.difference_minor
            asked = "in our favour" if label is D.UNDERCHARGE else "Please "
            assert asked in text, label
            assert ("credit" in text) == (difference is not None and difference > 0)

    def test_evidence_is_named(self) -> None:
        again = found(bill("J", **EARLIER))
        assert "Compare invoice J." in dispute_text(bill(), again)
        assert "Evidence: event X." in dispute_text(bill(), found(events=(event("cancelled", 1, "X"),)))

    def test_currencies_have_their_own_decimals(self) -> None:
        finding = Finding(D.TOTAL_NOT_SUM, "w", 1_234, ChargeKind.OTHER, (), 5_000, 3_766)
        yen = bill(currency="JPY", shipment_id=None)
        assert dispute_text(yen, finding).endswith("Billed: 5,000 JPY. Owed: 3,766 JPY. Please credit 1,234 JPY.")
