"""`triage import edi`, as it is called."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from features.errors import SourceError
from features.records import DeliveryEvent
from features.stock_records import InventoryPosition
from features.tables import RecordTables, records_of
from features.vocabulary import Disposition
from serving.imports import register
from tests.features.ingest.edi.test_warehouse import ADJUSTED
from tests.features.ingest.edi.written import one, several

STATUS = "B10*P*S1*RHEI\nAT7*D1*NS***20260302*1200*LT\nMS1*BOSTON*MA"
LOCAL = "B10*P*S2*RHEI\nAT7*QQ*NS***20260302*1200*LT\nMS1*ROTTERDAM**NL"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "one.edi"
    path.write_text(several("214", STATUS, LOCAL) + "the end")
    return path


def run(source: Path, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    given = ["import", "edi", "--source", str(source), "--out", str(source.parent / "out"), *arguments]
    return CliRunner().invoke(app, given, env={"COLUMNS": "200", "TERM": "dumb"})


def known_at(source: Path) -> set[datetime]:
    return {event.known_at for event in records_of(RecordTables.read(source.parent / "out"), DeliveryEvent)}


class TestEdi:
    def test_json_is_one_object_with_all_counts(self, source: Path) -> None:
        result = run(source, "--json")
        assert result.exit_code == 0
        told = json.loads(result.stdout)
        assert (told["files"], told["interchanges"], told["groups"], told["leftovers"]) == (1, 1, 1, 1)
        assert told["transactions"] == {"214": 2}
        assert told["imported"] == {"214": 1}
        assert told["rejected"] == {"214": 1}
        assert told["rejects"] == {"214: zone": 1}
        assert told["statuses"] == {"delivered": 1}
        assert told["records"] == {"events": 1}

    def test_positions_follow_from_the_levels_given(self, tmp_path: Path) -> None:
        clocks = {"occurred_at": datetime(2026, 3, 1, tzinfo=UTC), "known_at": datetime(2026, 3, 1, tzinfo=UTC)}
        told = {"place": "DC1", "sku": "A2", "disposition": Disposition.AVAILABLE, "quantity": 10} | clocks
        RecordTables.from_records([InventoryPosition.model_validate(told)]).write(tmp_path / "opening")
        path = tmp_path / "adjusted.edi"
        path.write_text(one("947", ADJUSTED))
        summary = json.loads(run(path, "--stock", str(tmp_path / "opening"), "--json").stdout)
        # Of five lines two are of the article: three go on hold and come off it, known at one instant.
        assert summary["stock"] == {"given": 1, "followed": 0, "below_zero": 0, "placed": 2, "no_opening": 3}
        assert summary["records"] == {"inventory_adjustments": 5, "inventory_positions": 1}
        assert "stock 3: no_opening" in run(path, "--stock", str(tmp_path / "opening")).stderr

    def test_charges_and_totals_are_in_it(self, tmp_path: Path) -> None:
        path = tmp_path / "bill.edi"
        path.write_text(one("210", "B3**I1*S1*PP**20260302*150****RHEI\nC3*USD\nL1*1***100\nL1*1***51****FSC"))
        told = json.loads(run(path, "--json").stdout)
        assert told["charges"] == {
            "": {"count": 1, "amount_minor": {"USD": 100}},
            "FSC": {"count": 1, "amount_minor": {"USD": 51}},
        }
        assert told["totals"]["USD"] == {"invoices": 1, "net_due_minor": 150, "lines_minor": 151, "prepaid_minor": 0}
        assert told["findings"]["lines_differ"]["count"] == 1

    def test_without_json_it_tells_what_became_of_the_transactions(self, source: Path) -> None:
        (source.parent / "other.txt").write_text("no EDI")
        result = run(source.parent)
        for said in (
            "rejected 1: 214: zone",
            "rejected 1 pieces that belong to no transaction",
            "no interchange in other.txt",
            "Read 2 transactions of 1 files",
        ):
            assert said in result.output

    def test_zones_are_read_from_a_file(self, source: Path) -> None:
        zones = source.parent / "zones.yaml"
        zones.write_text("places: {NL: Europe/Amsterdam}\n")
        result = run(source, "--zones", str(zones))
        assert "found 1: unknown_code, first one.edi 214 0002: status QQ" in result.output
        assert "rejected 1: 214" not in result.output

    def test_acknowledgements_are_written_where_it_is_said(self, source: Path) -> None:
        path = source.parent / "answers" / "997.edi"
        path.parent.mkdir()
        run(source, "--acknowledge", str(path))
        assert "AK9*P*2*2*1~" in path.read_text()

    def test_known_at_is_what_it_is_said_to_be(self, source: Path) -> None:
        run(source, "--known-at", "2026-03-03T12:00:00+01:00")
        assert known_at(source) == {datetime(2026, 3, 3, 11, tzinfo=UTC)}
        run(source, "--known-at", "sent")
        assert known_at(source) == {datetime(2026, 3, 2, 18, 30, tzinfo=UTC)}

    def test_without_it_the_files_are_learnt_now(self, source: Path) -> None:
        before = datetime.now(UTC)  # noqa: TID251  what the command is to do itself
        run(source)
        (learnt,) = known_at(source)
        assert (learnt - before).total_seconds() < 60

    @pytest.mark.parametrize("known", ["yesterday", "2026-03-03T12:00:00"])
    def test_a_time_without_a_zone_is_refused(self, source: Path, known: str) -> None:
        result = run(source, "--known-at", known)
        assert result.exit_code == 2
        assert "give a time with its zone" in result.output

    @pytest.mark.parametrize("currency", ["usd", "US", "DOLLAR"])
    def test_a_currency_that_is_none_is_refused(self, source: Path, currency: str) -> None:
        result = run(source, "--currency", currency)
        assert result.exit_code == 2
        assert "ISO 4217" in result.output

    def test_no_interchange_is_an_error_of_ours(self, tmp_path: Path) -> None:
        (tmp_path / "other.txt").write_text("no EDI")
        assert isinstance(run(tmp_path).exception, SourceError)
