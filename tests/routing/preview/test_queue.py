"""The queue of a preview goes as one that is worked through by hand, and as one that is walked minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.preview.queue import Closed, Course, Move, Opened, Restated, serve
from routing.preview.queue_figures import QueueFigures
from routing.preview.roster import Shift
from tests.drawn import drawn

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A Monday."""
HOUR = timedelta(hours=1)


def at(minutes: float) -> datetime:
    return EIGHT + timedelta(minutes=minutes)


def opened(
    name: str, minutes: int, *, stake: int = 1, takes: int = 10, by: int | None = None, until: int | None = None,
    subject: str | None = None, is_cause: bool = False,
) -> Opened:  # fmt: skip
    """Open an item so many minutes after eight; `by` and `until` are minutes after eight too."""
    return Opened(
        at=at(minutes),
        subject_id=subject or name,
        item_id=name,
        stake_minor=stake,
        rate=1,
        minutes=takes,
        answer_by=None if by is None else at(by),
        useful_until=None if until is None else at(until),
        is_cause=is_cause,
    )


def went(*moves: Move, reviewers: Sequence[str] = ("1",), lasts: int = 60) -> Course:
    return serve(moves, [Shift.parse(each) for each in reviewers], EIGHT, at(lasts))


def told(course: Course) -> dict[str, tuple[float | None, float | None, str | None]]:
    """Say of each item, by its name, after how many minutes it was looked at, was done, and how."""

    def minutes(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - EIGHT) / timedelta(minutes=1)

    return {
        each.opened.item_id: (minutes(each.looked_at), minutes(each.done_at), each.ending and each.ending.value)
        for each in course.items
    }


