"""A bundle that lets a branch act by itself where it only recommended: people must have agreed with it before.

A limit that is raised asks for the same (`serving.step_ups`). Otherwise whoever hands in a bundle could raise what a
limit may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.context import Context
from routing.directives import DirectiveKind
from routing.engine import decide
from routing.policy import BranchTerms, Policy
from routing.recording import decode_facts
from routing.segments import Where
from serving.auth.people import People
from serving.step_ups.evidence import BranchEvidence, agreement_with

_OTHER = object()
"""A value that no segment names."""


def newly_acting(before: Policy, after: Policy) -> tuple[BranchTerms, ...]:
    """Return the terms of the branches that in some case act by themselves under one bundle, and not under another."""
    return tuple(
        terms
        for terms in after.branches.values()
        if terms.branch is not Branch.REVIEW and _acts_more(before.branches.get(terms.branch), terms)
    )


def agreement(session: Session, before: Policy, after: Policy, by: People) -> tuple[BranchEvidence, ...]:
    """Gather how people answered what each branch would newly do by itself.

    An answer counts if the decision was made under the bundle of before, and the new one would have let the branch act,
    whatever limits stood then: those still stand when it comes into force.
    """
    found = []
    for terms in newly_acting(before, after):
        branch = terms.branch

        def counts(body: dict[str, Any], at: datetime, branch: Branch = branch) -> bool:
            return body["policy"]["digest"] == before.digest and _would_act(after, body, at, branch)

        found.append(agreement_with(session, after, terms, by, counts))
    return tuple(found)


def _acts_more(before: BranchTerms | None, after: BranchTerms) -> bool:
    return any(
        after.acts(after.mode_for(case)) and not (before is not None and before.acts(before.mode_for(case)))
        for case in _cases(before, after)
    )


def _cases(before: BranchTerms | None, after: BranchTerms) -> Iterator[Mapping[str, Any]]:
    """Yield a case of every pair of segments, none among them: where modes differ at all, they do in one of these."""
    ours, theirs = _wheres(before), _wheres(after)
    others = dict.fromkeys((name for where in (*ours, *theirs) for name in where), _OTHER)
    for one, other in product(ours, theirs):
        if all(other.get(name, value) == value for name, value in one.items()):
            yield {**others, **one, **other}


def _wheres(terms: BranchTerms | None) -> list[Where]:
    return [{}, *(segment.where for segment in terms.segments)] if terms is not None else [{}]


def _would_act(policy: Policy, body: dict[str, Any], decided_at: datetime, branch: Branch) -> bool:
    context = Context.from_json(body.get("context", {}))
    kept = tuple(each for each in context.directives if each.kind is not DirectiveKind.LIMIT)
    choice = decide(policy, decode_facts(body["facts"]), decided_at, context._replace(directives=kept))
    return choice.branch is branch
