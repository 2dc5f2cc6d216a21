"""What becomes of a bundle once parts of it were not reviewed by their date.

A threshold that names a `safe` value counts by it from the day after. A branch that spends money waits for a person
while anything that leads to it is overdue otherwise. Nothing else changes: whoever answers for the part is told.

Days are few and known beforehand, so the bundle is linked once for each (`Stage`), with every check that holds of it as
it is written. Deciding looks no day up: which parts are overdue is handed in with the context and sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

from features.vocabulary import Branch
from routing.errors import Severity, listed
from routing.facts import describe
from routing.marks import Findings
from routing.policy import BranchTerms, Mode, Policy, Review, Stage

Link = Callable[[dict[str, Any], Findings], Policy | None]
"""Links a document without looking at days; None if it has errors, which are noted."""

THE_BUNDLE = "the bundle"
"""The bundle as a whole, among the parts that are reviewed; it covers every part without a date of its own."""
_SINGULAR = {
    "thresholds": "threshold",
    "rules": "rule",
    "guardrails": "guardrail",
    "capacity": "budget",
    "playbooks": "playbook",
}


def in_words(part: str) -> str:
    """Say which part of a bundle it is: `thresholds.notify_from` is "threshold notify_from"."""
    section, _, name = part.partition(".")
    return f"{_SINGULAR[section]} {name}" if name else "the cost table" if part == "costs" else part


def meanwhile(policy: Policy, review: Review, now: datetime) -> str:
    """Say what is otherwise because a review of a bundle is overdue, in a sentence."""
    fallen = policy.as_overdue(policy.overdue_at(now))
    own = {each.part for each in policy.reviews}
    said = []
    for name, threshold in fallen.thresholds.items():
        part = f"thresholds.{name}"
        covers = review.part == part or (review.part == THE_BUNDLE and part not in own)
        if covers and threshold.value != policy.thresholds[name].value:
            said.append(f"threshold {name} counts as {describe(threshold.value)}, its safe value")
    waiting = [branch.value for branch, terms in fallen.branches.items() if review in terms.waits_for]
    if waiting:
        said.append(f"{listed(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for a person")
    return f"Until somebody has looked, {' and '.join(said) or 'everything goes on as before'}."


def with_stages(policy: Policy, document: Mapping[str, Any], findings: Findings, link: Link) -> Policy | None:
    """Return a bundle with what becomes of it day by day; None if it may not become that, which is noted.

    Parameters
    ----------
    document
        Of the bundle, which has no errors.
    """
    safe = {name: part["safe"] for name, part in document["thresholds"].items() if part.get("safe") is not None}
    matter = _Matter(policy, safe, _rests_on(policy, document, safe))
    if not matter.days:
        return policy
    told = {(problem.where, problem.message) for problem in findings.problems}

    @cache
    def fallen(names: tuple[str, ...], since: date) -> Policy | None:
        found = Findings()
        linked = link(_fallen(document, safe, names), found)
        for problem in found.problems:
            if (problem.where, problem.message) not in told:
                note = findings.error if problem.severity is Severity.ERROR else findings.warning
                what = listed(f"`{name}`" for name in names)
                note(
                    ("thresholds", names[-1], "safe"),
                    f"from {since} on, with the safe value of {what}, {problem.where}: {problem.message}",
                )
                told.add((problem.where, problem.message))
        return linked

    stages = []
    for day in matter.days:
        since, names = day + timedelta(days=1), matter.fallen_by(day)
        base = fallen(names, since) if names else policy
        if base is not None:
            stages.append(Stage(since=since, overdue=matter.overdue_by(day), policy=matter.held(base, names, day)))
    if findings.has_errors:
        return None
    return replace(policy, stages=tuple(stages), warnings=findings.in_order())


@dataclass(frozen=True, slots=True)
class _Matter:
    """The parts whose being overdue changes what is decided: thresholds that fall back, and what money rests on."""

    policy: Policy
    safe: Mapping[str, Any]
    rests_on: Mapping[Branch, tuple[str, ...]]

    @property
    def days(self) -> list[date]:
        """The last days on which one of them counts as reviewed."""
        return sorted({self.policy.review_dates[part] for part in self._parts})

    @property
    def _parts(self) -> list[str]:
        resting = (part for parts in self.rests_on.values() for part in parts)
        return list(dict.fromkeys((*(f"thresholds.{name}" for name in self.safe), *resting)))

    def overdue_by(self, day: date) -> tuple[str, ...]:
        """Return what is overdue after a day, in the order of the bundle."""
        return self._named(part for part in self._parts if self.policy.review_dates[part] <= day)

    def fallen_by(self, day: date) -> tuple[str, ...]:
        """Return the thresholds whose safe values count after a day, the last one to fall back at the end."""
        dates = {name: self.policy.review_dates[f"thresholds.{name}"] for name in self.safe}
        return tuple(sorted((name for name, due in dates.items() if due <= day), key=dates.__getitem__))

    def held(self, base: Policy, names: Iterable[str], day: date) -> Policy:
        """Return a bundle as it decides after a day: its branches lowered, with what to tell of it."""
        notes = [self._fallback(name, base) for name in names]
        branches = dict(base.branches)
        for branch, parts in self.rests_on.items():
            overdue = self._named(part for part in parts if self.policy.review_dates[part] <= day)
            if overdue:
                branches[branch] = _lowered(branches[branch], self._reviews(overdue))
        return replace(
            base,
            digest=self.policy.digest,
            text=self.policy.text,
            branches=MappingProxyType(branches),
            notices=tuple(notes),
        )

    def _fallback(self, name: str, base: Policy) -> str:
        (part,) = self._named([f"thresholds.{name}"])
        before, now = self.policy.thresholds[name].value, base.thresholds[name].value
        whose = "its review" if part != THE_BUNDLE else "the review of the bundle"
        due = self.policy.review_dates[f"thresholds.{name}"]
        return (
            f"threshold {name} counts as {describe(now)}, its safe value, instead of {describe(before)}: "
            f"{whose} was due by {due}"
        )

    def _reviews(self, parts: Iterable[str]) -> tuple[Review, ...]:
        return tuple(review for review in self.policy.reviews if review.part in parts)

    def _named(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Name parts, those without a date of their own by the bundle that covers them."""
        wanted = {part if part in self._own else THE_BUNDLE for part in parts}
        return tuple(review.part for review in self.policy.reviews if review.part in wanted)

    @property
    def _own(self) -> frozenset[str]:
        return frozenset(review.part for review in self.policy.reviews)


