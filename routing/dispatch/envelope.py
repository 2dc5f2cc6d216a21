"""The body of a branch call: one CloudEvents 1.0 event in structured JSON, the same bytes for the same call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from features.vocabulary import Branch, SubjectType
from routing.canonical import canonical_json
from routing.dispatch.errors import EnvelopeError
from routing.errors import NotJsonError

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
SOURCE = "/freight-triage"
TYPE_PREFIX_OF = {
    SubjectType.SHIPMENT: "freight.branch.",
    SubjectType.INVOICE: "freight.invoice.",
    SubjectType.SHORTAGE: "freight.shortage.",
}
"""What the type of a call begins with, by what was decided about; the branch follows."""
COMPENSATION_PREFIX = "freight.compensation."

_RESERVED = ("decision_id", "idempotency_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCall:
    """What the orchestrator is asked to do for one branch of one decision.

    Attributes
    ----------
    call_id
        See `call_id_for`; it is the event's id, the webhook's id and the idempotency key.
    decided_at
        When it was decided; aware.
    payload
        The facts the branch needs; text, finite numbers, booleans, aware times, lists and mappings of these.
    causation_id
        Id of the event that brought the decision about, if one did.
    latest_useful_at
        From this moment on the action is worth nothing and is not to be taken; None if it is always worth something.
    """

    call_id: str
    decision_id: str
    subject_id: str
    branch: Branch
    decided_at: datetime
    payload: Mapping[str, object]
    causation_id: str | None = None
    latest_useful_at: datetime | None = None
    source: str = SOURCE
    subject_type: SubjectType = SubjectType.SHIPMENT


def call_id_for(decision_id: str, branch: Branch, *, step: int = 1) -> str:
    """Return the id of a decision's call, the same whenever it is asked for: the key that makes the call idempotent."""
    return f"{decision_id}_{branch.value}_{step}"


def compensation_id_for(call_id: str) -> str:
    """Return the id of the call that undoes another, the same whenever it is asked for: decision × branch × compensate.

    >>> compensation_id_for("dec_7_rebook_1"), compensation_id_for("dec_7_rebook_2")
    ('dec_7_rebook_compensate', 'dec_7_rebook_compensate_2')
    """
    branch_of_decision, _, step = call_id.rpartition("_")
    return f"{branch_of_decision}_compensate" + ("" if step == "1" else f"_{step}")


def compensation_envelope(call: BranchCall) -> str:
    """Write the call that undoes another; `data.undoes` names that one. See `envelope`."""
    return _envelope(call, COMPENSATION_PREFIX + call.branch.value)


def envelope(call: BranchCall) -> str:
    """Write a call as canonical JSON: keys sorted, ASCII, times in UTC.

    Extension attributes: `correlationid` is the decision's id, `causationid` and `expirytime` as the call has them.

    Raises
    ------
    EnvelopeError
        The branch calls nobody, an id is empty, or the payload uses a name of ours or holds what JSON has no word for.
    """
    return _envelope(call, type_of(call.subject_type, call.branch))


def type_of(subject: SubjectType, branch: Branch) -> str:
    """Return the type of a call: an owner is called by one type, whatever it is about.

    >>> type_of(SubjectType.INVOICE, Branch.DISPUTE), type_of(SubjectType.INVOICE, Branch.ESCALATE)
    ('freight.invoice.dispute', 'freight.branch.escalate')
    """
    return TYPE_PREFIX_OF[SubjectType.SHIPMENT if branch is Branch.ESCALATE else subject] + branch.value


def _envelope(call: BranchCall, event_type: str) -> str:
    if call.branch is Branch.NONE:
        raise EnvelopeError(call.call_id, "branch 'none' asks nobody to do anything; do not enqueue it")
    for name in ("call_id", "decision_id", "subject_id", "source"):
        if not getattr(call, name):
            raise EnvelopeError(call.call_id, f"{name} is empty")
    taken = [name for name in _RESERVED if name in call.payload]
    if taken:
        raise EnvelopeError(call.call_id, f"the payload has {', '.join(taken)}, which the envelope sets; rename it")
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": call.call_id,
        "source": call.source,
        "type": event_type,
        "subject": call.subject_id,
        "time": call.decided_at,
        "datacontenttype": "application/json",
        "correlationid": call.decision_id,
        "data": {**call.payload, "decision_id": call.decision_id, "idempotency_key": call.call_id},
    }
    if call.causation_id:
        event["causationid"] = call.causation_id
    if call.latest_useful_at is not None:
        event["expirytime"] = call.latest_useful_at
    try:
        return canonical_json(event)
    except NotJsonError as error:
        raise EnvelopeError(call.call_id, str(error).rstrip(".")) from error
