"""What held when, against a loop over the states known at every instant."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.codes import NEVER
from features.steps import Steps, runs, untils

State = tuple[int, int, int, int]
"""Key, occurred, known, content."""

states = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 8), st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=25
)


def steps_of(told: list[State]) -> Steps:
    keys, occurred, known, content = np.array(told, dtype=np.int64).T
    return Steps(keys, occurred, known, [content])


def in_force(told: list[State], key: int, cutoff: int) -> State | None:
    counted = [state for state in told if state[0] == key and state[1] <= cutoff and state[2] <= cutoff]
    return max(counted, key=lambda state: state[1:], default=None)


@given(states)
def test_the_state_in_force_is_the_newest_that_counts(told: list[State]) -> None:
    steps = steps_of(told)
    keys, cutoffs = (grid.ravel() for grid in np.meshgrid(np.arange(-1, 4), np.arange(-1, 15)))
    for row, key, cutoff in zip(steps.at(keys, cutoffs).tolist(), keys.tolist(), cutoffs.tolist(), strict=True):
        assert (None if row < 0 else told[row]) == in_force(told, key, cutoff)


@given(states)
def test_the_stretches_in_force_follow_one_another_without_a_gap(told: list[State]) -> None:
    steps = steps_of(told)
    for key in set(steps.keys.tolist()):
        own = steps.keys == key
        assert (steps.since[own] < steps.until[own]).all()
        assert steps.since[own][1:].tolist() == steps.until[own][:-1].tolist()
        assert steps.until[own][-1] == NEVER


def test_no_states_hold_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert Steps(none, none, none).at(np.array([0, -1]), np.array([5, 5])).tolist() == [-1, -1]
    assert runs(none, none).tolist() == []


def test_runs_begin_where_content_or_key_changes() -> None:
    keys, content = np.array([0, 0, 0, 1, 1]), np.array([7, 7, 8, 8, 8])
    assert runs(keys, content).tolist() == [0, 2, 3]
    assert untils(keys, np.array([1, 2, 3, 1, 2])).tolist() == [2, 3, NEVER, 2, NEVER]
