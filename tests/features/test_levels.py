"""Amounts that last against a loop over all of them: any amounts, any cutoffs, any bounds, on the edge and off it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.codes import NEVER
from features.errors import TimelineError
from features.levels import Levels, Ranked

Amount = tuple[int, int, int, int, int]
"""Key, start, end, rank, value."""

FAR = 2**53
"""A distance at which keys and times no longer fit one integer together, so that instants are ranked."""


@st.composite
def an_amount(draw: st.DrawFn) -> Amount:
    start = draw(st.integers(-20, 20))
    end = draw(st.one_of(st.just(NEVER), st.integers(start, 30)))
    return draw(st.integers(0, 3)), start, end, draw(st.integers(0, 6)), draw(st.integers(-9, 9))


amounts = st.lists(an_amount(), max_size=40)
asked = st.lists(st.tuples(st.integers(-1, 4), st.integers(-40, 60), st.integers(-1, 7)), min_size=1, max_size=20)


def columns(rows: list[tuple[int, ...]], width: int) -> list[np.ndarray]:
    return list(np.array(rows, dtype=np.int64).reshape(len(rows), width).T)


def lasting(told: list[Amount], key: int, cutoff: int, bound: int = 9) -> list[int]:
    values = [
        value for whose, start, end, rank, value in told if whose == key and start <= cutoff < end and rank <= bound
    ]
    return [len(values), sum(values)]


@given(amounts, asked, st.sampled_from([1, FAR]))
def test_levels_equal_a_loop(told: list[Amount], questions: list[tuple[int, int, int]], scale: int) -> None:
    keys, starts, ends, _, values = columns(told, 5)
    ends = np.where(ends == NEVER, NEVER, np.where(ends == NEVER, 0, ends) * scale)
    cutoffs = columns(questions, 3)[1]
    found = Levels(keys, starts * scale, ends, [values]).at(columns(questions, 3)[0], cutoffs * scale)
    assert found.tolist() == [lasting(told, key, cutoff) for key, cutoff, _ in questions]


@given(amounts, asked)
def test_ranked_equal_a_loop(told: list[Amount], questions: list[tuple[int, int, int]]) -> None:
    keys, starts, ends, ranks, values = columns(told, 5)
    found = Ranked(keys, starts, ends, ranks, [values]).at(*columns(questions, 3))
    assert found.tolist() == [lasting(told, *question) for question in questions]


def test_many_amounts_of_one_key_are_found_through_blocks_of_every_size() -> None:
    rng = np.random.default_rng(5)
    count = 3_000
    keys, starts, ranks = rng.integers(0, 2, count), rng.integers(0, 500, count), rng.integers(0, 300, count)
    ends, values = starts + rng.integers(0, 200, count), rng.integers(0, 50, count)
    told = list(zip(keys.tolist(), starts.tolist(), ends.tolist(), ranks.tolist(), values.tolist(), strict=True))
    questions = list(
        zip(rng.integers(0, 2, 60).tolist(), rng.integers(0, 700, 60).tolist(), [*range(0, 300, 5)], strict=True)
    )
    found = Ranked(keys, starts, ends, ranks, [values]).at(*columns(questions, 3))
    assert found.tolist() == [lasting(told, *question) for question in questions]


def test_refuses_what_it_cannot_hold() -> None:
    one, two = np.array([1]), np.array([1, 2])
    with pytest.raises(TimelineError, match=r"Found 1 keys and columns of \[2, 1, 1\]"):
        Levels(one, two, one, [one])
    with pytest.raises(TimelineError, match="not be negative"):
        Ranked(-one, one, one, one, [one])
