"""What a check for leakage says: what was compared, what was found, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

SPLIT = "(split)"
"""Stands where a finding names no feature: it is the split that leaks, or the data set as a whole."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question that was answered in two ways, by the data as they are and by the data as the check left them.

    `subject` is what was asked about, such as "shipment S1". None stands for an unknown value.
    """

    subject: str
    moment: str
    cutoff_at: datetime
    as_it_is: float | None
    as_checked: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One feature that fails one check, a leak: no figure of a model made with it can be trusted.

    Attributes
    ----------
    feature
        Its name, or `SPLIT`.
    found, expected, to_do
        A sentence each.
    examples
        A few of the questions, where there are such.
    """

    feature: str
    check: str
    found: str
    expected: str
    to_do: str
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One check that was made: how much it compared, in its own unit, and how much of that failed.

    Attributes
    ----------
    skipped_because
        Why it was not made; empty if it was.
    """

    name: str
    meaning: str
    compared: int
    unit: str
    failed: int
    skipped_because: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """What was seen of one feature under every disturbance.

    Attributes
    ----------
    compared
        Answers compared by each check.
    differences
        By check, how many of them differed; none where it does not stand.
    newest_known, newest_occurred
        Age of the newest facts without which it was seen to change, by when they were known and by when they happened
        ("5 min", "1 h", …); empty if none of the last week moved it: it rests on the plan, or on older ones.
    """

    feature: str
    compared: int
    differences: Mapping[str, int]
    newest_known: str
    newest_occurred: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that was checked.

    Attributes
    ----------
    asked, cutoffs
        Size of the sample on which the clocks were checked: questions by what they are about.
    """

    asked: Mapping[str, int]
    cutoffs: int
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    trails: tuple[Trail, ...]
