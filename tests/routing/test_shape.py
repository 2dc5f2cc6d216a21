from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from routing.document import OwnerPart
from routing.errors import Problem
from routing.shape import read_part

ProblemsOf = Callable[[Callable[[dict[str, Any]], None]], tuple[Problem, ...]]


class TestCheckShape:
    @pytest.mark.parametrize(
        ("edit", "where", "message"),
        [
            (
                lambda data: data.pop("subject"),
                "subject",
                "`subject` is missing. Add it: what is decided about, e.g. shipment.",
            ),
            (
                lambda data: data["branches"]["notify"].pop("money"),
                "branches.notify.money",
                "`money` is missing. Add it: whether taking it commits money.",
            ),
            (
                lambda data: data["branches"]["escalate"]["plan"].pop("to"),
                "branches.escalate.plan.to",
                "`to` is missing. Add it: an owner of this bundle that has a channel.",
            ),
            (
                lambda data: data["thresholds"]["notify_from"].pop("why"),
                "thresholds.notify_from.why",
                "`why` is missing. Add it.",
            ),
            (
                lambda data: data["owners"]["duty-manager"].update(chanel="x"),
                "owners.duty-manager.chanel",
                "`chanel` is not known here. Expected: name, channel. Did you mean 'channel'?",
            ),
            (
                lambda data: data["facts"]["alternate_carriers"]["columns"]["legs"].update(shown_to_customer=True),
                "facts.alternate_carriers.columns.legs.shown_to_customer",
                "`shown_to_customer` is not known here. Expected: type, unit, meaning, values.",
            ),
            (
                lambda data: data["rules"][0].update(priority=3),
                "rules[0].priority",
                "`priority` is not known here. Expected: id, owner, review_by, when, confirm, branch, sentence_staff,"
                " sentence_customer.",
            ),
            (lambda data: data.update(owners=["me"]), "owners", "found a list of 1, expected a mapping."),
            (lambda data: data.update(costs=[]), "costs", "found an empty list, expected a mapping."),
            (lambda data: data.update(rules={"a": 1}), "rules", "found a mapping, expected a list."),
            (lambda data: data.update(policy="Late!"), "policy", "found 'Late!'; it should match pattern '^[a-z]"),
            (lambda data: data.update(mode="act"), "mode", "found 'act', expected observe, recommend,"),
            (
                lambda data: data["rules"][0].update(branch="escalat"),
                "rules[0].branch",
                "found 'escalat', expected none, review, notify, split, rebook or escalate. Did you mean 'escalate'?",
            ),
            (lambda data: data["rules"][0].update(owner=7), "rules[0].owner", "found 7; it should be a valid string."),
            *(
                (
                    lambda data, channel=channel: data["owners"]["duty-manager"].update(channel=channel),
                    "owners.duty-manager.channel",
                    f"found '{channel}'; it should be where they are reached, e.g. mailto:duty@example.org.",
                )
                for channel in (" ", "mailto:", "pager: ")
            ),
            (
                lambda data: data["costs"].update(analyst_minute_minor=-1),
                "costs.analyst_minute_minor",
                "found -1; it should be greater than or equal to 0.",
            ),
        ],
    )
    def test_says_what_was_found_and_what_is_expected(
        self, problems_of: ProblemsOf, edit: Callable[[dict[str, Any]], None], where: str, message: str
    ) -> None:
        found = [problem.message for problem in problems_of(edit) if problem.where == where]
        assert len(found) == 1
        assert found[0].startswith(message)


class TestReadPart:
    def test_reads_what_has_the_right_shape(self) -> None:
        assert read_part(OwnerPart, {"name": "Duty manager"}) == OwnerPart(name="Duty manager")

    def test_gives_nothing_for_the_rest(self) -> None:
        assert read_part(OwnerPart, {"nam": "Duty manager"}) is None
