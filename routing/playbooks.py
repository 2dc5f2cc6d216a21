"""Playbooks: what is done when many cases have one cause, such as a carrier whose feed has gone silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from features.vocabulary import Branch
from routing.conditions import Condition
from routing.wording import Sentence

BETWEEN = " → "
"""What stands between the values of a scope that is known by several facts, such as a lane."""


class DrainOrder(StrEnum):
    """What of the held cases is decided anew first."""

    VALUE = "value"
    LATEST_USEFUL = "latest_useful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaring:
    """A cause is declared once so many cases show it within that time, and so large a share of those looked at."""

    at_least: int
    share_at_least: float
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A cause is over once, of at least so many cases looked at within that time, a smaller share shows it."""

    seen_at_least: int
    share_below: float
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentTerms:
    """Before whom the cause itself is put, whether they are called (`escalate`), and the time to answer."""

    branch: Branch
    to: str
    sla: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """How what was held is decided anew: so many within that time, in that order.

    `waits` is how long, from the end of the cause, a case waits for a budget that is used up.
    """

    at_most: int
    per: timedelta
    order: DrainOrder
    waits: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """One cause of many exceptions.

    `watches` are the facts by whose values cases belong together, `when` is what a case shows that has the cause,
    `suspends` are the branches that are held while it stands: for all cases of the scope, or with `only_showing` for
    those that show it. `rests` is how long it is not declared again after a person ended it.
    """

    name: str
    owner: str
    watches: tuple[str, ...]
    when: Condition
    declaring: Declaring
    ending: Ending
    suspends: frozenset[Branch]
    only_showing: bool
    parent: ParentTerms
    drain: Drain
    rests: timedelta
    sentence_staff: Sentence
    runbook: tuple[str, ...]

    def key_of(self, known: Mapping[str, Any]) -> str | None:
        """Return to which scope a case belongs; None if that is not known."""
        values: list[Any] = [known.get(name) for name in self.watches]
        return None if None in values else BETWEEN.join(values)

    def shows(self, known: Mapping[str, Any]) -> bool | None:
        """Tell whether a case shows the cause; None if that cannot be told."""
        return self.when.test(known)
