from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import date
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.cost import Offer
from routing.policy import Mode, Policy

MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]


class TestMode:
    def test_climbs_from_observing_to_spending(self) -> None:
        assert sorted(Mode, key=lambda mode: mode.rank) == [
            Mode.OBSERVE,
            Mode.RECOMMEND,
            Mode.ACT_NON_FINANCIAL,
            Mode.ACT_FINANCIAL,
        ]
        assert [mode.rank for mode in Mode] == [0, 1, 2, 3]


class TestPolicy:
    def test_cannot_be_changed_once_loaded(self, policy: Policy) -> None:
        with pytest.raises(FrozenInstanceError):
            policy.version = 2  # type: ignore[misc]
        with pytest.raises(TypeError):
            policy.thresholds["notify_from"] = policy.thresholds["review_from"]  # type: ignore[index]

    def test_offers_to_do_nothing_first_and_then_every_branch(self, policy: Policy) -> None:
        assert list(policy.offers) == list(policy.strength)
        assert policy.offers[Branch.NONE] == Offer()
        assert policy.offers[Branch.REBOOK].fixed_minor == 9000

    def test_knows_the_channels_of_those_who_have_one(self, policy: Policy) -> None:
        assert policy.channels["duty-manager"] == "pager:duty-manager"
        assert "process-owner" not in policy.channels

    def test_a_branch_that_is_left_out_has_no_terms(self, make_policy: MakePolicy) -> None:
        def edit(data: dict[str, Any]) -> None:
            del data["branches"]["split"]
            data["rules"] = [rule for rule in data["rules"] if rule["branch"] != "split"]
            data["thresholds"].pop("split_from")
            data["thresholds"].pop("origin_open_below")

        policy = make_policy(edit)
        assert Branch.SPLIT not in policy.branches
        assert Branch.SPLIT not in policy.offers


class TestOverdue:
    def test_names_nothing_up_to_the_day_itself(self, policy: Policy) -> None:
        assert policy.overdue(date(2027, 6, 30)) == ()

    def test_names_the_bundle_for_every_part_without_a_day_of_its_own(self, policy: Policy) -> None:
        (review,) = policy.overdue(date(2027, 7, 1))
        assert (review.part, review.owner, review.due) == ("the bundle", "process-owner", date(2027, 6, 30))
        assert set(policy.review_dates.values()) == {review.due}

    def test_names_a_part_after_its_own_day(self, make_policy: MakePolicy) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["thresholds"]["notify_from"]["review_by"] = date(2026, 3, 1)
            data["rules"][0]["review_by"] = date(2026, 3, 5)
            data["costs"]["review_by"] = date(2026, 3, 2)

        policy = make_policy(edit)
        assert policy.overdue(date(2026, 3, 1)) == ()
        overdue = {day: [each.part for each in policy.overdue(date(2026, 3, day))] for day in (3, 6)}
        assert overdue[3] == ["costs", "thresholds.notify_from"]
        assert overdue[6] == ["costs", "thresholds.notify_from", "rules.at_risk"]
        assert policy.overdue(date(2026, 3, 6))[2].owner == "transport-operations"
