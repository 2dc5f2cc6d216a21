"""The parent of many cases: what is put before an owner when a common cause is declared, in place of each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.vocabulary import Branch
from routing.branches.case import Payload
from routing.canonical import rfc3339
from routing.causes import Finding
from routing.choosing import effective_mode, want_of_capacity
from routing.context import Context
from routing.directives import Standing
from routing.policy import Policy

_PLACES = 6
"""Budgets are counted in millionths of their unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A cause as it is declared.

    `payload` is what the owner is called with; None if they are not, and then `not_called_because` says why, unless the
    playbook asks for no call. `uses` is what the call takes from the budgets.
    """

    finding: Finding
    title: str
    to: str
    answer_by: datetime
    payload: Payload | None = None
    not_called_because: str | None = None
    uses: Mapping[str, float]


def parents_of(
    policy: Policy,
    declared: Iterable[Finding],
    known: Mapping[str, Any],
    now: datetime,
    context: Context,
    standing: Standing,
    *,
    used: Mapping[str, float],
) -> tuple[Parent, ...]:
    """Say what becomes of the causes that one case declares, in their order.

    Parameters
    ----------
    used
        What the case's own branch takes from the budgets; each call takes from what is left for the next.
    """
    parents = []
    for finding in declared:
        context = _after(context, used)
        parent = _parent_of(policy, finding, known, now, context, standing)
        used = parent.uses
        parents.append(parent)
    return tuple(parents)


def _parent_of(
    policy: Policy, finding: Finding, known: Mapping[str, Any], now: datetime, context: Context, standing: Standing
) -> Parent:
    """Say what becomes of a cause that is declared.

    Its owner is called only if escalating may act by itself, is not forbidden and is within its budgets: a cause is no
    way around what holds for single cases. A bundle without that branch has no terms for it: whoever lets the call out
    asks what is ordered of escalating.
    """
    playbook = finding.playbook
    terms = playbook.parent
    title = playbook.sentence_staff.fill(known)
    answer_by = now + terms.sla
    because = None
    if terms.branch is Branch.ESCALATE:
        because = _why_not_called(policy, known, context, standing)
    called = terms.branch is Branch.ESCALATE and because is None
    payload: Payload = {
        "to": {"owner": terms.to, "channel": policy.channels.get(terms.to)},
        "playbook": playbook.name,
        "sla_minutes": terms.sla.total_seconds() / 60,
        "answer_by": rfc3339(answer_by),
        "because": f"{title} {finding.because}.",
        "cause": {
            "cause_id": finding.cause_id,
            "subject": policy.subject.value,
            "playbook": playbook.name,
            "key": finding.key,
        },
        "runbook": list(playbook.runbook),
    }
    return Parent(
        finding=finding,
        title=title,
        to=terms.to,
        answer_by=answer_by,
        payload=payload if called else None,
        not_called_because=because,
        uses=policy.branches[Branch.ESCALATE].uses if called and Branch.ESCALATE in policy.branches else {},
    )


def _after(context: Context, used: Mapping[str, float]) -> Context:
    left = {name: round(amount - used.get(name, 0), _PLACES) for name, amount in context.capacity.items()}
    return context._replace(capacity=left)


def _why_not_called(policy: Policy, known: Mapping[str, Any], context: Context, standing: Standing) -> str | None:
    terms = policy.branches.get(Branch.ESCALATE)
    if terms is None:
        return None
    mode, _ = effective_mode(terms, known, standing)
    if not terms.acts(mode):
        return f"mode {mode} leaves escalating to a person"
    forbidding = standing.forbidding(Branch.ESCALATE, known)
    if forbidding is not None:
        return f"escalating is forbidden; {forbidding.because}"
    return want_of_capacity(policy, Branch.ESCALATE, known, context, standing)
