"""A carrier that bills its loads by another rate table than was agreed; contract, loads and bills are generated."""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from typing import Any

import yaml

from features.records import DeliveryEvent
from features.vocabulary import SubjectType
from routing.loader import parse_policy
from routing.policy import Policy
from serving.config import bundled_policy
from tests.budgets import without_budgets
from tests.features.agreed import event, plan, rate
from tests.models.audit.billed import CONTRACT
from tests.serving.bundles import Edit
from tests.serving.house import House, Json, put_in_force
from tests.serving.invoices.test_scoring import billed, invoice, opened, sent, tell

BATCH = 300
_KEYS = count(1)


def told(*edits: Edit) -> Policy:
    """Return the bundle on invoices that ships, after edits of its data."""
    data = without_budgets(yaml.safe_load(bundled_policy(SubjectType.INVOICE).read_text(encoding="utf-8")))
    for edit in edits:
        edit(data)
    return parse_policy(yaml.safe_dump(data, sort_keys=False))


def playbook(name: str, **changes: Any) -> Edit:
    """Change a playbook of the bundle."""
    return lambda data: data["playbooks"][name].update(deepcopy(changes))


def at_desk(url: str, shipments: Policy, invoices: Policy, **given: Any) -> House:
    """Open a service that decides about invoices and knows what was agreed with carrier C."""
    house = opened(url, shipments, **given)
    with house.container.sessions.begin() as session:
        put_in_force(session, invoices, house.clock.now())
    tell(house, *CONTRACT)
    return house


def carried(house: House, loads: list[str], **plans: Any) -> None:
    """Announce loads that were delivered."""
    events: list[Json] = []
    for load in loads:
        told_of = [plan(shipment_id=load, **plans), _seen("delivery_arrived", 30, load), _seen("delivered", 31, load)]
        events += [sent(f"{load}-{number}", record) for number, record in enumerate(told_of)]
    _send(house, events)


def bill(house: House, loads: list[str], *, rate_minor: int = 10_00, prefix: str = "B", **given: Any) -> list[str]:
    """Send a bill for each load by a rate of so much for 100 kg; return their ids."""
    haul = rate_minor * 250 // 100
    fuel = haul // 10
    first, second, toll = invoice("any")["lines"]
    lines = [{**first, "rate_minor": rate_minor, "amount_minor": haul}, {**second, "amount_minor": fuel}, toll]
    owed = {"lines": lines, "net_due_minor": haul + fuel + toll["amount_minor"], **given}
    _send(house, [billed(f"{prefix}-{load}", shipment_id=load, **owed) for load in loads])
    return [f"{prefix}-{load}" for load in loads]


def agree(house: House, rate_minor: int, **given: Any) -> None:
    """Import the rate that holds, as it is known from now on."""
    known = {"known_at": house.clock.now(), "occurred_at": house.clock.now()}
    tell(house, rate(fuel_index_id="F", minimum_minor=15_00, rate_minor=rate_minor, **given).model_copy(update=known))


def decided(house: House, *bills: str, **asked: Any) -> list[Json]:
    """Decide about bills, one after the other."""
    answers = []
    for name in bills:
        headers = {"Idempotency-Key": f"bill-{next(_KEYS)}"}
        answer = house.api.post("/v1/triage/invoices", json={"invoice_id": name, **asked}, headers=headers)
        assert answer.status_code == 200, answer.text
        answers.append(answer.json())
    return answers


def _seen(status: str, hours: float, load: str) -> DeliveryEvent:
    return event(status, hours, f"{load}-{status}").model_copy(update={"shipment_id": load})


def _send(house: House, events: list[Json]) -> None:
    for start in range(0, len(events), BATCH):
        part = events[start : start + BATCH]
        answer = house.send(*part)
        assert answer["accepted"] == len(part), answer
