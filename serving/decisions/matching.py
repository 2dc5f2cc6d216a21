"""Compares what the service works by with what was sealed of it.

Decisions, calls, reports, messages, items, orders and steps of bundles are found, shown and sent by columns of their
own. Whoever edits one of those changes what happens, though every sealed text is whole; so each is compared with the
text it was made from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.canonical import digest, rfc3339
from routing.effects import Effect
from routing.errors import PolicyError
from routing.loader import parse_policy
from serving.db.audit import Entry, KeptEntry
from serving.db.tables import DecisionRow, OutgoingCallRow, PolicyBundleRow, PolicyMoveRow, ReviewItemRow
from serving.decisions.calls import ENQUEUED, FIXED, is_called, seal_of
from serving.decisions.matching_items import NotedItem, item_unlike, items_unlike
from serving.decisions.matching_messages import Opened, messages_unlike, opened_by
from serving.decisions.matching_orders import KINDS, orders_unlike
from serving.decisions.matching_outcomes import NOTHING_REPORTED, in_words, outcomes_unlike, standing_by_call
from serving.decisions.repository import SEALED
from serving.effects.keeping import KEPT

_AT_ONCE = 500
_OF_ITEM = (
    *("item_id", "decision_id", "call_id", "subject_type", "subject_id", "suggested_branch"),
    *("created_at", "latest_useful_at"),
)
"""Columns of an item that its decision tells of."""
_NOT_TOLD = dict.fromkeys(("candidate_digest", "rollout_id", "share_millionths", "shadow_digest"))
"""What the entry of a step does not name was not in force: the first step tells of the live bundle alone."""
_CALLED = frozenset(branch.value for branch in Branch if is_called(branch))


class Noted:
    """What the audit trail notes of decisions, calls, items, bundles and orders, kept while its entries go by."""

    def __init__(self) -> None:
        self.hashes: dict[int, str] = {}
        self.seals: dict[str, str | None] = {}
        self.statuses: dict[str, str] = {}
        self.effects: dict[str, str] = {}
        self.outcomes: dict[str, list[Mapping[str, Any]]] = {}
        self.items: dict[str, NotedItem] = {}
        self.steps: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
        self.orders: dict[str, list[Entry]] = {}

    def passing(self, entries: Iterable[KeptEntry]) -> Iterator[KeptEntry]:
        """Yield entries and keep what they note."""
        for kept in entries:
            entry = kept.entry
            kind, _, name = entry.subject.partition(":")
            new = _read(entry.new or "{}")
            if entry.action == SEALED:
                self.hashes[new.get("sequence", 0)] = new.get("hash", "")
            elif kind == "call":
                self._note_call(name, new, is_new=entry.action == ENQUEUED)
            elif entry.action == KEPT:
                self.outcomes.setdefault(name, []).append(new)
            elif kind == "review":
                self.items.setdefault(name, NotedItem()).note(entry, new)
            elif kind == "policy":
                self.steps.setdefault(_step(entry.at, entry.actor, entry.action, name), []).append(new)
            elif kind in KINDS:
                self.orders.setdefault(entry.subject, []).append(entry)
            yield kept

    def _note_call(self, call_id: str, new: Mapping[str, Any], *, is_new: bool) -> None:
        if is_new:
            self.seals[call_id] = new.get("seal")
            self.effects[call_id] = Effect.INTENDED.value
        if "status" in new:
            self.statuses[call_id] = new["status"]
        if "effect" in new:
            self.effects[call_id] = new["effect"]
        elif new.get("status") == "leased" and self.effects.get(call_id) == Effect.INTENDED:
            del self.effects[call_id]  # a release that told of no effects


def unlike(session: Session, noted: Noted) -> Iterator[str]:
    """Yield where the database is not as it was sealed, or not as the audit trail noted it."""
    opened: dict[str, Opened] = {}
    yield from _decisions(session, noted, opened)
    yield from messages_unlike(session, opened)
    yield from _calls(session, noted, opened)
    yield from outcomes_unlike(session, noted.outcomes)
    yield from items_unlike(session, noted.items)
    yield from _bundles(session)
    yield from _steps(session, noted)
    yield from orders_unlike(session, noted.orders)


def _decisions(session: Session, noted: Noted, opened: dict[str, Opened]) -> Iterator[str]:
    """Compare each decision's columns with its body, and look for the call or the item that it brought about.

    The messages for several that they opened are added to `opened`.
    """
    row, call, item = DecisionRow, OutgoingCallRow, ReviewItemRow
    found = (
        select(
            *(row.sequence, row.decision_id, row.subject_version, row.subject_type, row.subject_id, row.moment),
            *(row.branch, row.mode, row.decided_at, row.policy_digest, row.body, row.hash),
            *(call.call_id, call.body.label("sent"), call.target),
            *(getattr(item, name).label(name if name == "item_id" else f"item_{name}") for name in _OF_ITEM),
        )
        .outerjoin(call, call.call_id == row.decision_id + "_" + row.branch + "_1")
        .outerjoin(item, item.item_id == func.replace(row.decision_id, "dec_", "rev_"))
        .order_by(row.sequence)
    )
    for each in session.execute(found.execution_options(yield_per=_AT_ONCE)):
        label = f"decision {each.sequence} ({each.decision_id})"
        if noted.hashes.get(each.sequence) != each.hash:
            yield f"{label} is not as the audit trail noted it."
        body = _read(each.body)
        yield from (
            f"{label} says in its column {name} {found!r}, in what was sealed {sealed!r}: edited."
            for name, found, sealed in _columns(each, body)
            if found != sealed
        )
        message = opened_by(body, each.target)
        if message is not None:
            opened[message[0]] = message[1]
        branch = body.get("branch")
        if branch == Branch.REVIEW and each.item_id is None:
            yield f"{label} leads to review, and has no item: deleted."
        elif each.item_id is not None:
            yield from (
                f"review item {each.item_id} says in its column {name} {found!r}, {label} {sealed!r}: edited."
                for name, found, sealed in item_unlike(each, body)
            )
        if branch in _CALLED and each.branch == branch:
            if each.call_id is None:
                yield f"{label} leads to {branch}, and has no call: deleted."
            elif _asked(each.sent) != body.get("payload"):
                yield f"{label} leads to {branch}, and its call {each.call_id} asks for something else: edited."


def _columns(row: Any, body: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Yield name, value and sealed value of each column that says what the body says."""
    subject, policy, model = (body.get(name) or {} for name in ("subject", "policy", "model"))
    yield "subject_type", row.subject_type, subject.get("type")
    yield "subject_id", row.subject_id, subject.get("id")
    yield "subject_version", row.subject_version, subject.get("version")
    yield "branch", row.branch, body.get("branch")
    yield "mode", row.mode, body.get("mode")
    yield "decided_at", rfc3339(row.decided_at), body.get("decided_at")
    yield "policy_digest", row.policy_digest, policy.get("digest")
    if "moment" in model:
        yield "moment", row.moment, model["moment"]


