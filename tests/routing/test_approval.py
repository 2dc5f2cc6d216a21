"""What commits more than a stated amount waits for a person, however far the branch may go by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from features.vocabulary import Branch
from routing.engine import decide
from routing.errors import PolicyError, Problem
from routing.loader import parse_policy
from routing.policy import Policy

INVOICES = Path(__file__).parents[2] / "routing" / "policies" / "freight_invoices.yaml"


def bundle(**limits: int) -> Policy:
    data = yaml.safe_load(INVOICES.read_text(encoding="utf-8"))
    data["mode"] = "act_financial"
    for branch, limit in limits.items():
        data["branches"][branch] |= {"approval_above_minor": limit, "mode": "act_financial"}
    return parse_policy(yaml.safe_dump(data, sort_keys=False))


def bill(**changes: Any) -> dict[str, Any]:
    right = {
        "verdict": "approve",
        "carrier_id": "NWX",
        "invoice_number": "7",
        "billed_minor": 90_000,
        "proven_minor": 0,
        "charges_undetermined": 0,
        "all_of_it_refused": False,
        "findings": (),
        "open_questions": (),
        "suspicion": 0.0,
        "currency": "EUR",
        "recoverable_minor": 0,
    }
    return {**right, **changes}


class TestApproving:
    @pytest.mark.parametrize(("billed", "branch"), [(90_000, Branch.APPROVE), (90_001, Branch.REVIEW)])
    def test_a_bill_above_the_amount_is_put_before_a_person(self, billed: int, branch: Branch, now: datetime) -> None:
        choice = decide(bundle(approve=90_000), bill(billed_minor=billed), now)
        assert (choice.recommended_branch, choice.branch) == (Branch.APPROVE, branch)

    def test_the_person_is_told_why_and_what_is_suggested(self, now: datetime) -> None:
        choice = decide(bundle(approve=10_000), bill(), now)
        assert choice.held_because == "approve commits 900.00 EUR, and above 100.00 EUR a person approves"
        assert choice.payload["suggestion"]["branch"] == "approve"  # type: ignore[index]

    def test_it_holds_of_a_branch_that_may_spend_money_by_itself(self, now: datetime) -> None:
        finding = {"label": "rate_mismatch", "words": "w", "charge": "FRT", "billed_minor": 90_000}
        more = {"recomputed_minor": 89_000, "difference_minor": 1_000, "clause": "c", "evidence": "e", "dispute": "d"}
        facts = bill(verdict="dispute", proven_minor=1_000, findings=({**finding, **more},), recoverable_minor=1_000)
        assert decide(bundle(short_pay=89_000), facts, now).branch is Branch.SHORT_PAY
        assert decide(bundle(short_pay=88_999), facts, now).branch is Branch.REVIEW


def test_a_branch_that_says_no_amount_cannot_have_one(
    problems_of: Callable[[Callable[[dict[str, Any]], None]], tuple[Problem, ...]],
) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["branches"]["notify"]["approval_above_minor"] = 5

    (problem,) = problems_of(edit)
    assert problem.where == "branches.notify.approval_above_minor"
    assert "`notify` says no amount that it commits" in problem.message


def test_less_than_nothing_is_no_amount() -> None:
    with pytest.raises(PolicyError, match="approval_above_minor"):
        bundle(approve=-1)
