"""What a held case waits for once its cause is over: budgets of which too little is left, for whom they are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from features.vocabulary import Branch
from routing.buckets import bucket_of
from routing.policy import Mode, Policy
from routing.recording import decode_facts


def lacking_of(policy: Policy, body: Mapping[str, Any], short: Collection[str]) -> frozenset[str]:
    """Return what a decision lacked, or would take although somebody before it waits for that.

    Parameters
    ----------
    policy, body
        The bundle it was made under, and what was sealed.
    short
        What others wait for.
    """
    buckets = _buckets(policy, body)
    lacking = {buckets[name] for name in _lacking(policy, body)}
    return frozenset(lacking | {buckets[name] for name in body["uses"]}.intersection(short))


def _lacking(policy: Policy, body: Mapping[str, Any]) -> frozenset[str]:
    """Return the budgets by whose being used up a decision came out as it did."""
    left = body["context"].get("capacity", {})
    wanted = [each["branch"] for each in body["passed_over"]]
    terms = policy.branches.get(Branch(body["recommended_branch"]))
    if body["held_because"] is not None and terms is not None and terms.acts(Mode(body["mode"])):
        wanted.append(terms.branch)
    return frozenset(
        budget
        for branch in wanted
        if branch in policy.branches
        for budget, amount in policy.branches[Branch(branch)].uses.items()
        if budget in left and left[budget] < amount
    )


def _buckets(policy: Policy, body: Mapping[str, Any]) -> dict[str, str]:
    """Return from what a decision takes of each budget, where that can be told."""
    known = policy.reader.read(decode_facts(body["facts"])).known
    found = {name: bucket_of(budget, known, policy.digest) for name, budget in policy.budgets.items()}
    return {name: str(bucket) for name, bucket in found.items() if bucket is not None}
