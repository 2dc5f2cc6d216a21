"""Sealed decisions and their outcomes, from the file to an estimate."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from routing.canonical import canonical_json
from routing.context import Context
from routing.decision import decision_body
from routing.engine import decide
from training.__main__ import app
from training.errors import DecisionLogError
from training.policies.bundles import BY_COST, candidate_bundle, logging_bundle
from training.policies.records import Clusters, log_of, read_costs, read_decisions
from training.policies.world import World

Edited = Callable[[dict[str, object]], None]


@pytest.fixture(scope="module")
def exported(small_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with decisions that the logging bundle sealed in a generated network, and what came of them."""
    folder = tmp_path_factory.mktemp("exported")
    policy = logging_bundle()
    with (folder / "d.jsonl").open("w") as lines, (folder / "o.csv").open("w", newline="") as outcomes:
        rows = csv.writer(outcomes)
        rows.writerow(["decision_id", "cost_minor"])
        for place, name in enumerate(small_world.shipment_ids):
            context = Context(subject_id=name)
            choice = decide(policy, small_world.facts[place], small_world.decided_at[place], context)
            subject = {"type": "shipment", "id": name, "version": name}
            body = decision_body(policy, choice, subject=subject, facts=small_world.facts[place], context=context)
            lines.write(canonical_json(body) + "\n")
            rows.writerow([body["decision_id"], round(float(small_world.costs[choice.branch][place]))])
    return folder


def test_what_was_sealed_lies_beside_what_the_candidate_would_do(exported: Path, small_world: World) -> None:
    log = log_of(candidate_bundle(), read_decisions(exported / "d.jsonl"), read_costs(exported / "o.csv"), Clusters.DAY)
    assert len(log) == len(small_world)
    assert set(log.endings) == {"none", "notify", "escalate", "rebook"}
    np.testing.assert_allclose(log.logged.sum(axis=1), 1.0)
    np.testing.assert_allclose(log.candidate.sum(axis=1), 1.0)
    assert not log.unsupported.any()
    assert len(np.unique(log.cluster)) == len(np.unique(small_world.day))
    told = log.endings.index("notify")
    assert 0.0 < log.candidate[:, told].mean() < log.logged[:, told].mean()
    of_shipments = log_of(
        candidate_bundle(), read_decisions(exported / "d.jsonl"), read_costs(exported / "o.csv"), Clusters.SHIPMENT
    )
    assert len(np.unique(of_shipments.cluster)) == len(small_world)


def test_the_command_estimates_what_the_candidate_would_have_cost(exported: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "candidate.yaml"
    text = BY_COST.read_text().replace("    value: 40\n", "    value: 2000\n")
    bundle.write_text(text)
    given = ["evaluate", "policy", "--bundle", str(bundle), "--decisions", str(exported / "d.jsonl")]
    given += ["--outcomes", str(exported / "o.csv"), "--least-effective", "50"]
    told = json.loads(CliRunner().invoke(app, [*given, "--json"]).stdout)
    found = told["cost_minor_a_decision"]
    assert told["effective_samples"] > 50
    assert told["clusters"]["are"] == "day"
    for name in ("ips", "snips", "doubly_robust"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
        assert found["more_than_logged"][name]["value"] == pytest.approx(
            found[name]["value"] - found["logged"]["value"], rel=1e-6
        )
    shown = CliRunner().invoke(app, given).stdout
    assert "doubly robust" in shown
    refused = CliRunner().invoke(app, [*given[:-1], "100000"])
    assert refused.exit_code == 2
    assert "100,000 are asked for" in " ".join(refused.stderr.split())


def test_the_same_bundle_costs_what_was_logged(exported: Path) -> None:
    log = log_of(logging_bundle(), read_decisions(exported / "d.jsonl"), read_costs(exported / "o.csv"), Clusters.DAY)
    np.testing.assert_array_equal(log.weights, 1.0)


def test_a_bundle_that_was_never_explored_cannot_be_judged(exported: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bolder.yaml"
    bundle.write_text(BY_COST.read_text().replace("    value: 13000\n", "    value: 100000\n"))
    given = ["evaluate", "policy", "--bundle", str(bundle), "--decisions", str(exported / "d.jsonl")]
    refused = CliRunner().invoke(app, [*given, "--outcomes", str(exported / "o.csv")])
    assert refused.exit_code == 2
    assert "the candidate takes what was never to be taken there" in " ".join(refused.stderr.split())
    assert "where rebook was taken" in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda body: body.pop("propensity"), "the decision has no propensity"),
        (lambda body: body.update(propensity=0.5), "its propensity 0.5 is not that of"),
        (lambda body: body.pop("branch"), "it is no sealed decision"),
    ],
)
def test_a_decision_that_says_nothing_of_chance_is_refused_with_its_line(
    exported: Path, tmp_path: Path, edit: Edited, found: str
) -> None:
    first, second, *_ = (exported / "d.jsonl").read_text().splitlines()
    body = json.loads(second)
    edit(body)
    (tmp_path / "d.jsonl").write_text(f"{first}\n{json.dumps(body)}\n")
    with pytest.raises(DecisionLogError, match=f"line 2: {found}"):
        list(read_decisions(tmp_path / "d.jsonl"))


def test_an_outcome_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("decision_id,cost_minor\ndec_1,120\ndec_2,1.5 EUR\n")
    with pytest.raises(DecisionLogError, match=r"line 3: found decision_id=dec_2, cost_minor=1.5 EUR"):
        read_costs(tmp_path / "o.csv")


def test_the_command_says_what_belongs_together(exported: Path) -> None:
    for given in ([], ["--simulate", "1", "--decisions", str(exported / "d.jsonl")]):
        assert CliRunner().invoke(app, ["evaluate", "policy", *given]).exit_code == 2
