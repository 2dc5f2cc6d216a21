"""Do features keep to what was known at the cutoff? The same questions are answered in worlds that differ after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.settings import FeatureSettings
from features.tables import RecordTables
from training.leakage.findings import Check, Example, Finding, Trail
from training.leakage.questions import Group, subjects_named
from training.leakage.worlds import DISTURBANCES, Cut, Disturbance, without_newest


class Matrix(Protocol):
    """Features of n questions: float64 [n, len(names)]."""

    @property
    def values(self) -> NDArray[np.float64]: ...
    @property
    def names(self) -> tuple[str, ...]: ...


Build = Callable[[RecordTables, pd.DataFrame, FeatureSettings], Matrix]
"""What makes features of tables and questions, as `features.build.build` does."""
Step = Callable[[str, int, int], None]
"""Called with (what, done, total) as the work goes on."""

AGES = (
    ("5 min", timedelta(minutes=5)),
    ("1 h", timedelta(hours=1)),
    ("6 h", timedelta(hours=6)),
    ("1 d", timedelta(days=1)),
    ("7 d", timedelta(days=7)),
)
"""How new the records are without which a feature is seen to change; one age a cutoff, in turn."""

_EXAMPLES = 3


@dataclass(slots=True)
class _Seen:
    """Answers that differed, by feature."""

    count: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)


def check_clocks(
    build: Build,
    tables: RecordTables,
    groups: Sequence[Group],
    settings: FeatureSettings,
    rng: np.random.Generator,
    step: Step = lambda *_: None,
) -> tuple[tuple[Check, ...], tuple[Finding, ...], tuple[Trail, ...]]:
    """Build the features of every question in every world, and compare them bit for bit with those of the whole data.

    A check can only fail where something could change: so the newest facts *before* the cutoff are taken away as well,
    and each trail tells how new the facts are on which its feature was seen to rest.
    """
    questions = pd.concat([group.questions for group in groups], ignore_index=True)
    matrix = build(tables, questions, settings)
    names = matrix.names
    seen = {disturbance.name: _Seen() for disturbance in DISTURBANCES}
    newest: dict[str, dict[str, int]] = {"known_at": {}, "occurred_at": {}}
    first, total = 0, len(groups) * (len(DISTURBANCES) + len(newest))
    for number, group in enumerate(groups):
        rows = slice(first, first + len(group.questions))
        first, whole = rows.stop, matrix.values[rows]
        cut = Cut.of(tables, group.cutoff, group.nearby, group.about)
        done = number * (len(DISTURBANCES) + len(newest))
        for place, disturbance in enumerate(DISTURBANCES):
            step(disturbance.name, done + place, total)
            values = build(disturbance.of(cut, rng), group.questions, settings).values
            _note(seen[disturbance.name], names, group.questions, whole, values)
        age = number % len(AGES)
        for place, (clock, found) in enumerate(newest.items()):
            step("what it rests on", done + len(DISTURBANCES) + place, total)
            values = build(without_newest(cut, AGES[age][1], clock), group.questions, settings).values
            for column in np.flatnonzero(differing(whole, values).any(axis=0)).tolist():
                found[names[column]] = min(found.get(names[column], age), age)
    step("what it rests on", total, total)
    compared = len(questions)
    checks = tuple(
        Check(one.name, one.meaning, compared * len(names), "answers", seen[one.name].count.total())
        for one in DISTURBANCES
    )
    findings = tuple(
        _finding(one, feature, seen[one.name], compared) for one in DISTURBANCES for feature in seen[one.name].count
    )
    trails = tuple(
        Trail(
            feature=name,
            compared=compared,
            differences={check: some.count[name] for check, some in seen.items() if some.count[name]},
            newest_known=_age(newest["known_at"].get(name)),
            newest_occurred=_age(newest["occurred_at"].get(name)),
        )
        for name in names
    )
    return checks, findings, trails


def differing(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell where two arrays differ in any bit; two values that are not known are the same."""
    unlike = np.ascontiguousarray(one).view(np.int64) != np.ascontiguousarray(other).view(np.int64)
    return np.asarray(unlike & ~(np.isnan(one) & np.isnan(other)))


def _note(
    seen: _Seen,
    names: Sequence[str],
    questions: pd.DataFrame,
    whole: NDArray[np.float64],
    values: NDArray[np.float64],
) -> None:
    unlike = differing(whole, values)
    for column in np.flatnonzero(unlike.any(axis=0)).tolist():
        rows = np.flatnonzero(unlike[:, column])
        seen.count[names[column]] += len(rows)
        examples = seen.examples.setdefault(names[column], [])
        for row in rows[: _EXAMPLES - len(examples)]:
            asked = questions.iloc[row]
            instant = asked["cutoff_at"].to_pydatetime()
            pair = (_known(whole[row, column]), _known(values[row, column]))
            (subject,) = subjects_named(questions.iloc[[row]])
            examples.append(Example(subject, asked["moment"], instant, *pair))


def _finding(disturbance: Disturbance, feature: str, seen: _Seen, compared: int) -> Finding:
    examples = seen.examples[feature]
    example = examples[0]
    return Finding(
        feature=feature,
        check=disturbance.name,
        found=f"{seen.count[feature]} of {compared} answers changed when {disturbance.meaning}: for "
        f"{example.subject} at {example.cutoff_at:%Y-%m-%d %H:%M:%S} UTC from "
        f"{_worded(example.as_it_is)} to {_worded(example.as_checked)}.",
        expected="The same bits, whatever comes after the cutoff.",
        to_do=disturbance.to_do,
        examples=tuple(examples),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _worded(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.9g}"


def _age(place: int | None) -> str:
    return "" if place is None else AGES[place][0]
