"""Every case that the guardrails and rules of a bundle can tell apart, and how each of them ends.

The facts are taken one after the other. For each sample of a fact (`routing.samples`) the conditions are reduced to
what is still open; two branches of the search that leave the same open are the same from there on and are walked once.
So the search is exhaustive without trying every combination (the reduced, ordered decision diagrams of Bryant 1986,
with many-valued variables and Kleene's unknown as a third end).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.vocabulary import Branch
from routing.conditions import All, AnyOf, Condition, Leaf, Not, leaves
from routing.facts import Declaration
from routing.policy import Rule
from routing.samples import Sample, distinct, samples_of

STATES_AT_MOST = 50_000
"""Beyond it a search is given up: a bundle of that size cannot be overseen by people either."""

Open = str | tuple[Any, ...]
"""What is left of a condition: the form of a question, or ("not", part), ("all", *parts), ("any", *parts)."""
Left = Open | bool | None


class TooManyCasesError(Exception):
    """The search was given up."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a case ends: the branch recommended, and the rule that says so, or `default` or `unknown`.

    `offered` are all branches to which a rule that hits leads, each with the first such rule; empty after a guardrail.
    """

    branch: Branch
    decided_by: str
    offered: tuple[tuple[Branch, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Cases that differ in one fact alone: what the others are, and how each value of this one ends, ascending."""

    others: Mapping[str, Any]
    endings: tuple[tuple[Any, Ending], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is explored. `strength` ranks the branches, `default` and `on_unknown` are those of the bundle."""

    guardrails: Sequence[Rule]
    rules: Sequence[Rule]
    declarations: Mapping[str, Declaration]
    strength: Mapping[Branch, int]
    default: Branch = Branch.NONE
    on_unknown: Branch = Branch.REVIEW


@dataclass(frozen=True, slots=True)
class _State:
    guardrails: tuple[tuple[int, Left], ...]
    rules: tuple[tuple[int, Left], ...]
    hits: tuple[int, ...]
    is_open: bool


def questions_of(conditions: Sequence[Condition]) -> dict[str, list[Leaf]]:
    """Return the questions about each fact, each question once, in the order of their appearance."""
    asked: dict[str, dict[str, Leaf]] = {}
    for condition in conditions:
        for question, _ in leaves(condition):
            asked.setdefault(question.fact, {})[question.form] = question
    return {fact: list(questions.values()) for fact, questions in asked.items()}


def search(rules: Rules, last: str, *, keep_all: bool = False) -> Iterator[Row]:
    """Yield all cases, row by row, each row along the fact `last`.

    Parameters
    ----------
    last
        The fact along which rows go. A fact nobody asks about makes rows of one case.
    keep_all
        Keep every branch offered apart, not just the strongest.

    Raises
    ------
    TooManyCasesError
        If there are more than `STATES_AT_MOST` states to look at.
    """
    yield from _Search(rules, last, keep_all=keep_all).rows()


def satisfiable(condition: Condition, declarations: Mapping[str, Declaration]) -> dict[str, Any] | None:
    """Return facts by which a condition holds, or None if it never does.

    Raises
    ------
    TooManyCasesError
        As `search`.
    """
    questions = questions_of([condition])
    axes = [(fact, distinct(samples_of(declarations[fact], asked)), asked) for fact, asked in questions.items()]
    seen: set[tuple[int, Left]] = set()

    def visit(depth: int, left: Left) -> dict[str, Any] | None:
        if left is True:
            return {}
        if left is False or left is None or depth == len(axes) or (depth, left) in seen:
            return None
        seen.add((depth, left))
        if len(seen) > STATES_AT_MOST:
            raise TooManyCasesError
        fact, samples, asked = axes[depth]
        for sample in samples:
            found = visit(depth + 1, _reduced(left, _answers(sample, asked)))
            if found is not None:
                return found if sample.value is None else {fact: sample.value, **found}
        return None

    return visit(0, _left(condition))


class _Search:
    def __init__(self, rules: Rules, last: str, *, keep_all: bool) -> None:
        self._rules = rules
        self._keep_all = keep_all
        self._questions = questions_of([rule.when for rule in (*rules.guardrails, *rules.rules)])
        facts = [fact for fact in self._questions if fact != last]
        self._axes = [(fact, distinct(self._samples(fact))) for fact in facts]
        self._last = last
        self._line = self._samples(last) if last in self._questions else ()
        self._seen: set[tuple[int, _State]] = set()

    def rows(self) -> Iterator[Row]:
        begin = self._settled(
            tuple((index, _left(rule.when)) for index, rule in enumerate(self._rules.guardrails)),
            tuple((index, _left(rule.when)) for index, rule in enumerate(self._rules.rules)),
            (),
            is_open=False,
        )
        yield from self._visit(0, begin, {})

    def _samples(self, fact: str) -> tuple[Sample, ...]:
        return samples_of(self._rules.declarations[fact], self._questions[fact])

    def _visit(self, depth: int, state: _State | Ending, path: dict[str, Any]) -> Iterator[Row]:
        if isinstance(state, Ending):
            yield Row(path, ((None, state),))
            return
        if (depth, state) in self._seen:
            return
        self._seen.add((depth, state))
        if len(self._seen) > STATES_AT_MOST:
            raise TooManyCasesError
        if depth == len(self._axes):
            endings = ((sample.value, self._step(state, self._last, sample)) for sample in self._line)
            yield Row(path, tuple((value, ending) for value, ending in endings if isinstance(ending, Ending)))
            return
        fact, samples = self._axes[depth]
        for sample in samples:
            following = self._step(state, fact, sample)
            if following == state:  # nothing that is open asks about this fact
                yield from self._visit(depth + 1, state, path)
                return
            yield from self._visit(depth + 1, following, {**path, fact: sample.value})

    def _step(self, state: _State, fact: str, sample: Sample) -> _State | Ending:
        answers = _answers(sample, self._questions[fact])
        return self._settled(
            tuple((index, _reduced(left, answers)) for index, left in state.guardrails),
            tuple((index, _reduced(left, answers)) for index, left in state.rules),
            state.hits,
            is_open=state.is_open,
        )

    def _settled(
        self,
        guardrails: tuple[tuple[int, Left], ...],
        rules: tuple[tuple[int, Left], ...],
        hits: tuple[int, ...],
        *,
        is_open: bool,
    ) -> _State | Ending:
        """Drop what changes nothing any more; an ending if nothing is left."""
        waiting: list[tuple[int, Left]] = []
        for index, left in guardrails:
            if left is True and not waiting:
                rule = self._rules.guardrails[index]
                return Ending(rule.branch, rule.id)
            is_open = is_open or left is None
            if left is not False and left is not None:
                waiting.append((index, left))
            if left is True:
                break
        hits = (*hits, *(index for index, left in rules if left is True))
        is_open = is_open or any(left is None for _, left in rules)
        best: dict[Branch, int] = {}
        for index in sorted(hits):
            best.setdefault(self._rules.rules[index].branch, index)
        if not self._keep_all and best:
            strongest = max(best, key=lambda branch: self._rules.strength.get(branch, -1))
            best = {strongest: best[strongest]}
        still = tuple(
            (index, left)
            for index, left in rules
            if isinstance(left, str | tuple) and self._may_matter(self._rules.rules[index].branch, index, best)
        )
        if waiting or still:
            return _State(tuple(waiting), still, tuple(sorted(best.values())), is_open and not best)
        if best:
            branch = max(best, key=lambda branch: self._rules.strength.get(branch, -1))
            offered = tuple((each, self._rules.rules[index].id) for each, index in best.items())
            return Ending(branch, self._rules.rules[best[branch]].id, offered)
        return Ending(self._rules.on_unknown, "unknown") if is_open else Ending(self._rules.default, "default")

    def _may_matter(self, branch: Branch, index: int, best: Mapping[Branch, int]) -> bool:
        if branch in best:
            return index < best[branch]
        if self._keep_all or not best:
            return True
        strength = self._rules.strength
        return strength.get(branch, -1) > strength.get(next(iter(best)), -1)


def _left(condition: Condition) -> Left:
    match condition:
        case Leaf():
            return condition.form
        case Not():
            return ("not", _left(condition.part))
        case All():
            return ("all", *(_left(part) for part in condition.parts))
        case AnyOf():
            return ("any", *(_left(part) for part in condition.parts))


def _answers(sample: Sample, questions: Sequence[Leaf]) -> dict[str, bool | None]:
    return {question.form: answer for question, answer in zip(questions, sample.answers, strict=True)}


def _reduced(left: Left, answers: Mapping[str, bool | None]) -> Left:
    """Put answers into what is left of a condition, by Kleene's logic."""
    if isinstance(left, str):
        return answers.get(left, left)
    if not isinstance(left, tuple):
        return left
    word, *parts = left
    if word == "not":
        part = _reduced(parts[0], answers)
        return (not part) if isinstance(part, bool) else None if part is None else ("not", part)
    settling = word == "any"
    kept: list[Left] = []
    for each in parts:
        part = _reduced(each, answers)
        if part is settling:
            return settling
        if part is (not settling) or part in kept:
            continue
        kept.append(part)
    if not kept:
        return not settling
    return None if kept == [None] else (word, *kept)
