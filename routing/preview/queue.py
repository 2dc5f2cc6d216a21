"""The review queue as it would be: who is asked what when, and a number of people who take what is worth most.

An exact simulation from event to event. Whoever is there and free takes the first item in the order of the queue
(`routing.priority.order_of`), common causes before all; an item that was begun is finished. A newer decision about the
same subject takes the place of an item that nobody has begun, and what nobody has begun while an answer was of use
expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from heapq import heappop, heappush
from typing import NamedTuple

from routing.preview.roster import Roster, Span
from routing.priority import Rank, order_of, worth_of

_Order = tuple[int, int, datetime, str]
_BEFORE_ALL = -1
"""The rank of common causes: before `Rank.FREE`."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Opened(NamedTuple):
    """Something is put before people: an item, or a common cause.

    Attributes
    ----------
    stake_minor, rate
        What is at stake, in minor units, and the millionths of it that a minute saves.
    minutes
        How long a person needs for it.
    answer_by
        Until when an answer is of use as it is asked for: an item's suggestion until its latest useful moment; None if
        it always is. Of a cause, by when its playbook wants one.
    useful_until
        From when on no other answer is of use either: who still waits then expires; None if one always is.
    """

    at: datetime
    subject_id: str
    item_id: str
    stake_minor: int
    rate: int
    minutes: float
    answer_by: datetime | None = None
    useful_until: datetime | None = None
    is_cause: bool = False


class Closed(NamedTuple):
    """What nobody has begun of a subject needs nobody any more."""

    at: datetime
    subject_id: str


class Restated(NamedTuple):
    """What is at stake in the items of a subject is something else by now."""

    at: datetime
    subject_id: str
    stake_minor: int


Move = Opened | Closed | Restated
"""What a decision does to the queue."""


class Ending(StrEnum):
    """How an item leaves the queue."""

    ANSWERED = "answered"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


