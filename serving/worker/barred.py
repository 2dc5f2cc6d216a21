"""Calls that an order bars which was given after they were let out: they are not sent, and a person is told.

A limit bars nothing that was let out: of a branch that is stopped for all cases, calls wait until it goes on
(`directives.repository.stops`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import Branch, SubjectType
from routing.directives import Standing, in_force
from routing.effects import Effect
from routing.errors import PolicyError
from routing.recording import decode_facts
from serving.db.tables import OutgoingCallRow
from serving.decisions import repository as decisions
from serving.decisions.acting import Action, excluded_by
from serving.directives import repository as directives
from serving.effects.moves import dismiss, locked, withdraw_unsent
from serving.effects.people import ask_about, put_before_person
from serving.messages.joining import part_gathered
from serving.messages.turns import GATHERED
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError

_log = logging.getLogger(__name__)


def withdraw_barred(
    session: Session, bundles: Bundles, call_ids: Iterable[str], *, actor: str, now: datetime
) -> frozenset[str]:
    """Withdraw those of some calls that are barred now, each with an item for a person, and return their ids.

    The calls are locked and nobody has them in hand; the directives are held, so that none is given meanwhile.
    """
    if not directives.bar_calls(session, now):
        return frozenset()
    standing: dict[SubjectType, Standing] = {}
    withdrawn = set()
    for call_id in call_ids:
        row = locked(session, call_id)
        if row is None or row.compensates is not None:  # what undoes a call is never barred
            continue
        about = row.key.type
        if about not in standing:
            standing[about] = in_force(directives.standing(session, now, about), now)
        if row.gathers is not None and row.effect == Effect.INTENDED:
            if _withdraw_cases(session, bundles, row, standing[about], actor=actor, now=now):
                withdrawn.add(call_id)
            continue
        because = _barred(session, bundles, row, standing[about])
        if because is not None:
            _withdraw(session, row, because, actor=actor, now=now)
            withdrawn.add(call_id)
    return frozenset(withdrawn)


def _barred(session: Session, bundles: Bundles, row: OutgoingCallRow, standing: Standing) -> str | None:
    """Say which order bars a call, by the facts that its decision was made on; None if none does.

    A message for several that was sent is barred where one of its cases is: what it says does not change any more.
    """
    if row.gathers is not None:
        case = OutgoingCallRow
        cases = select(case).where(case.goes_with == row.call_id, case.effect != Effect.WITHDRAWN.value)
        found = (_barred(session, bundles, each, standing) for each in session.scalars(cases))
        return next((each for each in found if each is not None), None)
    decision, branch = decisions.find(session, row.decision_id), Branch(row.branch)
    if decision is None:
        return None
    if decision.key != row.key:  # an owner is told of what is no case
        return Standing(tuple(each for each in standing.directives if not each.where)).against(branch, {})
    body = json.loads(decision.body)
    try:
        policy = bundles.of_decision(session, body).as_overdue(body.get("context", {}).get("overdue", ()))
    except (LifeError, PolicyError) as error:
        _log.warning("Of call %s it cannot be told which cases it is one of: %s", row.call_id, error)
        return standing.against(branch, {})
    facts = decode_facts(body["facts"])
    because = standing.against(branch, policy.reader.read(facts).known)
    if because is not None:
        return because
    action = Action(branch, json.loads(row.body)["data"], row.latest_useful_at)
    return excluded_by(policy, action, facts, made_at=row.created_at, standing=standing)


def _withdraw_cases(
    session: Session, bundles: Bundles, message: OutgoingCallRow, standing: Standing, *, actor: str, now: datetime
) -> bool:
    """Withdraw what is barred of a message that was not sent, and let the other cases go out by themselves.

    False if nothing of it is barred; then it is left as it is.
    """
    case = OutgoingCallRow
    cases = select(case).where(case.goes_with == message.call_id, case.status == GATHERED).order_by(case.position)
    rows = session.scalars(cases.with_for_update().execution_options(populate_existing=True)).all()
    found = [(row, _barred(session, bundles, row, standing)) for row in rows]
    barred = [(row, because) for row, because in found if because is not None]
    for row, because in barred:
        _withdraw(session, row, because, actor=actor, now=now)
    if barred:
        why = f"of {len(rows)} cases {len(barred)} may not be told of; what is left goes out by itself"
        part_gathered(session, bundles, message, why, actor=actor, now=now)
        withdraw_unsent(session, message, why, actor=actor, now=now)
    return bool(barred)


def _withdraw(session: Session, row: OutgoingCallRow, because: str, *, actor: str, now: datetime) -> None:
    """Take a call out of the outbox, and put it before a person: also whether it has arrived, if it was sent before."""
    unsent = row.effect == Effect.INTENDED
    times = {0: "before it was put back", 1: "once"}.get(row.attempts, f"{row.attempts} times")
    if unsent:
        withdraw_unsent(session, row, because, actor=actor, now=now)
        why = f"{row.branch} was not sent: {because}. Override it with what is to be done instead, or dismiss it."
        ask_about(session, row, why, actor=actor, now=now)
        return
    dismiss(session, row, because, actor=actor, now=now)
    why = f"{row.branch} was sent {times} and may have arrived; it is not sent again: {because}."
    put_before_person(session, row, why, actor=actor, now=now)
