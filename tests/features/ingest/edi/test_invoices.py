"""210: money to the cent, lines with their arithmetic, and what does not add up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.invoice_records import FreightInvoice, InvoiceLine
from features.invoice_vocabulary import ChargeKind, InvoiceKind, PaymentMethod, RateBasis
from tests.features.ingest.edi.written import Imported, imported, one

BILL = """
    B3**INV1*S1*PP**20260302*12550**20260301*035*RHEI
    C3*USD
    N9*BM*BOL1
    N9*CN*PRO1
    N9*BM*BOL1
    N1*BT*ACME*93*B01
    N1*SH*ACME
    N2*SECOND NAME
    N3*1 STREET
    N4*BOSTON*MA*02108*US
    N1*CN*SHOP
    N4*WINNIPEG*MB*R3C*CA
    LX*1
    L5*1*PAPER
    L0*1***1000*G***2*PLT**L
    L1*1*10*PH*10000
    L7*1******775
    LX*2
    L0*2
    L1*2*25.5*FR*2550****FSC
    L3*1000*G***12550******2*L
"""


def bill(folder: Path, *changes: tuple[str, str]) -> Imported:
    written = BILL
    for good, bad in changes:
        assert good in written
        written = written.replace(good, bad)
    return imported(folder, one("210", written))


class TestInvoice:
    def test_it_says_what_was_sent(self, tmp_path: Path) -> None:
        invoice: FreightInvoice = bill(tmp_path).only(FreightInvoice)
        assert (invoice.invoice_number, invoice.shipment_id, invoice.carrier_id) == ("INV1", "S1", "RHEI")
        assert (invoice.net_due_minor, invoice.total_minor, invoice.prepaid_minor) == (12550, 12550, None)
        assert (invoice.currency, invoice.payment, invoice.kind) == ("USD", PaymentMethod.PREPAID, InvoiceKind.ORIGINAL)
        assert (invoice.bill_to, invoice.origin, invoice.destination) == ("B01", "US-MA-BOSTON", "CA-MB-WINNIPEG")
        assert (invoice.weight_kg, invoice.pieces, invoice.freight_class) == (453.59237, 2, "77.5")
        assert invoice.occurred_at == datetime(2026, 3, 2, 5, tzinfo=UTC)
        assert invoice.delivered_at == datetime(2026, 3, 1, 6, tzinfo=UTC)
        assert [(one.kind.value, one.value) for one in invoice.references] == [("bol", "BOL1"), ("pro", "PRO1")]

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            ("N9*BM*B7", ("bol", "B7")), ("N9*BM*B7\nN9*CN*P7\nREF*PO*O7", ("pro", "P7")), ("N9*ZZ*NA", None),
            ("REF*2I*T7\nN9*CN*P7", ("tracking", "T7")), ("N9*BM*B7\nN9*BM*B8", None),
        ],
    )  # fmt: skip
    def test_a_line_bears_the_number_that_its_loop_names(
        self, tmp_path: Path, told: str, expected: tuple[str, str] | None
    ) -> None:
        freight, fuel = bill(tmp_path, ("LX*2", f"LX*2\n{told}")).all(InvoiceLine)
        assert freight.reference is None
        found = None if fuel.reference is None else (fuel.reference_kind.value, fuel.reference)
        assert found == expected

    def test_its_lines_say_what_was_sent(self, tmp_path: Path) -> None:
        freight, fuel = bill(tmp_path).all(InvoiceLine)
        assert (freight.kind, freight.charge_code, freight.amount_minor) == (ChargeKind.LINE_HAUL, None, 10000)
        assert (freight.description, freight.pieces, freight.freight_class) == ("PAPER", 2, "77.5")
        assert (freight.basis, freight.rate_minor, freight.rate_per) == (RateBasis.KILOGRAM, 1000, 45.359237)
        assert freight.quantity == freight.weight_kg == 453.59237
        assert (fuel.kind, fuel.charge_code, fuel.amount_minor) == (ChargeKind.FUEL, "FSC", 2550)
        assert (fuel.basis, fuel.rate_minor, fuel.quantity, fuel.weight_kg) == (RateBasis.SHIPMENT, 2550, 1, None)
        assert [line.line_number for line in (freight, fuel)] == [1, 2]

    @pytest.mark.parametrize(
        ("indicator", "kind"),
        [("BD", "balance_due"), ("CO", "correction"), ("CA", "cancellation"), ("ZZ", "correction")],
    )
    def test_what_it_does_to_the_one_before_it(self, tmp_path: Path, indicator: str, kind: str) -> None:
        found = bill(tmp_path, ("*12550**2026", f"*12550*{indicator}*2026"))
        assert (found.only(FreightInvoice).kind, found.only(FreightInvoice).raw_kind) == (kind, indicator)
        assert ("unknown_code" in found.remarks) == (indicator == "ZZ")

    def test_another_date_than_that_of_delivery_is_none(self, tmp_path: Path) -> None:
        assert bill(tmp_path, ("*035*", "*017*")).only(FreightInvoice).delivered_at is None

    @pytest.mark.parametrize(
        ("good", "bad", "reason", "segment", "element"),
        [
            ("*12550**2026", "***2026", "element_missing", "B3", 7),
            ("*12550**2026", "*125.50**2026", "number", "B3", 7),
            ("**INV1*", "***", "element_missing", "B3", 2),
            ("*035*RHEI", "*035", "element_missing", "B3", 11),
            ("*20260302*", "**", "element_missing", "B3", 6),
            ("L1*1*10*PH*10000", "L1*1*10*PH*1e4", "number", "L1", 4),
            ("L1*1*10*PH*10000", "L1*1*1O*PH*10000", "number", "L1", 2),
            ("L1*1*10*PH*10000", "L1*1*1234567890.12*PH*10000", "number", "L1", 2),
            ("***1000*G***2*PLT**L", "***1000*G***2*PLT**Q", "code", "L0", 4),
            ("***1000*G***2*PLT**L", "***-1*G***2*PLT**L", "number", "L0", 4),
            ("C3*USD", "C3*US", "record", "L1", None),
        ],
    )
    def test_what_cannot_be_read_says_where(
        self, tmp_path: Path, good: str, bad: str, reason: str, segment: str, element: int | None
    ) -> None:
        found = bill(tmp_path, (good, bad))
        assert found.records == []
        assert (found.reject["reason"], found.reject["segment"], found.reject["element"]) == (reason, segment, element)


class TestSums:
    def test_what_adds_up_is_no_finding(self, tmp_path: Path) -> None:
        assert bill(tmp_path).remarks == []

    def test_lines_that_do_not_come_to_the_net_due_are_found_and_kept_as_they_stand(self, tmp_path: Path) -> None:
        found = bill(tmp_path, ("*12550**2026", "*12551**2026"))
        assert found.only(FreightInvoice).net_due_minor == 12551
        assert [line.amount_minor for line in found.all(InvoiceLine)] == [10000, 2550]
        assert [(row["remark"], row["words"]) for row in found.findings] == [
            ("lines_differ", "the lines come to 125.50 USD net, 125.51 USD is asked for")
        ]

    def test_lines_that_do_not_come_to_the_stated_total_are_found(self, tmp_path: Path) -> None:
        assert bill(tmp_path, ("***12550***", "***12540***")).remarks == ["total_differs"]

    @pytest.mark.parametrize(
        "changes",
        [
            (("***12550******2*L", "***12550**550****2*L"),),
            (("L1*1*10*PH*10000", "L1*1*10*PH*10000**550"),),
            (("L1*2*25.5*FR*2550****FSC", "L1*2*25.5*FR*2550****FSC~L1*2*****550"),),
        ],
    )
    def test_what_is_prepaid_is_not_asked_for(self, tmp_path: Path, changes: tuple[tuple[str, str], ...]) -> None:
        found = bill(tmp_path, ("*12550**2026", "*12000**2026"), *changes)
        assert found.only(FreightInvoice).prepaid_minor == 550
        assert {remark for remark in found.remarks if remark != "segment_count"} == set()

    def test_an_advance_is_a_charge(self, tmp_path: Path) -> None:
        found = bill(tmp_path, ("L1*2*25.5*FR*2550****FSC", "L1*2****2550***DET"))
        assert [line.amount_minor for line in found.all(InvoiceLine)] == [10000, 2550]

    def test_a_bill_without_totals_is_read(self, tmp_path: Path) -> None:
        found = bill(tmp_path, ("L3*1000*G***12550******2*L", "NTE**none"))
        assert found.only(FreightInvoice).total_minor is None
        assert found.remarks == []

    def test_charges_before_the_first_lx_count(self, tmp_path: Path) -> None:
        assert bill(tmp_path, ("LX*1", "NTE**none"), ("LX*2", "NTE**none")).remarks == []


class TestMoney:
    def test_without_a_currency_one_is_assumed_and_that_is_found(self, tmp_path: Path) -> None:
        found = bill(tmp_path, ("C3*USD", "NTE**none"))
        assert found.only(FreightInvoice).currency == "USD"
        assert found.remarks == ["currency_assumed"]

    @pytest.mark.parametrize(("currency", "minor"), [("JPY", 100), ("KWD", 100_000), ("EUR", 10_000)])
    def test_hundredths_become_minor_units(self, tmp_path: Path, currency: str, minor: int) -> None:
        found = bill(tmp_path, ("C3*USD", f"C3*{currency}"), ("12550", "12500"), ("*2550*", "*2500*"))
        freight = found.all(InvoiceLine)[0]
        assert (freight.amount_minor, freight.currency) == (minor, currency)

    def test_hundredths_of_a_currency_that_has_none_are_rejected(self, tmp_path: Path) -> None:
        found = bill(tmp_path, ("C3*USD", "C3*JPY"))
        assert found.reject["reason"] == "number"
        assert "2550 hundredths of JPY" in found.reject["words"]

    def test_money_beyond_64_bits_is_rejected(self, tmp_path: Path) -> None:
        many = "\n".join(["L1*1*****999999999999999"] * 10_000)
        found = imported(tmp_path, one("210", BILL.replace("LX*2", many)))
        assert "beyond any amount" in found.reject["words"]


class TestRates:
    @pytest.mark.parametrize(
        ("l1", "basis", "minor", "per", "quantity"),
        [
            ("1*.7134*LB*10000", "kg", 7134, 45.359237, 453.59237),
            ("1*2*PM*10000", "km", 200, 1.609344, None),
            ("1*-2*FR*10000", None, None, 1, None),
            ("1*2*ZZ*10000", None, None, 1, None),
            ("9*10*PH*10000", "kg", 1000, 45.359237, None),
        ],
    )
    def test_a_rate_is_whole_minor_units_for_so_many_units(
        self, tmp_path: Path, l1: str, basis: str | None, minor: int | None, per: float, quantity: float | None
    ) -> None:
        line = bill(tmp_path, ("L1*1*10*PH*10000", f"L1*{l1}")).all(InvoiceLine)[0]
        assert (line.basis, line.rate_minor, line.quantity) == (basis, minor, quantity)
        assert line.rate_per == pytest.approx(per)

    def test_miles_are_billed_where_the_lading_says_so(self, tmp_path: Path) -> None:
        line = bill(tmp_path, ("L1*1*10*PH*10000", "L1*1*1*PM*10000"), ("L0*1***1000", "L0*1*100*DM*1000")).all(
            InvoiceLine
        )[0]
        assert line.rate_minor * line.quantity / line.rate_per == pytest.approx(10000)

    def test_a_weight_without_a_unit_is_in_pounds_and_that_is_found(self, tmp_path: Path) -> None:
        found = bill(tmp_path, ("*2*PLT**L", "*2*PLT"))
        assert found.all(InvoiceLine)[0].weight_kg == 453.59237
        assert found.remarks == ["weight_unit_assumed"]


def test_many_charges_of_one_lading_are_read_in_time(tmp_path: Path) -> None:
    many = "\n".join(["L1*1***1"] * 20_000)
    found = imported(tmp_path, one("210", BILL.replace("LX*2", many).replace("*12550**", "*32550**")))
    assert found.summary.records["invoice_lines"] == 20_002
    assert found.remarks == []
