"""The suite of a bundle: what its scenarios come to, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import yaml

from features.vocabulary import SubjectType
from routing.errors import Problem
from routing.loader import lint_policy, parse_policy, run_suite
from serving.config import bundled_policy

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def found(bundle_text: str) -> Callable[[Edit], tuple[Problem, ...]]:
    """What `lint` says of the default bundle after an edit."""

    def lint(edit: Edit) -> tuple[Problem, ...]:
        data = yaml.safe_load(bundle_text)
        edit(data)
        return lint_policy(yaml.safe_dump(data, sort_keys=False), today=date(2026, 3, 1))

    return lint


@pytest.mark.parametrize("subject", list(SubjectType))
def test_the_bundle_that_ships_on_each_subject_comes_to_what_it_says(subject: SubjectType) -> None:
    text = bundled_policy(subject).read_text(encoding="utf-8")
    suite = run_suite(parse_policy(text))
    assert (len(suite.ran) >= 4, suite.wrong) == (True, ())
    assert lint_policy(text, today=date(2026, 3, 1)) == ()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (20260105, "found 20260105; it should be a time with a zone, e.g. 2026-01-05T08:00:00Z."),
        ("2026-01-05 08:00", "found '2026-01-05 08:00'; it should have timezone info."),
    ],
)
def test_a_moment_is_no_number_of_seconds(
    found: Callable[[Edit], tuple[Problem, ...]], written: Any, said: str
) -> None:
    problems = found(lambda data: data["scenarios"][0].update(at=written))
    assert (problems[0].where, problems[0].message) == ("scenarios[0].at", said)


class TestTheDefaultBundle:
    def test_comes_to_what_it_says(self, bundle_text: str) -> None:
        suite = run_suite(parse_policy(bundle_text))
        assert suite.ran
        assert not suite.wrong

    def test_tells_which_rules_no_scenario_comes_to(self, bundle_text: str) -> None:
        suite = run_suite(parse_policy(bundle_text))
        assert "no_promise" in suite.rules_without
        assert "delivered_or_cancelled" not in suite.rules_without


class TestWhileACauseStands:
    def test_a_case_is_held_and_one_that_is_none_of_its_scope_is_a_mistake(self, found: Callable[[Edit], Any]) -> None:
        def held(data: dict[str, Any]) -> None:
            data["scenarios"][3] |= {"stands": ["carrier_outage"], "expects": {"branch": "none"}}

        def without_scope(data: dict[str, Any]) -> None:
            held(data)
            data["scenarios"][3]["facts"]["carrier_id"] = None

        assert found(held) == ()
        (problem,) = found(without_scope)
        assert (problem.where, problem.message) == (
            "scenarios[3].stands[0]",
            "the case is of no scope of `carrier_outage`. Give it `carrier_id`.",
        )

    def test_a_playbook_that_is_not_there_is_a_mistake_at_its_line(self, found: Callable[[Edit], Any]) -> None:
        (problem,) = found(lambda data: data["scenarios"][3].update(stands=["carrier_outtage"]))
        assert problem.where == "scenarios[3].stands[0]"
        assert problem.message.startswith("`carrier_outtage` is not among `playbooks`. Did you mean 'carrier_outage'?")


class TestAScenario:
    def test_that_comes_to_another_branch_is_a_mistake_at_its_line(self, found: Callable[[Edit], Any]) -> None:
        def later(data: dict[str, Any]) -> None:
            data["thresholds"]["notify_from"]["value"] = 0.92

        (problem,) = found(later)
        assert problem.where == "scenarios[3].expects"
        assert "`standard_customer_is_told` comes to review by `at_risk`, expected notify by" in problem.message
        assert problem.line > 300

    def test_that_another_rule_decides_is_a_mistake_if_the_rule_matters(self, found: Callable[[Edit], Any]) -> None:
        def another(data: dict[str, Any]) -> None:
            data["scenarios"][1]["expects"] = {"branch": "none", "decided_by": "default"}
            data["scenarios"][2]["expects"] = {"branch": "review"}

        (problem,) = found(another)
        assert "comes to none by `delivered_or_cancelled`, expected none by `default`" in problem.message

    @pytest.mark.parametrize(
        ("index", "change", "where", "words"),
        [
            (0, {"facts": {"late_probabilty": 0.5}}, "[0].facts.late_probabilty", "Did you mean 'late_probability'"),
            (0, {"facts": {"late_probability": 7}}, "[0].facts.late_probability", "found 7, expected"),
            (0, {"like": "delivered"}, "[0].like", "no earlier scenario is called 'delivered'"),
            (1, {"id": "most_likely_in_time"}, "[1].id", "'most_likely_in_time' is taken"),
            (1, {"owner": "nobody"}, "[1].owner", "'nobody' is not among the owners"),
            (1, {"at": "yesterday"}, "[1].at", "valid datetime"),
        ],
    )
    def test_that_cannot_be_read_is_a_mistake(
        self, found: Callable[[Edit], Any], index: int, change: dict[str, Any], where: str, words: str
    ) -> None:
        problems = found(lambda data: data["scenarios"][index].update(change))
        assert any(problem.where == f"scenarios{where}" and words in problem.message for problem in problems), problems

    def test_has_the_facts_of_the_one_that_it_is_like(self, found: Callable[[Edit], Any]) -> None:
        def stranger(data: dict[str, Any]) -> None:
            data["scenarios"][0]["facts"]["carrier_known"] = False
            data["scenarios"][0]["expects"] = {"branch": "review", "decided_by": "carrier_unknown"}

        assert {problem.where for problem in found(stranger)} == {"scenarios[3].expects", "scenarios[5].expects"}
