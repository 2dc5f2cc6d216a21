"""Values that stand for all others: for each fact, one value of every kind that the conditions can tell apart.

The conditions of a bundle compare facts with finitely many values, so its answers change at finitely many cut points.
What holds for a fact at each cut point, between each two and beyond the last, holds for every value it can have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Any

from routing.conditions import Condition, Leaf, leaves
from routing.facts import ORDERED, Declaration, FactType

Answers = tuple[bool | None, ...]
_ROWS_AT_MOST = 4096
_SOME_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a fact (None: unknown) and how it answers each of the questions about the fact."""

    value: Any
    answers: Answers


def samples_of(declaration: Declaration, questions: Sequence[Leaf]) -> tuple[Sample, ...]:
    """Return a sample for each way in which the questions can be answered, the unknown fact last.

    Samples of an ordered fact ascend, and only neighbours that answer alike are merged: the same answers may come back
    further up. Of any other fact each way comes once.
    """
    apart: list[Sample] = []
    seen: set[Answers] = set()
    ordered = declaration.type in ORDERED
    for value in _values(declaration, questions):
        answers = _answers(value, declaration.name, questions)
        if answers in seen if not ordered else apart and apart[-1].answers == answers:
            continue
        seen.add(answers)
        apart.append(Sample(value, answers))
    return (*apart, Sample(None, _answers(None, declaration.name, questions)))


def distinct(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Keep the first of the samples that answer alike."""
    return tuple({sample.answers: sample for sample in reversed(tuple(samples))}.values())[::-1]


def _answers(value: Any, name: str, questions: Sequence[Leaf]) -> Answers:
    known = {} if value is None else {name: value}
    return tuple(question.test(known) for question in questions)


def _values(declaration: Declaration, questions: Sequence[Leaf]) -> Iterator[Any]:
    bounds = {bound for question in questions if question.operator != "known" for bound in question.bounds}
    match declaration.type:
        case FactType.FLAG:
            yield from (False, True)
        case FactType.ENUMERATION:
            yield from declaration.values
        case FactType.TEXT:
            yield from sorted(bounds)
            yield "".join(("another", *sorted(bounds)))
        case FactType.LIST:
            yield from _lists(declaration, questions)
        case _:
            yield from _ordered(declaration, sorted(bounds))


def _ordered(declaration: Declaration, cuts: Sequence[Any]) -> Iterator[Any]:
    """Yield the cut points of an ordered fact, what lies between them and what lies beyond, ascending."""
    if declaration.type is FactType.PROBABILITY:
        cuts = sorted({0.0, *cuts, 1.0})
    elif not cuts:
        cuts = (_SOME_INSTANT,) if declaration.type is FactType.INSTANT else (0,)
    step: Any = timedelta(hours=1) if declaration.type is FactType.INSTANT else 1
    if declaration.type is not FactType.PROBABILITY:
        cuts = (cuts[0] - step, *cuts, cuts[-1] + step)
    yield cuts[0]
    for low, high in pairwise(cuts):
        between = low + (high - low) // 2 if declaration.type is FactType.MONEY_MINOR else low + (high - low) / 2
        if low < between < high:
            yield between
        yield high


def _lists(declaration: Declaration, questions: Sequence[Leaf]) -> Iterator[Any]:
    """Yield the empty list and lists of every length and every mixture of rows that is asked for."""
    lengths = sorted({1, *(question.bounds[0] for question in questions if question.operator == "rows_at_least")})
    inner = [question for question in questions if question.inner is not None]
    yield ()
    mixtures: dict[Answers, tuple[dict[str, Any], ...]] = {}
    for row in _rows(declaration, [question.inner for question in inner if question.inner is not None]):
        alone: dict[Answers, tuple[dict[str, Any], ...]] = {_answers((row,), declaration.name, inner): (row,)}
        for rows in list(mixtures.values()):
            together = (*rows, row)
            alone.setdefault(_answers(together, declaration.name, inner), together)
        mixtures = {**alone, **mixtures}
    for rows in mixtures.values():
        for length in lengths:
            yield rows + rows[-1:] * max(0, length - len(rows))


def _rows(declaration: Declaration, asked: Sequence[Condition]) -> Iterator[dict[str, Any]]:
    questions: dict[str, list[Leaf]] = {name: [] for name in declaration.columns}
    for condition in asked:
        for question, _ in leaves(condition):
            questions[question.fact].append(question)
    cells = [
        [sample.value for sample in samples_of(column, questions[name]) if sample.value is not None]
        for name, column in declaration.columns.items()
    ]
    for count, row in enumerate(product(*cells)):
        if count == _ROWS_AT_MOST:
            return
        yield dict(zip(declaration.columns, row, strict=True))