def _asked(sent: str) -> dict[str, Any]:
    """Return the payload in what a call sends."""
    data = _read(sent).get("data") or {}
    return {name: value for name, value in data.items() if name not in ("decision_id", "idempotency_key")}


def _calls(session: Session, noted: Noted, opened: Mapping[str, Opened]) -> Iterator[str]:
    """Compare each call with the seal that was noted when it was let out, and with where it has come since."""
    left, call = dict(noted.seals), OutgoingCallRow
    stand, reported = (call.outcome, call.reference), standing_by_call(noted.outcomes)
    found = select(*(getattr(call, name) for name in FIXED), call.status, call.effect, call.goes_with, *stand)
    for *fixed, status, effect, goes_with, outcome, reference in session.execute(
        found.order_by(call.position).execution_options(yield_per=_AT_ONCE)
    ):
        call_id = fixed[0]
        label = f"call {call_id}"
        if call_id not in left:
            yield f"{label} is not in the audit trail: inserted."
            continue
        if left.pop(call_id) != seal_of(dict(zip(FIXED, fixed, strict=True))):
            yield f"{label} is not as it was let out: edited."
        if goes_with is not None and goes_with not in opened:
            yield f"{label} waits for the message {goes_with}, which no decision opened: edited."
        # What goes with a message is where that is; of that alone it is noted.
        told = noted.statuses.get(call_id, status) if goes_with is None else status
        if told != status:
            yield f"{label} is {status}, the audit trail says {told}: edited."
        come = noted.effects.get(call_id, effect)
        if come != effect:
            yield f"{label} has the effect {effect}, the audit trail says {come}: edited."
        said, stands = reported.get(call_id, NOTHING_REPORTED), (outcome, reference)
        if goes_with is None and said != stands:
            yield f"{label} has the outcome {in_words(*stands)}, its reports come to {in_words(*said)}: edited."
    yield from (f"call {call_id} was let out, and is gone: deleted." for call_id in left)


def _bundles(session: Session) -> Iterator[str]:
    """Compare each bundle with its digest, by which decisions, steps and signatures name it."""
    for row in session.scalars(select(PolicyBundleRow).order_by(PolicyBundleRow.digest)):
        columns = (row.digest, row.name, row.version, row.subject_type)
        try:
            policy = parse_policy(row.text)
            is_whole = columns == (policy.digest, policy.name, policy.version, policy.subject)
        except PolicyError:  # this release reads it no more, so its digest cannot be made again
            is_whole = True
        if not is_whole or hashlib.sha256(row.text.encode("utf-8")).hexdigest() != row.content_hash:
            yield f"bundle {row.digest[:12]}… ({row.name} version {row.version}) is not what was handed in: edited."


def _steps(session: Session, noted: Noted) -> Iterator[str]:
    """Compare each step of a bundle, approvals among them, with its entry, and evidence with what it was signed as."""
    left = {key: list(told) for key, told in noted.steps.items()}
    subjects = {bundle.digest: bundle.subject_type for bundle in session.scalars(select(PolicyBundleRow))}
    for row in session.scalars(select(PolicyMoveRow).order_by(PolicyMoveRow.position)):
        label = f"step {row.position} of bundle {row.digest[:12]}… ({row.action})"
        told = left.get(_step(row.at, row.actor, f"policy.{row.action}", row.digest))
        if not told:
            yield f"{label} is not in the audit trail: edited, or inserted."
        elif any(getattr(row, name, None) != value for name, value in {**_NOT_TOLD, **told.pop(0)}.items()):
            yield f"{label} is not as the audit trail noted it: edited."
        if row.subject_type != subjects.get(row.digest):
            yield f"{label} says in its column subject_type {row.subject_type!r}, and is of another: edited."
        if row.pack is not None and digest(_read(row.pack)) != row.signs:
            yield f"{label} has other evidence than what was signed: edited."
    yield from (f"a {key[2]} of bundle {key[3][:12]}… was noted, and is gone." for key in left for _ in left[key])


def _step(at: datetime, actor: str, action: str, bundle: str) -> tuple[str, str, str, str]:
    return rfc3339(at), actor, action, bundle


def _read(text: str) -> dict[str, Any]:
    """Read a JSON object; one that is none is empty, and matches nothing."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
