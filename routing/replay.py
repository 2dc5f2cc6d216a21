"""Deciding again what was decided: from the recorded facts, clock and policy, to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from routing.canonical import canonical_json
from routing.context import NO_CONTEXT, Context
from routing.decision import FIRST_SCHEMA, SCHEMA, decision_body
from routing.engine import Choice, decide
from routing.errors import ReplayError
from routing.policy import Policy
from routing.recording import decode_facts


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision made again. `differences` name the parts of the body that came out otherwise; none if equal."""

    choice: Choice
    body: str
    differences: tuple[str, ...]


def replay(body: str, policy: Policy) -> Replay:
    """Decide a sealed body again from what it records, and compare byte for byte.

    Parameters
    ----------
    body
        `SealedDecision.body`.
    policy
        The bundle that the decision names, by digest.

    Raises
    ------
    ReplayError
        If the body is of another form or was decided under another bundle.
    """
    try:
        recorded = json.loads(body)
        name, schema = str(recorded["decision_id"]), recorded["schema"]
        if schema not in (FIRST_SCHEMA, SCHEMA):
            todo = "Replay it with the release it names."
            raise ReplayError(name, f"its form is '{schema}', expected '{SCHEMA}'", todo)
        context = NO_CONTEXT if schema == FIRST_SCHEMA else Context.from_json(recorded["context"])
        made_under = recorded["policy"]
        bundle, digest = f"{made_under['name']} version {made_under['version']}", str(made_under["digest"])
        subject, features, model = recorded["subject"], recorded["features"], recorded["model"]
        facts, decided_at = decode_facts(recorded["facts"]), datetime.fromisoformat(recorded["decided_at"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ReplayError("?", "the body is no decision", "Give the body of a sealed decision.") from error
    if digest != policy.digest:
        todo = f"Load the bundle {bundle} it was made under."
        raise ReplayError(name, f"it was made under the bundle {digest[:12]}…, found {policy.digest[:12]}…", todo)
    choice = decide(policy, facts, decided_at, context)
    given = {"subject": subject, "facts": facts, "context": context, "features": features, "model": model}
    again = canonical_json(decision_body(policy, choice, **given, schema=schema))
    return Replay(choice, again, () if again == body else _differences(recorded, json.loads(again)))


def _differences(recorded: Mapping[str, Any], repeated: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the parts that came out otherwise, of two bodies whose texts are not the same."""
    parts = sorted(key for key in recorded.keys() | repeated.keys() if recorded.get(key) != repeated.get(key))
    return tuple(parts) or ("the form of the text",)