class TestWorkedThroughByHand:
    def test_whoever_is_free_takes_what_is_worth_most_then_what_is_oldest(self) -> None:
        course = went(opened("a", 0), opened("b", 1, stake=5), opened("c", 2, stake=9), opened("d", 3, stake=5))
        assert (
            told(course)
            == {
                "a": (0, 10, "answered"),  # nobody else was there yet
                "c": (10, 20, "answered"),
                "b": (20, 30, "answered"),
                "d": (30, 40, "answered"),
            }
            | {}
        )
        assert (course.peak, course.peak_at) == (4, at(3))
        assert (course.worked, course.staffed) == (timedelta(minutes=40), HOUR)

    def test_what_is_worth_as_much_and_as_old_goes_by_name(self) -> None:
        assert told(went(opened("b", 0), opened("a", 0)))["a"] == (0, 10, "answered")

    def test_two_take_two(self) -> None:
        course = went(opened("a", 0, takes=30), opened("b", 0), opened("c", 5), reviewers=["2"])
        assert told(course) == {"a": (0, 30, "answered"), "b": (0, 10, "answered"), "c": (10, 20, "answered")}
        assert course.staffed == 2 * HOUR

    def test_what_is_begun_is_finished_though_more_comes(self) -> None:
        course = went(opened("a", 0, takes=30), opened("b", 1, stake=99))
        assert told(course) == {"a": (0, 30, "answered"), "b": (30, 40, "answered")}

    def test_what_is_not_done_before_the_end_is_left(self) -> None:
        course = went(opened("a", 0, takes=40), opened("b", 1, takes=20), opened("c", 2))
        assert told(course) == {"a": (0, 40, "answered"), "b": (40, None, None), "c": (None, None, None)}
        assert course.worked == HOUR, "until the end, and no longer"

    def test_what_is_too_late_comes_after_what_is_not(self) -> None:
        course = went(opened("a", 0, takes=20), opened("b", 1, stake=99, by=20), opened("c", 2))
        assert told(course)["c"] == (20, 30, "answered")
        assert told(course)["b"] == (30, 40, "answered")
        assert [each.opened.item_id for each in course.items if course.is_too_late(each)] == ["b"]

    @pytest.mark.parametrize(("by", "is_too_late"), [(10, True), (11, False)])
    def test_an_answer_at_the_moment_itself_is_too_late(self, by: int, is_too_late: bool) -> None:
        course = went(opened("a", 0, by=by))
        assert course.is_too_late(course.items[0]) is is_too_late

    def test_what_was_too_late_from_the_beginning_is_nobodys_delay(self) -> None:
        course = went(opened("a", 5, by=5))
        assert told(course) == {"a": (5, 15, "answered")}
        assert not course.is_too_late(course.items[0])

    def test_what_nobody_begins_while_an_answer_is_of_use_expires(self) -> None:
        course = went(opened("a", 0, takes=20), opened("b", 1, by=5, until=15), opened("c", 2, by=5, until=25))
        assert told(course) == {"a": (0, 20, "answered"), "b": (None, 15, "expired"), "c": (20, 30, "answered")}

    def test_what_expires_the_moment_somebody_comes_is_gone(self) -> None:
        course = went(opened("a", 0, takes=20), opened("b", 1, by=5, until=20))
        assert told(course)["b"] == (None, 20, "expired")

    def test_a_newer_decision_takes_the_place_of_what_nobody_has_begun(self) -> None:
        course = went(opened("a", 0, takes=20), opened("b1", 1, subject="b"), opened("b2", 5, subject="b"))
        assert told(course) == {"a": (0, 20, "answered"), "b1": (None, 5, "superseded"), "b2": (20, 30, "answered")}
        assert course.peak == 2

    def test_what_somebody_is_at_stays_theirs(self) -> None:
        course = went(opened("a1", 0, subject="a"), opened("a2", 5, subject="a"))
        assert told(course) == {"a1": (0, 10, "answered"), "a2": (10, 20, "answered")}

    def test_what_is_closed_needs_nobody(self) -> None:
        course = went(opened("a", 0, takes=20), opened("b", 1), Closed(at(9), "b"), Closed(at(9), "a"))
        assert told(course) == {"a": (0, 20, "answered"), "b": (None, 9, "superseded")}

    def test_what_is_at_stake_by_now_counts(self) -> None:
        moves = [opened("a", 0, takes=20), opened("b", 1, stake=2), opened("c", 2, stake=1)]
        assert told(went(*moves))["b"] == (20, 30, "answered")
        assert told(went(*moves, Restated(at(9), "c", 3)))["c"] == (20, 30, "answered")
        assert told(went(*moves, Restated(at(9), "b", 0)))["c"] == (20, 30, "answered")

    def test_what_is_at_stake_by_now_counts_among_what_is_too_late(self) -> None:
        late = [opened(name, 1, stake=stake, by=5) for name, stake in (("b", 3), ("c", 2), ("d", 1))]
        course = went(opened("a", 0), *late, Restated(at(15), "c", 0))
        assert [told(course)[name][0] for name in "bcd"] == [10, 30, 20]

    def test_what_is_too_late_gives_way_as_well(self) -> None:
        late = [opened(name, 1, stake=stake, by=5) for name, stake in (("b", 3), ("c", 2), ("d", 1))]
        course = went(opened("a", 0), *late, Closed(at(15), "c"))
        assert [told(course)[name][0] for name in "bcd"] == [10, None, 20]

    def test_what_a_decision_closes_has_not_expired_at_that_moment(self) -> None:
        course = went(opened("a", 0, takes=20), opened("b", 1, by=5, until=15), Closed(at(15), "b"))
        assert told(course)["b"] == (None, 15, "superseded")

    def test_a_common_cause_comes_before_all_and_the_newest_first(self) -> None:
        causes = [opened(f"cause-{number}", number, is_cause=True, by=5) for number in (1, 2)]
        course = went(opened("a", 0, takes=20), opened("b", 1, stake=10**9), *causes)
        assert told(course) == {
            "a": (0, 20, "answered"),
            "b": (40, 50, "answered"),
            "cause-1": (30, 40, "answered"),
            "cause-2": (20, 30, "answered"),
        }

    def test_people_come_and_go_and_finish_what_they_began(self) -> None:
        shifts = ["1 mon 08:10-08:20", "1 mon 08:40-09:00"]
        course = went(opened("a", 0, takes=15), opened("b", 1, takes=5), reviewers=shifts)
        assert told(course) == {"a": (10, 25, "answered"), "b": (40, 45, "answered")}
        assert course.staffed == timedelta(minutes=30)

    def test_whoever_still_works_after_their_hours_does_not_take_the_place_of_who_comes(self) -> None:
        shifts = ["1 mon 08:00-08:10", "1 mon 08:10-08:20"]
        course = went(opened("a", 5, takes=30), opened("b", 6), reviewers=shifts)
        assert told(course) == {"a": (5, 35, "answered"), "b": (10, 20, "answered")}

    def test_where_nobody_is_there_all_of_it_waits(self) -> None:
        course = went(opened("a", 0), reviewers=["5 sun"])
        assert told(course) == {"a": (None, None, None)}
        assert QueueFigures.of(course, first_look=HOUR).utilisation is None

    def test_an_empty_one_is_told_as_empty(self) -> None:
        figures = QueueFigures.of(went(), first_look=HOUR)
        assert (figures.opened, figures.peak, figures.peak_at, figures.utilisation) == (0, 0, None, 0)
        assert figures.share(0) == 0


