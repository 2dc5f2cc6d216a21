"""EDIFACT: how an interchange is written, its envelopes, and the statuses of IFTSTA."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from time import process_time

import pytest

import features.ingest.edi.edifact as edifact
from features.ingest.edi.interchanges import parts_of
from features.ingest.edi.places import Zones
from features.records import DeliveryEvent
from features.vocabulary import Classifier, EventStatus
from tests.features.ingest.edi.written import accounted, imported

MESSAGE = (
    "UNH+{0}+IFTSTA:D:01B:UN'BGM+44+REPORT{0}+9'CNI+1+S{0}'STS+1+21::9+17:::x'"
    "DTM+334:202603021530:203'LOC+7+NLRTM:139:6'FTX+AAA+++It?'s done:at the gate'UNT+8+{0}'"
)
ROTTERDAM = Zones(places={"NL": "Europe/Amsterdam"})


def interchange(*messages: str, una: str = "", unb: str = "UNB+UNOA:1+RHEI:14+SHIPPER:14+260302:1830+REF9'") -> str:
    written = messages or (MESSAGE.format(1),)
    return f"{una}{unb}{''.join(written)}UNZ+{len(written)}+REF9'"


def event(folder: Path, *changes: tuple[str, str], zones: Zones = ROTTERDAM) -> DeliveryEvent:
    found: DeliveryEvent = imported(folder, changed(*changes), zones=zones).only(DeliveryEvent)
    return found


def changed(*changes: tuple[str, str]) -> str:
    written = interchange()
    for good, bad in changes:
        assert good in written
        written = written.replace(good, bad)
    return written


class TestWriting:
    @pytest.mark.parametrize(
        "written",
        [
            interchange(),
            interchange().replace("'", "'\n").replace("?'\n", "?'"),
            interchange().replace("'", "'\r\n").replace("?'\r\n", "?'"),
            "\ufeff\r\n" + interchange(),
            interchange(una="UNA:+.? '"),
            interchange(una="UNA:+.? '\r\n"),
            interchange(una="UNA|*,! ~").translate(str.maketrans(":+?'", "|*!~")).replace("!~", "!~"),
        ],
    )
    def test_the_delimiters_are_as_una_says_or_as_is_usual(self, tmp_path: Path, written: str) -> None:
        found = imported(tmp_path, written, zones=ROTTERDAM)
        told = found.only(DeliveryEvent)
        assert told.text in ("It's done at the gate", "It~s done at the gate")
        assert (told.shipment_id, told.raw_status, told.reason, told.place) == ("S1", "21", "17", "NLRTM")
        assert found.remarks == []
        assert found.rejects == []

    def test_segments_on_lines_without_another_terminator_are_read_and_that_is_found(self, tmp_path: Path) -> None:
        lines = interchange().replace("?'", " ").replace("'", "\n")
        found = imported(tmp_path, lines, zones=ROTTERDAM)
        assert found.only(DeliveryEvent).shipment_id == "S1"
        assert found.remarks == ["terminator"]

    def test_a_release_character_may_release_itself(self, tmp_path: Path) -> None:
        assert event(tmp_path, ("It?'s done", "what????")).text == "what?? at the gate"

    def test_without_a_release_character_none_releases(self, tmp_path: Path) -> None:
        written = interchange(una="UNA:+.  '").replace("It?'s done", "a? b")
        assert imported(tmp_path, written, zones=ROTTERDAM).only(DeliveryEvent).text == "a? b at the gate"

    def test_a_number_that_is_used_twice_is_named_where_it_stands(self, tmp_path: Path) -> None:
        written = interchange(MESSAGE.format(1), MESSAGE.format(1).replace("+S1'", "+S9'"))
        reject = imported(tmp_path, written, zones=ROTTERDAM).reject
        place = reject["reason"], reject["segment"], reject["position"], reject["element"]
        assert place == ("number_used_twice", "UNH", 1, 1)

    def test_a_message_without_consignments_is_rejected_where_it_ends(self, tmp_path: Path) -> None:
        written = interchange(MESSAGE.format(1).replace("CNI+1+S1'", ""))
        reject = imported(tmp_path, written, zones=ROTTERDAM).reject
        assert (reject["reason"], reject["segment"], reject["position"]) == ("segment_missing", "CNI", 7)

    def test_several_interchanges_stand_in_one_file(self, tmp_path: Path) -> None:
        other = interchange(una="UNA:+.? '").replace("REF9", "REF10")
        found = imported(tmp_path, f"{interchange()}\r\nrubbish{other}", zones=ROTTERDAM)
        assert len(found.all(DeliveryEvent)) == 2
        assert [(row["reason"], row["content"]) for row in found.rejects] == [("no_transaction", "rubbish")]
        assert found.summary.interchanges == 2

    @pytest.mark.parametrize("una", ["UNA::.? '", "UNAA+.? '", "UNA:+.? A"])
    def test_delimiters_that_are_none_are_debris(self, tmp_path: Path, una: str) -> None:
        found = imported(tmp_path, [interchange(una=una).encode(), interchange().encode()], zones=ROTTERDAM)
        assert len(found.all(DeliveryEvent)) == 1
        assert "".join(row["content"] for row in found.rejects) == interchange(una=una)


class TestEnvelopes:
    @pytest.mark.parametrize(
        ("good", "bad", "reason"),
        [
            ("UNT+8+2'", "", "no_trailer"),
            ("UNT+8+2'", "UNT+8+3'", "control_number"),
            ("UNH+2+IFTSTA:D:01B:UN'", "UNH++IFTSTA:D:01B:UN'", "bad_header"),
            ("UNH+2+IFTSTA:D:01B:UN'", "UNH+2'", "bad_header"),
            ("CNI+1+S2'", "CNI+1+S2'lower+1'", "bad_segment"),
            ("CNI+1+S2'", "", "segment_missing"),
        ],
    )
    def test_a_bad_message_leaves_its_neighbours_as_they_are(
        self, tmp_path: Path, good: str, bad: str, reason: str
    ) -> None:
        written = interchange(*(MESSAGE.format(number) for number in (1, 2, 3))).replace(good, bad)
        found = imported(tmp_path, written, zones=ROTTERDAM)
        assert [told.shipment_id for told in found.all(DeliveryEvent)] == ["S1", "S3"]
        assert found.reject["reason"] == reason
        assert found.reject["content"].startswith("UNH+")
        assert accounted(found.summary)

    @pytest.mark.parametrize(
        ("good", "bad", "remark"),
        [
            ("UNT+8+1'", "UNT+9+1'", "segment_count"),
            ("UNZ+1+REF9'", "UNZ+2+REF9'", "transaction_count"),
            ("UNZ+1+REF9'", "UNZ+1+REF8'", "interchange_number"),
            ("UNZ+1+REF9'", "", "no_interchange_trailer"),
        ],
    )
    def test_a_count_that_differs_is_found(self, tmp_path: Path, good: str, bad: str, remark: str) -> None:
        found = imported(tmp_path, changed((good, bad)), zones=ROTTERDAM)
        assert found.remarks == [remark]
        assert len(found.all(DeliveryEvent)) == 1

    def test_groups_are_counted_where_there_are_any(self, tmp_path: Path) -> None:
        written = interchange(f"UNG+IFTSTA'{MESSAGE.format(1)}UNE+1+1'")
        assert imported(tmp_path, written, zones=ROTTERDAM).remarks == []
        assert imported(tmp_path, written.replace("UNZ+1", "UNZ+3"), zones=ROTTERDAM).remarks == ["group_count"]

    def test_other_messages_are_counted_by_name(self, tmp_path: Path) -> None:
        found = imported(tmp_path, changed(("IFTSTA", "IFCSUM")))
        assert found.summary.unsupported == {"IFCSUM": 1}

    def test_an_interchange_within_another_begins_anew(self, tmp_path: Path) -> None:
        cut_off = interchange().replace("UNZ+1+REF9'", "")
        found = imported(tmp_path, cut_off + interchange().replace("REF9", "REF10"), zones=ROTTERDAM)
        assert len(found.all(DeliveryEvent)) == 2

    def test_what_stands_outside_a_message_is_kept(self, tmp_path: Path) -> None:
        found = imported(tmp_path, changed(("UNZ+", "XXX+1'UNT+1'UNZ+")), zones=ROTTERDAM)
        assert found.reject["content"] == "XXX+1'UNT+1'"

    def test_a_message_without_end_is_given_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(edifact, "LARGEST_TRANSACTION", 500)
        found = imported(tmp_path, changed(("BGM+", f"{'FTX+AAA+++x' * 9}'" * 9 + "BGM+")), zones=ROTTERDAM)
        assert {row["reason"] for row in found.rejects} == {"too_large", "no_transaction"}

    def test_a_segment_without_end_is_given_up(self, tmp_path: Path) -> None:
        long = "A" * 200_000
        found = imported(tmp_path, changed(("CNI+", f"{long}CNI+")) + interchange(), zones=ROTTERDAM)
        assert len(found.all(DeliveryEvent)) == 1
        assert sum(len(row["content"]) for row in found.rejects) > 200_000


class TestStatuses:
    @pytest.mark.parametrize(
        ("code", "location", "status"),
        [
            ("21", "7", "delivered"),
            ("1", "7", "delivery_arrived"),
            ("1", "13", "terminal_arrived"),
            ("24", "5", "departed"),
            ("24", "13", "terminal_departed"),
            ("31", "7", "in_transit"),
            ("999", "7", "other"),
        ],
    )
    def test_a_status_is_canonical_by_its_code_and_kind_of_place(
        self, tmp_path: Path, code: str, location: str, status: str
    ) -> None:
        found = event(tmp_path, ("STS+1+21", f"STS+1+{code}"), ("LOC+7", f"LOC+{location}"))
        assert (found.status.value, found.raw_status) == (status, code)

    def test_the_time_is_local_to_the_place(self, tmp_path: Path) -> None:
        assert event(tmp_path).occurred_at == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("dtm", "at"),
        [
            ("334:20260302153005:204", datetime(2026, 3, 2, 14, 30, 5, tzinfo=UTC)),
            ("334:20260302:102", datetime(2026, 3, 1, 23, tzinfo=UTC)),
            ("334:202603021530UTC:303", datetime(2026, 3, 2, 15, 30, tzinfo=UTC)),
            ("7:202603021530:203", datetime(2026, 3, 2, 14, 30, tzinfo=UTC)),
        ],
    )
    def test_forms_of_times(self, tmp_path: Path, dtm: str, at: datetime) -> None:
        assert event(tmp_path, ("334:202603021530:203", dtm)).occurred_at == at

    def test_what_is_expected_is_no_fact(self, tmp_path: Path) -> None:
        assert event(tmp_path).classifier is Classifier.ACTUAL
        assert event(tmp_path, ("DTM+334:", "DTM+132:")).classifier is Classifier.ESTIMATED

    @pytest.mark.parametrize(
        ("dates", "day", "classifier"),
        [
            ("DTM+132:202603101200:203'DTM+137:202603021200:203'", 10, Classifier.ESTIMATED),
            ("DTM+137:202603021200:203'DTM+132:202603101200:203'DTM+7:202603091200:203'", 9, Classifier.ACTUAL),
            ("DTM+137:202603021200:203'", 2, Classifier.ACTUAL),
        ],
    )
    def test_the_date_of_the_message_counts_where_no_other_is_told(
        self, tmp_path: Path, dates: str, day: int, classifier: Classifier
    ) -> None:
        told = event(tmp_path, ("DTM+334:202603021530:203'", dates), ("UNT+8+", f"UNT+{7 + dates.count('DTM')}+"))
        assert (told.occurred_at.day, told.classifier) == (day, classifier)

    @pytest.mark.parametrize(("zones", "hour"), [(ROTTERDAM, 18), (Zones(senders={"RHEI": "Europe/Amsterdam"}), 17)])
    def test_that_date_stands_before_the_consignments_and_is_local_to_the_sender(
        self, tmp_path: Path, zones: Zones, hour: int
    ) -> None:
        heading = ("+9'CNI+1", "+9'DTM+137:202603021800:203'CNI+1")
        told = event(tmp_path, heading, ("DTM+334:202603021530:203'", ""), zones=zones)
        assert told.occurred_at == datetime(2026, 3, 2, hour, tzinfo=UTC)
        assert event(tmp_path, heading).occurred_at == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)

    def test_a_consignment_may_be_named_by_a_reference(self, tmp_path: Path) -> None:
        assert event(tmp_path, ("CNI+1+S1'", "CNI+1'RFF+XX:N'RFF+CU:S7'")).shipment_id == "S7"

    def test_each_status_of_each_consignment_is_an_event(self, tmp_path: Path) -> None:
        more = "STS+1+31'DTM+334:202603021530:203'LOC+9+NLRTM'CNI+2+S9'STS+1+1'DTM+334:202603021530:203'LOC+7+NLRTM'UNT"
        found = imported(tmp_path, changed(("UNT", more)), zones=ROTTERDAM).all(DeliveryEvent)
        assert [(told.shipment_id, told.raw_status) for told in found] == [("S1", "21"), ("S1", "31"), ("S9", "1")]
        assert len({told.event_id for told in found}) == 3

    @pytest.mark.parametrize(
        ("good", "bad", "reason", "segment"),
        [
            ("DTM+334:202603021530:203'", "", "segment_missing", "STS"),
            ("334:202603021530:203", "334:202603321530:203", "date", "DTM"),
            ("334:202603021530:203", "334:202603021530:999", "code", "DTM"),
            ("334:202603021530:203", "334:202603021530CET:303", "zone", "DTM"),
            ("LOC+7+NLRTM:139:6'", "LOC+7+USNYC'", "zone", "DTM"),
            ("LOC+7+NLRTM:139:6'", "", "zone", "DTM"),
            ("CNI+1+S1'", "CNI+1'", "element_missing", "CNI"),
            ("STS+1+21::9+17:::x'", "", "segment_missing", "CNI"),
            ("STS+1+21::9+17:::x'", "STS+1'", "element_missing", "STS"),
        ],
    )
    def test_what_cannot_be_read_says_where(
        self, tmp_path: Path, good: str, bad: str, reason: str, segment: str
    ) -> None:
        reject = imported(tmp_path, changed((good, bad)), zones=ROTTERDAM).reject
        assert (reject["reason"], reject["segment"]) == (reason, segment)

    def test_an_unknown_status_is_found(self, tmp_path: Path) -> None:
        found = imported(tmp_path, changed(("STS+1+21", "STS+1+999")), zones=ROTTERDAM)
        assert found.only(DeliveryEvent).status is EventStatus.OTHER
        assert found.remarks == ["unknown_code"]


@pytest.mark.parametrize("piece", [b"UNB", b"UNA:+.? '", b"A+", b"?'", b"'", b"\n", b"??", b"UNH+1+IFTSTA'"])
def test_four_times_as_much_takes_about_four_times_as_long(piece: bytes) -> None:
    def seconds(size: int) -> float:
        raw = b"UNB+UNOA:1+R+S+260302:1830+1'" + piece * (size // len(piece))
        began = process_time()
        for _ in parts_of(BytesIO(raw)):
            pass
        return process_time() - began

    short, long = min(seconds(20_000) for _ in range(2)), seconds(80_000)
    assert long < 12 * short + 0.1
