from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from features.vocabulary import Branch
from routing.document import BRANCH_PARTS, policy_json_schema
from routing.grammar import OPERATORS
from routing.subjects import BRANCHES_OF

SCHEMA = policy_json_schema()


@pytest.fixture
def bundle(bundle_text: str) -> Any:
    return json.loads(json.dumps(yaml.safe_load(bundle_text), default=str))


def accepts(data: object) -> bool:
    return bool(Draft202012Validator(SCHEMA).is_valid(data))


class TestPolicyJsonSchema:
    def test_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(SCHEMA)

    def test_accepts_the_default_bundle(self, bundle: object) -> None:
        assert accepts(bundle)

    @pytest.mark.parametrize(
        "edit",
        [
            lambda data: data.pop("default"),
            lambda data: data["rules"][1].pop("owner"),
            lambda data: data["rules"][1].update(branch="rebok"),
            lambda data: data["rules"][1].update(when={"fact": "pieces", "atleast": 1}),
            lambda data: data["rules"][1].update(when={"fact": "pieces", "at_least": 1, "below": 3}),
            lambda data: data["rules"][1].update(when={"all": []}),
            lambda data: data["guardrails"][1].update(when={"not": "late"}),
            lambda data: data["branches"]["rebook"]["plan"].update(carriers_at_most="$pieces"),
            lambda data: data["branches"]["rebook"]["plan"].update(late_share_below="twenty"),
            lambda data: data["thresholds"]["notify_from"].update(value="high"),
            lambda data: data["on_unknown"].update(branch="none"),
            lambda data: data.update(colour="red"),
        ],
    )
    def test_refuses_what_an_editor_should_mark(self, bundle: Any, edit: Callable[[Any], object]) -> None:
        edit(bundle)
        assert not accepts(bundle)

    @pytest.mark.parametrize("plan", [{"late_share_below": "$carrier_late_below"}, {"late_share_below": 0.3}])
    def test_lets_a_number_be_written_as_a_threshold(self, bundle: Any, plan: dict[str, Any]) -> None:
        bundle["branches"]["rebook"]["plan"].update(plan)
        assert accepts(bundle)

    def test_knows_every_operator_of_the_grammar(self) -> None:
        leaf = SCHEMA["$defs"]["Condition"]["oneOf"][-1]
        assert set(leaf["properties"]) == {"fact", *OPERATORS}

    def test_is_the_same_each_time(self) -> None:
        first = copy.deepcopy(policy_json_schema())
        assert policy_json_schema() == first


class TestBranchParts:
    def test_every_branch_that_does_something_has_terms(self) -> None:
        for subject, parts in BRANCH_PARTS.items():
            assert {Branch.NONE, *parts} == set(BRANCHES_OF[subject])
        assert {branch for branches in BRANCHES_OF.values() for branch in branches} == set(Branch)
