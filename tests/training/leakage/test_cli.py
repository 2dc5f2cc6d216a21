"""`triage leakage`, as it is called, and the whole check behind it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from features.definitions import NAMES
from features.inventory.features import INVENTORY_NAMES
from features.invoice import INVOICE_NAMES
from features.labels import lateness_of
from features.settings import FeatureSettings
from features.tables import RecordTables
from tests.training.leakage import planted
from tests.training.leakage.planted import planting
from training.cli import register
from training.errors import TooLittleDataError
from training.leakage.check import check_leakage, default_config
from training.leakage.cli import show
from training.leakage.findings import Report
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings


@pytest.fixture(scope="module")
def tables() -> RecordTables:
    """Six weeks of a generated network."""
    return simulate(SimulationSettings(shipments=1_500, days=42), np.random.default_rng(5)).tables


@pytest.fixture(scope="module")
def folder(tables: RecordTables, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tables")
    no_bills = {name: getattr(tables, name).iloc[:0] for name in ("freight_invoices", "invoice_lines")}
    replace(tables, **no_bills).write(path)
    return str(path)


@pytest.fixture(scope="module")
def leaking(tables: RecordTables) -> Report:
    config = default_config(tables, "generated")
    return check_leakage(tables, config, sample=30, seed=1, build=planting(planted.copies_the_label), others={})


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["leakage", *arguments], env={"COLUMNS": "160", "TERM": "dumb"})


class TestCommand:
    def test_without_a_leak_it_says_what_was_checked_and_ends_with_status_0(self, folder: str) -> None:
        result = run("--data", folder, "--sample", "3", "--by-feature")
        assert result.exit_code == 0, result.output
        assert "3 shipments, 3 order lines asked at 2 cutoffs, 485 features" in result.output
        for said in ("removed", "told late", "shuffled", "No leak was found", "carrier_departures_count_24h"):
            assert said in result.output

    @pytest.mark.slow
    def test_as_json_it_is_one_object_with_every_feature(self, tables: RecordTables, tmp_path: Path) -> None:
        tables.write(tmp_path)
        result = run("--data", str(tmp_path), "--sample", "30", "--seed", "3", "--json")
        told = json.loads(result.stdout)
        assert (result.exit_code, told["leaks"], told["seed"]) == (0, 0, 3)
        assert told["asked"] == {"shipments": 30, "order lines": 30, "invoices": 30}
        assert [trail["feature"] for trail in told["trails"]] == [*NAMES, *INVENTORY_NAMES, *INVOICE_NAMES]
        assert [check["name"] for check in told["checks"]] == [
            "removed", "changed", "told late", "announced early", "sides", "twins", "alone", "shuffled",
        ]  # fmt: skip

    @pytest.mark.slow
    def test_an_outcome_that_the_import_wrote_into_the_plan_ends_with_status_1(
        self, tables: RecordTables, tmp_path: Path
    ) -> None:
        late = lateness_of(tables, FeatureSettings())["delay_hours"].clip(lower=0)
        weight = tables.shipments["shipment_id"].map(late)
        replace(tables, shipments=tables.shipments.assign(weight_kg=weight)).write(tmp_path)
        result = run("--data", str(tmp_path), "--sample", "3", "--json")
        told = json.loads(result.stdout)
        assert (result.exit_code, told["leaks"]) == (1, 3)
        assert {(leak["feature"], leak["check"]) for leak in told["findings"]} == {("weight_kg", "alone")}

    def test_a_feature_that_believes_a_claim_about_the_future_ends_with_status_1(
        self, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        believing = partial(check_leakage, build=planting(planted.goes_by_knowledge), others={})
        monkeypatch.setattr("training.leakage.check.check_leakage", believing)
        result = run("--data", folder, "--sample", "3", "--json")
        told = json.loads(result.stdout)
        assert (result.exit_code, told["leaks"]) == (1, 1)
        assert [(leak["feature"], leak["check"]) for leak in told["findings"]] == [("planted", "announced early")]

    def test_tables_without_a_question_end_with_status_2_and_a_sentence(self, tmp_path: Path) -> None:
        RecordTables.from_records([]).write(tmp_path)
        result = run("--data", str(tmp_path))
        assert result.exit_code == 2
        assert "import more history" in result.output


class TestCheckLeakage:
    def test_a_copy_of_the_outcome_is_found_in_two_ways(self, leaking: Report) -> None:
        assert {finding.feature for finding in leaking.findings} == {"planted"}
        assert {"removed", "alone"} <= {finding.check for finding in leaking.findings}

    def test_the_table_names_the_feature_how_it_was_found_and_what_to_do(self, leaking: Report) -> None:
        written = StringIO()
        show(leaking, Console(width=500, file=written))
        said = " ".join(written.getvalue().split())
        assert "1 leak: planted. No figure of such a model can be trusted." in said
        assert "copy of the outcome" in said
        assert "Mend the mapping or the feature" in said


class TestDefaultConfig:
    def test_the_last_fifth_of_the_planned_departures_is_the_test_period(self, tables: RecordTables) -> None:
        split = default_config(tables, "generated").split
        planned = tables.stops.loc[tables.stops["sequence"] == 0, "planned_at"]
        assert (planned >= pd.Timestamp(split.calibrate_until)).mean() == pytest.approx(0.2, abs=0.01)
        assert (planned < pd.Timestamp(split.fit_until)).mean() == pytest.approx(0.6, abs=0.01)

    def test_plans_that_cannot_be_parted_are_refused(self) -> None:
        with pytest.raises(TooLittleDataError):
            default_config(RecordTables.from_records([]), "nothing")
