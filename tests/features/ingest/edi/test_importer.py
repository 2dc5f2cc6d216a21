"""Importing EDI: every transaction becomes something, what is rejected is kept whole, what is repeated counts once."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.errors import SourceError
from features.ingest.checks import broken_links, broken_rows
from features.ingest.edi.importer import import_edi
from features.ingest.edi.places import Zones
from features.ingest.edi.reading import Terms
from features.records import DeliveryEvent, Shipment
from features.tables import NEEDED, SCHEMAS, RecordTables
from tests.features.ingest.edi.test_invoices import BILL
from tests.features.ingest.edi.test_ship_notices import PALLETS
from tests.features.ingest.edi.test_tenders import ANSWER, OFFER
from tests.features.ingest.edi.test_warehouse import ADJUSTED, RECEIPT, SHIPPED
from tests.features.ingest.edi.written import LEARNT, accounted, group, imported, interchange, one, several, transaction

STATUS = "B10*P*S{}*RHEI\nAT7*D1*NS***20260302*1200*ET"
ALL = {
    "204": OFFER,
    "210": BILL,
    "214": STATUS.format(1),
    "856": PALLETS,
    "944": RECEIPT,
    "945": SHIPPED,
    "947": ADJUSTED,
    "990": ANSWER,
}


def everything() -> str:
    return interchange(
        *(group(name, transaction(name, body), control=str(row)) for row, (name, body) in enumerate(ALL.items()))
    )


class TestAccount:
    def test_every_set_is_imported(self, tmp_path: Path) -> None:
        summary = imported(tmp_path, everything()).summary
        assert summary.imported == dict.fromkeys(ALL, 1)
        assert summary.groups == len(ALL)
        assert accounted(summary)

    def test_what_is_written_keeps_every_rule_of_canonical_tables(self, tmp_path: Path) -> None:
        again = everything().replace("000000042", "000000043").replace("BSN*00*N1", "BSN*00*N2").replace("*00", "*10")
        found = imported(tmp_path, [everything().encode(), again.encode()])
        tables = RecordTables.read(found.out)
        frames = {table: getattr(tables, table) for table in SCHEMAS}
        for table, frame in frames.items():
            assert [reason for broken, reason in broken_rows(table, frame) if broken.any()] == []
        assert [reason for _, broken, reason in broken_links(frames) if broken.any()] == []

    def test_the_summary_counts_what_was_written(self, tmp_path: Path) -> None:
        found = imported(tmp_path, everything())
        written = {table: pq.read_metadata(found.out / f"{table}.parquet").num_rows for table in found.summary.records}
        assert found.summary.records == written

    def test_a_bad_one_is_kept_whole_and_leaves_its_neighbours(self, tmp_path: Path) -> None:
        bad = STATUS.format(2).replace("0302", "0332")
        found = imported(tmp_path, several("214", STATUS.format(1), bad, STATUS.format(3)))
        assert [told.shipment_id for told in found.all(DeliveryEvent)] == ["S1", "S3"]
        reject = found.reject
        assert reject["content"] == transaction("214", bad, "0002")
        assert (reject["table"], reject["source"], reject["row"]) == ("214", "000.edi", 2)
        assert (reject["interchange"], reject["group"], reject["control"]) == ("000000042", "7", "0002")
        assert (reject["reason"], reject["segment"], reject["position"], reject["element"]) == ("date", "AT7", 3, 5)
        assert reject["words"] == "AT7-05 (segment 3): '20260332' is no date"
        assert found.summary.rejects == {"214: date": 1}
        assert accounted(found.summary)

    def test_what_was_rejected_can_be_mended_and_read(self, tmp_path: Path) -> None:
        found = imported(tmp_path, several("214", STATUS.format(1).replace("0302", "0332")))
        mended = interchange(group("214", found.reject["content"].replace("0332", "0302")))
        (tmp_path / "again").mkdir()
        assert len(imported(tmp_path / "again", mended).all(DeliveryEvent)) == 1

    def test_other_sets_are_counted_by_name(self, tmp_path: Path) -> None:
        found = imported(tmp_path, one("315", "B4***I"))
        assert found.summary.unsupported == {"315": 1}
        assert found.rejects == []

    def test_bytes_that_belong_to_nothing_are_kept(self, tmp_path: Path) -> None:
        written = several("214", STATUS.format(1)) + "the end"
        found = imported(tmp_path, written)
        reject = found.reject
        assert (reject["reason"], reject["content"]) == ("no_transaction", "the end")
        assert (reject["table"], reject["offset"]) == (None, written.index("the end"))
        assert found.summary.leftovers == 1


class TestRepeats:
    def test_the_same_interchange_twice_counts_once(self, tmp_path: Path) -> None:
        once = several("214", STATUS.format(1), STATUS.format(2))
        found = imported(tmp_path, [once.encode(), once.replace("~", "~\r\n").encode()])
        assert found.summary.imported == found.summary.repeated == {"214": 2}
        assert len(found.all(DeliveryEvent)) == 2
        assert accounted(found.summary)

    @pytest.mark.parametrize(("party", "other"), [("*ZZ*SHIPPER ", "*ZZ*SHIPPER2"), ("*02*RHEI", "*01*RHEI")])
    def test_the_same_numbers_between_other_parties_are_others(self, tmp_path: Path, party: str, other: str) -> None:
        first, second = (several("214", STATUS.format(number)) for number in (1, 2))
        assert party in second
        found = imported(tmp_path, [first.encode(), second.replace(party, other).encode()])
        assert [told.shipment_id for told in found.all(DeliveryEvent)] == ["S1", "S2"]
        assert found.rejects == []

    def test_the_same_numbers_with_something_else_are_rejected(self, tmp_path: Path) -> None:
        first, second = (several("214", STATUS.format(number)) for number in (1, 2))
        found = imported(tmp_path, [first.encode(), second.encode()])
        assert found.only(DeliveryEvent).shipment_id == "S1"
        assert found.reject["reason"] == "number_used_twice"

    def test_a_sender_may_use_its_numbers_again_on_another_day(self, tmp_path: Path) -> None:
        first, second = (several("214", STATUS.format(number)) for number in (1, 2))
        found = imported(tmp_path, [first.encode(), second.replace("260302*1830*U", "260303*1830*U").encode()])
        assert len({told.event_id for told in found.all(DeliveryEvent)}) == 2

    def test_many_states_of_one_thing_are_told_apart_in_time(self, tmp_path: Path) -> None:
        found = imported(tmp_path, several("204", *[OFFER] * 300))
        assert len({shipment.known_at for shipment in found.all(Shipment)}) == 300


class TestKnownAt:
    def test_it_is_as_it_is_told(self, tmp_path: Path) -> None:
        assert imported(tmp_path, several("214", STATUS.format(1))).only(DeliveryEvent).known_at == LEARNT

    @pytest.mark.parametrize(("zones", "hour"), [({}, 18), ({"RHEI": "America/New_York"}, 23)])
    def test_it_may_be_when_the_group_was_sent(self, tmp_path: Path, zones: dict[str, str], hour: int) -> None:
        found = imported(tmp_path, several("214", STATUS.format(1)), known_at=None, zones=Zones(senders=zones))
        assert found.only(DeliveryEvent).known_at == datetime(2026, 3, 2, hour, 30, tzinfo=UTC)
        assert ("zone_assumed" in found.remarks) == (not zones)

    @pytest.mark.parametrize(("date", "reason"), [("20260332", "date"), ("", "element_missing")])
    def test_a_group_without_a_date_cannot_say_so(self, tmp_path: Path, date: str, reason: str) -> None:
        written = several("214", STATUS.format(1)).replace("*20260302*1830*7", f"*{date}*1830*7")
        reject = imported(tmp_path, written, known_at=None).reject
        assert (reject["reason"], reject["segment"], reject["element"], reject["position"]) == (reason, "GS", 4, None)


class TestFiles:
    def test_files_without_edi_are_named(self, tmp_path: Path) -> None:
        found = imported(tmp_path, [several("214", STATUS.format(1)).encode(), b'{"a": 1}', b""])
        assert (found.summary.files, found.summary.not_edi) == (1, ["001.edi", "002.edi"])

    def test_one_file_may_be_named_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "one.edi"
        path.write_text(several("214", STATUS.format(1)))
        summary = import_edi(path, tmp_path / "out", Terms(LEARNT), now=LEARNT)
        assert summary.imported == {"214": 1}

    def test_a_name_that_is_no_text_is_kept_readable(self, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        try:
            (tmp_path / "source" / os.fsdecode(b"\xff.edi")).write_text(several("214", "B10*P"))
        except OSError:
            pytest.skip("this file system takes no such name")
        found = imported(tmp_path, b"nothing")
        assert found.reject["source"] == "\\xff.edi"

    def test_no_interchange_at_all_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="no file holds an interchange"):
            imported(tmp_path, b"nothing")

    def test_progress_is_told_in_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "one.edi"
        path.write_text(several("214", *map(STATUS.format, range(3))))
        told: list[tuple[str, int, int]] = []
        import_edi(path, tmp_path / "out", Terms(LEARNT), now=LEARNT, on_step=lambda *step: told.append(step))
        size = path.stat().st_size
        assert [what for what, _, _ in told] == ["one.edi"] * 3 + ["writing"]
        assert sorted(done for _, done, _ in told) == [done for _, done, _ in told]
        assert told[-1] == ("writing", size, size)

    def test_what_stood_there_is_replaced_and_what_is_no_longer_told_is_gone(self, tmp_path: Path) -> None:
        imported(tmp_path, everything())
        (tmp_path / "source" / "000.edi").unlink()
        found = imported(tmp_path, several("214", STATUS.format(1)))
        names = {path.stem for path in found.out.iterdir()}
        assert names == {*NEEDED, "rejects", "findings"}

    def test_what_stood_there_stays_if_anything_goes_wrong(self, tmp_path: Path) -> None:
        found = imported(tmp_path, everything())
        (tmp_path / "source" / "000.edi").write_text("nothing")
        with pytest.raises(SourceError):
            import_edi(tmp_path / "source", found.out, Terms(LEARNT), now=LEARNT)
        assert len(found.all(DeliveryEvent)) == 1
        assert not list(found.out.glob("*.part"))

    def test_a_file_that_cannot_be_read_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError("not yours")

        path = tmp_path / "one.edi"
        path.write_text("ISA")
        monkeypatch.setattr("features.ingest.edi.importer.parts_of", refuse)
        with pytest.raises(SourceError, match="not yours"):
            import_edi(path, tmp_path / "out", Terms(LEARNT), now=LEARNT)

    def test_many_records_are_written_in_pieces(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("features.ingest.edi.writing._AT_ONCE", 2)
        monkeypatch.setattr("features.ingest.edi.writing._BYTES_AT_ONCE", 10)
        bodies = [STATUS.format(number) for number in range(7)]
        bad = [body.replace("0302", "0332") for body in bodies]
        found = imported(tmp_path, several("214", *bodies, *bad))
        assert [told.shipment_id for told in found.all(DeliveryEvent)] == [f"S{number}" for number in range(7)]
        assert len(found.rejects) == 7
