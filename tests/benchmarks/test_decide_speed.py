"""Deciding alone, on one core: generated cases under the bundles that ship, each then made again from its record."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import yaml

from features.vocabulary import SubjectType
from routing.decision import GENESIS, decision_body, seal
from routing.engine import decide
from routing.policy import Policy
from routing.replay import replay
from serving.config import bundled_policy
from tests.benchmarks.page import write_section
from tests.routing.test_invoice_bundle import facts as invoice
from tests.routing.test_invoice_bundle import load_policy, overcharged

PAGE = Path("docs/benchmarks.md")
CASES = 10_000
BEFORE = (
    "In turn with the code before decision 64, on one machine that had other work too, deciding was 1.5 (shipments) "
    "and 1.4 (invoices) times as quick, deciding and sealing 1.2, making again 1.3. In turn with the code that copied "
    "what it writes, on another one, deciding and sealing is 1.3 and 1.2 times as quick. In turn with the code that "
    "looked for orders and causes where there are none, on that one, deciding is 1.3 and 1.4 times as quick."
)
"""Measured once, in turn with the code of before on one machine."""
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)

pytestmark = pytest.mark.benchmark


def shipments(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Cases like the first scenario of the bundle, of another risk, value, tier and place on the way each."""
    bundle = yaml.safe_load(bundled_policy().read_text(encoding="utf-8"))
    known = bundle["scenarios"][0]["facts"]
    known["alternate_carriers"], known["alternate_origins"] = tuple(known["alternate_carriers"]), ()
    for number in range(CASES):
        yield {
            **known,
            "late_probability": rng.betavariate(1, 3),
            "customer_tier": ("standard", "priority", "critical")[number % 3],
            "value_minor": 100_000 + 137 * number,
            "departed": rng.random() < 0.3,
        }


def invoices(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Bills of which one in five asks for too much."""
    for number in range(CASES):
        yield overcharged(1_000 + number % 9_000) if rng.random() < 0.2 else invoice(billed_minor=1_000 + number)


def measured(policy: Policy, cases: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Return the processor time, in seconds, of deciding all cases, of deciding and sealing them, of making them again.

    Each choice is let go before the next case, as in the service; each comes out to its own bytes.
    """
    began = process_time()
    for facts in cases:
        decide(policy, facts, NOW)
    deciding = process_time() - began
    bodies, last = [], GENESIS
    began = process_time()
    for sequence, facts in enumerate(cases, 1):
        subject = {"type": policy.subject.value, "id": f"S-{sequence}", "version": f"S-{sequence}#1"}
        body = decision_body(policy, decide(policy, facts, NOW), subject=subject, facts=facts)
        sealed = seal(body, sequence=sequence, previous_hash=last)
        bodies.append(sealed.body)
        last = sealed.hash
    sealing = process_time() - began
    began = process_time()
    assert not any(replay(body, policy).differences for body in bodies)
    return deciding, sealing, process_time() - began


def test_ten_thousand_of_each() -> None:
    rows = []
    for name, subject, cases in (
        ("shipments", SubjectType.SHIPMENT, shipments),
        ("invoices", SubjectType.INVOICE, invoices),
    ):
        policy = load_policy(bundled_policy(subject))
        seconds = measured(policy, list(cases(random.Random(1))))
        rows.append((name, f"{CASES:,}", *(f"{CASES / each:,.0f}" for each in seconds)))
    text = (
        f"{CASES:,} generated cases under each bundle that ships, decided one after the other with the outcome of "
        "every rule, then decided and sealed with why in words, then made again from their records; each comes out "
        "byte for byte. Nothing is kept but what is sealed. "
        f"{BEFORE} Per second of processor time, at a load of {os.getloadavg()[0]:.0f} on {os.cpu_count()} "
        "processors. `make bench` writes this table."
    )
    columns = ("what is decided about", "cases", "decided/s", "decided and sealed/s", "made again/s")
    write_section(PAGE, "Deciding", text, columns, rows)
