from __future__ import annotations

import json
from datetime import datetime

from features.vocabulary import Branch
from routing.branches.catalog import KINDS
from routing.engine import decide
from routing.policy import Policy


class TestKinds:
    def test_there_is_one_for_every_branch_but_none(self) -> None:
        assert set(KINDS) == set(Branch) - {Branch.NONE}

    def test_the_columns_a_branch_reads_belong_to_lists_it_needs_or_may_use(self) -> None:
        for kind in KINDS.values():
            assert kind.columns.keys() <= kind.needs.keys() | kind.may_use.keys()

    def test_the_default_bundle_requires_what_the_code_of_each_branch_needs(self, policy: Policy) -> None:
        for branch, terms in policy.branches.items():
            assert set(KINDS[branch].needs) <= set(terms.requires)

    def test_every_payload_is_plain_json(self, policy: Policy, facts: dict[str, object], now: datetime) -> None:
        for share in (0.3, 0.5, 0.57, 0.7):
            payload = decide(policy, {**facts, "late_probability": share}, now).payload
            assert json.loads(json.dumps(payload)) == payload
            assert payload
