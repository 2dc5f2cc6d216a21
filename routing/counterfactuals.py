"""What would have to be otherwise for a case to end otherwise: the nearest values of its facts and of the thresholds.

One thing is changed at a time; of what follows from it, what the caller can restate follows, the rest stays. Each
answer was decided anew and did end otherwise; nothing is inferred from the form of the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from features.vocabulary import Branch
from routing.context import NO_CONTEXT, Context
from routing.engine import Choice, decide
from routing.every_case import questions_of
from routing.facts import ORDERED, Declaration, FactType, describe
from routing.loader import link_document, parse_policy
from routing.marks import read_yaml
from routing.policy import Policy
from routing.samples import samples_of

_SPREAD = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0, 4.0, 10.0)
"""Multiples of a number to look at besides the points that conditions name: expected costs may cross anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """The nearest value of a fact or a threshold with which the case ends otherwise.

    Attributes
    ----------
    name
        Of the fact; of a threshold with a `$` before it.
    found, needed
        The value it has (None: unknown) and the one it would need.
    branch, recommended_branch, decided_by
        How the case ends with it.
    changed_by
        The owner who can have it so: of the threshold, or the one whom the fact names; None: nobody is named.
    """

    name: str
    found: Any
    needed: Any
    branch: Branch
    recommended_branch: Branch
    decided_by: str
    changed_by: str | None = None

    def in_words(self) -> str:
        """Return it as a sentence."""
        found = "unknown" if self.found is None else describe(self.found)
        end = self.branch.value
        if self.recommended_branch is not self.branch:
            end = f"{self.branch} with {self.recommended_branch} recommended"
        who = "" if self.changed_by is None else f"; {self.changed_by} can change it"
        return f"{self.name} is {found}; with {describe(self.needed)} it ends in {end} ({self.decided_by}){who}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedCase:
    """A case that was decided.

    Attributes
    ----------
    facts, now, context
        What it was decided by.
    restate
        Computes anew, in place, the facts that follow from others.
    """

    facts: Mapping[str, Any]
    now: datetime
    context: Context = NO_CONTEXT
    restate: Callable[[dict[str, Any]], None] = field(default=lambda _: None)

    def ends(self, policy: Policy, **changed: Any) -> Choice:
        """Decide it with some facts changed."""
        facts = {**self.facts, **changed}
        if changed:
            self.restate(facts)
            facts.update(changed)  # what was changed itself does not follow from anything
        return decide(policy, facts, self.now, self.context)


def of_facts(policy: Policy, case: DecidedCase) -> tuple[Counterfactual, ...]:
    """Return for each declared fact the nearest values below and above with which the case ends otherwise.

    A fact that is no number, and one that is unknown, has an answer for each way to end. Lists are not changed.
    """
    policy = policy.as_overdue(case.context.overdue)
    before, known = case.ends(policy), policy.reader.read(case.facts).known
    rules = (*policy.guardrails, *policy.rules)
    asked = questions_of([each for rule in rules for each in (rule.when, rule.holding) if each is not None])
    found: list[Counterfactual] = []
    for name, declaration in policy.facts.items():
        if declaration.type is FactType.LIST:
            continue
        value, questions = known.get(name), asked.get(name, [])
        samples = [each.value for each in samples_of(declaration, questions) if each.value is not None]

        def otherwise(other: Any, name: str = name) -> Choice | None:
            choice = case.ends(policy, **{name: other})
            return None if _alike(choice, before) else choice

        if value is not None and declaration.type in ORDERED:
            line = sorted({*_around(declaration, samples), *_spread(declaration, value)})
            for way in _ways(line, value):
                needed = _nearest(declaration, value, way, otherwise)
                if needed is not None:
                    found.append(_told(declaration, value, *needed))
        elif questions:
            found += _each_ending(declaration, value, [other for other in samples if other != value], otherwise)
    return tuple(found)


