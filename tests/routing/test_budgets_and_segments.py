"""Mistakes in what was added to branches, thresholds and rules: budgets, segments, rests, confirmation, release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from routing.errors import Problem
from routing.policy import Policy
from tests.routing.conftest import choosing_by_cost

Edit = Callable[[dict[str, Any]], None]
ProblemsOf = Callable[[Edit], tuple[Problem, ...]]
MAILS = {"amount": 5, "unit": "mails", "per_hours": 24, "owner": "customer-service", "why": "what a person reads"}


def with_mails(data: dict[str, Any], **changes: Any) -> None:
    data["capacity"] = {"mails": {**MAILS, **changes}}
    data["branches"]["notify"]["uses"] = {"mails": 1}


@pytest.mark.parametrize(
    ("edit", "where", "message"),
    [
        pytest.param(
            lambda data: (with_mails(data), data["branches"]["notify"].update(uses={"mail": 1})),
            "branches.notify.uses.mail",
            "'mail' is not a budget of `capacity`. Did you mean 'mails'?",
            id="budget nobody declared",
        ),
        pytest.param(
            lambda data: data["branches"]["notify"].update(uses={"x": 1}),
            "branches.notify.uses.x",
            "'x' is not a budget of `capacity`. Declared: nothing.",
            id="no budgets at all",
        ),
        pytest.param(
            lambda data: with_mails(data, amount=0.5),
            "branches.notify.uses.mails",
            "one case uses 1, the whole budget is 0.5 mails: the branch would never be taken.",
            id="budget too small for one case",
        ),
        pytest.param(
            lambda data: with_mails(data, owner="nobody"),
            "capacity.mails.owner",
            "'nobody' is not among the owners of this bundle.",
            id="budget without an owner",
        ),
        pytest.param(
            lambda data: with_mails(data, per=["carrier"]),
            "capacity.mails.per[0]",
            "'carrier' is not a declared fact. Did you mean 'carrier_id'?",
            id="kept apart by an unknown fact",
        ),
        pytest.param(
            lambda data: with_mails(data, per=["pieces"]),
            "capacity.mails.per[0]",
            "`pieces` is of type number; a budget is kept apart by text, e.g. carrier_id.",
            id="kept apart by a number",
        ),
        pytest.param(
            lambda data: with_mails(data, per=["origin", "destination", "origin"]),
            "capacity.mails.per[2]",
            "`origin` is listed twice. Keep one.",
            id="kept apart by the same twice",
        ),
        pytest.param(
            lambda data: with_mails(data, per=[]),
            "capacity.mails.per",
            "found 0 item(s), expected at least 1 item.",
            id="kept apart by nothing",
        ),
        pytest.param(
            lambda data: (
                data["facts"].update(bundle={"type": "text", "meaning": "of goods"}),
                data["branches"]["notify"]["payload"].append("bundle"),
                with_mails(data, per=["bundle"]),
            ),
            "capacity.mails.per[0]",
            "`bundle` means the bundle itself here, and a fact is called so. Rename the fact.",
            id="a fact of the same name as the bundle",
        ),
        pytest.param(
            lambda data: data.update(capacity={"mails": MAILS}),
            "capacity.mails",
            "`mails` is used nowhere. Use it or drop it.",
            id="budget nobody uses",
        ),
        pytest.param(
            lambda data: (with_mails(data), data["branches"]["review"].update(uses={"mails": 1})),
            "branches.review",
            "a review is never refused: it uses no budget and does not rest. Drop it.",
            id="review on a budget",
        ),
        pytest.param(
            lambda data: data["branches"]["review"].update(cool_down={"hours": 1, "per": "customer_id"}),
            "branches.review",
            "a review is never refused: it uses no budget and does not rest. Drop it.",
            id="review that rests",
        ),
        pytest.param(
            lambda data: data["branches"]["notify"].update(cool_down={"hours": 1, "per": "client"}),
            "branches.notify.cool_down.per",
            "'client' is not a declared fact.",
            id="rest by an unknown fact",
        ),
        pytest.param(
            lambda data: data["branches"]["notify"].update(
                segments=[{"where": {"customer_tier": "vip"}, "mode": "observe"}]
            ),
            "branches.notify.segments[0].where.customer_tier",
            "'vip' is not a value of `customer_tier`.",
            id="segment of a value that is none",
        ),
        pytest.param(
            lambda data: data["branches"]["review"].update(
                segments=[{"where": {"customer_tier": "critical"}, "mode": "observe"}]
            ),
            "branches.review.segments",
            "nobody would see what is held for review. Write recommend.",
            id="segment nobody reviews",
        ),
        pytest.param(
            lambda data: data["guardrails"][0].update(confirm={"times": 2, "within_hours": 1}),
            "guardrails[0].confirm",
            "a guardrail holds back at once; it waits for nothing. Drop it.",
            id="guardrail that waits",
        ),
        pytest.param(
            lambda data: data["rules"][0].update(confirm={"times": 1, "within_hours": 1}),
            "rules[0].confirm.times",
            "found 1; it should be greater than or equal to 2.",
            id="confirmed by itself",
        ),
        pytest.param(
            lambda data: data["thresholds"]["notify_from"].update(release=1.4),
            "thresholds.notify_from.release",
            "found 1.4 for `notify_from`, expected a probability from 0 to 1.",
            id="release out of range",
        ),
        pytest.param(
            lambda data: data["thresholds"]["notify_from"].update(release=0.5),
            "rules[1].when",
            "the rule would let go of a case the moment it hits, e.g. where late_probability is 0.45.",
            id="release above the threshold",
        ),
        pytest.param(
            lambda data: data.update(choice="dearest"),
            "choice",
            "found 'dearest', expected strongest or least_expected_cost.",
            id="another way to choose",
        ),
    ],
)
def test_a_mistake_is_found_once(problems_of: ProblemsOf, edit: Edit, where: str, message: str) -> None:
    (problem,) = problems_of(edit)
    assert problem.where == where
    assert problem.message.startswith(message), problem.message


def test_a_segment_is_lowered_to_the_mode_of_the_bundle(make_policy: Callable[[Edit], Policy]) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["mode"] = "recommend"
        data["branches"]["notify"]["segments"] = [{"where": {"customer_id": "C-7"}, "mode": "act_financial"}]

    assert make_policy(edit).branches["notify"].segments[0].mode == "recommend"  # type: ignore[index]


def test_a_fact_by_which_a_budget_is_kept_apart_is_used(problems_of: ProblemsOf) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["facts"]["region"] = {"type": "text", "meaning": "where it goes"}
        with_mails(data, per=["region", "bundle"])

    assert problems_of(edit) == ()


def test_budgets_are_reviewed_too(make_policy: Callable[[Edit], Policy]) -> None:
    assert "capacity.slots" in make_policy(choosing_by_cost).review_dates
