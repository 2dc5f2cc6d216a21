"""A directive is held against the bundle before it is issued."""

from __future__ import annotations

from typing import Any

import pytest

from features.vocabulary import Branch
from routing.ordering import mistakes_in
from routing.policy import Mode, Policy
from tests.routing.test_directives import EXCLUDE, LIMIT, SNOOZE, SUPPRESS, directive


@pytest.mark.parametrize("given", [EXCLUDE, SUPPRESS, SNOOZE, LIMIT, directive("forbid", branch=Branch.REBOOK)])
def test_what_fits_the_bundle_can_be_issued(policy: Policy, given: Any) -> None:
    assert mistakes_in(given, policy) == []


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        (
            directive("limit", mode=Mode.OBSERVE, owner="duty-manger"),
            "`owner`: 'duty-manger' is not in the bundle. Did you mean 'duty-manager'?",
        ),
        (
            directive("suppress", where={"customer": "C-7"}),
            "`where`: 'customer' is not in the bundle. Did you mean 'customer_id'?",
        ),
        (
            directive("suppress", where={"alternate_carriers": "ACE"}),
            "`where`: `alternate_carriers` is a list, and cases do not share one. Name another fact.",
        ),
        (
            directive("suppress", where={"customer_tier": "gold"}),
            "`where`: 'gold' is not a value of `customer_tier`. Expected one of standard, priority, critical.",
        ),
        (
            directive("snooze", rule="customer_on_hold"),
            "`rule`: 'customer_on_hold' is not in the bundle. Known: at_risk, likely_late, split_from_another_place, "
            "another_carrier, critical_at_stake.",
        ),
        (
            directive("exclude", rows_of="carriers", column="carrier_id", value="ACE"),
            "`rows_of`: 'carriers' is not in the bundle. Did you mean 'alternate_carriers'?",
        ),
        (
            directive("exclude", rows_of="alternate_carriers", column="carrier", value="ACE"),
            "`column`: 'carrier' is not in the bundle. Did you mean 'carrier_id'?",
        ),
        (
            directive("exclude", rows_of="alternate_carriers", column="legs", value="many"),
            "`value`: found 'many' for `legs`, expected a number within 64 bits.",
        ),
        (
            directive("exclude", rows_of="alternate_carriers", value="ACE"),
            "`column` is missing for exclude. Give it.",
        ),
    ],
)
def test_what_does_not_fit_is_said(policy: Policy, given: Any, mistake: str) -> None:
    assert mistakes_in(given, policy) == [mistake]


def test_a_branch_the_bundle_does_not_take_is_said(policy: Policy) -> None:
    (mistake,) = mistakes_in(directive("limit", mode=Mode.OBSERVE, branch=Branch.NONE), policy)
    assert mistake == "`branch`: 'none' is not in the bundle. Known: review, notify, split, rebook, escalate."
