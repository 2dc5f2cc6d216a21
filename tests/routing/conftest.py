"""The default bundle, changed as a test asks, and a complete set of facts for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from routing import every_case, loader
from routing.errors import PolicyError, Problem
from routing.loader import load_policy, parse_policy
from routing.policy import Policy
from tests.budgets import without_budgets

BUNDLE = Path(__file__).parents[2] / "routing" / "policies" / "late_shipments.yaml"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

Edit = Callable[[dict[str, Any]], None]


def let_off_the_leash(bundle: Path) -> Policy:
    """Load a bundle with every branch free to act."""
    data = without_budgets(yaml.safe_load(bundle.read_text(encoding="utf-8")))
    data["mode"] = "act_financial"
    for terms in data["branches"].values():
        terms["mode"] = "act_financial"
    return parse_policy(yaml.safe_dump(data, sort_keys=False))


@pytest.fixture
def now() -> datetime:
    """The moment of the decisions."""
    return NOW


@pytest.fixture(scope="session")
def bundle_text() -> str:
    """The default bundle as it is written."""
    return BUNDLE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The default bundle."""
    return load_policy(BUNDLE)


@pytest.fixture(scope="session")
def make_policy(bundle_text: str) -> Callable[[Edit], Policy]:
    """Load the default bundle after an edit of its data."""

    def make(edit: Edit) -> Policy:
        data = without_budgets(yaml.safe_load(bundle_text))
        edit(data)
        return parse_policy(yaml.safe_dump(data, sort_keys=False))

    return make


@pytest.fixture
def problems_of(bundle_text: str) -> Callable[[Edit], tuple[Problem, ...]]:
    """Load the default bundle after an edit that breaks it, and return what was found; warnings of a good one too."""

    def problems(edit: Edit) -> tuple[Problem, ...]:
        data = without_budgets(yaml.safe_load(bundle_text))
        edit(data)
        try:
            return parse_policy(yaml.safe_dump(data, sort_keys=False)).warnings
        except PolicyError as error:
            return error.problems

    return problems


@pytest.fixture
def states_at_most(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Give up the search over every case early. A text is linked once a process, so what was linked is forgotten."""

    def give_up_after(states: int) -> None:
        monkeypatch.setattr(every_case, "STATES_AT_MOST", states)
        loader._linked.cache_clear()

    yield give_up_after
    loader._linked.cache_clear()


@pytest.fixture
def facts() -> dict[str, Any]:
    """A priority shipment that leaves tomorrow, with every fact known and nothing to fear."""
    return {
        "late_probability": 0.1,
        "late_verdict": "on_time",
        "moment": "24h_before",
        "hours_to_promise": 30.0,
        "hours_to_departure": 24.0,
        "value_minor": 2_000_000,
        "value_at_stake_minor": 12_000,
        "currency": "EUR",
        "customer_id": "C-7",
        "customer_tier": "priority",
        "carrier_id": "NWX",
        "carrier_known": True,
        "has_promise": True,
        "departed": False,
        "carrier_hours_silent": 0.5,
        "hours_since_warehouse_told": 0.5,
        "pieces": 5,
        "ship_complete": False,
        "origin": "SEA",
        "destination": "ORD",
        "service_id": "NWX-12",
        "promised_at": NOW + timedelta(hours=30),
        "planned_departure_at": NOW + timedelta(hours=24),
        "alternate_carriers": (
            {"carrier_id": "ACE", "late_share": 0.15, "legs": 40},
            {"carrier_id": "BEE", "late_share": 0.05, "legs": 31},
            {"carrier_id": "COG", "late_share": 0.45, "legs": 12},
        ),
        "alternate_origins": (
            {"place": "GEG", "open_shipments": 70, "late_share": 0.01, "legs": 9},
            {"place": "PDX", "open_shipments": 12, "late_share": 0.1, "legs": 25},
        ),
        "strongest_branch_taken": "none",
    }


@pytest.fixture(scope="session")
def found_after(bundle_text: str) -> Callable[..., list[tuple[str, str, str]]]:
    """Replace pieces of the default bundle's text, each (old, new); return (text of its line, place, message) of each
    finding.
    """

    def found(*changes: tuple[str, str]) -> list[tuple[str, str, str]]:
        text = bundle_text
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        try:
            problems = parse_policy(text).warnings
        except PolicyError as error:
            problems = error.problems
        lines = text.splitlines()
        return [(lines[(problem.line or 1) - 1].strip(), problem.where, problem.message) for problem in problems]

    return found


def choosing_by_cost(data: dict[str, Any]) -> None:
    """Let every branch act, choose by expected cost, and share out slots and calls.

    Two branches that leave less lateness must be the stronger ones, so rebook comes after escalate.
    """
    data["mode"] = "act_financial"
    data["choice"] = "least_expected_cost"
    data["strength"] = ["none", "review", "notify", "split", "escalate", "rebook"]
    part = {"owner": "transport-operations", "why": "what the desk does in a day"}
    data["capacity"] = {
        "slots": {"amount": 2, "unit": "bookings", "per_hours": 24, **part},
        "calls": {"amount": 3, "unit": "calls", "per_hours": 24, "price_minor": 10, **part},
    }
    for name, uses in {"split": {"slots": 1}, "rebook": {"slots": 1}, "escalate": {"calls": 1}}.items():
        data["branches"][name]["uses"] = uses
        data["branches"][name]["mode"] = "act_financial"


@pytest.fixture(scope="session")
def by_cost(make_policy: Callable[[Edit], Policy]) -> Policy:
    """A bundle that chooses by expected cost within budgets."""
    return make_policy(choosing_by_cost)
