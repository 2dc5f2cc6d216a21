"""The facts of one key told and asked in turns, against a look at all of them: no answer is held beyond its time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import TimelineError
from features.held import MadeOf
from features.key_facts import AT_MOST_WAITING, KeyFacts
from features.key_spans import KeySpans
from features.timeline import NEVER

WINDOWS = (5, 20, 60)

facts = st.builds(
    lambda occurred, late, lasts, values: (occurred, occurred + late, NEVER if lasts is None else lasts, values),
    st.integers(0, 100),
    st.integers(-2, 12),
    st.one_of(st.none(), st.integers(0, 120)),
    st.tuples(st.integers(0, 1), st.integers(-50, 50)),
)
told_or_asked = st.lists(
    st.one_of(
        st.tuples(st.just("add"), facts), st.tuples(st.just("remove"), st.integers(0)),
        st.tuples(st.just("ask"), st.integers(0, 180)), st.tuples(st.just("ask"), st.integers(95, 125)),
    ),
    max_size=120,
)  # fmt: skip


def living(told: list, cutoff: int) -> list[int]:
    """Count by looking at every fact."""
    found = []
    for window in WINDOWS:
        alive = [
            values
            for occurred, known, until, values in told
            if max(occurred, known) <= cutoff < min(occurred + window, max(until, occurred))
        ]
        found += [len(alive), sum(first for first, _ in alive), sum(second for _, second in alive)]
    return found


@given(told_or_asked)
@settings(max_examples=60, deadline=None)
def test_what_is_told_between_two_questions_is_in_the_answer_to_the_second(steps: list) -> None:
    key, told = KeyFacts(WINDOWS), []
    doubled = MadeOf([key], lambda answers: [2 * number for number in answers[0]])
    for what, argument in steps:
        if what == "add":
            key.add(argument)
            told.append(argument)
        elif what == "remove" and told:
            key.remove(told.pop(argument % len(told)))
        elif what == "ask":
            assert list(key.at(argument)) == living(told, argument)
            assert doubled.at(argument) == [2 * number for number in living(told, argument)]
    assert len(key) == len(told)


def test_many_that_wait_are_put_in_order_together() -> None:
    key, told = KeyFacts(WINDOWS), [(100 - place, 101, NEVER, (1, place)) for place in range(3)]
    for fact in told:
        key.add(fact)
    assert list(key.at(101)) == living(told, 101)
    for place in range(3 * AT_MOST_WAITING):
        told.append((90 + place // 4, 102 + place // 9, NEVER, (place % 2, place)))
        key.add(told[-1])
    for cutoff in range(85, 180):
        assert list(key.at(cutoff)) == living(told, cutoff)


spans = st.tuples(st.integers(0, 30), st.integers(30, 60))


@given(st.lists(st.tuples(spans, spans, st.integers(0, 70)), max_size=20))
@settings(max_examples=30, deadline=None)
def test_what_lasts_otherwise_than_before_lasts_so_from_the_next_question_on(steps: list) -> None:
    key, now = KeySpans(), []
    for was, then, cutoff in steps:
        key.add(*was)
        assert key.at(cutoff) == sum(start <= cutoff < end for start, end in [*now, was])
        key.change(was, then)
        now.append(then)
        assert key.at(cutoff) == sum(start <= cutoff < end for start, end in now)
        assert key.last_start(cutoff) == max((start for start, _ in now if start <= cutoff), default=NEVER)


def test_a_span_that_was_not_added_is_not_changed() -> None:
    with pytest.raises(TimelineError, match="Nothing that starts or ends at 2"):
        KeySpans().change((1, 2), (1, 3))
