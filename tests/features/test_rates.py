"""Rates against a loop over columns: any columns, any parents, one row and many to the same bits."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.rates import COUNT, MEAN, PSEUDO_LEGS, SHARE, SPREAD, Column, Layout, Rates, Shrunk, rates_of

WIDE = 2049
"""A row more than is worked out at once."""


@st.composite
def shrunk(draw: st.DrawFn) -> Shrunk:
    number = draw(st.integers(1, 6))
    columns = [
        Column(
            draw(st.one_of(st.none(), st.integers(0, own - 1))) if own else None,
            (draw(st.sampled_from([0.2, 925.0])), draw(st.sampled_from([0.2, 5.0]))),
        )
        for own in range(number)
    ]
    wanted = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, number - 1)), min_size=1, max_size=12))
    return Shrunk(tuple(columns), tuple(wanted))


def worked_out(shrunk: Shrunk, told: list[float]) -> list[float]:
    """Go through the columns one after the other."""
    numbers: list[tuple[float, float, float, float]] = []
    for own, (parent, priors) in enumerate(shrunk.columns):
        count, first, second = told[3 * own : 3 * own + 3]
        one, other = priors if parent is None else numbers[parent][SHARE : MEAN + 1]
        share = (first + PSEUDO_LEGS * one) / (count + PSEUDO_LEGS)
        mean = (second + PSEUDO_LEGS * other) / (count + PSEUDO_LEGS)
        numbers.append((count, share, mean, sqrt(max(share - mean * mean, 0.0))))
    return [numbers[own][kind] for kind, own in shrunk.wanted]


@given(shrunk(), shrunk(), st.data())
def test_equal_a_loop_over_columns(one: Shrunk, other: Shrunk, data: st.DataObject) -> None:
    together = one.beside(other)
    count, total = st.integers(0, 500).map(float), st.integers(-(10**6), 10**6).map(float)
    columns = data.draw(st.lists(st.tuples(count, total, total), min_size=(n := len(together.columns)), max_size=n))
    told = [number for column in columns for number in column]
    expected = worked_out(one, told) + worked_out(other, told[3 * len(one.columns) :])
    layout = Layout(together)
    assert Rates(layout).of(np.array(told)).tolist() == expected
    assert Rates(layout, 2).of(np.array([told, told]).T).T.tolist() == [expected, expected]


def test_many_rows_are_worked_out_as_if_each_stood_alone() -> None:
    columns = (Column(None, (0.2, 5.0)), Column(0, (0.2, 5.0)))
    layout = Layout(Shrunk(columns, ((SPREAD, 1), (COUNT, 0), (MEAN, 1), (SHARE, 1))))
    told = np.random.default_rng(1).integers(0, 100, (WIDE, layout.width)).astype(np.float64)
    alone = Rates(layout)
    assert rates_of(layout, told).tolist() == [alone.of(row).tolist() for row in told]


def test_what_is_unknown_of_a_column_makes_its_numbers_unknown_and_no_others() -> None:
    layout = Layout(Shrunk((Column(None, (0.2, 5.0)), Column(0, (0.2, 5.0))), ((SHARE, 0), (SHARE, 1), (SPREAD, 1))))
    found = rates_of(layout, np.array([[4.0, 1.0, 8.0, np.nan, np.nan, np.nan]]))
    assert np.isnan(found).tolist() == [[False, True, True]]


def test_a_parent_stands_before_its_columns() -> None:
    with pytest.raises(ValueError, match="declare the parent first"):
        Layout(Shrunk((Column(1, (0.2, 5.0)), Column(None, (0.2, 5.0))), ((SHARE, 0),)))