def _rests_on(policy: Policy, document: Mapping[str, Any], safe: Mapping[str, Any]) -> dict[Branch, tuple[str, ...]]:
    """Return for each branch that may spend money by itself what leads to it; not what falls back to a safe value.

    That is the bundle, the cost table, the rules for the branch, its budgets, what would hold it back, namely every
    guardrail and the playbooks that suspend it, and the thresholds in all of these and in its plan.
    """
    rests: dict[Branch, tuple[str, ...]] = {}
    for branch, terms in policy.branches.items():
        if not terms.spends_money or not any(terms.acts(mode) for mode in _modes(terms)):
            continue
        rules = [rule for rule in document["rules"] if rule["branch"] == branch]
        suspending = [name for name, each in policy.playbooks.items() if branch in each.suspends]
        playbooks = {name: document["playbooks"][name] for name in suspending}
        plan = document["branches"][branch.value]["plan"]
        named = [*_named(document["guardrails"]), *_named(rules), *_named(playbooks), *_named(plan)]
        rests[branch] = (
            THE_BUNDLE,
            "costs",
            *(f"guardrails.{rule['id']}" for rule in document["guardrails"]),
            *(f"rules.{rule['id']}" for rule in rules),
            *(f"playbooks.{name}" for name in playbooks),
            *(f"capacity.{name}" for name in terms.uses),
            *(f"thresholds.{name}" for name in dict.fromkeys(named) if name in policy.thresholds and name not in safe),
        )
    return rests


def _modes(terms: BranchTerms) -> list[Mode]:
    return [terms.mode, *(segment.mode for segment in terms.segments)]


def _named(part: Any) -> Iterator[str]:
    """Yield the thresholds that a part of a document names, written as `$name`."""
    if isinstance(part, str) and part.startswith("$"):
        yield part.removeprefix("$")
    elif isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _named(inner)


def _fallen(document: Mapping[str, Any], safe: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the document with the safe values of thresholds in the place of their values."""
    changed = deepcopy(dict(document))
    for name in names:
        changed["thresholds"][name]["value"] = safe[name]
        del changed["thresholds"][name]["safe"]
    return changed


def _lowered(terms: BranchTerms, overdue: tuple[Review, ...]) -> BranchTerms:
    """Return the terms of a branch that spends nothing by itself."""
    below = Mode.ACT_NON_FINANCIAL

    def lower(mode: Mode) -> Mode:
        return min(mode, below, key=lambda each: each.rank)

    segments = tuple(replace(segment, mode=lower(segment.mode)) for segment in terms.segments)
    return replace(terms, mode=lower(terms.mode), segments=segments, waits_for=overdue, written=terms)