@dataclass(slots=True)
class Waited:
    """What became of an item: when somebody began with it, when it was done, and how; None if that did not come."""

    opened: Opened
    looked_at: datetime | None = None
    done_at: datetime | None = None
    ending: Ending | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a queue went from `since` until just before `until`.

    Attributes
    ----------
    items
        All that was opened, in the order of time.
    peak, peak_at
        The most items that were open at once, whether somebody was at them or not, and when that was first so.
    worked, staffed
        How long people were at items, and how long they were there, added up. Who finishes an item after their hours
        works longer than they are there.
    """

    items: Sequence[Waited]
    since: datetime
    until: datetime
    peak: int
    peak_at: datetime | None
    worked: timedelta
    staffed: timedelta

    def until_looked_at(self, item: Waited) -> timedelta:
        """Return how long an item waited: for somebody to begin, until nobody needed to any more, or until the end."""
        return (item.looked_at or item.done_at or self.until) - item.opened.at

    def is_too_late(self, item: Waited) -> bool:
        """Tell whether an item was not answered while what it asks was of use, though it was when it was opened."""
        by = item.opened.answer_by
        return by is not None and item.opened.at < by <= (item.done_at or self.until)


def serve(moves: Iterable[Move], roster: Roster, since: datetime, until: datetime) -> Course:
    """Let a number of people look at a queue that begins empty.

    Parameters
    ----------
    moves
        What happens to the queue, in the order of the chain; all of it between `since` and `until`.
    roster
        Who is there when.
    """
    floor = _Floor(roster, since, until)
    floor.run(sorted(moves, key=lambda move: move.at))
    return floor.course()


class _Kind(IntEnum):
    """What happens first at one moment. Decisions come after those who finish or come, before what expires."""

    FINISHES = 0
    GOES = 1
    COMES = 2
    EXPIRES = 3


class _Event(NamedTuple):
    """Something that comes by itself: `who` is the place of an item, or of a group."""

    at: datetime
    kind: _Kind
    who: int


@dataclass(slots=True)
class _Group:
    """The people of a group: how many are there, and how many of them are at something."""

    people: int
    is_there: bool = False
    busy: int = 0

    @property
    def has_time(self) -> bool:
        return self.is_there and self.busy < self.people


@dataclass(slots=True)
class _Floor:
    """All that is so at one moment.

    `_unbegun` is the item that waits of each subject, of which there is one at most. `_orders` holds by item its place
    by now: an entry of a heap that is another one is old.
    """

    roster: Roster
    since: datetime
    until: datetime
    items: list[Waited] = field(default_factory=list)
    peak: int = 0
    peak_at: datetime | None = None
    worked: timedelta = timedelta(0)
    staffed: timedelta = timedelta(0)
    _is_open: int = 0
    _groups: list[_Group] = field(default_factory=list)
    _taken_by: dict[int, _Group] = field(default_factory=dict)
    _events: list[_Event] = field(default_factory=list)
    _waiting: list[tuple[_Order, int]] = field(default_factory=list)
    _too_late: list[tuple[_Order, int]] = field(default_factory=list)
    _orders: list[_Order] = field(default_factory=list)
    _unbegun: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, shift in enumerate(self.roster):
            self._groups.append(_Group(shift.people))
            for span in shift.spans(self.since, self.until):
                self._plan(place, shift.people, span)

    def _plan(self, place: int, people: int, span: Span) -> None:
        heappush(self._events, _Event(span.begins, _Kind.COMES, place))
        heappush(self._events, _Event(span.ends, _Kind.GOES, place))
        self.staffed += people * (span.ends - span.begins)

    def run(self, moves: Sequence[Move]) -> None:
        """Go from one moment at which something happens to the next."""
        events, place, count = self._events, 0, len(moves)
        while True:
            now = moves[place].at if place < count else self.until
            if events and events[0].at < now:
                now = events[0].at
            if now >= self.until:
                return
            while events and events[0].at == now and events[0].kind is not _Kind.EXPIRES:
                self._happens(heappop(events))
            while place < count and moves[place].at == now:
                self._moves(moves[place])
                place += 1
            while events and events[0].at == now:
                self._happens(heappop(events))
            self._begin(now)

    def course(self) -> Course:
        """Return how it went."""
        return Course(
            items=self.items,
            since=self.since,
            until=self.until,
            peak=self.peak,
            peak_at=self.peak_at,
            worked=self.worked,
            staffed=self.staffed,
        )

    def _happens(self, event: _Event) -> None:
        match event.kind:
            case _Kind.FINISHES:
                self._taken_by.pop(event.who).busy -= 1
                self._leaves(event.who, event.at, Ending.ANSWERED)
            case _Kind.GOES:
                self._groups[event.who].is_there = False
            case _Kind.COMES:
                self._groups[event.who].is_there = True
            case _Kind.EXPIRES:
                if self._is_unbegun(event.who):
                    del self._unbegun[self.items[event.who].opened.subject_id]
                    self._leaves(event.who, event.at, Ending.EXPIRED)

    def _moves(self, move: Move) -> None:
        match move:
            case Opened():
                self._close(move.subject_id, move.at)
                self._open(move)
            case Closed():
                self._close(move.subject_id, move.at)
            case Restated():
                number = self._unbegun.get(move.subject_id)
                if number is not None:
                    item = self.items[number]
                    item.opened = item.opened._replace(stake_minor=move.stake_minor)
                    self._orders[number] = self._place(item.opened, number)

    def _open(self, opened: Opened) -> None:
        number = len(self.items)
        self.items.append(Waited(opened))
        self._orders.append(self._place(opened, number))
        self._unbegun[opened.subject_id] = number
        if opened.useful_until is not None:
            heappush(self._events, _Event(opened.useful_until, _Kind.EXPIRES, number))
        self._is_open += 1
        if self._is_open > self.peak:
            self.peak, self.peak_at = self._is_open, opened.at

    def _close(self, subject_id: str, now: datetime) -> None:
        """Close what waits of a subject; what somebody is at stays theirs."""
        number = self._unbegun.pop(subject_id, None)
        if number is not None:
            self._leaves(number, now, Ending.SUPERSEDED)

    def _leaves(self, number: int, now: datetime, ending: Ending) -> None:
        item = self.items[number]
        item.done_at, item.ending = now, ending
        self._is_open -= 1

    def _begin(self, now: datetime) -> None:
        """Let everybody who is there and free begin with something."""
        for group in self._groups:
            while group.has_time:
                number = self._next(now)
                if number is None:
                    return
                item = self.items[number]
                ends = now + timedelta(minutes=item.opened.minutes)
                item.looked_at = now
                del self._unbegun[item.opened.subject_id]
                self.worked += (ends if ends < self.until else self.until) - now
                group.busy += 1
                self._taken_by[number] = group
                heappush(self._events, _Event(ends, _Kind.FINISHES, number))

    def _next(self, now: datetime) -> int | None:
        """Take the first item of the queue out of those that nobody has begun."""
        while self._waiting:
            order, number = heappop(self._waiting)
            if order is not self._orders[number] or not self._is_unbegun(number):
                continue
            opened = self.items[number].opened
            if opened.is_cause or opened.answer_by is None or opened.answer_by > now:
                return number
            self._orders[number] = order = _order(opened, Rank.TOO_LATE)
            heappush(self._too_late, (order, number))
        while self._too_late:
            order, number = heappop(self._too_late)
            if order is self._orders[number] and self._is_unbegun(number):
                return number
        return None

    def _place(self, opened: Opened, number: int) -> _Order:
        """Put an item in its place by what is at stake; if it is too late, it is found to be so in its turn."""
        order = _order(opened, Rank.FREE)
        heappush(self._waiting, (order, number))
        return order

    def _is_unbegun(self, number: int) -> bool:
        return self._unbegun.get(self.items[number].opened.subject_id) == number


def _order(opened: Opened, rank: Rank) -> _Order:
    """Return what an item is sorted by; of common causes the newest comes first."""
    if opened.is_cause:
        return (_BEFORE_ALL, (_EPOCH - opened.at) // timedelta(microseconds=1), opened.at, opened.item_id)
    return order_of(rank, worth_of(opened.stake_minor, opened.rate), opened.at, opened.item_id)
