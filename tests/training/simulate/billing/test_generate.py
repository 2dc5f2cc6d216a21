"""Generated invoices on a rate card: what they are, and that every error which records show is found in its class."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from features.contracts import Contracts
from features.invoice import build_invoices
from features.invoice_vocabulary import Discrepancy
from features.tables import RecordTables
from models.audit.findings import Audit, AuditSettings, Tolerance
from models.audit.rules import audit_bills
from tests.training.simulate.billing.card import WEIGHTS, card
from training.cli import register
from training.simulate.billing.generate import HABIT, KINDS, TRUTH_FILE, BilledYear, bill_year
from training.simulate.billing.loads import PAYERS
from training.simulate.billing.settings import BillingSettings

STRICT = AuditSettings(over=Tolerance(0, 0), under=Tolerance(0, 0), payers=frozenset(PAYERS))
QUIET = {
    "missing_weight_share": 0.0,
    "late_evidence_share": 0.0,
    "rounded_otherwise_share": 0.0,
    "supplement_share": 0.0,
}


def made(seed: int = 3, **given: float) -> BilledYear:
    settings = BillingSettings.model_validate({"loads": 900, "error_share": 0.4, **QUIET, **given})
    return bill_year(settings, card(), WEIGHTS, np.random.default_rng(seed))


def audited(tables: RecordTables, settings: AuditSettings = STRICT) -> dict[str, Audit]:
    audits = audit_bills(build_invoices(tables).bills, Contracts.of_tables(tables), settings)
    return {audit.invoice_id: audit for audit in audits}


@pytest.fixture(scope="module")
def year() -> BilledYear:
    return made()


@pytest.fixture(scope="module")
def audits(year: BilledYear) -> dict[str, Audit]:
    return audited(year.tables)


@pytest.fixture(scope="module")
def noisy() -> BilledYear:
    """Right bills only, but for habits, with records as incomplete as usual and more papers than usual."""
    settings = BillingSettings(loads=900, error_share=0.0, supplement_share=0.2, replaced_share=0.1)
    return bill_year(settings, card(), WEIGHTS, np.random.default_rng(5))


class TestErrors:
    def test_every_kind_occurs_and_says_what_it_is(self, year: BilledYear) -> None:
        assert len({kind.name for kind in KINDS}) == len(KINDS)
        assert all(kind.meaning for kind in KINDS)
        absent = {kind.name for kind in KINDS} - set(year.truth["kind"])
        assert len(absent) <= 3, absent

    def test_each_that_the_records_show_is_found_in_its_class(self, year: BilledYear, audits: dict[str, Audit]) -> None:
        truth: dict[str, set[str]] = defaultdict(set)
        for row in year.truth[year.truth["is_shown"]].itertuples():
            truth[str(row.invoice_id)].add(str(row.error))
        missed = Counter()
        for invoice_id, errors in truth.items():
            audit = audits[invoice_id]
            if not audit.undetermined:
                missed.update(errors - {finding.label.value for finding in audit.findings})
        # By chance a weight that was raised is that of the volume.
        assert sum(missed.values()) <= 3, missed

    def test_what_is_asked_too_much_is_what_the_findings_come_to(
        self, year: BilledYear, audits: dict[str, Audit]
    ) -> None:
        for row in year.truth[year.truth["is_shown"] & (year.truth["overcharge_minor"] != 0)].itertuples():
            audit = audits[str(row.invoice_id)]
            if not audit.undetermined and row.error in {finding.label.value for finding in audit.findings}:
                found = sum(finding.difference_minor or 0 for finding in audit.findings)
                assert found == row.overcharge_minor, (row, audit.findings)

    def test_those_that_records_do_not_show_are_not_found(self, year: BilledYear, audits: dict[str, Audit]) -> None:
        hidden = year.truth[~year.truth["is_shown"] & (year.truth["kind"] != "sent_again_as_another")]
        assert len(hidden) > 20
        assert [one for name in hidden["invoice_id"] for one in audits[name].findings] == []

    def test_right_bills_have_no_finding(self, year: BilledYear, audits: dict[str, Audit]) -> None:
        wrong = set(year.truth["invoice_id"])
        assert [audit.findings for name, audit in audits.items() if name not in wrong and audit.findings] == []

    def test_some_kinds_come_only_towards_the_end(self, year: BilledYear) -> None:
        planned = year.tables.stops.drop_duplicates("shipment_id").set_index("shipment_id")["planned_at"]
        invoices = year.tables.freight_invoices.set_index("invoice_id")
        since = BillingSettings().start + pd.Timedelta(days=BillingSettings().novel_after_days)
        novel = year.truth[year.truth["is_novel"]]
        shipments = invoices["shipment_id"].reindex(novel["invoice_id"]).dropna()
        assert len(shipments) > 10
        assert (planned.reindex(shipments) >= since).all()

    @pytest.mark.slow
    def test_one_carrier_at_a_time_has_a_habit(self) -> None:
        year = made(loads=4_000, error_share=0.0)
        assert set(year.truth["kind"]) == {HABIT}
        assert len(year.truth) > 8
        carriers = year.tables.freight_invoices.set_index("invoice_id")["carrier_id"]
        assert carriers[year.truth["invoice_id"]].nunique() == 2


class TestSet:
    def test_the_same_seed_gives_the_same_tables(self) -> None:
        one, other = made(loads=60), made(loads=60)
        pd.testing.assert_frame_equal(one.truth, other.truth)
        pd.testing.assert_frame_equal(one.tables.invoice_lines, other.tables.invoice_lines)

    @pytest.mark.slow
    def test_by_default_a_tenth_is_wrong_and_most_of_it_in_the_carriers_favour(self) -> None:
        found = made(loads=2_500, error_share=BillingSettings().error_share)
        share = found.truth["invoice_id"].nunique() / len(found.tables.freight_invoices)
        assert 0.08 < share < 0.12
        charged = found.tables.freight_invoices["net_due_minor"].sum()
        over = found.truth["overcharge_minor"]
        assert 0.02 < over.clip(lower=0).sum() / charged < 0.06
        assert 0 < -over.clip(upper=0).sum() < over.clip(lower=0).sum() / 4

    def test_with_the_usual_noise_few_right_bills_are_suspected(self, noisy: BilledYear) -> None:
        suspected = [
            finding.label
            for name, audit in audited(noisy.tables, AuditSettings(payers=frozenset(PAYERS))).items()
            if name not in set(noisy.truth["invoice_id"])
            for finding in audit.findings
        ]
        counts = Counter(suspected)
        # The first part of a bill in two parts lacks what comes on the second.
        assert counts.pop(Discrepancy.UNDERCHARGE) > 5
        assert sum(counts.values()) < 0.01 * len(noisy.tables.freight_invoices), counts

    def test_papers_follow_each_other_as_carriers_write_them(self, noisy: BilledYear) -> None:
        papers = noisy.tables.freight_invoices
        counted = Counter(papers["kind"])
        assert counted["balance_due"] > 10
        assert counted["cancellation"] > 50
        cancelled = papers[papers["kind"] == "cancellation"]
        first = papers.drop_duplicates("shipment_id").set_index("shipment_id")
        again = first.loc[cancelled["shipment_id"], "invoice_number"].tolist()
        assert again == cancelled["invoice_number"].tolist()

    def test_the_command_writes_the_tables_and_the_truth(self, tmp_path: Path) -> None:
        card().write(tmp_path / "card")
        app = typer.Typer()
        register(app)
        folders = ["--rates", str(tmp_path / "card"), "--costs", str(tmp_path / "card"), "--out", str(tmp_path / "out")]
        ran = CliRunner().invoke(app, ["simulate-invoices", *folders, "--loads", "60", "--seed", "2"])
        assert ran.exit_code == 0, ran.output
        written = RecordTables.read(tmp_path / "out")
        truth = pd.read_parquet(tmp_path / "out" / TRUTH_FILE)
        assert set(truth["invoice_id"]) <= set(written.freight_invoices["invoice_id"])
        assert "invoices with an error" in ran.output

    def test_novel_kinds_must_come_within_the_time(self) -> None:
        with pytest.raises(ValueError, match="novel_after_days"):
            BillingSettings(days=90, novel_after_days=90)


def test_every_kind_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs" / "audit.md").read_text(encoding="utf-8")
    for kind in KINDS:
        shown, novel = "yes" if kind.is_shown else "no", "yes" if kind.is_novel else ""
        assert f"| `{kind.name}` | `{kind.label}` | {kind.meaning} | {shown} | {novel} |" in page
