"""What branches take: from the budgets of the bundle, and for whom, noted in the transaction that lets the call out.

Only what acts by itself is held to a budget, but what a person lets out is used up all the same. Amounts are summed as
whole millionths of the budget's unit, so that the sum does not depend on its order.

Of a budget that is kept apart, a call takes from the part of its decision's facts and bundle. Where these do not say
which, a person has let it out, and it takes of none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, exists, func, insert, or_, select
from sqlalchemy.orm import Session, aliased

from features.vocabulary import Branch, SubjectType
from routing.buckets import Bucket, bucket_of
from routing.canonical import canonical_json, digest
from routing.effects import Effect
from routing.policy import BranchTerms, Budget, Policy
from routing.recording import decode_facts
from serving.db.statements import put, table_of
from serving.db.tables import (
    BranchTakingRow,
    BudgetUseRow,
    DecisionRow,
    MessageRow,
    OutgoingCallRow,
    OverdueReviewRow,
)
from serving.decisions import repository
from serving.messages.turns import JOINED

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class LetOut:
    """A call that was let out: of which branch, and when."""

    branch: Branch
    call_id: str
    at: datetime


def note(session: Session, policies: Sequence[Policy], let_out: LetOut, facts: Mapping[str, object]) -> None:
    """Note what a call takes from the budgets, and for whom its branch rests from now on.

    Parameters
    ----------
    policies
        By whose terms it is counted, the one it was decided under first: each budget and each rest counts it once, and
        a budget that they keep apart in several ways once for each. A budget belongs to the bundles on one type of
        subject.
    facts
        Of the decision, as they were sealed.
    """
    note_uses(session, policies, let_out, facts)
    note_takings(session, policies, let_out, facts)


def note_uses(session: Session, policies: Sequence[Policy], let_out: LetOut, facts: Mapping[str, object]) -> None:
    """Note what a call takes from the budgets; see `note`. For a message of several that is done when it is opened."""
    budgets = set[tuple[str, tuple[str, ...]]]()
    for policy, terms in _terms_of(policies, let_out):
        for name, amount in terms.uses.items():
            budget = policy.budgets[name]
            if (name, budget.apart) not in budgets:
                known = policy.reader.read(facts).known if budget.apart else {}
                bucket = bucket_of(budget, known, policies[0].digest)
                if bucket is not None:
                    put(session, BudgetUseRow, **_use(policy.subject, let_out, budget, bucket, amount))
                budgets.add((name, budget.apart))


def note_takings(session: Session, policies: Sequence[Policy], let_out: LetOut, facts: Mapping[str, object]) -> None:
    """Note for whom the branch of a call rests from now on; see `note`. What goes with a message is noted as well."""
    keys = set[str]()
    for policy, terms in _terms_of(policies, let_out):
        if terms.cool_down is not None and terms.cool_down.key not in keys:
            _note_taking(session, policy.subject, let_out, terms.cool_down.key, policy.reader.read(facts).known)
            keys.add(terms.cool_down.key)


def _terms_of(policies: Sequence[Policy], let_out: LetOut) -> list[tuple[Policy, BranchTerms]]:
    """Return those bundles that have the branch: a person lets out what an earlier one suggested."""
    found = [(policy, policy.branches.get(let_out.branch)) for policy in policies]
    return [(policy, terms) for policy, terms in found if terms is not None]


def give_back(session: Session, message_id: str) -> None:
    """Give back what a message took of the budgets, as it does not go out: each that it let go counts for itself."""
    session.execute(delete(BudgetUseRow).where(BudgetUseRow.call_id == message_id))


def forget_takings(session: Session, message_id: str) -> None:
    """Let a branch rest no longer for those whom nobody was told of: neither by a message nor alone."""
    gone = select(OutgoingCallRow.call_id).where(OutgoingCallRow.goes_with == message_id)
    session.execute(delete(BranchTakingRow).where(BranchTakingRow.call_id.in_(gone)))


def left(session: Session, policy: Policy, known: Mapping[str, object], now: datetime) -> dict[str, float]:
    """Return what is left for a case of each budget of the bundle, in its unit; below zero if people let out more.

    Of a budget that is kept apart, that is what is left of the part that it takes from; if it cannot be told which,
    the budget is left out.

    Uses later than `now` count too: another decision may have looked at the clock after this one, and still have come
    first. So no stretch of a budget's hours holds more than its amount.
    """
    found = [(each, bucket_of(each, known, policy.digest)) for each in policy.budgets.values()]
    buckets = [(budget, bucket) for budget, bucket in found if bucket is not None]
    if not buckets:
        return {}
    asked: dict[str, object] = {"subject": policy.subject.value}
    for place, (budget, bucket) in enumerate(buckets):
        whose = {"budget": budget.name, "key_facts": _key_facts(budget), "key_digest": bucket.values_digest}
        asked |= {f"{name}_{place}": value for name, value in (whose | {"since": now - budget.per}).items()}
    used = session.execute(_used_of(len(buckets)), asked).one()
    return {
        budget.name: (_millionths(budget.amount) - int(taken or 0)) / _MILLION
        for (budget, _), taken in zip(buckets, used, strict=True)
    }


@cache
def _used_of(number: int) -> Select[Any]:
    """Ask what was used of so many buckets, in one row; every decision does."""
    uses = table_of(BudgetUseRow).c
    return select(
        *(
            select(func.sum(uses.amount_millionths))
            .where(
                uses.subject_type == bindparam("subject"),
                uses.budget == bindparam(f"budget_{place}"),
                uses.key_facts == bindparam(f"key_facts_{place}"),
                uses.key_digest == bindparam(f"key_digest_{place}"),
                uses.used_at > bindparam(f"since_{place}"),
            )
            .scalar_subquery()
            for place in range(number)
        )
    )


def left_of_parts(
    session: Session, policy: Policy, budget: Budget, now: datetime, *, limit: int
) -> list[tuple[dict[str, str], float]]:
    """Return for whom a budget that is kept apart was used within its hours, and what is left for them, least first.

    For everybody else the whole amount is left.
    """
    uses = BudgetUseRow
    used = func.sum(uses.amount_millionths)
    statement = (
        select(uses.key_values, used)
        .where(
            uses.subject_type == policy.subject.value,
            uses.budget == budget.name,
            uses.key_facts == _key_facts(budget),
            uses.used_at > now - budget.per,
        )
        .group_by(uses.key_values)
        .order_by(used.desc(), uses.key_values)
        .limit(limit)
    )
    return [
        (dict(zip(budget.apart, json.loads(values), strict=True)), (_millionths(budget.amount) - int(taken)) / _MILLION)
        for values, taken in session.execute(statement)
    ]


def last_taken(session: Session, policy: Policy, known: Mapping[str, object], now: datetime) -> dict[Branch, datetime]:
    """Return when each branch that rests was last taken for the same key as a case has, if it still rests for it."""
    taking, found = BranchTakingRow, {}
    for branch, terms in policy.branches.items():
        rest = terms.cool_down
        if rest is None or rest.key not in known:
            continue
        last = session.scalar(
            select(func.max(taking.taken_at)).where(
                taking.subject_type == policy.subject.value,
                taking.branch == branch.value,
                taking.key_fact == rest.key,
                taking.key_digest == _key_digest(known[rest.key]),
                taking.taken_at > now - rest.lasts,
            )
        )
        if last is not None:
            found[branch] = last
    return found


def note_earlier(session: Session, policy: Policy, now: datetime) -> int:
    """Note what calls made under another bundle take from the budgets of this one, and return how many notes were made.

    For the start with a bundle that counts what the one before did not: what went out within the budget's hours, or
    since a branch would rest, counts by the terms of this one.
    """
    repository.lock_chain(session)
    notes = 0
    for terms in policy.branches.values():
        for name, amount in terms.uses.items():
            uses = _earlier_uses(session, policy, terms.branch, policy.budgets[name], amount, now)
            if uses:
                session.execute(insert(BudgetUseRow), uses)
            notes += len(uses)
        notes += _note_earlier_takings(session, policy, terms, now)
    return notes


def counts_for(subject: SubjectType) -> ColumnElement[bool]:
    """Tell, in a query, whether a call counts as one of its branch under the bundles on a type of subject.

    One that undoes another does not, nor does one that tells an owner of an overdue review: it is about no case. A
    message for several counts once: while it waits, by the first of its cases; then by its own call, unless it fell
    apart before it was sent.
    """
    call, first = OutgoingCallRow, aliased(OutgoingCallRow)
    before = exists().where(
        first.goes_with == call.goes_with, first.status == call.status, first.position < call.position
    )
    waits_first = and_(call.status == JOINED, ~before)
    fell_apart = and_(call.gathers.is_not(None), call.effect == Effect.WITHDRAWN.value, call.attempts == 0)
    return and_(_asks(subject), or_(call.goes_with.is_(None), waits_first), ~fell_apart)


def goes_out_for(subject: SubjectType) -> ColumnElement[bool]:
    """Tell, in a query, whether a call counts as `counts_for` has it and goes out: of a message its own call does."""
    return and_(_asks(subject), OutgoingCallRow.goes_with.is_(None))


def _asks(subject: SubjectType) -> ColumnElement[bool]:
    call = OutgoingCallRow
    return and_(
        call.subject_type == subject.value,
        call.compensates.is_(None),
        ~exists().where(OverdueReviewRow.call_id == call.call_id),
    )


def _earlier_uses(
    session: Session, policy: Policy, branch: Branch, budget: Budget, amount: float, now: datetime
) -> list[dict[str, object]]:
    """Return what calls of a branch take from a budget that were not counted so."""
    uses = BudgetUseRow
    noted = exists().where(
        uses.call_id == _noted_for(), uses.budget == budget.name, uses.key_facts == _key_facts(budget)
    )
    calls = _counted(policy.subject, branch, now - budget.per).where(~noted)
    if not budget.apart:
        found = [(LetOut(branch, call_id, at), Bucket(budget.name)) for call_id, at in session.execute(calls)]
        return [_use(policy.subject, let_out, budget, bucket, amount) for let_out, bucket in found]
    made = []
    for call_id, at, body in session.execute(_with_bodies(calls)):
        sealed = json.loads(body)
        known = policy.reader.read(decode_facts(sealed["facts"])).known
        taken = bucket_of(budget, known, sealed["policy"]["digest"])
        if taken is not None:
            made.append(_use(policy.subject, LetOut(branch, call_id, at), budget, taken, amount))
    return made


def _note_earlier_takings(session: Session, policy: Policy, terms: BranchTerms, now: datetime) -> int:
    rest, notes = terms.cool_down, 0
    if rest is None:
        return 0
    call, message, own = OutgoingCallRow, MessageRow, aliased(OutgoingCallRow)
    noted = exists().where(BranchTakingRow.call_id == call.call_id, BranchTakingRow.key_fact == rest.key)
    sent = exists().where(own.call_id == message.call_id)
    nobody = exists().where(message.call_id == call.goes_with, message.closed_at.is_not(None), ~sent)
    lately = (call.branch == terms.branch.value, call.created_at > now - rest.lasts)
    each = select(call.call_id, call.created_at).where(_asks(policy.subject), call.gathers.is_(None), *lately)
    calls = each.where(~noted, ~nobody).order_by(call.position)
    for call_id, at, body in session.execute(_with_bodies(calls)).all():
        known = policy.reader.read(decode_facts(json.loads(body)["facts"])).known
        notes += _note_taking(session, policy.subject, LetOut(terms.branch, call_id, at), rest.key, known)
    return notes


def _counted(subject: SubjectType, branch: Branch, since: datetime) -> Select[str, datetime]:
    """Ask for the calls of a branch that count since a moment, in their order: what each is noted for, and when."""
    call = OutgoingCallRow
    lately = (call.branch == branch.value, call.created_at > since, counted_at() > since)
    return select(_noted_for(), counted_at()).where(counts_for(subject), *lately).order_by(call.position)


def counted_at() -> ColumnElement[datetime]:
    """Say, in a query, from when on a call counts: a message for several does from when it was opened."""
    opened = select(MessageRow.opened_at).where(MessageRow.call_id == _noted_for()).scalar_subquery()
    return func.coalesce(opened, OutgoingCallRow.created_at)


def _noted_for() -> ColumnElement[str]:
    """Say, in a query, for which call the use of one is noted: that of a case is the message's that it goes with."""
    return func.coalesce(OutgoingCallRow.goes_with, OutgoingCallRow.call_id)