class TestFigures:
    def test_are_of_all_that_was_opened(self) -> None:
        course = went(
            opened("a", 0, takes=20),
            opened("cause", 1, is_cause=True, by=11, takes=10),
            opened("b1", 2, subject="b"),
            opened("b2", 5, subject="b", by=30),
            opened("c", 6, by=9, until=12),
            opened("d", 7, takes=30),
        )
        assert told(course) == {
            "a": (0, 20, "answered"),
            "cause": (20, 30, "answered"),
            "b1": (None, 5, "superseded"),
            "b2": (None, None, None),
            "c": (None, 12, "expired"),
            "d": (30, None, None),
        }
        assert QueueFigures.of(course, first_look=timedelta(minutes=23)).as_json() == {
            "opened": 6,
            "causes": 1,
            "open_at_peak": 5,
            "peak_at": "2026-03-02T08:07:00Z",
            "waited_minutes": {"p50": 6.0, "p90": 55.0},  # 0, 3, 6, 19, 23 and 55
            "looked_at_late": {"count": 1, "share": 0.1667},
            "answered_too_late": {"count": 3, "share": 0.5},  # the cause, b2 and c
            "superseded": 1,
            "expired": 1,
            "left_at_the_end": 2,
            "worked_minutes": 60.0,
            "staffed_minutes": 60.0,
            "utilisation": 1.0,
        }


@dataclass
class Walked:
    """An item, as the walk below keeps it; all numbers are minutes after eight."""

    opened: Opened
    stake: int
    looked_at: int | None = None
    done_at: int | None = None
    how: str | None = None

    @property
    def waits(self) -> bool:
        return self.looked_at is None and self.done_at is None

    def place(self, minute: int) -> tuple[object, ...]:
        """By what the queue is sorted, written down anew."""
        if self.opened.is_cause:
            return (0, -minutes_of(self.opened.at), self.opened.item_id)
        by = self.opened.answer_by
        is_too_late = by is not None and minutes_of(by) <= minute
        return (
            2 if is_too_late else 1,
            -self.stake * self.opened.rate,
            minutes_of(self.opened.at),
            self.opened.item_id,
        )


def minutes_of(moment: datetime) -> int:
    return round((moment - EIGHT) / timedelta(minutes=1))


