"""The recorded interchanges: counts, statuses, charges and totals are what a naive reading of the files says."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.carrier_records import Tender, TenderResponse
from features.ingest.checks import broken_links, broken_rows
from features.ingest.edi.importer import import_edi
from features.ingest.edi.reading import Terms
from features.invoice_records import FreightInvoice, InvoiceLine
from features.invoice_vocabulary import RateBasis
from features.records import DeliveryEvent, Shipment
from features.tables import SCHEMAS, RecordTables
from features.vocabulary import EventStatus, TenderReply
from tests.features.ingest.edi.written import LEARNT, Imported, accounted
from tests.features.ingest.recorded import needs, source_of

pytestmark = needs("edi")

SOURCE = source_of("edi")
NAMES = (
    "edi.net/204-MGCTLYST-SAMPLE.EDI",
    "edi.net/210-MGCTLYST-SAMPLE.EDI",
    "edi.net/214-MGCTLYST-SAMPLE.EDI",
    "edi.net/990-MGCTLYST-SAMPLE.EDI",
    "edi.net/x12.214.edi",
    "omniparser/1_canadapost_edi_214.input.txt",
    "omniparser/2_ups_edi_210.input.txt",
)
CANADA_POST, UPS = (SOURCE / name for name in NAMES[5:])


def naive(path: Path) -> list[list[list[str]]]:
    """Split a file into transactions, with nothing checked and nothing understood."""
    text = path.read_text(encoding="utf-8-sig")
    head = text[:120].replace("\n*", "*")
    terminator = head[105]
    found: list[list[list[str]]] = []
    for segment in text.split(terminator):
        elements = [element.strip() for element in segment.strip("\n").split("*")]
        if elements[0] == "ST":
            found.append([])
        if found:
            found[-1].append(elements)
    return found


def element(segment: list[str], place: int) -> str:
    return segment[place] if place < len(segment) else ""


def read(path: Path, folder: Path) -> Imported:
    return Imported(import_edi(path, folder / "out", Terms(LEARNT), now=LEARNT), folder / "out")


@pytest.mark.parametrize("name", NAMES)
class TestEverySample:
    def test_every_transaction_is_imported(self, name: str, tmp_path: Path) -> None:
        summary = read(SOURCE / name, tmp_path).summary
        expected = Counter(transaction[0][1] for transaction in naive(SOURCE / name))
        assert summary.transactions == summary.imported == expected
        assert accounted(summary)
        assert summary.leftovers == 0

    def test_statuses_are_those_of_the_file(self, name: str, tmp_path: Path) -> None:
        summary = read(SOURCE / name, tmp_path).summary
        sent = [segment[1] for transaction in naive(SOURCE / name) for segment in transaction if segment[0] == "AT7"]
        assert summary.raw_statuses == Counter(sent)
        assert summary.statuses.total() == len(sent)

    def test_charges_are_those_of_the_file(self, name: str, tmp_path: Path) -> None:
        summary = read(SOURCE / name, tmp_path).summary
        charges: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for transaction in naive(SOURCE / name):
            for segment in transaction:
                if segment[0] == "L1" and segment[4]:
                    charges[element(segment, 8)] += int(segment[4])
                    counts[element(segment, 8)] += 1
        assert {code: charge.count for code, charge in summary.charges.items()} == counts
        assert {code: charge.amount_minor.total() for code, charge in summary.charges.items()} == charges

    def test_lines_add_up_to_what_is_asked_for_to_the_cent(self, name: str, tmp_path: Path) -> None:
        found = read(SOURCE / name, tmp_path)
        asked = {
            transaction[0][2]: int(segment[7])
            for transaction in naive(SOURCE / name)
            for segment in transaction
            if segment[0] == "B3"
        }
        invoices = found.all(FreightInvoice)
        assert {invoice.invoice_id.rpartition("/")[2]: invoice.net_due_minor for invoice in invoices} == asked
        lines: Counter[str] = Counter()
        for line in found.all(InvoiceLine):
            lines[line.invoice_id.rpartition("/")[2]] += line.amount_minor
        assert lines == asked
        assert "lines_differ" not in found.remarks
        assert "total_differs" not in found.remarks
        assert sum(total.net_due_minor for total in found.summary.totals.values()) == sum(asked.values())

    def test_a_count_that_the_trailer_states_wrongly_is_found(self, name: str, tmp_path: Path) -> None:
        found = read(SOURCE / name, tmp_path)
        wrong = [t[0][2] for t in naive(SOURCE / name) if int(t[-1 if t[-1][0] == "SE" else _end(t)][1]) != _end(t) + 1]
        assert [row["control"] for row in found.findings if row["remark"] == "segment_count"] == wrong

    def test_the_tables_keep_every_rule_of_canonical_tables(self, name: str, tmp_path: Path) -> None:
        tables = RecordTables.read(read(SOURCE / name, tmp_path).out)
        frames = {table: getattr(tables, table) for table in SCHEMAS}
        for table, frame in frames.items():
            assert [reason for broken, reason in broken_rows(table, frame) if broken.any()] == []
        assert [reason for _, broken, reason in broken_links(frames) if broken.any()] == []


def _end(transaction: list[list[str]]) -> int:
    """Return where the trailer stands."""
    return next(place for place, segment in enumerate(transaction) if segment[0] == "SE")


def test_the_whole_folder_is_read_and_an_interchange_that_lies_there_twice_counts_once(tmp_path: Path) -> None:
    summary = read(SOURCE, tmp_path).summary
    assert summary.transactions == {"204": 1, "210": 6, "214": 21, "990": 1, **dict(summary.unsupported)}
    assert summary.repeated == {"214": 1}
    assert summary.rejected.total() == 0
    assert accounted(summary)


class TestCanadaPost:
    def test_events_are_those_of_another_parser(self, tmp_path: Path) -> None:
        expected = json.loads((SOURCE / "omniparser" / "1_canadapost_edi_214.expected.json").read_text())
        events = read(CANADA_POST, tmp_path).all(DeliveryEvent)
        assert len(events) == len(expected)
        for event, other in zip(events, expected, strict=True):
            (told,) = other["TransformedRecord"]["events"]
            raw = json.loads(other["RawRecord"])["AT7"]
            place = told["location"]
            assert event.shipment_id == other["TransformedRecord"]["tracking_number"]
            assert event.place == f"{place['country']}-{place['state']}-{place['city']}"
            assert (event.raw_status, event.reason) == (raw["shipmentStatusCode"], raw["shipmentStatusReasonCode"])
            at = datetime.fromisoformat(told["date"])
            # The other parser leaves a time without a code open; here it is local to Ontario.
            at = at.replace(tzinfo=UTC, hour=20) if at.tzinfo is None else at
            assert event.occurred_at == at

    def test_an_unknown_status_is_kept_raw(self, tmp_path: Path) -> None:
        found = read(CANADA_POST, tmp_path)
        assert {event.status for event in found.all(DeliveryEvent) if event.raw_status == "XB"} == {EventStatus.OTHER}
        assert [row["words"] for row in found.findings if row["remark"] == "unknown_code"].count("status XB") == 6


class TestUps:
    def test_charges_are_those_of_another_parser(self, tmp_path: Path) -> None:
        expected = json.loads((SOURCE / "omniparser" / "2_ups_edi_210.expected.json").read_text())
        found = read(UPS, tmp_path)
        invoices, lines = found.all(FreightInvoice), found.all(InvoiceLine)
        assert len(invoices) == len(expected) == 5
        for invoice, other in zip(invoices, expected, strict=True):
            told = other["TransformedRecord"]
            assert invoice.invoice_number == told["invoice_number"]
            assert (invoice.net_due_minor, invoice.currency) == (
                told["invoice_total_amount"],
                told["invoice_total_amount_currency"],
            )
            assert f"{invoice.occurred_at:%Y-%m-%d}" == told["invoice_date"][:10]
            charges = [charge for item in told["line_items"] for charge in item.get("fees_and_charges", [])]
            assert [
                (line.charge_code, line.amount_minor) for line in lines if line.invoice_id == invoice.invoice_id
            ] == [(charge["charge_type"], charge["charge"]) for charge in charges]

    def test_a_line_bears_the_number_of_its_parcel(self, tmp_path: Path) -> None:
        expected: dict[str, int] = {}
        number = None
        for segment in UPS.read_text().split("|"):
            match segment.strip().split("*"):
                case ["LX", *_]:
                    number = None
                case ["N9", "CN", value, *_]:
                    number = value
                case ["L1", *_] if number:
                    expected[number] = expected.get(number, 0) + 1
        lines = [line for line in read(UPS, tmp_path).all(InvoiceLine) if line.reference]
        assert {line.reference_kind.value for line in lines} == {"pro"}
        assert Counter(line.reference for line in lines) == expected
        assert expected["1Z1808WW0473048017"] == 6


class TestCatalyst:
    def test_the_invoice_says_what_the_file_says(self, tmp_path: Path) -> None:
        found = read(SOURCE / NAMES[1], tmp_path)
        invoice, lines = found.only(FreightInvoice), found.all(InvoiceLine)
        assert (invoice.shipment_id, invoice.carrier_id, invoice.invoice_number) == ("75027674", "SCAC", "09851270")
        assert invoice.origin == "US-MA-BOSTON"
        assert invoice.weight_kg == pytest.approx(7889 * 0.45359237)
        assert (invoice.pieces, invoice.freight_class, invoice.total_minor) == (3, "70", 65940)
        assert [(line.charge_code, line.amount_minor, line.kind.value) for line in lines] == [
            (None, 363604, "line_haul"),
            ("CUS", 1500, "other"),
            ("FUE", 2627, "fuel"),
            ("DSC", -301791, "discount"),
        ]
        freight = lines[0]
        assert freight.basis is RateBasis.KILOGRAM
        assert freight.rate_minor * freight.quantity / freight.rate_per == pytest.approx(4609 * 78.89)

    def test_the_tender_says_what_the_file_says(self, tmp_path: Path) -> None:
        found = read(SOURCE / NAMES[0], tmp_path)
        tender, shipment = found.only(Tender), found.only(Shipment)
        assert (tender.shipment_id, tender.carrier_id, tender.offered_minor) == ("75027674", "SCAC", 55721)
        assert [stop.place for stop in shipment.stops] == ["US-ME-RUMFORD", "US-WI-WEST ALLIS"]
        assert [stop.kind.value for stop in shipment.stops] == ["pickup", "delivery"]
        assert shipment.promised_at == datetime(2016, 7, 30, 4, 59, tzinfo=UTC)
        assert shipment.stops[0].promised_from_at == datetime(2016, 7, 26, 14, 9, tzinfo=UTC)
        assert {(reference.kind.value, reference.value) for reference in shipment.references} == {
            ("po", "3297832"),
            ("customer", "0000011660"),
            ("bol", "75027674"),
            ("other", "SCAC"),
            ("shipment", "88756818"),
        }

    def test_the_answer_says_what_the_file_says(self, tmp_path: Path) -> None:
        answer = read(SOURCE / NAMES[3], tmp_path).only(TenderResponse)
        assert (answer.shipment_id, answer.carrier_id, answer.reply) == ("75027674", "SCAC", TenderReply.ACCEPTED)

    def test_the_delivery_is_read_from_both_files_alike(self, tmp_path: Path) -> None:
        one, other = (read(SOURCE / name, tmp_path / name[-7:]).only(DeliveryEvent) for name in (NAMES[2], NAMES[4]))
        assert one == other
        assert one.status is EventStatus.DELIVERED
        assert one.occurred_at == datetime(2016, 7, 26, 16, 30, tzinfo=UTC)
