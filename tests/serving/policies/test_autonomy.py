"""A bundle lets no branch act by itself that only recommended before, unless people have agreed with it."""

from __future__ import annotations

from typing import Any

import pytest

from serving.auth.people import People
from serving.policies.autonomy import newly_acting
from tests.serving.answers import answered
from tests.serving.bundles import Edit, changed
from tests.serving.house import House, problem_in
from tests.serving.policies.lives import PEOPLE, approve, approved, live, step, stepped, submitted, version

NOBODY_ANSWERED = "notify has 0 answers, 0 of them against, and needs 59 to show that at most 5% are"


@pytest.fixture
def people() -> People:
    return PEOPLE


def modes(branch: str, mode: str, **segments: str) -> Edit:
    """Let a branch go so far by itself, and otherwise for some tiers of customers."""

    def edit(data: dict[str, Any]) -> None:
        data["mode"] = "act_financial"
        where = [{"where": {"customer_tier": tier}, "mode": own} for tier, own in segments.items()]
        data["branches"][branch].update(mode=mode, segments=where)
        del data["scenarios"]  # of which one expects that a customer is told

    return edit


class TestApproving:
    def test_what_lets_a_branch_act_again_takes_the_answers_of_people(self, house: House) -> None:
        live(house, version(2, modes("notify", "recommend")))  # one signature is enough on the way down
        third = submitted(house, version(3))
        assert NOBODY_ANSWERED in problem_in(approve(house, third), 409, "bundle-step")["detail"]

        answered(house, 58, by=("dana", "dan"))
        assert "has 58 answers" in problem_in(approve(house, third), 409, "bundle-step")["detail"]
        answered(house, 1, first=58, by=("dana",))
        assert stepped(approve(house, third))["status"] == "approved"

    def test_nobody_gets_around_it_by_breaking_the_glass(self, house: House) -> None:
        live(house, version(2, modes("notify", "recommend")))
        third = submitted(house, version(3))
        stepped(step(house, third, "break-glass"))
        assert NOBODY_ANSWERED in problem_in(approve(house, third, by="pat"), 409, "bundle-step")["detail"]
        fourth = submitted(house, version(4))  # beside the one that nobody has approved
        assert NOBODY_ANSWERED in problem_in(approve(house, fourth), 409, "bundle-step")["detail"]

    def test_money_takes_more(self, house: House) -> None:
        bundle = submitted(house, version(2, modes("rebook", "act_financial")))
        detail = problem_in(approve(house, bundle), 409, "bundle-step")["detail"]
        assert "rebook has 0 answers, 0 of them against, and needs 149" in detail

    def test_what_acts_no_more_than_before_takes_none(self, house: House) -> None:
        assert approved(house, version(2, modes("notify", "act_non_financial", critical="recommend")))


class TestNewlyActing:
    @pytest.mark.parametrize(
        ("before", "after", "acting"),
        [
            (modes("rebook", "recommend"), modes("rebook", "recommend"), []),
            (modes("rebook", "recommend"), modes("rebook", "act_financial"), ["rebook"]),
            (modes("rebook", "act_financial"), modes("rebook", "recommend"), []),
            (modes("rebook", "recommend"), modes("rebook", "recommend", critical="act_financial"), ["rebook"]),
            (modes("rebook", "recommend", critical="act_financial"), modes("rebook", "act_financial"), ["rebook"]),
            (
                modes("rebook", "recommend", critical="act_financial"),
                modes("rebook", "recommend", priority="act_financial"),
                ["rebook"],
            ),
            (modes("rebook", "act_financial"), modes("rebook", "recommend", critical="act_financial"), []),
            (
                modes("rebook", "act_financial", critical="recommend"),
                modes("rebook", "act_financial", critical="recommend", priority="recommend"),
                [],
            ),
        ],
    )
    def test_are_those_that_act_in_a_case_in_which_they_did_not(
        self, before: Edit, after: Edit, acting: list[str]
    ) -> None:
        assert [terms.branch for terms in newly_acting(changed(before), changed(after))] == acting
