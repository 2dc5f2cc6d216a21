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
    by_chance = _by_chance(body, choice)
    if by_chance is not None:
        return by_chance
    before = {result["rule_id"]: result["outcome"] for result in body["rules"]}
    after = {rule.id: outcome.value for rule, outcome in choice.trace.each()}
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


def drawn_instead(body: Mapping[str, Any]) -> str | None:
    """Return the branch that the rules would have taken, where chance took another one."""
    explored = body.get("exploration")
    return str(explored["without"]) if explored is not None and explored["drawn"] != explored["without"] else None


def _by_chance(body: Mapping[str, Any], choice: Choice) -> str | None:
    """Say that chance made the difference; None if the rules come to something else already."""
    was = drawn_instead(body)
    explored = choice.explored if choice.explored is not None and choice.explored.is_otherwise else None
    without_before = body["recommended_branch"] if was is None else was
    without_after = choice.recommended_branch if explored is None else explored.without
    if (was is None and explored is None) or without_before != without_after:
        return None
    if explored is None:
        return f"chance does not take {body['branch']} instead of {was} any more"
    return f"chance takes {explored.drawn} instead of {explored.without}"