def _with_bodies(calls: Select[str, datetime]) -> Select[str, datetime, str]:
    """Ask for the sealed decision of each call as well."""
    return calls.join(DecisionRow, DecisionRow.decision_id == OutgoingCallRow.decision_id).add_columns(DecisionRow.body)


def _use(subject: SubjectType, let_out: LetOut, budget: Budget, bucket: Bucket, amount: float) -> dict[str, object]:
    return {
        "subject_type": subject.value,
        "budget": budget.name,
        "key_facts": _key_facts(budget),
        "key_digest": bucket.values_digest,
        "key_values": canonical_json(list(bucket.values)) if bucket.values else "",
        "used_at": let_out.at,
        "amount_millionths": _millionths(amount),
        "call_id": let_out.call_id,
    }


def _note_taking(
    session: Session, subject: SubjectType, let_out: LetOut, key: str, known: Mapping[str, object]
) -> bool:
    """Note for whom a branch was taken; False if that is not known."""
    if key not in known:
        return False
    put(
        session,
        BranchTakingRow,
        subject_type=subject.value,
        branch=let_out.branch.value,
        key_fact=key,
        key_digest=_key_digest(known[key]),
        taken_at=let_out.at,
        call_id=let_out.call_id,
    )
    return True


def _key_facts(budget: Budget) -> str:
    return ",".join(budget.apart)


def _key_digest(value: object) -> str:
    return digest(value)


def _millionths(amount: float) -> int:
    return round(amount * _MILLION)
