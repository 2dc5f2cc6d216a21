"""Conditions over facts, in Kleene's three-valued logic.

A condition that looks at a fact nobody knows is neither true nor false, unless the rest settles it: `all` with one
false part is false, `any` with one true part is true, whatever the unknown part would have been. So a condition that
holds, or does not, would still do so when every unknown fact became known (only `known` looks at knowledge itself).

Each condition is compiled to closures when the policy is loaded: `test(known)` returns True, False or None (unknown),
and `why(known, outcome)` says, for True or False, which parts settled it and what values they saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from routing.canonical import canonical_json, digest
from routing.facts import describe

Known = Mapping[str, Any]
Test = Callable[[Known], bool | None]
Why = Callable[[Known, bool], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A question about one fact. `bounds` are its operator's resolved values, `text` is it in words.

    `inner` is what `some_row` asks of a row.
    """

    fact: str
    operator: str
    bounds: tuple[Any, ...]
    text: str
    test: Test
    why: Why
    form: str
    inner: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]
    test: Test
    why: Why
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]
    test: Test
    why: Why
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The part does not hold."""

    part: Condition
    test: Test
    why: Why
    form: str


Condition = Leaf | All | AnyOf | Not
"""`form` is a text that two conditions share when they ask the same, whatever the order of their parts. Its length is
that of the words of one question, or of a digest, however deep the condition is."""


def leaf(
    fact: str,
    operator: str,
    bounds: tuple[Any, ...],
    holds: Callable[[Any], bool],
    text: str,
    *,
    inner: Condition | None = None,
) -> Leaf:
    """Build a question about one fact: unknown while the fact is, else whether `holds` says so."""

    def test(known: Known) -> bool | None:
        value = known.get(fact)
        return None if value is None else holds(value)

    def why(known: Known, outcome: bool) -> str:
        value = known[fact]
        shown = value if type(value) is float or type(value) is int else describe(value)
        return f"{fact} is {shown}, {text}" if outcome else f"{fact} is {shown}, not {text}"

    form = canonical_json([operator, fact, *bounds])
    return Leaf(fact=fact, operator=operator, bounds=bounds, text=text, test=test, why=why, form=form, inner=inner)


def known_leaf(fact: str, expected: bool) -> Leaf:
    """Build the question whether a fact is known. It always has an answer."""

    def test(known: Known) -> bool | None:
        return (fact in known) is expected

    def why(known: Known, _outcome: bool) -> str:
        return f"{fact} is {'known' if fact in known else 'unknown'}"

    text = "known" if expected else "unknown"
    form = canonical_json(["known", fact, expected])
    return Leaf(fact=fact, operator="known", bounds=(expected,), text=text, test=test, why=why, form=form)


def all_of(parts: tuple[Condition, ...]) -> All:
    """Build the conjunction: false as soon as one part is, else unknown if one is."""
    test, why = _combined(parts, settling=False)
    return All(parts=parts, test=test, why=why, form=_form("all", parts))


def any_of(parts: tuple[Condition, ...]) -> AnyOf:
    """Build the disjunction: true as soon as one part is, else unknown if one is."""
    test, why = _combined(parts, settling=True)
    return AnyOf(parts=parts, test=test, why=why, form=_form("any", parts))


def negation(part: Condition) -> Not:
    """Build the negation: unknown stays unknown."""
    inner, inner_why = part.test, part.why

    def test(known: Known) -> bool | None:
        value = inner(known)
        return None if value is None else not value

    def why(known: Known, outcome: bool) -> str:
        return inner_why(known, not outcome)

    return Not(part=part, test=test, why=why, form=_form("not", (part,)))


def _combined(parts: tuple[Condition, ...], *, settling: bool) -> tuple[Test, Why]:
    """Compile `any` (settled by the first True) or `all` (settled by the first False)."""
    tests = tuple(part.test for part in parts)
    pairs = tuple((part.test, part.why) for part in parts)

    def test(known: Known) -> bool | None:
        result: bool | None = not settling
        for each in tests:
            value = each(known)
            if value is settling:
                return settling
            if value is None:
                result = None
        return result

    def why(known: Known, outcome: bool) -> str:
        if outcome is not settling:
            return "; ".join([say(known, outcome) for _, say in pairs])
        say = next(say for each, say in pairs if each(known) is settling)
        return say(known, outcome)

    return test, why


def undetermined(condition: Condition, known: Known) -> Iterator[str]:
    """Name the facts for want of which a condition is unknown."""
    if condition.test(known) is not None:
        return
    match condition:
        case Leaf():
            yield condition.fact
        case Not():
            yield from undetermined(condition.part, known)
        case All() | AnyOf():
            for part in condition.parts:
                yield from undetermined(part, known)


def leaves(condition: Condition, *, positive: bool = True) -> Iterator[tuple[Leaf, bool]]:
    """Walk the questions of a condition, each with whether it counts as asked (True) or negated (False)."""
    match condition:
        case Leaf():
            yield condition, positive
        case Not():
            yield from leaves(condition.part, positive=not positive)
        case All() | AnyOf():
            for part in condition.parts:
                yield from leaves(part, positive=positive)


def _form(word: str, parts: tuple[Condition, ...]) -> str:
    """Return a digest: as long for a deep condition as for a flat one."""
    return digest([word, *sorted(part.form for part in parts)])


def wording(condition: Condition) -> str:
    """Write a condition in words, without values."""
    match condition:
        case Leaf():
            return f"{condition.fact} {condition.text}"
        case Not():
            return f"not ({wording(condition.part)})"
        case All():
            return " and ".join(f"({wording(part)})" for part in condition.parts)
        case AnyOf():
            return " or ".join(f"({wording(part)})" for part in condition.parts)
