"""The calls to owners of causes: one for each cause, beside whatever else its decision lets out, within budgets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

import pytest

from serving.db.tables import BudgetUseRow, CauseRow, OutgoingCallRow
from tests.serving.bundles import Edit, changed
from tests.serving.causes.outage import SILENT_HOURS, departed, names
from tests.serving.house import House, delivery

FEW = {"at_least": 3, "share_at_least": 0.5, "within_minutes": 120}


def two(data: dict[str, Any]) -> None:
    """Let a second playbook watch for what the first does, by origin and not by carrier."""
    playbooks = data["playbooks"]
    playbooks["carrier_outage"]["declare"] = FEW
    playbooks["feed_of_origin"] = {**deepcopy(playbooks["carrier_outage"]), "watches": ["origin"]}
    playbooks["feed_of_origin"]["sentence_staff"] = "What leaves {origin} is told of by nobody."


def escalating_goes_on(data: dict[str, Any]) -> None:
    playbook = data["playbooks"]["carrier_outage"]
    playbook.update(declare=FEW, suspends=["notify", "review", "split", "rebook"])


def one_call(data: dict[str, Any]) -> None:
    told = {"unit": "calls", "owner": "duty-manager", "why": "one pager"}
    data["capacity"] = {"pager": {"amount": 1, "per_hours": 24, **told}}
    data["branches"]["escalate"]["uses"] = {"pager": 1}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def silent(stack: ExitStack, url: str, *edits: Edit) -> House:
    house: House = stack.enter_context(House(url, changed(*edits)))
    departed(house, names(3))
    house.announce("SH-BIG", customer_tier="critical", value_minor=20_000_000)
    house.send(delivery("SH-BIG-left", "departed", "SH-BIG"))
    house.advance(hours=SILENT_HOURS)
    for name in names(2):
        house.decided(name, risk=0.5)
    return house


def escalations(house: House) -> list[OutgoingCallRow]:
    return [row for row in house.rows(OutgoingCallRow) if row.branch == "escalate"]


def test_two_causes_that_one_decision_declares_are_two_calls(stack: ExitStack, any_url: str) -> None:
    house = silent(stack, any_url, two)
    assert house.decided("SH-0002", risk=0.5)["branch"] == "none"
    causes = {row.cause_id: row.call_id for row in house.rows(CauseRow)}
    assert len(causes) == 2
    assert {row.shipment_id: row.call_id for row in escalations(house)} == causes


def test_a_shipment_that_is_escalated_itself_and_declares_a_cause_is_two_calls(stack: ExitStack, any_url: str) -> None:
    house = silent(stack, any_url, escalating_goes_on)
    answer = house.decided("SH-BIG", risk=0.9)
    assert answer["branch"] == "escalate", answer
    (cause,) = house.rows(CauseRow)
    assert {row.shipment_id: row.call_id for row in escalations(house)} == {
        "SH-BIG": answer["call_id"],
        cause.cause_id: cause.call_id,
    }


def test_together_they_take_no_more_than_is_left(stack: ExitStack, any_url: str) -> None:
    house = silent(stack, any_url, two, one_call)
    house.decided("SH-0002", risk=0.5)
    assert len(escalations(house)) == house.count(BudgetUseRow) == 1
    assert [row.not_called_because is None for row in house.rows(CauseRow)] == [True, False]
