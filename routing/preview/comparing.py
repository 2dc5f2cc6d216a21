"""A bundle on past decisions: each is decided again in the world as it would be by then, and compared.

The facts, the clock, what was ordered and how common causes stood are those of the record. What is left of budgets,
what went before for the same subject and when branches were taken follow from what the bundle itself would have decided
since the preview began. What people let out counts where the bundle would have asked them as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.context import NO_CONTEXT, Context, Past
from routing.engine import Choice, decide_read
from routing.facts import STRONGEST_BRANCH_TAKEN
from routing.policy import Policy
from routing.preview.past import PastCall, PastDecision
from routing.preview.reasons import drawn_instead, why_otherwise
from routing.preview.telling import Grouped
from routing.preview.world import World
from routing.recording import decode_facts

Restate = Callable[[dict[str, Any], Mapping[str, Any]], None]
"""Computes anew, in place, what facts (of a sealed decision) follow from the bundle itself."""


class Taken(NamedTuple):
    """What a decision comes to: the branch and, where a person is asked, what is suggested."""

    branch: Branch
    suggested: Branch | None

    def __str__(self) -> str:
        return self.branch.value if self.suggested is None else f"{self.branch} ({self.suggested})"


class Compared(NamedTuple):
    """A past decision, what it came to and what it would have come to; `why` is set if that is something else.

    `was_drawn` is whether chance took something else then than the rules would have, `told_with` with what message the
    case was told, if several were told together. `context` is what the decision was made in, as far as it follows from
    what the bundle itself decided before; None if it does not, as beside another bundle. `body` is that of the past
    decision, as much of it as was read.
    """

    decision_id: str
    subject_id: str
    decided_at: datetime
    before: Taken
    after: Taken
    was_drawn: bool
    told_with: Grouped | None
    why: str | None
    choice: Choice
    facts: Mapping[str, object]
    body: Mapping[str, Any]
    context: Context | None = None


def compare(
    policy: Policy,
    decisions: Iterable[PastDecision],
    *,
    earlier_calls: Iterable[PastCall] = (),
    calls_of_people: Sequence[PastCall] = (),
    history_before: Callable[[str], tuple[Past, ...]] = lambda _: (),
    restate: Restate = lambda _, __: None,
) -> Iterator[Compared]:
    """Decide past decisions again under a bundle, in the order of the chain.

    Parameters
    ----------
    earlier_calls
        Those of before the first decision that its windows still reach.
    calls_of_people
        Those that people let out since, in the order of their sequence.
    history_before
        What went before for a subject when the preview begins.
    restate
        Computes anew what facts follow from the bundle itself, e.g. the value at stake from its cost table.
    """
    world = World(policy, history_before)
    for call in earlier_calls:
        world.called(call, by_this=False)
    asked: dict[str, bool] = {}
    pending = deque(calls_of_people)
    for past in decisions:
        while pending and pending[0].sequence < past.sequence:
            let_out = pending.popleft()
            if asked.get(let_out.decision_id, True):
                world.called(let_out, by_this=let_out.decision_id in asked)
            else:
                world.missed(let_out)
        compared = _again(policy, world, past, restate)
        asked[compared.decision_id] = compared.after.branch is Branch.REVIEW
        yield compared


def _again(policy: Policy, world: World, past: PastDecision, restate: Restate) -> Compared:
    body = past.body
    facts = decode_facts(body["facts"])
    subject = world.subject(past.subject_id, facts)
    world.take_back(subject, past.decided_at)
    if not subject.is_as_it_was:
        facts[STRONGEST_BRANCH_TAKEN] = subject.strongest.value
    restate(facts, body)
    read = policy.reader.read(facts)
    context = world.context(subject, read.known, _given(policy, past), past.decided_at)
    choice = decide_read(policy, read, past.decided_at, context)
    world.decided(subject, choice)
    before = taken_by(body["branch"], body["recommended_branch"])
    after = taken_by(choice.branch, choice.recommended_branch)
    why = None if before == after else why_otherwise(body, choice, as_it_was=subject.is_as_it_was)
    counted = _counts(body["branch"], body["recommended_branch"])
    if counted != _counts(choice.branch, choice.recommended_branch):
        subject.is_as_it_was = False
    return Compared(
        decision_id=body["decision_id"],
        subject_id=past.subject_id,
        decided_at=past.decided_at,
        before=before,
        after=after,
        was_drawn=drawn_instead(body) is not None,
        told_with=told_with(body),
        why=why,
        choice=choice,
        facts=facts,
        body=body,
        context=context,
    )


def _given(policy: Policy, past: PastDecision) -> Context:
    """Return what a decision takes over from the record, whom chance is drawn for, and what is overdue by then."""
    recorded = past.body.get("context", {})
    ordered = {part: recorded[part] for part in ("directives", "watches") if part in recorded}
    of_record = Context.from_json(ordered) if ordered else NO_CONTEXT
    return Context(
        directives=of_record.directives,
        watches=of_record.watches,
        subject_id="" if policy.exploration is None else past.subject_id,
        overdue=policy.overdue_at(past.decided_at),
    )


@cache
def taken_by(branch: str, recommended: str) -> Taken:
    """Return what a decision comes to, by the names of what happens and of what was recommended."""
    asks = branch == Branch.REVIEW and recommended != Branch.REVIEW
    return Taken(Branch(branch), Branch(recommended) if asks else None)


def told_with(body: Mapping[str, Any]) -> Grouped | None:
    """Return with what a sealed decision is told; None if it is not told together with others."""
    joined = body.get("together")
    if joined is None:
        return None
    return Grouped(
        canonical_json(joined["by"]), joined["joins"] is not None, datetime.fromisoformat(joined["sends_at"])
    )


def _counts(branch: str, recommended: str) -> str:
    """Return what later decisions take as done."""
    return Branch.NONE.value if branch == Branch.NONE else str(recommended)
