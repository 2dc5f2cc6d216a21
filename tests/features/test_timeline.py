"""The engine against a loop over all facts: any facts, any windows, any cutoffs, on the edge and off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import TimelineError
from features.live_latest import LiveLatest
from features.live_timeline import LiveSpans, LiveTimeline
from features.timeline import NEVER, Latest, Spans, Timeline
from tests.drawn import drawn

WINDOWS = (1, 5, 40)
FAR = 2**53
"""A distance at which keys and times no longer fit one integer together, so that instants are ranked."""


@dataclass(frozen=True)
class Fact:
    key: int
    occurred: int
    known: int
    late: int
    minutes: int


facts = st.lists(
    st.builds(
        Fact,
        key=st.integers(0, 3),
        occurred=st.integers(-30, 30),
        known=st.integers(-30, 60),
        late=st.integers(0, 1),
        minutes=st.integers(-1000, 1000),
    ),
    max_size=30,
)
asked = st.lists(st.tuples(st.integers(-1, 4), st.integers(-100, 200)), min_size=1, max_size=20)


def oracle(told: Sequence[Fact], key: int, cutoff: int, window: int) -> list[int]:
    """Count by looking at every fact: it has happened, it is known, and it is younger than the window."""
    counted = [
        fact
        for fact in told
        if fact.key == key and fact.occurred <= cutoff and fact.known <= cutoff and cutoff < fact.occurred + window
    ]
    return [len(counted), sum(fact.late for fact in counted), sum(fact.minutes for fact in counted)]


def column(told: Sequence[Fact], name: str) -> np.ndarray:
    return np.array([getattr(fact, name) for fact in told], dtype=np.int64)


def timeline_of(told: Sequence[Fact], scale: int = 1) -> Timeline:
    occurred, known = column(told, "occurred") * scale, column(told, "known") * scale
    values = [column(told, "late"), column(told, "minutes")]
    return Timeline(column(told, "key"), occurred, known, [window * scale for window in WINDOWS], values)


def put(line: LiveTimeline, fact: Fact) -> None:
    line.add(fact.key, (fact.occurred, fact.known, NEVER, (fact.late, fact.minutes)))


def take_back(line: LiveTimeline, fact: Fact) -> None:
    line.remove(fact.key, (fact.occurred, fact.known, NEVER, (fact.late, fact.minutes)))


class TestTimeline:
    @given(facts, asked)
    def test_equals_a_loop_over_all_facts(self, told: list[Fact], questions: list[tuple[int, int]]) -> None:
        keys = np.array([key for key, _ in questions], dtype=np.int64)
        cutoffs = np.array([cutoff for _, cutoff in questions], dtype=np.int64)
        answers = timeline_of(told).at(keys, cutoffs)
        for row, (key, cutoff) in enumerate(questions):
            for place, window in enumerate(WINDOWS):
                assert answers[row, place].tolist() == oracle(told, key, cutoff, window)

    @given(facts, asked)
    def test_equals_it_too_when_keys_and_times_do_not_fit_one_integer(
        self, told: list[Fact], questions: list[tuple[int, int]]
    ) -> None:
        keys = np.array([key for key, _ in questions], dtype=np.int64)
        cutoffs = np.array([cutoff for _, cutoff in questions], dtype=np.int64)
        answers = timeline_of(told, scale=FAR).at(keys, cutoffs * FAR)
        for row, (key, cutoff) in enumerate(questions):
            for place, window in enumerate(WINDOWS):
                assert answers[row, place].tolist() == oracle(told, key, cutoff, window)

    @given(facts, asked, st.randoms(use_true_random=False))
    def test_the_order_of_facts_and_of_questions_changes_nothing(self, told, questions, rng) -> None:
        keys = np.array([key for key, _ in questions], dtype=np.int64)
        cutoffs = np.array([cutoff for _, cutoff in questions], dtype=np.int64)
        before = timeline_of(told).at(keys, cutoffs)
        shuffled = list(told)
        rng.shuffle(shuffled)
        order = np.array(rng.sample(range(len(keys)), len(keys)))
        assert (timeline_of(shuffled).at(keys[order], cutoffs[order]) == before[order]).all()

    def test_a_fact_counts_from_the_instant_it_is_known_to_the_instant_its_window_ends(self) -> None:
        line = timeline_of([Fact(0, occurred=10, known=12, late=1, minutes=7)])
        counts = {cutoff: line.at(np.array([0]), np.array([cutoff]))[0, 1, 0] for cutoff in (10, 11, 12, 14, 15)}
        assert counts == {10: 0, 11: 0, 12: 1, 14: 1, 15: 0}

    def test_holds_no_fact_at_all(self) -> None:
        assert timeline_of([]).at(np.array([0]), np.array([0])).tolist() == [[[0, 0, 0]] * len(WINDOWS)]

    def test_refuses_what_it_cannot_hold(self) -> None:
        one = np.array([1])
        with pytest.raises(TimelineError, match="1 keys, 2 times of occurrence"):
            Timeline(one, np.array([1, 2]), one, WINDOWS, [one])
        with pytest.raises(TimelineError, match="not be negative"):
            Timeline(-one, one, one, WINDOWS, [one])
        with pytest.raises(TimelineError, match=r"longer than nothing. Found windows of \[5, 0\]"):
            Timeline(one, one, one, [5, 0], [one])

    @pytest.mark.parametrize("spots", [20_000, 50])
    def test_many_facts_are_put_in_order_whatever_the_order_they_come_in(self, spots: int) -> None:
        rng = np.random.default_rng(3)
        spot = rng.integers(-(2**50), 2**50, spots)  # few spots: many facts that differ in their last bits alone
        keys, occurred = rng.integers(0, 50, 20_000), spot[rng.integers(0, spots, 20_000)] + rng.integers(0, 64, 20_000)
        known = occurred + rng.integers(0, 2**47, 20_000)
        values = rng.integers(-9, 9, 20_000)
        asked_keys, cutoffs = rng.integers(0, 50, 40), rng.integers(-(2**50), 2**50, 40)
        answers = Timeline(keys, occurred, known, [2**48], [values]).at(asked_keys, cutoffs)
        for row, (key, cutoff) in enumerate(zip(asked_keys, cutoffs, strict=True)):
            alive = (keys == key) & (occurred <= cutoff) & (known <= cutoff) & (cutoff < occurred + 2**48)
            assert answers[row, 0].tolist() == [alive.sum(), values[alive].sum()]


spans = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-20, 20), st.one_of(st.integers(0, 30), st.just(NEVER))), max_size=25
)


def lasting(told: Sequence[tuple[int, int, int]], key: int, cutoff: int) -> int:
    return sum(whose == key and start <= cutoff < end_of(start, length) for whose, start, length in told)


def end_of(start: int, length: int) -> int:
    return NEVER if length == NEVER else start + length


class TestSpans:
    @given(spans, spans, asked, st.randoms(use_true_random=False))
    def test_both_kinds_equal_a_look_at_all_of_them(self, told, regretted, questions, rng) -> None:
        keys, starts = (np.array([entry[place] for entry in told], dtype=np.int64) for place in range(2))
        ends = np.array([end_of(start, length) for _, start, length in told], dtype=np.int64)
        counted = Spans(keys, starts, ends).at(
            np.array([key for key, _ in questions], dtype=np.int64), np.array([c for _, c in questions], dtype=np.int64)
        )
        one_by_one, in_bulk = LiveSpans(), LiveSpans()
        steps = [*told, *regretted]
        rng.shuffle(steps)
        for key, start, length in steps:
            one_by_one.add(key, start, end_of(start, length))
        for key, start, length in regretted:
            one_by_one.remove(key, start, end_of(start, length))
        in_bulk.add_many([0, 1, 2], keys, starts, ends)
        for row, (key, cutoff) in enumerate(questions):
            expected = lasting(told, key, cutoff)
            assert counted[row] == one_by_one.at(key, cutoff) == in_bulk.at(key, cutoff) == expected

    def test_one_without_an_end_lasts_for_ever(self) -> None:
        line = Spans(np.array([0]), np.array([5]), np.array([NEVER]))
        assert line.at(np.array([0, 0]), np.array([4, 10**15])).tolist() == [0, 1]

    def test_refuses_what_it_cannot_hold(self) -> None:
        one = np.array([1])
        with pytest.raises(TimelineError, match="1 keys, 2 starts"):
            Spans(one, np.array([1, 2]), one)
        with pytest.raises(TimelineError, match="not be negative"):
            Spans(-one, one, one)
        with pytest.raises(TimelineError, match="end before it starts"):
            Spans(one, one, one - 1)
        with pytest.raises(TimelineError, match="No span of key 1"):
            LiveSpans().remove(1, 2, 3)


class TestLiveTimeline:
    @given(facts, facts, asked, st.randoms(use_true_random=False))
    def test_equals_a_loop_over_what_was_added_and_not_taken_back(self, told, regretted, questions, rng) -> None:
        line = LiveTimeline(WINDOWS)
        steps = [*((put, fact) for fact in told), *((put, fact) for fact in regretted)]
        rng.shuffle(steps)
        for step, fact in steps:
            step(line, fact)
        for fact in rng.sample(regretted, len(regretted)):
            take_back(line, fact)
        assert len(line) == len(told)
        for key, cutoff in questions:
            expected = [number for window in WINDOWS for number in oracle(told, key, cutoff, window)]
            assert list(line.at(key, cutoff)) == expected

    @given(facts, facts, asked)
    def test_facts_added_in_bulk_are_the_same_facts(self, first, then, questions) -> None:
        line = LiveTimeline(WINDOWS)
        for fact in first:
            put(line, fact)
        names = sorted({fact.key for fact in then})
        codes = np.array([names.index(fact.key) for fact in then], dtype=np.int64)
        occurred, known = column(then, "occurred"), column(then, "known")
        values = np.stack([column(then, "late"), column(then, "minutes")], axis=1)
        line.add_many(names, codes, occurred, known, np.full(len(then), NEVER), values)
        for key, cutoff in questions:
            expected = [number for window in WINDOWS for number in oracle([*first, *then], key, cutoff, window)]
            assert list(line.at(key, cutoff)) == expected

    def test_knows_the_keys_it_holds(self) -> None:
        line = LiveTimeline(WINDOWS)
        put(line, Fact(3, 0, 0, 0, 0))
        assert 3 in line
        assert 4 not in line

    def test_nothing_is_taken_back_that_was_not_added(self) -> None:
        line = LiveTimeline(WINDOWS)
        with pytest.raises(TimelineError, match="No fact of key 1"):
            take_back(line, Fact(1, 0, 0, 0, 0))
        put(line, Fact(1, 0, 0, 0, 0))
        with pytest.raises(TimelineError, match="No fact at 9"):
            take_back(line, Fact(1, 9, 9, 0, 0))


observations = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-10, 10), st.integers(-10, 20)), max_size=25, unique_by=lambda o: o
)


def newest(told: Sequence[tuple[int, int, int]], key: int, cutoff: int) -> int:
    """Return the index of the newest observation known, -1 if there is none, by looking at all of them."""
    known = [
        (occurred, learnt, index)
        for index, (whose, occurred, learnt) in enumerate(told)
        if whose == key and max(occurred, learnt) <= cutoff
    ]
    return max(known)[2] if known else -1


class TestLatest:
    @given(observations, asked)
    def test_equals_a_look_at_all_observations(self, told, questions) -> None:
        keys, occurred, known = (np.array([entry[place] for entry in told], dtype=np.int64) for place in range(3))
        found = Latest(keys, occurred, known).at(
            np.array([key for key, _ in questions], dtype=np.int64), np.array([c for _, c in questions], dtype=np.int64)
        )
        assert found.tolist() == [newest(told, key, cutoff) for key, cutoff in questions]

    @given(observations, observations, asked, st.randoms(use_true_random=False))
    @drawn(36)
    def test_live_equals_it_whatever_is_taken_back(self, told, regretted, questions, rng) -> None:
        live = LiveLatest()
        steps = [(entry, float(index)) for index, entry in enumerate(told)] + [(entry, -5.0) for entry in regretted]
        rng.shuffle(steps)
        for (key, occurred, known), answer in steps:
            live.add(key, occurred, known, (answer,))
        for key, occurred, known in regretted:
            live.remove(key, occurred, known, (-5.0,))
        for key, cutoff in questions:
            index = newest(told, key, cutoff)
            assert live.at(key, cutoff) == (None if index < 0 else (float(index),))

    def test_nothing_is_taken_back_that_was_not_added(self) -> None:
        with pytest.raises(TimelineError, match="No observation of 'SEA'"):
            LiveLatest().remove("SEA", 1, 1, (0.0,))
