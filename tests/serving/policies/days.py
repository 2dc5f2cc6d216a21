"""A day of decisions, a bundle that looks at everything there is, and the command that previews one."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner, Result

from serving.policies.cli import register
from tests.routing.conftest import choosing_by_cost
from tests.serving.bundles import Edit, exploring, held, resting, text_of
from tests.serving.house import House, delivery

SUPPRESS = {
    "kind": "suppress",
    "owner": "customer-service",
    "reason": "they are told by telephone",
    "where": {"customer_id": "C-2"},
}


def keeping(data: dict[str, Any]) -> None:
    """Let the bundle look at everything there is: budgets, rests, release values, confirmations, costs, chance."""
    choosing_by_cost(data)
    told = {"unit": "messages", "owner": "customer-service", "why": "what customers bear"}
    data["capacity"]["messages"] = {"amount": 4, "per_hours": 3, **told}
    data["branches"]["notify"]["uses"] = {"messages": 1}
    resting(1)(data)
    held("notify_from", 0.4)(data)
    exploring(0.3)(data)
    data["rules"][4]["confirm"] = {"times": 2, "within_hours": 6}


def a_day(house: House, *, seed: int, decisions: int = 60, with_people: bool = False) -> None:
    """Let a day go by: shipments, events, questions, an order and, if asked for, people's answers."""
    rng = random.Random(seed)
    names = [f"SH-{number}" for number in range(20)]
    for number, name in enumerate(names):
        tier = ("priority", "critical", "standard")[number % 3]
        plan: dict[str, Any] = {"pieces": 1 + number % 5, "ship_complete": number % 4 == 0}
        house.announce(name, customer_id=f"C-{number % 7}", customer_tier=tier, **plan)
    for number in range(decisions):
        house.advance(minutes=rng.choice([1, 5, 15]))
        if number == 20 and house.container.people.by_digest:
            house.ordered(**SUPPRESS, until=(house.clock.now() + timedelta(hours=2)).isoformat())
        name = rng.choice(names)
        house.send(delivery(f"d-{number}", "in_transit", name))
        answer = house.decided(name, risk=rng.choice([0.1, 0.3, 0.42, 0.47, 0.58, 0.65, 0.75, 0.9]))
        item = answer["review_item_id"]
        if with_people and item and rng.random() < 0.5:
            told: dict[str, Any] = {"branch": "notify", "reason_code": "customer_asked"}
            said = house.answer(item, "override", actor="eve", claim_token=house.claimed(item, "eve"), **told)
            assert said.status_code in (200, 409, 422), said.text


def run(
    house: House,
    tmp_path: Path,
    edit: Edit,
    *arguments: str,
    since: str = "2026-03-02",
    until: str = "2026-03-04T00:00:00Z",
) -> Result:
    """Preview a bundle by the command."""
    bundle = tmp_path / "new.yaml"
    bundle.write_text(text_of(edit), encoding="utf-8")
    app = typer.Typer()
    register(app)
    window = ["--from", since, "--to", until, "--database", house.database_url]
    return CliRunner().invoke(app, ["policy", "preview", "--bundle", str(bundle), *window, *arguments])
