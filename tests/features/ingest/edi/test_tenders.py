"""204 and 990: the offer, the shipment as it is offered, and the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.carrier_records import Tender, TenderResponse
from features.ingest.edi.places import Zones
from features.records import Shipment
from features.vocabulary import Mode, StopKind, TenderPurpose, TenderReply
from tests.features.ingest.edi.written import LEARNT, Imported, imported, one, several

OFFER = """
    B2**RHEI**S1**PP
    B2A*00*LT
    C3*USD
    L11*BOL1*BM
    G62*64*20260302*1*1800*ET
    MS3*RHEI*B**M
    S5*1*CL
    G62*69*20260303*U*0800*ET
    N1*SF*PLANT
    N4*BOSTON*MA*02108*US
    S5*2*DR
    N1*XX*NOBODY
    N4*NOWHERE
    N1*ST*YARD
    N4*ALBANY*NY
    S5*3*CU
    G62*53*20260304*G*0800*LT
    G62*54*20260304*L*1700*LT
    G62*99*20260304*L*1700*LT
    N1*CN*SHOP
    N4*OTTAWA*ON*K1A*CA
    AT8*G*L*1000
    L3*1000*G*100*FR*10000****50*E*2
"""
ANSWER = "B1*RHEI*S1*20260302*A\nN9*CN*PRO1\nK1*gladly"


def offer(folder: Path, *changes: tuple[str, str], zones: Zones | None = None) -> Imported:
    written = OFFER
    for good, bad in changes:
        assert good in written
        written = written.replace(good, bad)
    return imported(folder, one("204", written), zones=zones)


class TestTender:
    def test_it_says_what_was_sent(self, tmp_path: Path) -> None:
        tender: Tender = offer(tmp_path, zones=Zones(senders={"RHEI": "America/New_York"})).only(Tender)
        assert (tender.shipment_id, tender.carrier_id, tender.purpose) == ("S1", "RHEI", TenderPurpose.ORIGINAL)
        assert (tender.offered_minor, tender.currency, tender.mode) == (10000, "USD", Mode.ROAD_FTL)
        assert (tender.weight_kg, tender.pieces) == (453.59237, 2)
        assert (tender.origin, tender.destination) == ("US-MA-BOSTON", "CA-ON-OTTAWA")
        assert tender.volume_m3 == pytest.approx(50 * 0.3048**3)
        assert tender.respond_by == datetime(2026, 3, 2, 23, tzinfo=UTC)
        assert tender.occurred_at == datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
        assert tender.known_at == LEARNT

    def test_its_shipment_has_stops_with_their_windows(self, tmp_path: Path) -> None:
        shipment: Shipment = offer(tmp_path).only(Shipment)
        assert [stop.kind for stop in shipment.stops] == [StopKind.PICKUP, StopKind.TRANSFER, StopKind.DELIVERY]
        assert [stop.place for stop in shipment.stops] == ["US-MA-BOSTON", "US-NY-ALBANY", "CA-ON-OTTAWA"]
        assert shipment.stops[2].timezone == "America/Toronto"
        assert shipment.planned_departure_at == datetime(2026, 3, 3, 13, tzinfo=UTC)
        assert shipment.promised_from_at == datetime(2026, 3, 4, 13, tzinfo=UTC)
        assert shipment.promised_at == datetime(2026, 3, 4, 22, tzinfo=UTC)

    def test_a_sender_without_a_zone_is_found(self, tmp_path: Path) -> None:
        assert offer(tmp_path).remarks.count("zone_assumed") == 3

    @pytest.mark.parametrize(("code", "purpose"), [("04", "change"), ("05", "change")])
    def test_a_change_is_a_new_state(self, tmp_path: Path, code: str, purpose: str) -> None:
        found = imported(tmp_path, several("204", OFFER, OFFER.replace("B2A*00", f"B2A*{code}")))
        assert [tender.purpose for tender in found.all(Tender)] == ["original", purpose]
        first, second = found.all(Shipment)
        assert (second.known_at - first.known_at).total_seconds() == 1e-6

    def test_one_that_is_taken_back_plans_nothing(self, tmp_path: Path) -> None:
        found = offer(tmp_path, ("B2A*00", "B2A*01"))
        assert found.only(Tender).purpose is TenderPurpose.CANCELLATION
        assert found.all(Shipment) == []

    @pytest.mark.parametrize(("code", "mode"), [("LT", Mode.ROAD_LTL), ("A", Mode.AIR), ("ZZ", Mode.OTHER)])
    def test_the_mode_of_transport(self, tmp_path: Path, code: str, mode: Mode) -> None:
        found = offer(tmp_path, ("MS3*RHEI*B**M", f"MS3*RHEI*B**{code}"))
        assert found.only(Shipment).mode is mode
        assert ("mode_unknown" in found.remarks) == (mode is Mode.OTHER)

    def test_an_offer_without_totals(self, tmp_path: Path) -> None:
        tender = offer(tmp_path, ("L3*1000*G*100*FR*10000****50*E*2", "NTE**none")).only(Tender)
        assert (tender.offered_minor, tender.weight_kg, tender.currency) == (None, None, None)

    @pytest.mark.parametrize(
        ("good", "bad", "reason", "segment"),
        [
            ("B2A*00*LT", "NTE**x", "segment_missing", "B2A"),
            ("B2A*00*LT", "B2A*77", "code", "B2A"),
            ("B2**RHEI**S1**PP", "B2**RHEI****PP", "element_missing", "B2"),
            ("B2**RHEI**S1**PP", "B2****S1**PP", "element_missing", "B2"),
            ("N4*OTTAWA*ON*K1A*CA", "NTE**x", "segment_missing", "S5"),
            ("S5*3*CU", "S5*3", "element_missing", "S5"),
            ("S5*2*DR\n", "NTE**x\n", None, None),
            ("G62*54*20260304*L*1700*LT", "G62*54*20260303*L*1700*LT", "record", "S5"),
            ("AT8*G*L*1000", "AT8*G*Q*1000", "code", "L3"),
        ],
    )
    def test_what_cannot_be_read_says_where(
        self, tmp_path: Path, good: str, bad: str, reason: str | None, segment: str | None
    ) -> None:
        found = offer(tmp_path, (good, bad))
        assert [(row["reason"], row["segment"]) for row in found.rejects] == ([(reason, segment)] if reason else [])

    def test_a_load_has_two_stops_at_least(self, tmp_path: Path) -> None:
        reject = offer(tmp_path, ("S5*2*DR", "NTE**x"), ("S5*3*CU", "NTE**x")).reject
        assert (reject["reason"], reject["segment"]) == ("segment_missing", "S5")
        assert reject["position"] == len(reject["content"].strip().split("~")) - 1, "where the trailer stands"
        assert "1 S5 segments" in reject["words"]


class TestAnswer:
    def test_it_says_what_was_sent(self, tmp_path: Path) -> None:
        answer: TenderResponse = imported(tmp_path, one("990", ANSWER)).only(TenderResponse)
        assert (answer.shipment_id, answer.carrier_id, answer.carrier_reference) == ("S1", "RHEI", "PRO1")
        assert (answer.reply, answer.raw_reply, answer.reason) == (TenderReply.ACCEPTED, "A", "gladly")
        assert answer.occurred_at == datetime(2026, 3, 2, tzinfo=UTC)

    @pytest.mark.parametrize(("code", "reply"), [("B", "accepted_with_changes"), ("D", "declined")])
    def test_other_answers(self, tmp_path: Path, code: str, reply: str) -> None:
        assert imported(tmp_path, one("990", f"B1*RHEI*S1**{code}")).only(TenderResponse).reply == reply

    def test_without_a_date_it_is_as_old_as_its_group(self, tmp_path: Path) -> None:
        answer = imported(tmp_path, one("990", "B1*RHEI*S1**A")).only(TenderResponse)
        assert answer.occurred_at == datetime(2026, 3, 2, 18, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("body", "reason", "element"),
        [
            ("B1*RHEI*S1**Q", "code", 4),
            ("B1*RHEI*S1", "element_missing", 4),
            ("B1*RHEI***A", "element_missing", 2),
            ("B1**S1**A", "element_missing", 1),
        ],
    )
    def test_what_cannot_be_read_says_where(self, tmp_path: Path, body: str, reason: str, element: int) -> None:
        reject = imported(tmp_path, one("990", body)).reject
        assert (reject["reason"], reject["segment"], reject["element"]) == (reason, "B1", element)
