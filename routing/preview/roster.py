"""Who looks at the review queue, and when: so many people, on which days, between which hours of a place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from features.fields import is_zone
from routing.errors import RosterError

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = re.compile(r"[a-z]{3}(-[a-z]{3})?(,[a-z]{3}(-[a-z]{3})?)*")
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAY = timedelta(days=1)
REVIEWERS = "1"
"""Who looks at the queue if nobody says: one person around the clock."""
FIRST_LOOK_MINUTES = 60.0
"""Within how many minutes everything is to be looked at, if nobody says."""
MOST = 10_000
"""How many people a group has at most."""


class Span(NamedTuple):
    """A stretch of time for which a group is there: from `begins` until just before `ends`, in UTC."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A group of people who look at the queue at the same hours.

    Attributes
    ----------
    people
        How many they are.
    days
        On which weekdays they begin, Monday is 0.
    begins, ends
        From when until when after the midnight of `zone` with which the day begins, by the clock on the wall. Hours
        that end before they begin go on into the next day.
    words
        As it was written.
    """

    people: int
    days: frozenset[int]
    begins: timedelta
    ends: timedelta
    zone: ZoneInfo
    words: str

    @classmethod
    def parse(cls, text: str) -> Shift:
        """Read a group, e.g. `3`, `2 mon-fri 08:00-17:00 Europe/Berlin` or `1 sat,sun 22:00-06:00`.

        Without days they come each day, without hours they are there around the clock; hours are in UTC if no zone is
        given.

        Raises
        ------
        RosterError
            If it cannot be read.
        """
        count, *rest = text.split()[:5] or [""]
        people = int(count) if count.isascii() and count.isdecimal() else 0
        if not 1 <= people <= MOST:
            raise RosterError(text, f"'{count}' is no number of people from 1 to {MOST:,}")
        days, (begins, ends), zone = frozenset(range(7)), (timedelta(0), _DAY), ZoneInfo("UTC")
        if rest and _DAYS.fullmatch(rest[0]):
            days = _days(text, rest.pop(0))
        if rest and _HOURS.fullmatch(rest[0]):
            begins, ends = _hours(text, rest.pop(0))
        if rest and is_zone(rest[0]):
            zone = ZoneInfo(rest.pop(0))
        if rest:
            raise RosterError(text, f"'{rest[0]}' is neither days, nor hours, nor a time zone, or out of its turn")
        return cls(people=people, days=days, begins=begins, ends=ends, zone=zone, words=" ".join(text.split()))

    def __str__(self) -> str:
        """Say who is there when."""
        is_round = self.ends - self.begins == _DAY
        return f"{self.words} around the clock" if is_round and ":" not in self.words else self.words

    def spans(self, since: datetime, until: datetime) -> Iterator[Span]:
        """Yield when the group is there between two moments, in the order of time."""
        day = since.astimezone(self.zone).date() - _DAY
        while True:
            begins, ends = self._on(day, self.begins), self._on(day, self.ends)
            if begins >= until:
                return
            if day.weekday() in self.days and ends > since and ends > begins:
                yield Span(max(begins, since), min(ends, until))
            day += _DAY

    def _on(self, day: date, after_midnight: timedelta) -> datetime:
        """Return the moment of a time on the wall; where clocks are put back, the first of the two."""
        return (datetime.combine(day, time(), self.zone) + after_midnight).astimezone(UTC)


Roster = Sequence[Shift]
"""All groups that look at a queue."""


def _days(text: str, written: str) -> frozenset[int]:
    days: set[int] = set()
    for part in written.split(","):
        first, _, last = part.partition("-")
        unknown = [name for name in (first, last or first) if name not in _WEEK]
        if unknown:
            raise RosterError(text, f"'{unknown[0]}' is no weekday; they are {', '.join(_WEEK)}")
        begin, end = _WEEK.index(first), _WEEK.index(last or first)
        days.update(number % 7 for number in range(begin, (end if end >= begin else end + 7) + 1))
    return frozenset(days)


def _hours(text: str, written: str) -> tuple[timedelta, timedelta]:
    begins, ends = (timedelta(hours=int(part[:2]), minutes=int(part[3:])) for part in written.split("-"))
    if begins >= _DAY or ends > _DAY or any(int(part[3:]) > 59 for part in written.split("-")):
        raise RosterError(text, f"'{written}' are no hours of a day")
    return begins, ends if ends > begins else ends + _DAY
