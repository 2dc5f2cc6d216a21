"""The world as it would be had a bundle decided: what is used up, what went before, when branches were taken."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from features.vocabulary import Branch, SubjectType
from routing.buckets import Bucket, bucket_of
from routing.canonical import canonical_json, jsonable
from routing.context import Context, Past
from routing.engine import Choice
from routing.facts import STRONGEST_BRANCH_TAKEN
from routing.policy import Budget, Policy
from routing.preview.past import PastCall
from routing.together import Joined, Waiting, shared_by

MILLION = 1_000_000
_BRANCHES = frozenset(Branch)


@dataclass(slots=True)
class Subject:
    """What went before for one subject. `is_as_it_was` until something comes out otherwise than it did."""

    strongest: Branch
    history: list[Past]
    is_as_it_was: bool = True
    untold: Untold | None = None


class Untold(NamedTuple):
    """A message that a subject waits to be told with, and the strongest branch that was taken before."""

    message: Message
    before: Branch


@dataclass(slots=True)
class Message:
    """A message for several: when it goes out, and of how many cases it would tell."""

    sends_at: datetime
    cases: int = 0


@dataclass(slots=True)
class Uses:
    """What was used of a budget, in millionths, by time: how much since a moment is two look-ups."""

    moments: list[datetime] = field(default_factory=list)
    totals: list[int] = field(default_factory=lambda: [0])

    def add(self, at: datetime, amount: int) -> None:
        """Note a use. Most come in the order of time; one that does not moves those after it."""
        place = bisect_right(self.moments, at)
        self.moments.insert(place, at)
        self.totals.insert(place + 1, self.totals[place])
        for index in range(place + 1, len(self.totals)):
            self.totals[index] += amount

    def since(self, moment: datetime) -> int:
        """Return what was used after a moment."""
        return self.totals[-1] - self.totals[bisect_right(self.moments, moment)]


class World:
    """The world under a bundle.

    Parameters
    ----------
    history_before
        What went before for a subject when the preview begins, oldest first; asked only of bundles that look back.
    """

    def __init__(self, policy: Policy, history_before: Callable[[str], tuple[Past, ...]]) -> None:
        self._policy = policy
        self._looks_back = policy.looks_back
        self._history_before = history_before
        self._subjects: dict[str, Subject] = {}
        self._uses: defaultdict[Bucket, Uses] = defaultdict(Uses)
        self._taken: dict[tuple[Branch, Any], datetime] = {}
        self._messages: dict[tuple[Branch, str], Message] = {}
        self._rests = [(branch, terms.cool_down.key) for branch, terms in policy.branches.items() if terms.cool_down]

    def subject(self, subject_id: str, facts: Mapping[str, object]) -> Subject:
        """Return what went before for a subject; the first time, as far as its facts and the ledger tell."""
        found = self._subjects.get(subject_id)
        if found is None:
            history = list(self._history_before(subject_id)) if self._looks_back is not None else []
            found = self._subjects[subject_id] = Subject(_strongest_in(facts), history)
        return found

    def context(self, subject: Subject, known: Mapping[str, Any], given: Context, now: datetime) -> Context:
        """Return the context of a decision in this world.

        Parameters
        ----------
        known
            The known facts of the case.
        given
            Whose directives, watches, subject and overdue parts are taken over.
        """
        return given._replace(
            capacity=self.left(known, now),
            history=self._within(subject.history, now),
            last_taken=self._last_taken(known),
            waiting=self.waiting(known, now),
        )

    def take_back(self, subject: Subject, now: datetime) -> None:
        """Let what a subject waits to be told of count for nothing, as it is decided about anew."""
        if subject.untold is not None and now < subject.untold.message.sends_at:
            subject.strongest, subject.is_as_it_was = subject.untold.before, False
            subject.untold.message.cases -= 1
        subject.untold = None

    def waiting(self, known: Mapping[str, Any], now: datetime) -> dict[Branch, Waiting]:
        """Return the message that a case would join, of each branch whose cases are told together."""
        found = {}
        for branch, terms in self._policy.branches.items():
            by = None if terms.together is None else shared_by(terms.together, known)
            if by is not None:
                name = _name_of(by)
                message = self._messages.get((branch, name))
                if message is not None and now < message.sends_at:
                    found[branch] = Waiting(name, message.sends_at)
        return found

    def _join(self, subject: Subject, choice: Choice, joined: Joined) -> None:
        """Let a decision join a message, or open one."""
        key, together = (choice.branch, _name_of(joined.by)), self._policy.branches[choice.branch].together
        if joined.joins is None:
            self._messages[key] = Message(joined.sends_at)
        message = self._messages[key]
        message.sends_at, message.cases = joined.sends_at, message.cases + 1
        if together is not None and message.cases >= together.at_most:
            message.sends_at = choice.decided_at
        subject.untold = Untold(message, subject.strongest)

    def left(self, known: Mapping[str, Any], now: datetime) -> dict[str, float]:
        """Return what is left for a case of each budget; one of which it cannot be told is left out."""
        left = {}
        for budget, bucket in self._buckets(self._policy.budgets, known, self._policy.digest):
            used = self._uses[bucket].since(now - budget.per)
            left[budget.name] = (round(budget.amount * MILLION) - used) / MILLION
        return left

    def _buckets(self, names: Iterable[str], known: Mapping[str, Any], bundle: str) -> Iterator[tuple[Budget, Bucket]]:
        """Yield what a case takes from of some budgets, where that can be told."""
        for name in names:
            budget = self._policy.budgets[name]
            bucket = bucket_of(budget, known, bundle)
            if bucket is not None:
                yield budget, bucket

    def decided(self, subject: Subject, choice: Choice) -> None:
        """Let a decision have its effect."""
        known = choice.trace.read.known
        if choice.together is not None:
            self._join(subject, choice, choice.together)
        if self._policy.subject is SubjectType.SHORTAGE and choice.recommended_branch is Branch.NONE:
            subject.strongest = Branch.NONE  # a line that is covered has nothing done for it any more
        elif choice.branch is not Branch.NONE:
            subject.strongest = self.stronger(subject.strongest, choice.recommended_branch)
        if self._looks_back is not None:
            subject.history.append(Past(at=choice.decided_at, branch=choice.branch, hits=choice.trace.had_hit))
        if choice.branch not in (Branch.NONE, Branch.REVIEW):
            joins = choice.together is not None and choice.together.joins is not None
            self._went_out(choice.branch, choice.decided_at, known, self._policy.digest, is_counted=not joins)
        for parent in choice.parents:
            if parent.payload is not None:
                self._went_out(Branch.ESCALATE, choice.decided_at, known, self._policy.digest)

    def called(self, call: PastCall, *, by_this: bool) -> None:
        """Let a call of the past have its effect.

        Parameters
        ----------
        by_this
            Whether its decision is one that the bundle has made again: what went out under it is its own then.
        """
        subject = self._subjects.get(call.subject_id)
        if subject is not None:
            subject.strongest = self.stronger(subject.strongest, call.branch)
        known = self._policy.reader.read(call.facts).known
        self._went_out(call.branch, call.at, known, self._policy.digest if by_this else call.bundle)

    def missed(self, call: PastCall) -> None:
        """Leave out a call of the past that nobody would have been asked about."""
        subject = self._subjects.get(call.subject_id)
        if subject is not None:
            subject.is_as_it_was = False

    def stronger(self, one: Branch, other: Branch) -> Branch:
        """Return the stronger of two branches, by the bundle."""
        return max(one, other, key=self._policy.strength.__getitem__)

    def _went_out(
        self, branch: Branch, at: datetime, known: Mapping[str, Any], bundle: str, *, is_counted: bool = True
    ) -> None:
        terms = self._policy.branches.get(branch)
        if terms is None:
            return
        for budget, bucket in self._buckets(terms.uses if is_counted else (), known, bundle):
            self._uses[bucket].add(at, round(terms.uses[budget.name] * MILLION))
        if terms.cool_down is not None:
            value = known.get(terms.cool_down.key)
            last = self._taken.get((branch, value), at)
            self._taken[branch, value] = max(last, at)

    def _last_taken(self, known: Mapping[str, Any]) -> dict[Branch, datetime]:
        taken = {branch: self._taken.get((branch, known[key])) for branch, key in self._rests if key in known}
        return {branch: at for branch, at in taken.items() if at is not None}

    def _within(self, history: list[Past], now: datetime) -> tuple[Past, ...]:
        """Keep what rules look back at: the last decision, and those within the longest confirmation."""
        since = now - (self._looks_back or timedelta(0))
        return tuple(past for past in history if past.at >= since or past is history[-1])


def _name_of(by: Mapping[str, Any]) -> str:
    return canonical_json(jsonable(dict(by)))


def _strongest_in(facts: Mapping[str, object]) -> Branch:
    recorded = facts.get(STRONGEST_BRANCH_TAKEN)
    return Branch(recorded) if isinstance(recorded, str) and recorded in _BRANCHES else Branch.NONE
