"""Keys that answer on one board, told and asked in turns, against a look at all of it: no answer outlives its time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from features import key_facts
from features.board import COUNT, NOTHING, SINCE, UNTIL, Board
from features.errors import TimelineError
from features.key_facts import AT_MOST_WAITING, Fact, KeyFacts
from features.key_spans import KeySpans
from features.timeline import NEVER
from tests.drawn import drawn

WINDOWS = (5, 20, 60)

facts = st.builds(
    lambda occurred, late, lasts, values: (occurred, occurred + late, NEVER if lasts is None else lasts, values),
    st.integers(0, 100),
    st.integers(-2, 12),
    st.one_of(st.none(), st.integers(0, 120)),
    st.tuples(st.integers(0, 1), st.integers(-50, 50), st.integers(0, 2500)),
)
keys = st.integers(0, 1)
instants = st.one_of(st.integers(0, 180), st.integers(95, 125))
told_or_asked = st.lists(
    st.one_of(
        st.tuples(st.just("add"), keys, facts), st.tuples(st.just("remove"), keys, st.integers(0)),
        st.tuples(st.just("revise"), keys, st.tuples(st.integers(0), st.integers(0, 120))),
        st.tuples(st.just("merge"), keys, st.lists(facts, min_size=1, max_size=4)),
        st.tuples(st.just("ask one"), keys, instants), st.tuples(st.just("ask"), st.none(), instants),
        st.tuples(st.just("ask"), st.none(), instants),
    ),
    max_size=120,
)  # fmt: skip


def living(told: list[Fact], cutoff: int) -> list[int]:
    """Count by looking at every fact."""
    found = []
    for window in WINDOWS:
        alive = [
            values
            for occurred, known, until, values in told
            if max(occurred, known) <= cutoff < min(occurred + window, max(until, occurred))
        ]
        found += [len(alive), *(sum(values[place] for values in alive) for place in range(3))]
    return found


def columns(told: list[Fact]) -> list[np.ndarray]:
    return [np.array(column, dtype=np.int64) for column in zip(*told, strict=True)]


LIKE_ANOTHER = (0, 0, NEVER, (0, 0, 0))


@given(told_or_asked)
@example(  # one that ceases when the last that passed did: the row was written before it was in order
    [
        *(("add", 0, LIKE_ANOTHER), ("ask", None, 5), ("add", 0, LIKE_ANOTHER), ("add", 1, LIKE_ANOTHER)),
        *(("remove", 0, 0), ("remove", 0, 0), ("ask", None, 5)),
    ]
)
@example([("add", 0, LIKE_ANOTHER), ("ask", None, 3), ("revise", 0, (0, 4)), ("ask", None, 3), ("ask", None, 4)])
@drawn(150)
def test_what_is_told_between_two_questions_is_in_the_answer_to_the_second(steps: list) -> None:
    _tell_and_ask(steps)


@given(told_or_asked)
@example([("add", 0, (place, 0, NEVER, (1, place, 0))) for place in (9, 8, 40, 41, 42, 3, 2, 1)] + [("ask", None, 60)])
@example(  # of two that cease at one instant, one in its turn and one beside, the first is taken out
    [
        (
            "merge",
            1,
            [LIKE_ANOTHER, (39, 39, NEVER, (0, 0, 1)), (40, 40, NEVER, (0, 0, 0)), (40, 40, NEVER, (0, 0, 0))],
        ),
        *(("add", 1, (47, 59, 0, (0, 0, 0))), ("remove", 1, 1), ("ask one", 1, 0), ("ask one", 1, 59)),
    ]
)
@drawn(100)
def test_nor_does_it_matter_from_where_on_an_instant_is_far_from_the_newest(steps: list) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_facts, "_FAR", 2)
        patch.setattr(key_facts, "AT_MOST_WAITING", 3)
        _tell_and_ask(steps)


def _tell_and_ask(steps: list) -> None:
    board = Board()
    both = [KeyFacts(WINDOWS, board, 3) for _ in range(2)]
    told: list[list[Fact]] = [[], []]
    for what, key, argument in steps:
        if what == "add":
            both[key].add(argument)
            told[key].append(argument)
        elif what == "merge":
            both[key].merge(*columns(argument))
            told[key] += argument
        elif what == "remove" and told[key]:
            both[key].remove(told[key].pop(argument % len(told[key])))
        elif what == "revise" and told[key]:
            occurred, known, _, values = fact = told[key].pop(argument[0] % len(told[key]))
            both[key].revise(fact, argument[1])
            told[key].append((occurred, known, argument[1], values))
        elif what == "ask one":
            assert list(both[key].at(argument)) == living(told[key], argument)
        elif what == "ask":
            rows = np.array([row for one in both for row in one.rows()])
            of_key = board.at(rows, argument)[:, COUNT : COUNT + 4].reshape(2, -1, 4)
            for one, known in zip(of_key, told, strict=True):
                assert (one[0] - one[1:]).ravel().tolist() == living(known, argument)
    assert [len(one) for one in both] == [len(known) for known in told]


def test_many_that_wait_are_put_in_order_together() -> None:
    key, told = KeyFacts(WINDOWS, Board(), 3), [(100 - place, 101, NEVER, (1, place, 0)) for place in range(3)]
    for fact in told:
        key.add(fact)
    assert list(key.at(101)) == living(told, 101)
    for place in range(3 * AT_MOST_WAITING):
        told.append((90 + place // 4, 102 + place // 9, NEVER, (place % 2, place, 0)))
        key.add(told[-1])
    for cutoff in range(85, 180):
        assert list(key.at(cutoff)) == living(told, cutoff)


spans = st.tuples(st.integers(0, 30), st.integers(1, 60)).map(lambda span: (span[0], span[0] + span[1]))
changes = st.tuples(st.sampled_from(["add", "remove", "change", "ask"]), spans, st.integers(0), st.integers(0, 70))


@given(st.lists(changes, max_size=60))
@drawn(150)
def test_what_lasts_otherwise_than_before_lasts_so_from_the_next_question_on(steps: list) -> None:
    board = Board()
    key, lasting = KeySpans(board), []
    for what, span, place, cutoff in steps:
        if what == "add":
            key.add(*span)
            lasting.append(span)
        elif lasting and what == "remove":
            key.remove(*lasting.pop(place % len(lasting)))
        elif lasting and what == "change":
            place %= len(lasting)
            key.change(lasting[place], span)
            lasting[place] = span
        else:
            expected = sum(start <= cutoff < end for start, end in lasting)
            assert board.at(np.array([key.row(), NOTHING]), cutoff)[:, COUNT].tolist() == [expected, 0]
            assert key.at(cutoff) == expected
            assert key.last_start(cutoff) == max((start for start, _ in lasting if start <= cutoff), default=NEVER)


def test_a_span_that_was_not_added_is_not_changed() -> None:
    with pytest.raises(TimelineError, match="Nothing that starts or ends at 2"):
        KeySpans(Board()).change((1, 2), (1, 3))


class Asked:
    """Says the same from 10 to 20 and counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def write(self, cutoff: int, cells: memoryview, begin: int) -> bool:
        self.times += 1
        cells[begin + SINCE], cells[begin + UNTIL], cells[begin + COUNT] = 10, 20, 7
        return False


def test_who_is_on_a_board_is_asked_again_only_when_the_answer_may_be_another_however_many_come() -> None:
    board, asked = Board(), Asked()
    row = board.put(asked)
    several = [KeySpans(board) for _ in range(300)]
    for start, key in enumerate(several):
        assert board.at(np.array([row]), 10 + start % 10)[:, COUNT].tolist() == [7]
        key.add(start, start + 100)
        key.row()
    assert asked.times == 1
    board.turn(row, 15)
    board.at(np.array([row]), 14)
    assert asked.times == 1
    board.at(np.array([row]), 15)
    assert asked.times == 2
    rows = np.array([key.row() for key in several])
    assert board.at(rows, 150)[:, COUNT].tolist() == [int(50 < start <= 150) for start in range(300)]


def test_the_answer_of_one_key_is_another_once_something_was_taken_back() -> None:
    key = KeyFacts(WINDOWS, Board(), 3)
    for _ in range(2):
        key.add(LIKE_ANOTHER)
    assert list(key.at(3)) == living([LIKE_ANOTHER] * 2, 3)
    key.remove(LIKE_ANOTHER)
    assert list(key.at(3)) == living([LIKE_ANOTHER], 3)
