"""Letting out what a person has answered: the call, what it takes, and what forbids it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.policy import Policy
from routing.recording import decode_facts
from serving.auth.people import People
from serving.db.tables import DecisionRow, ReviewItemRow
from serving.decisions import repository as decisions
from serving.decisions import usage
from serving.decisions.acting import Action
from serving.decisions.calls import enqueue
from serving.directives.service import require
from serving.effects import booking
from serving.errors import PersonUnknownError
from serving.messages.joining import let_go_alone
from serving.policies.bundles import Bundles
from serving.reviews.errors import AnswerError
from serving.reviews.reasons import ReasonCode
from serving.shortages import promises
from serving.shortages.promises import Given


def suggested(row: ReviewItemRow, body: Mapping[str, Any], now: datetime) -> Action:
    """Return what an item suggests, to be carried out.

    Raises
    ------
    AnswerError
        If nothing is suggested, or it cannot be carried out, or not any more.
    """
    suggestion = body["payload"].get("suggestion")
    if suggestion is None or row.call_id is not None:
        raise AnswerError(row.item_id, "nothing is suggested", "Override it with a branch, or dismiss it.")
    if suggestion["payload"] is None:
        why = f"{suggestion['branch']} cannot be carried out ({body['held_because']})"
        raise AnswerError(row.item_id, why, "Override it with another branch, or dismiss it.")
    if row.latest_useful_at is not None and row.latest_useful_at <= now:
        why = f"{suggestion['branch']} was of use until {row.latest_useful_at.isoformat()}"
        raise AnswerError(row.item_id, why, f"Dismiss it as {ReasonCode.TOO_LATE_TO_ACT}, or override it.")
    return Action(Branch(suggestion["branch"]), suggestion["payload"], row.latest_useful_at)


def check_role(people: People, actor: str, policy: Policy, branch: Branch, *, to: str = "let out") -> None:
    """Refuse whoever may not let out or undo a branch.

    One that spends money is for who acts for its owner, or the bundle's.

    Raises
    ------
    PersonUnknownError
        If people are listed, and this is none of them.
    RoleMissingError
        If they act for neither.
    """
    if not people:
        return
    person, terms = people.named(actor), policy.branches.get(branch)
    if person is None:
        raise PersonUnknownError
    if terms is not None and terms.spends_money:
        require(person, terms.owner, policy.owner, what=f"to {to} {branch}, which spends money,")


def check_case(decision: DecisionRow, row: ReviewItemRow) -> None:
    """Refuse a branch for what is no case: a call to an owner or for several stands beside the one that let it out."""
    if decision.key != row.key:
        why = "it asks about a call that is about no single case, and a branch would be carried out for the first one"
        raise AnswerError(row.item_id, why, "Say what became of the call, or dismiss it.")


def let_out(
    session: Session,
    bundles: Bundles,
    row: ReviewItemRow,
    action: Action,
    body: Mapping[str, Any],
    *,
    target: str,
    after: int,
    actor: str,
    now: datetime,
) -> None:
    """Enqueue the call of an action, and note what it takes; `after` is the newest decision of the chain.

    Raises
    ------
    AnswerError
        If it would book transport for a shipment that has a live booking, or hand out stock that another order line
        was promised since.
    """
    if booking.books(action.branch):
        first = booking.live_booking(session, row.key)
        if first is not None:
            why = f"{action.branch} would be a second booking: {booking.in_words(first)}"
            raise AnswerError(row.item_id, why, f"Undo that one first: POST /v1/calls/{first.call_id}/undo")
    given = promises.given_by(action.branch, action.payload, body["facts"])
    if action.branch != row.suggested_branch:
        _check_stock(session, row, action, given, body, now)
    promises.note(session, row.key, row.decision_id, action.branch, given, now)
    let_go_alone(session, bundles, row.key, "a person has let out another call of it", actor=actor, now=now)
    governing = bundles.of_decision(session, body)
    terms = governing.branches.get(action.branch)
    call_id = enqueue(
        session,
        action,
        decision_id=row.decision_id,
        key=row.key,
        target=target,
        sequence=after,
        now=now,
        actor=actor,
        verify_within=None if terms is None else terms.verify_within,
        step=1 if row.call_id is None else 1 + decisions.count_calls(session, row.decision_id, action.branch),
    )
    counting = bundles.in_force(session, row.key.type).counting(governing)
    usage.note(session, counting, usage.LetOut(action.branch, call_id, now), decode_facts(body["facts"]))


def _check_stock(
    session: Session, row: ReviewItemRow, action: Action, given: Sequence[Given], body: Mapping[str, Any], now: datetime
) -> None:
    """Refuse an action that takes what another order line was promised since the decision."""
    decided_at = datetime.fromisoformat(body["decided_at"])
    for each, quantity, lines in promises.promised_since(session, row.key, given, decided_at, now):
        why = (
            f"{action.branch} takes {each.quantity:g} of {each.sku} at {each.place}, and {quantity:g} were promised "
            f"to {', '.join(lines)} since"
        )
        raise AnswerError(row.item_id, why, "Have the line decided about anew: POST /v1/triage/shortages.")
