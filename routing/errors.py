"""Errors of routing. Each builds its own sentence: what was found, what was expected, what to do.

RoutingError
 ├─ PolicyError       a policy bundle cannot be used (all its problems at once)
 ├─ NaiveTimeError    a time without a zone was given as now
 ├─ NotJsonError      a value has no canonical JSON form
 ├─ ReplayError       a sealed decision cannot be decided again
 ├─ CheckpointError   a signed checkpoint, or a key, is not what it should be
 ├─ AllocationError   many cases cannot be treated within the budgets
 └─ RosterError       who looks at the review queue, and when, cannot be read
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum


class Severity(StrEnum):
    """Whether a problem stops a bundle from loading."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding in a policy bundle, with its place: `where` is the path of keys, `line` and `column` count from 1."""

    where: str
    message: str
    line: int | None = None
    column: int | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.line}:{self.column} " if self.line is not None else ""
        return f"{place}{self.severity} at {self.where}: {self.message}"


class RoutingError(Exception):
    """Base of every error this package raises on purpose."""


class PolicyError(RoutingError):
    """A policy bundle cannot be used. `problems` holds every problem, warnings too, in the order of the document."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name = name
        self.problems = tuple(problems)
        errors = sum(problem.severity is Severity.ERROR for problem in self.problems)
        listed = "\n".join(f"  - {name}:{problem}" for problem in self.problems)
        super().__init__(f"Policy {name} has {errors} error(s); mend them all and load it again:\n{listed}")


class NaiveTimeError(RoutingError):
    """A time without a zone was given as now."""

    def __init__(self, name: str, value: datetime) -> None:
        self.name = name
        self.value = value
        super().__init__(f"`{name}` is {value.isoformat()}, without a zone. Give an aware time, e.g. in UTC.")


class NotJsonError(RoutingError):
    """A value has no canonical JSON form."""

    def __init__(self, where: str, found: str, todo: str) -> None:
        self.where = where
        self.found = found
        super().__init__(f"{where} is {found}, which has no canonical JSON form. {todo}")


class CheckpointError(RoutingError):
    """A key, or a file of signed checkpoints, is not what it should be."""

    def __init__(self, found: str, todo: str) -> None:
        super().__init__(f"{found[0].upper()}{found[1:]}. {todo}")


class ReplayError(RoutingError):
    """A sealed decision cannot be decided again with what was given."""

    def __init__(self, decision_id: str, reason: str, todo: str) -> None:
        self.decision_id = decision_id
        self.reason = reason
        super().__init__(f"Decision {decision_id} cannot be replayed: {reason}. {todo}")


class AllocationError(RoutingError):
    """Many cases cannot be treated within the budgets."""

    def __init__(self, reason: str, todo: str) -> None:
        self.reason = reason
        super().__init__(f"The cases cannot be allocated: {reason}. {todo}")


class RosterError(RoutingError):
    """Who looks at the review queue, and when, cannot be read."""

    def __init__(self, text: str, why: str) -> None:
        self.text, self.why = text, why
        super().__init__(
            f"Reviewers '{text}' cannot be read: {why}. Write how many they are and, if they are not there around the "
            "clock, their days, hours and time zone: '3 mon-fri 08:00-17:00 Europe/Berlin'."
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known word, or an empty string."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def listed(words: Iterable[str]) -> str:
    """Return words as "a, b, c", or "nothing"."""
    return ", ".join(words) or "nothing"
