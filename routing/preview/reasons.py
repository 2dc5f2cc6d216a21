"""Why a decision comes out otherwise: in few words, that can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.engine import Choice

_ABSENT = "absent"
_PASSED = "passed over: too little is left of a budget, or it is forbidden"


def why_otherwise(body: Mapping[str, Any], choice: Choice, *, as_it_was: bool) -> str:
    """Say what made the difference between a sealed decision and the same one made again under another bundle.

    Parameters
    ----------
    body
        Of the sealed decision.
    as_it_was
        Whether all that went before for the subject came to the same.
    """
    before = {result["rule_id"]: result["outcome"] for result in body["rules"]}
    after = {result.rule_id: result.outcome.value for result in choice.rule_results}
    changed = [name for name in (*after, *before) if before.get(name, _ABSENT) != after.get(name, _ABSENT)]
    deciding = [name for name in changed if name in (choice.decided_by, body["decided_by"])]
    if deciding or (changed and choice.recommended_branch != body["recommended_branch"]):
        name = (deciding or changed)[0]
        return f"rule {name}: {before.get(name, _ABSENT)} → {after.get(name, _ABSENT)}"
    was_held, is_held = "cause" in body, choice.cause is not None
    if was_held != is_held:
        return "a common cause holds it" if is_held else "no common cause holds it any more"
    passed = {each.branch.value for each in choice.passed_over}
    was_passed = {each["branch"] for each in body.get("passed_over", ())}
    for branch in sorted(passed ^ was_passed):
        return f"{branch} is {_PASSED if branch in passed else 'not passed over any more'}"
    if choice.recommended_branch != body["recommended_branch"]:
        return f"choice among the same hits: {body['recommended_branch']} → {choice.recommended_branch}"
    if choice.mode != body["mode"]:
        return f"mode: {body['mode']} → {choice.mode}"
    if not as_it_was:
        return "an earlier decision about the same subject comes out otherwise"
    held = choice.held_because or choice.suppressed_because
    return f"{choice.recommended_branch} is {'held back' if held else 'not held back any more'}"
