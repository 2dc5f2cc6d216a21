"""The sealed decision: everything a choice rests on, in one canonical text, chained by hashes.

A body is canonical JSON. Its hash covers the hash of the decision before it and its own place in the sequence, so an
edit, a deletion, an insertion or a change of order anywhere breaks the chain at that place. What a chain cannot show by
itself is that its end was cut off or that it was rewritten as a whole: for that, compare it with a head kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

from routing.canonical import canonical_json, digest
from routing.context import NO_CONTEXT, Context
from routing.cost import Alternative
from routing.engine import Choice
from routing.errors import NotJsonError
from routing.policy import Policy
from routing.recording import encode_facts

SCHEMA = "freight-triage/decision/2"
"""The form of a decision that is sealed now."""
FIRST_SCHEMA = "freight-triage/decision/1"
"""The form before decisions had a context."""
GENESIS = "0" * 64
"""Hash before the first decision of a chain, whose sequence is 1."""


@dataclass(frozen=True, slots=True)
class SealedDecision:
    """One decision as it is kept. `body` is canonical JSON and never changes."""

    sequence: int
    decision_id: str
    body: str
    previous_hash: str
    hash: str


def decision_body(
    policy: Policy,
    choice: Choice,
    *,
    subject: Mapping[str, str],
    facts: Mapping[str, object],
    context: Context = NO_CONTEXT,
    features: Mapping[str, float | None] | None = None,
    model: Mapping[str, object] | None = None,
    schema: str = SCHEMA,
) -> dict[str, object]:
    """Assemble the body of a decision.

    Parameters
    ----------
    policy, choice, facts, context
        What `decide` was given and what it returned. The clock is `choice.decided_at`.
    subject
        What was decided about: `type`, `id` and `version`. There is one decision per version and policy.
    features
        Model inputs by name. NaN means missing and is written as null.
    model
        Name, version, fingerprints, probability and whatever else tells how the model came to its score, in JSON types.
    schema
        The form to write: a replay writes the one it has read.

    Raises
    ------
    NotJsonError
        If `subject` or `model` holds what JSON has no word for.
    """
    body: dict[str, object] = {
        "schema": schema,
        "decision_id": decision_id(subject, policy.digest),
        "decided_at": choice.decided_at,
        "subject": dict(subject),
        "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
        "facts": encode_facts(facts),
        "features": None if features is None else {name: _missing_as_none(value) for name, value in features.items()},
        "model": None if model is None else dict(model),
        "rules": [result._asdict() for result in choice.rule_results],
        "branch": choice.branch,
        "recommended_branch": choice.recommended_branch,
        "decided_by": choice.decided_by,
        "mode": choice.mode,
        "propensity": choice.propensity,
        "held_because": choice.held_because,
        "suppressed_because": choice.suppressed_because,
        "missing": dict(choice.missing),
        "notes": list(choice.notes),
        "latest_useful_at": choice.latest_useful_at,
        "alternatives": [item.as_json() for item in alternatives(policy, choice.trace.read.known)],
        "explanation": {"staff": choice.reason_staff, "customer": choice.reason_customer},
        "payload": dict(choice.payload),
    }
    if schema == FIRST_SCHEMA:
        return body
    if choice.cause is not None:
        body["cause"] = choice.cause.as_json()
    if choice.explored is not None:
        body["exploration"] = choice.explored.as_json()
    if choice.together is not None:
        body["together"] = choice.together.as_json()
    return body | {
        "context": context.as_json(),
        "passed_over": [each._asdict() for each in choice.passed_over],
        "uses": dict(choice.uses),
        "applied": list(choice.applied),
    }


def alternatives(policy: Policy, known: Mapping[str, Any]) -> tuple[Alternative, ...]:
    """Price every branch of the policy for a case, doing nothing first, the rest weakest first."""
    offers = sorted(policy.offers.items(), key=lambda item: policy.strength[item[0]])
    return policy.costs.compare(dict(offers), known)


def decision_id(subject: Mapping[str, str], policy_digest: str) -> str:
    """Derive the id of a decision: the same subject version under the same policy always has the same."""
    return "dec_" + digest([dict(subject), policy_digest])[:32]


def seal(body: Mapping[str, object], *, sequence: int, previous_hash: str) -> SealedDecision:
    """Seal a body as the next decision of a chain.

    Parameters
    ----------
    sequence
        One more than that of the decision before; 1 for the first.
    previous_hash
        Hash of the decision before; `GENESIS` for the first.

    Raises
    ------
    NotJsonError
        If the body holds what JSON has no word for, or has no `decision_id`.
    """
    identifier = body.get("decision_id")
    if not isinstance(identifier, str):
        raise NotJsonError("decision_id", f"{identifier!r}", "Assemble the body with `decision_body`.")
    text = canonical_json(body)
    return SealedDecision(sequence, identifier, text, previous_hash, _hash(sequence, previous_hash, text))


def chained(bodies: Iterable[str]) -> Iterator[SealedDecision]:
    """Hash bodies anew into the chain that they make from decision 1 on, e.g. those of an export."""
    previous = GENESIS
    for sequence, body in enumerate(bodies, start=1):
        yield SealedDecision(sequence, str(_id_in(body)), body, previous, _hash(sequence, previous, body))
        previous = _hash(sequence, previous, body)


def verify_chain(
    decisions: Iterable[SealedDecision],
    *,
    after: tuple[int, str] = (0, GENESIS),
    heads: Iterable[tuple[int, str]] = (),
) -> list[str]:
    """Check a chain of decisions and return what is wrong with it; nothing if it is whole.

    Parameters
    ----------
    decisions
        In the order of their sequence. They may come from a stream: one at a time is looked at.
    after
        Sequence and hash of the decision just before the first one given.
    heads
        Sequences and hashes that are known, from elsewhere, to belong to the chain, after `after`: finds a cut end and
        a rewritten chain.
    """
    problems: list[str] = []
    sequence, previous = after
    known = {number: digest for number, digest in heads if (number, digest) != after}
    for decision in decisions:
        label = f"decision {decision.sequence} ({decision.decision_id})"
        if decision.sequence <= sequence:
            problems.append(f"{label} stands after {sequence}: reordered, or inserted.")
        elif decision.sequence > sequence + 1:
            problems.append(f"{label} follows {sequence}: deleted between them, or reordered.")
        elif decision.previous_hash != previous:
            problems.append(f"{label} does not continue {sequence}: inserted, or the one before was replaced.")
        if decision.hash != _hash(decision.sequence, decision.previous_hash, decision.body):
            problems.append(f"{label} does not match its hash: edited.")
        elif _id_in(decision.body) != decision.decision_id:
            problems.append(f"{label} does not match the id in its body: edited.")
        if known.pop(decision.sequence, decision.hash) != decision.hash:
            problems.append(f"{label} is not the one known as number {decision.sequence}: forked.")
        sequence, previous = decision.sequence, decision.hash
    beyond = max(known, default=sequence)
    if beyond > sequence:
        problems.append(f"the chain ends at {sequence}, number {beyond} is known: truncated.")
    return problems


def _hash(sequence: int, previous_hash: str, body: str) -> str:
    return hashlib.sha256(f"{previous_hash}\n{sequence}\n{body}".encode()).hexdigest()


def _id_in(body: str) -> object:
    try:
        data = json.loads(body)
    except ValueError:
        return None
    return data.get("decision_id") if isinstance(data, dict) else None


def _missing_as_none(value: float | None) -> float | None:
    return None if value is None or isnan(value) else value
