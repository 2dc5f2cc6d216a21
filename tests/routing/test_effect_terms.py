"""Until when an effect is to be confirmed, and how it is undone, in a bundle; mistakes are found at their line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from features.vocabulary import Branch
from routing.policy import Policy

FoundAfter = Callable[..., list[tuple[str, str, str]]]
PASSED = "[carrier_id, origin, destination]"
UNDO = f"compensate: {{action: cancel_tender_or_booking, payload: {PASSED}, within_hours: 2}}"
REVIEW = "    cost: {lateness_left: 0.8, "
VERIFY = "    verify: {within_hours: 3}\n"


def test_the_bundle_that_ships_verifies_every_branch_and_undoes_what_it_books(policy: Policy) -> None:
    called = {branch: terms for branch, terms in policy.branches.items() if branch is not Branch.REVIEW}
    assert all(terms.verify_within is not None for terms in called.values())
    assert {branch for branch, terms in called.items() if terms.compensation} == {Branch.SPLIT, Branch.REBOOK}
    rebook = policy.branches[Branch.REBOOK]
    assert rebook.verify_within == timedelta(hours=3)
    assert rebook.compensation is not None
    assert (rebook.compensation.action, rebook.compensation.within) == ("cancel_tender_or_booking", timedelta(hours=2))


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (VERIFY, "", UNDO, "`rebook` would be undone, but nobody is told whether it happened"),
        (f"payload: {PASSED}, within", "payload: [carier_id], within", "compensate:", "carier_id"),
        (VERIFY, "    verify: {within_hours: 0}\n", "verify:", "greater than 0"),
        (VERIFY, "    verify: {within: 2h}\n", "verify:", "within_hours"),
        ("action: cancel_tender_or_booking", "action: Cancel it", "compensate:", "pattern"),
        (REVIEW, f"    verify: {{within_hours: 1}}\n{REVIEW}", "", "a review calls nobody"),
    ],
    ids=["undone but not verified", "unknown fact", "no time", "unknown unit", "no name of an action", "a review"],
)
def test_a_mistake_is_found_at_its_line(found_after: FoundAfter, old: str, new: str, line: str, message: str) -> None:
    found = found_after((old, new))
    assert any(at.startswith(line) and message in said for at, _, said in found), found
