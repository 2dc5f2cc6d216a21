"""The budgets and rests of the bundles that ship: they bind where a mistake would spread, and not before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from features.vocabulary import Branch, SubjectType
from routing.context import Context
from routing.engine import decide
from routing.loader import load_policy
from serving.config import bundled_policy

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
SHIPPED = {subject: load_policy(bundled_policy(subject)) for subject in SubjectType}


def case(subject: SubjectType, scenario: str, **changes: Any) -> Mapping[str, Any]:
    """Return the facts of a scenario of the suite, with those that it shares with an earlier one, changed."""
    written = {each["id"]: each for each in yaml.safe_load(SHIPPED[subject].text)["scenarios"]}
    facts: dict[str, Any] = {}
    name: str | None = scenario
    while name is not None:
        facts = {**written[name].get("facts", {}), **facts}
        name = written[name].get("like")
    return {**facts, **changes}


def short(**changes: Any) -> Mapping[str, Any]:
    return case(SubjectType.SHORTAGE, "covered", short_probability=0.6, books="contested", **changes)


@pytest.mark.parametrize("subject", SubjectType)
def test_whatever_spends_money_or_writes_to_customers_and_carriers_uses_a_budget(subject: SubjectType) -> None:
    branches = SHIPPED[subject].branches.values()
    reaching = {Branch.NOTIFY, Branch.APPROVE, Branch.DISPUTE}
    assert [each.branch for each in branches if not each.uses and (each.spends_money or each.branch in reaching)] == []


def test_a_rebooking_counts_with_the_most_that_it_may_cost_without_a_person() -> None:
    terms = SHIPPED[SubjectType.SHIPMENT].branches[Branch.REBOOK]
    assert terms.uses["booking_money"] == terms.approval_above_minor


@pytest.mark.parametrize("subject", [SubjectType.SHIPMENT, SubjectType.SHORTAGE])
def test_what_a_playbook_lets_go_of_is_told_without_waiting_for_budget(subject: SubjectType) -> None:
    policy = SHIPPED[subject]
    messages = policy.budgets["messages"]
    for playbook in policy.playbooks.values():
        assert playbook.drain.at_most * (messages.per / playbook.drain.per) <= messages.amount


@pytest.mark.parametrize(
    ("subject", "facts", "budget", "branch"),
    [
        (SubjectType.SHIPMENT, case(SubjectType.SHIPMENT, "standard_customer_is_told"), "messages", Branch.NOTIFY),
        (SubjectType.INVOICE, case(SubjectType.INVOICE, "in_order"), "proposals", Branch.APPROVE),
        (SubjectType.SHORTAGE, short(), "messages", Branch.NOTIFY),
    ],
)
def test_a_person_decides_once_it_is_used_up(
    subject: SubjectType, facts: Mapping[str, Any], budget: str, branch: Branch
) -> None:
    policy = SHIPPED[subject]
    assert decide(policy, facts, NOW).branch is branch
    last = Context(capacity={budget: 1.0})
    assert (decide(policy, facts, NOW, last).branch, decide(policy, facts, NOW, last).uses) == (branch, {budget: 1})
    over = decide(policy, facts, NOW, Context(capacity={budget: 0.0}))
    assert over.branch is Branch.REVIEW
    because = over.held_because or over.passed_over[0].because
    assert "of which 0 are left" in because


def test_an_order_is_told_of_its_lines_once_in_four_hours() -> None:
    policy = SHIPPED[SubjectType.SHORTAGE]
    for hours, branch in ((0.5, Branch.NONE), (3.9, Branch.NONE), (4.0, Branch.NOTIFY)):
        told = Context(last_taken={Branch.NOTIFY: NOW - timedelta(hours=hours)})
        assert decide(policy, short(line_id="20"), NOW, told).branch is branch
    rest = policy.branches[Branch.NOTIFY].cool_down
    assert (rest and rest.key) == "order_id"


def test_a_customer_hears_of_another_shipment_however_short_after_the_first() -> None:
    assert SHIPPED[SubjectType.SHIPMENT].branches[Branch.NOTIFY].cool_down is None
