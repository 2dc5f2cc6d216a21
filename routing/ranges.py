"""What the bounds of conditions prove: that an `all` can never hold, that one condition implies another, which way it
turns as a fact rises. Each proof is sound; where nothing is proven, nothing is said.
"""

from __future__ import annotations

from typing import Any, Literal

from routing.conditions import All, AnyOf, Condition, Leaf, Not

_Low = tuple[Any, bool] | None  # a lower bound and whether it is excluded: the greater, the tighter
_High = tuple[Any, bool] | None  # an upper bound and whether it is included: the smaller, the tighter


def empty_range(parts: tuple[Condition, ...]) -> tuple[str, Any, Any] | None:
    """Return a fact, with its bounds, of which the parts of an `all` leave nothing."""
    lows: dict[str, tuple[Any, bool]] = {}
    highs: dict[str, tuple[Any, bool]] = {}
    for part in parts:
        if not isinstance(part, Leaf):
            continue
        low, high = _range(part)
        if low is not None:
            lows[part.fact] = max(low, lows.get(part.fact, low))
        if high is not None:
            highs[part.fact] = min(high, highs.get(part.fact, high))
    for fact in sorted(lows.keys() & highs.keys()):
        (low_value, excluded), (high_value, included) = lows[fact], highs[fact]
        if low_value > high_value or (low_value == high_value and (excluded or not included)):
            return fact, low_value, high_value
    return None


def implies(one: Condition, other: Condition) -> bool:
    """Whether `other` provably holds whenever `one` does."""
    if one.form == other.form:
        return True
    if isinstance(other, All):
        return all(implies(one, part) for part in other.parts)
    if isinstance(one, AnyOf):
        return all(implies(part, other) for part in one.parts)
    if isinstance(one, All) and any(implies(part, other) for part in one.parts):
        return True
    if isinstance(other, AnyOf):
        return any(implies(one, part) for part in other.parts)
    if isinstance(one, Not) and isinstance(other, Not):
        return implies(other.part, one.part)
    return isinstance(one, Leaf) and isinstance(other, Leaf) and _leaf_implies(one, other)


def turn(part: Leaf, *, positive: bool) -> Literal["rises", "falls"] | None:
    """Say which way a question's yes goes as its fact rises: it can only come, or only go; None if both."""
    low, high = _range(part)
    if (low is None) is (high is None):
        return None
    return "rises" if (high is None) is positive else "falls"


def _leaf_implies(one: Leaf, other: Leaf) -> bool:
    if one.fact != other.fact or "known" in (one.operator, other.operator):
        return False
    if one.operator in ("is", "in"):
        return all(other.test({one.fact: value}) for value in one.bounds)
    (low, high), (other_low, other_high) = _range(one), _range(other)
    if other_low is None and other_high is None:
        return False
    above = other_low is None or (low is not None and low >= other_low)
    below = other_high is None or (high is not None and high <= other_high)
    return above and below


def _range(part: Leaf) -> tuple[_Low, _High]:
    match part.operator:
        case "at_least" | "above" | "rows_at_least":
            return (part.bounds[0], part.operator == "above"), None
        case "at_most" | "below":
            return None, (part.bounds[0], part.operator == "at_most")
        case "between":
            return (part.bounds[0], False), (part.bounds[1], False)
        case "is":
            return (part.bounds[0], False), (part.bounds[0], True)
    return None, None
