from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from routing.errors import PolicyError, Problem, Severity
from routing.loader import load_policy, parse_policy
from tests.drawn import drawn

BUNDLE = Path(__file__).parents[2] / "routing" / "policies" / "late_shipments.yaml"
DATA = yaml.safe_load(BUNDLE.read_text(encoding="utf-8"))
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
DROPPED = object()

FoundAfter = Callable[..., list[tuple[str, str, str]]]
Place = tuple[str | int, ...]


def errors_in(text: str) -> tuple[Problem, ...]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    return caught.value.problems


def paths(data: Any, path: Place = ()) -> Iterator[Place]:
    """Walk the places of nested data, the whole of it first."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def with_other(data: Any, path: Place, other: object) -> Any:
    """Return a copy of nested data with something else, or nothing at all, at one place."""
    if not path:
        return {} if other is DROPPED else other
    changed = copy.deepcopy(data)
    node = changed
    for key in path[:-1]:
        node = node[key]
    if other is DROPPED:
        del node[path[-1]]
    else:
        node[path[-1]] = other
    return changed


class TestLoadPolicy:
    def test_reads_a_file(self) -> None:
        policy = load_policy(BUNDLE)
        assert (policy.name, policy.version, policy.subject) == ("late_shipments", 1, "shipment")
        assert [rule.id for rule in policy.rules][:2] == ["at_risk", "likely_late"]

    def test_names_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyError, match=r"nowhere\.yaml.*cannot be read: .*No such file.*Give the path"):
            load_policy(tmp_path / "nowhere.yaml")

    def test_names_a_file_that_is_not_utf_8(self, tmp_path: Path) -> None:
        path = tmp_path / "latin.yaml"
        path.write_bytes("policy: späte_sendungen".encode("latin-1"))
        with pytest.raises(PolicyError, match=r"latin\.yaml.*'utf-8' codec can't decode.*Give the path"):
            load_policy(path)

    def test_puts_the_name_of_the_file_before_each_finding(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(BUNDLE.read_text(encoding="utf-8").replace("version: 1", "version: 0"), encoding="utf-8")
        with pytest.raises(PolicyError) as caught:
            load_policy(path)
        assert str(caught.value) == (
            "Policy mine.yaml has 1 error(s); mend them all and load it again:\n"
            "  - mine.yaml:4:1 error at version: found 0; it should be greater than or equal to 1."
        )


class TestParsePolicy:
    @pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "late", "3", "~"])
    def test_refuses_what_is_no_mapping(self, text: str) -> None:
        (problem,) = errors_in(text)
        assert problem.message.startswith("found no mapping, expected a bundle with `policy`, `version`")

    def test_refuses_what_is_no_yaml_at_its_place(self) -> None:
        (problem,) = errors_in("policy: a\nrules: [b, c\nversion: 1\n")
        assert problem.line == 3
        assert "the YAML cannot be read" in problem.message

    def test_refuses_more_than_one_document(self) -> None:
        (problem,) = errors_in("policy: a\n---\npolicy: b\n")
        assert problem.line == 2

    def test_names_everything_that_an_empty_mapping_lacks(self) -> None:
        problems = errors_in("{}")
        assert {problem.where for problem in problems} == set(DATA) - {"capacity", "playbooks", "scenarios"}
        assert all("is missing. Add it" in problem.message for problem in problems)

    def test_finds_a_section_that_refers_to_itself(self, bundle_text: str) -> None:
        text = bundle_text.replace("rules:\n  - id: at_risk", "rules: &rules\n  - *rules\n  - id: at_risk")
        (problem,) = [each for each in errors_in(text) if "alias" in each.message]
        assert problem.where == "rules[0]"
        assert problem.message == "found an alias (*name). Write the value out, so that it can be read here."

    def test_finds_twelve_mistakes_in_one_run_each_at_its_line(self, found_after: FoundAfter) -> None:
        mistakes = [
            ("review_by: 2027-06-30", "review_by: next summer"),
            ("mode: act_non_financial\n\nowners", "mode: autopilot\n\nowners"),
            ("    meaning: it has left its origin\n", "    sense: it has left its origin\n"),
            ("    value: 0.6\n", "    value: 60\n"),
            ("analyst_minute_minor: 90", "analyst_minute_minor: -1"),
            ("split, rebook, escalate]\n\nbranches", "split, rebook]\n\nbranches"),
            ("plan: {to: duty-manager", "plan: {to: process-owner"),
            ("id: no_promise", "id: customer_on_hold"),
            ("owner: customer-service\n    when: {fact: late", "owner: nobody\n    when: {fact: late"),
            ("{fact: pieces, at_least: 2}", "{fact: pieces, at_least: two}"),
            ("    branch: rebook\n", "    branch: rebok\n"),
            ("  branch: none\n  sentence_staff: Late", "  branch: split\n  sentence_staff: Late"),
        ]
        assert [(line, message.split(".")[0]) for line, _, message in found_after(*mistakes)] == [
            ("review_by: next summer", "found 'next summer'; it should be a valid date"),
            ("mode: autopilot", "found 'autopilot', expected observe, recommend, act_non_financial or act_financial"),
            ("departed:", "`meaning` is missing"),
            ("sense: it has left its origin", "`sense` is not known here"),
            ("value: 60", "found 60 for `rebook_from`, expected a probability from 0 to 1"),
            ("analyst_minute_minor: -1", "found -1; it should be greater than or equal to 0"),
            (
                "strength: [none, review, notify, split, rebook]",
                "found none, review, notify, split, rebook; escalate is missing",
            ),
            (
                "plan: {to: process-owner, playbook: critical-shipment-late, sla_minutes: 30}",
                "'process-owner' has no channel, so nobody would be reached",
            ),
            ("- id: customer_on_hold", "the id 'customer_on_hold' is taken by guardrails[1]"),
            ("owner: nobody", "'nobody' is not among the owners of this bundle"),
            ("- {fact: pieces, at_least: two}", "found 'two' for `pieces`, expected a number within 64 bits"),
            ("branch: rebok", "found 'rebok', expected none, review, notify, split, rebook or escalate"),
            ("branch: split", "found 'split', expected none or review"),
        ]

    def test_lists_findings_in_the_order_of_the_document(self, bundle_text: str) -> None:
        text = bundle_text.replace("version: 1", "version: 0").replace("branch: rebook", "branch: rebok")
        places = [(problem.line or 0, problem.column or 0) for problem in errors_in(text)]
        assert len(places) == 2
        assert places == sorted(places)

    def test_keeps_warnings_of_a_bundle_that_can_be_used(self, bundle_text: str) -> None:
        policy = parse_policy(bundle_text.replace("at_least: $notify_from", "at_least: 0.45"))
        assert [(problem.severity, problem.where) for problem in policy.warnings] == [
            (Severity.WARNING, "thresholds.notify_from")
        ]

    @drawn(60)
    @given(
        path=st.sampled_from(list(paths(DATA))),
        other=st.sampled_from([DROPPED, None, [], {}, [[]], [{}], {"a": 1}, {"fact": ["a"], "is": {}}])
        | st.sampled_from(["", "$x", "{", "{x}", "none", True, -1, 0.5, 10**30, float("nan"), date(2026, 1, 1)]),
    )
    def test_answers_anything_at_any_place_with_a_policy_or_with_errors(self, path: Place, other: object) -> None:
        text = yaml.dump(with_other(DATA, path, other), Dumper=DUMPER, sort_keys=False)
        problems: tuple[Problem, ...] | None = None
        try:
            parse_policy(text)
        except PolicyError as error:
            problems = error.problems
        if problems is not None:
            assert any(problem.severity is Severity.ERROR for problem in problems)
            assert all(problem.line and problem.column and problem.message for problem in problems)
