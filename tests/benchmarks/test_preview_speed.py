"""`triage policy preview` on 100,000 generated decisions, as a command in a process of its own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.context import Context
from routing.decision import GENESIS, SealedDecision, decision_body, seal
from routing.engine import Choice, decide
from routing.facts import STRONGEST_BRANCH_TAKEN
from routing.policy import Policy
from routing.preview.world import World
from routing.recording import decode_facts
from routing.restating import restate
from serving.db.engine import engine_while
from serving.db.migrate import upgrade
from serving.db.tables import DecisionRow, OutgoingCallRow
from tests.benchmarks.page import write_section
from tests.serving.bundles import changed, text_of
from tests.serving.house import NOW, House, put_in_force
from tests.serving.policies.test_preview import bolder, keeping

PAGE = Path("docs/benchmarks.md")
ROOT = Path(__file__).parents[2]
DECISIONS, SHIPMENTS, CHUNK = 100_000, 30_000, 1_000
BEFORE = (
    "In turn with the code before decision 64, on one machine that had other work too, a decision took 0.57 times the "
    "processor time, and the start 0.7 times. In turn with the code before decision 76, working through the review "
    "queue made it 1.14 times the processor time, where 27 of 100 generated decisions go before people."
)
"""Measured once, in turn with the code of before on one machine."""
MONTH = ["--from", "2026-03-02", "--to", "2026-06-01"]

pytestmark = [pytest.mark.benchmark, pytest.mark.filterwarnings("default")]


class Generated:
    """A ledger of generated decisions: facts drawn at random, the rest as the service seals it.

    What each decision rests on besides its facts is what the ones before it have left.
    """

    def __init__(self, policy: Policy, template: dict[str, Any], seed: int = 1) -> None:
        self._policy, self._template, self._rng = policy, template, random.Random(seed)
        self._world = World(policy, lambda _: ())
        self._sequence, self._hash, self._now = 0, GENESIS, NOW

    def chunk(self, size: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the rows of so many more decisions, and of their calls."""
        made = [self._next() for _ in range(size)]
        return [row for row, _ in made], [call for _, call in made if call is not None]

    def _next(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        rng, policy = self._rng, self._policy
        self._now += timedelta(seconds=rng.expovariate(1 / 60))
        number = rng.randrange(SHIPMENTS)
        name, facts = f"SH-{number}", decode_facts(self._template["facts"])
        facts.update(
            late_probability=round(rng.betavariate(1, 3), 6),
            customer_id=f"C-{number % 997}",
            customer_tier=("standard", "priority", "critical")[number % 3],
            value_minor=100_000 + 137 * number,
            pieces=1 + number % 9,
            departed=rng.random() < 0.3,
        )
        restate(facts, {}, policy)
        subject = self._world.subject(name, facts)
        facts[STRONGEST_BRANCH_TAKEN] = subject.strongest.value
        known = policy.reader.read(facts).known
        context = self._world.context(subject, known, Context(subject_id=name), self._now)
        choice = decide(policy, facts, self._now, context)
        self._world.decided(subject, choice)
        version = f"{name}#{self._sequence}"
        body = decision_body(
            policy,
            choice,
            subject={"type": "shipment", "id": name, "version": version},
            facts=facts,
            context=context,
            features={each: rng.random() for each in self._template["features"]},
            model=self._template["model"],
        )
        self._sequence += 1
        sealed = seal(body, sequence=self._sequence, previous_hash=self._hash)
        self._hash = sealed.hash
        return self._row(sealed, choice, name, version), self._call(sealed, choice, name)

    def _row(self, sealed: SealedDecision, choice: Choice, name: str, version: str) -> dict[str, Any]:
        return {
            "sequence": sealed.sequence,
            "decision_id": sealed.decision_id,
            "subject_version": version,
            "subject_type": "shipment",
            "subject_id": name,
            "moment": "24h_before",
            "branch": choice.branch.value,
            "mode": choice.mode.value,
            "decided_at": self._now,
            "body": sealed.body,
            "previous_hash": sealed.previous_hash,
            "hash": sealed.hash,
        }

    def _call(self, sealed: SealedDecision, choice: Choice, name: str) -> dict[str, Any] | None:
        if choice.branch in (Branch.NONE, Branch.REVIEW):
            return None
        return {
            "call_id": f"{sealed.decision_id}_call",
            "decision_id": sealed.decision_id,
            "subject_type": "shipment",
            "subject_id": name,
            "branch": choice.branch.value,
            "target": "orchestrator",
            "sequence": sealed.sequence,
            "body": "{}",
            "created_at": self._now,
            "next_attempt_at": self._now,
        }


def fill(engine: Engine, policy: Policy, template: dict[str, Any]) -> None:
    generated = Generated(policy, template)
    for _ in range(DECISIONS // CHUNK):
        rows, calls = generated.chunk(CHUNK)
        with engine.begin() as connection:
            connection.execute(insert(DecisionRow), rows)
            if calls:
                connection.execute(insert(OutgoingCallRow), calls)


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A ledger of 100,000 decisions, their bodies as large as those of the service."""
    first, url = (f"sqlite:///{tmp_path / name}" for name in ("one.db", "ledger.db"))
    for each in (first, url):
        with engine_while(each, may_be_new=True) as engine:
            upgrade(engine)
    policy = changed(keeping)
    with House(first, policy) as house:
        house.announce("SH-1")
        house.decided("SH-1", risk=0.5)
        template = json.loads(house.rows(DecisionRow)[0].body)
        assert canonical_json(template) == house.rows(DecisionRow)[0].body
    with engine_while(url) as engine:
        with Session(engine) as session, session.begin():
            put_in_force(session, policy, NOW)
        fill(engine, policy, template)
    return url


def previewed(database: str, bundle: Path) -> tuple[float, dict[str, Any]]:
    asked = ["policy", "preview", "--bundle", str(bundle), *MONTH, "--database", database, "--json"]
    began = perf_counter()
    said = subprocess.run(
        [sys.executable, "-m", "serving", *asked],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return perf_counter() - began, json.loads(said.stdout)


def test_a_hundred_thousand_decisions(database: str, tmp_path: Path) -> None:
    rows = []
    for name, edit in (("the same bundle", keeping), ("other thresholds, budgets, costs and rests", bolder)):
        bundle = tmp_path / "bundle.yaml"
        bundle.write_text(text_of(edit), encoding="utf-8")
        seconds, told = previewed(database, bundle)
        assert told["decisions"] == DECISIONS
        assert (told["flipped"] == 0) is (edit is keeping)
        queue = told["queue"]
        assert (queue["before"] == queue["after"]) is (edit is keeping)
        rows.append((name, f"{DECISIONS:,}", f"{told['flipped']:,}", f"{seconds:.0f}", f"{DECISIONS / seconds:,.0f}"))
    size = Path(database.removeprefix("sqlite:///")).stat().st_size / DECISIONS / 1000
    text = (
        f"`triage policy preview` on generated decisions about {SHIPMENTS:,} shipments in SQLite, {size:.1f} kB each "
        "with all features, under a bundle with budgets, rests, release values, a confirmation and choice by cost. The "
        f"whole command, from its start to its last line, on one core, at a load of {os.getloadavg()[0]:.0f} "
        f"on {os.cpu_count()} processors. {BEFORE} `make bench` writes this table."
    )
    columns = ("bundle that is tried", "decisions", "come to something else", "seconds", "decisions/s")
    write_section(PAGE, "Preview of a bundle", text, columns, rows)