def of_thresholds(bundle: str, case: DecidedCase) -> tuple[Counterfactual, ...]:
    """Return for each threshold the nearest values below and above with which the bundle ends the case otherwise.

    A threshold matters to a case where it passes a fact that is held against it; one that fell back is asked about
    as its safe value. A value with which the bundle would not load, because a greater risk would get a weaker branch,
    say, is no answer.

    Parameters
    ----------
    bundle
        Text of the bundle that decided.

    Raises
    ------
    PolicyError
        If it does not load.
    """
    policy = parse_policy(bundle)
    document: Any = read_yaml(bundle)[0]  # by the reader that loaded it: another may read the same text otherwise
    before, known = case.ends(policy), policy.reader.read(case.facts).known
    found: list[Counterfactual] = []
    for name, threshold in policy.as_overdue(case.context.overdue).thresholds.items():
        key = "value" if threshold.value == policy.thresholds[name].value else "safe"
        facts = {fact for fact in _held_against(document, f"${name}") if fact in known}
        line = sorted({value for fact in facts for value in _around(policy.facts[fact], [known[fact]])})
        for way in _ways(line, threshold.value):
            for needed in way:
                choice = _with_threshold(document, name, key, needed, case)
                if choice is not None and not _alike(choice, before):
                    found.append(_counterfactual(f"${name}", threshold.value, needed, choice, threshold.owner))
                    break
    return tuple(found)


def _alike(one: Choice, other: Choice) -> bool:
    return (one.branch, one.recommended_branch) == (other.branch, other.recommended_branch)


def _told(declaration: Declaration, found: Any, needed: Any, choice: Choice) -> Counterfactual:
    return _counterfactual(declaration.name, found, needed, choice, declaration.changed_by)


def _counterfactual(name: str, found: Any, needed: Any, choice: Choice, changed_by: str | None) -> Counterfactual:
    return Counterfactual(
        name=name,
        found=found,
        needed=needed,
        branch=choice.branch,
        recommended_branch=choice.recommended_branch,
        decided_by=choice.decided_by,
        changed_by=changed_by,
    )


def _ways(line: Sequence[Any], value: Any) -> tuple[list[Any], list[Any]]:
    """Return what lies below a value and what lies above it, each with the nearest first."""
    return [other for other in reversed(line) if other < value], [other for other in line if other > value]


def _nearest(
    declaration: Declaration, value: Any, way: Iterable[Any], otherwise: Callable[[Any], Choice | None]
) -> tuple[Any, Choice] | None:
    """Return the nearest value on the way with which the case ends otherwise, and how; None if there is none."""
    near, grain = value, _grain(declaration)
    for far in way:
        choice = otherwise(far)
        if choice is None:
            near = far
            continue
        while abs(far - near) > grain:
            between = near + (far - near) // 2 if isinstance(grain, int) else near + (far - near) / 2
            other = otherwise(between)
            if other is None:
                near = between
            else:
                far, choice = between, other
        return far, choice
    return None


def _each_ending(
    declaration: Declaration, value: Any, others: Iterable[Any], otherwise: Callable[[Any], Choice | None]
) -> Iterator[Counterfactual]:
    told: set[tuple[Branch, Branch]] = set()
    for other in others:
        choice = otherwise(other)
        if choice is not None and (choice.branch, choice.recommended_branch) not in told:
            told.add((choice.branch, choice.recommended_branch))
            yield _told(declaration, value, other, choice)


def _grain(declaration: Declaration) -> Any:
    """Return the smallest step of a fact that is told apart."""
    match declaration.type:
        case FactType.MONEY_MINOR:
            return 1
        case FactType.INSTANT:
            return timedelta(seconds=1)
    return 1e-6


def _around(declaration: Declaration, values: Iterable[Any]) -> Iterator[Any]:
    """Yield values and those just beside them; of a probability none beyond 0 and 1."""
    grain = _grain(declaration)
    for value in values:
        for each in (value - grain, value, value + grain):
            if declaration.accepts(each):
                yield each


def _spread(declaration: Declaration, value: Any) -> Iterator[Any]:
    if declaration.type is FactType.INSTANT:
        return
    for times in _SPREAD:
        each = round(value * times) if declaration.type is FactType.MONEY_MINOR else value * times
        if declaration.accepts(each):
            yield each


def _held_against(part: Any, threshold: str) -> Iterator[str]:
    """Yield the facts that conditions of a document hold against a threshold, written as `$name`."""
    if isinstance(part, dict):
        values = [each for value in part.values() for each in (value if isinstance(value, list) else [value])]
        if threshold in values and "fact" in part:
            yield str(part["fact"])
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _held_against(inner, threshold)


def _with_threshold(document: Mapping[str, Any], name: str, key: str, value: Any, case: DecidedCase) -> Choice | None:
    """Decide the case under a bundle in which one threshold is another; None if that does not load."""
    changed = deepcopy(dict(document))
    changed["thresholds"][name][key] = value
    policy = link_document(changed)  # written out and read again, each would take three times as long
    return None if policy is None else case.ends(policy)