@dataclass
class Walk:
    """A queue that is walked through minute by minute: slow, and plain to see."""

    moves: Sequence[Move]
    people: Sequence[tuple[int, int, int]]
    """Groups: how many, from which minute, until just before which."""
    lasts: int
    items: list[Walked] = field(default_factory=list)
    at_work: list[tuple[int, Walked]] = field(default_factory=list)
    """Who is at what: the group and the item."""
    open_at: list[tuple[int, int]] = field(default_factory=list)
    worked: int = 0

    def go(self) -> Walk:
        for minute in range(self.lasts):
            self._finish(minute)
            for move in self.moves:
                if minutes_of(move.at) == minute:
                    self._move(move, minute)
            for item in self.items:
                until = item.opened.useful_until
                if item.waits and until is not None and minutes_of(until) == minute:
                    item.done_at, item.how = minute, "expired"
            self._begin(minute)
            self.worked += len(self.at_work)
        return self

    def _finish(self, minute: int) -> None:
        for group, item in list(self.at_work):
            assert item.looked_at is not None
            if item.looked_at + item.opened.minutes == minute:
                item.done_at, item.how = minute, "answered"
                self.at_work.remove((group, item))

    def _move(self, move: Move, minute: int) -> None:
        same = [item for item in self.items if item.opened.subject_id == move.subject_id and item.waits]
        for item in same:
            if isinstance(move, Restated):
                item.stake = move.stake_minor
            else:
                item.done_at, item.how = minute, "superseded"
        if isinstance(move, Opened):
            self.items.append(Walked(move, move.stake_minor))
            self.open_at.append((minute, sum(item.done_at is None for item in self.items)))

    def _begin(self, minute: int) -> None:
        for number, (count, begins, ends) in enumerate(self.people):
            while begins <= minute < ends and sum(group == number for group, _ in self.at_work) < count:
                waiting = sorted((item for item in self.items if item.waits), key=lambda item: item.place(minute))
                if not waiting:
                    return
                waiting[0].looked_at = minute
                self.at_work.append((number, waiting[0]))


def drawn_move(draw: st.DrawFn, number: int, minute: int) -> Move:
    subject = f"S-{draw(st.integers(0, 5))}"
    match draw(st.integers(0, 7)):
        case 0:
            return Closed(at(minute), subject)
        case 1:
            return Restated(at(minute), subject, draw(st.integers(0, 4)))
    is_cause = draw(st.integers(0, 9)) == 0
    by = draw(st.none() | st.integers(minute - 2, minute + 30))
    until = None
    if by is not None and not is_cause:
        until = draw(st.none() | st.integers(max(by, minute + 1), by + 33))
    return opened(
        f"{draw(st.integers(0, 9))}-{number}",
        minute,
        stake=draw(st.integers(0, 4)),
        takes=draw(st.integers(1, 25)),
        by=by,
        until=until,
        subject=f"C-{number}" if is_cause else subject,
        is_cause=is_cause,
    )._replace(rate=draw(st.integers(0, 3)))


@st.composite
def queues(draw: st.DrawFn) -> tuple[list[Move], list[tuple[int, int, int]], int]:
    minutes = sorted(draw(st.lists(st.integers(0, 70), max_size=25)))
    moves = [drawn_move(draw, number, minute) for number, minute in enumerate(minutes)]
    groups = st.tuples(st.integers(1, 2), st.integers(0, 60), st.integers(1, 60))
    people = [(count, begins, begins + long) for count, begins, long in draw(st.lists(groups, max_size=3))]
    return moves, people, draw(st.integers(71, 120))


def shift(count: int, begins: int, ends: int) -> Shift:
    return Shift.parse(f"{count} mon {at(begins):%H:%M}-{at(ends):%H:%M}")


@drawn(150)
@given(queues())
def test_goes_as_one_that_is_walked_minute_by_minute(
    drawn_queue: tuple[list[Move], list[tuple[int, int, int]], int],
) -> None:
    moves, people, lasts = drawn_queue
    course = serve(moves, [shift(*group) for group in people], EIGHT, at(lasts))
    walk = Walk(moves, people, lasts).go()
    assert told(course) == {each.opened.item_id: (each.looked_at, each.done_at, each.how) for each in walk.items}
    most = max((count for _, count in walk.open_at), default=0)
    first = next((minute for minute, count in walk.open_at if count == most), None)
    assert (course.peak, course.peak_at) == (most, None if first is None else at(first))
    assert course.worked == timedelta(minutes=walk.worked)
    there = sum(count * max(min(ends, lasts) - begins, 0) for count, begins, ends in people)
    assert course.staffed == timedelta(minutes=there)
