"""How a review queue went, in figures that two bundles are compared by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Self

from routing.canonical import rfc3339
from routing.preview.queue import Course, Ending

_MINUTE = timedelta(minutes=1)
_NO = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """How a queue went; of all counts, `opened` is the whole.

    Attributes
    ----------
    opened, causes
        What was put before people, and how many of that were common causes: one for all that it holds.
    peak, peak_at
        The most that was open at once, and when that was first so.
    waited_median, waited_nine_in_ten
        How long half, and nine in ten, waited at most: until somebody began, nobody needed to any more, or the end.
    looked_at_late
        How many waited for longer than was promised.
    answered_too_late
        How many were not answered while what they ask was of use; of a cause, by when its playbook wants an answer.
    superseded, expired, left
        How many gave way to a newer decision, expired, or were open at the end.
    worked, staffed
        How long people were at items, and were there.
    """

    opened: int
    causes: int
    peak: int
    peak_at: datetime | None
    waited_median: timedelta
    waited_nine_in_ten: timedelta
    looked_at_late: int
    answered_too_late: int
    superseded: int
    expired: int
    left: int
    worked: timedelta
    staffed: timedelta

    @classmethod
    def of(cls, course: Course, *, first_look: timedelta) -> Self:
        """Sum up how a queue went.

        Parameters
        ----------
        first_look
            Within which time everything is to be looked at.
        """
        waited = sorted(course.until_looked_at(item) for item in course.items)
        endings = Counter(item.ending for item in course.items)
        return cls(
            opened=len(course.items),
            causes=sum(item.opened.is_cause for item in course.items),
            peak=course.peak,
            peak_at=course.peak_at,
            waited_median=_at_most(waited, tenths=5),
            waited_nine_in_ten=_at_most(waited, tenths=9),
            looked_at_late=sum(each > first_look for each in waited),
            answered_too_late=sum(course.is_too_late(item) for item in course.items),
            superseded=endings[Ending.SUPERSEDED],
            expired=endings[Ending.EXPIRED],
            left=endings[None],
            worked=course.worked,
            staffed=course.staffed,
        )

    @property
    def utilisation(self) -> float | None:
        """The share of their hours that people were at items; None if nobody was ever there."""
        return self.worked / self.staffed if self.staffed else None

    def share(self, count: int) -> float:
        """Return what share so many are of all that was opened; 0 if nothing was."""
        return count / self.opened if self.opened else 0.0

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types; times that something took are minutes, shares go from 0 to 1."""
        used = self.utilisation
        return {
            "opened": self.opened,
            "causes": self.causes,
            "open_at_peak": self.peak,
            "peak_at": None if self.peak_at is None else rfc3339(self.peak_at),
            "waited_minutes": {"p50": _minutes(self.waited_median), "p90": _minutes(self.waited_nine_in_ten)},
            "looked_at_late": {"count": self.looked_at_late, "share": round(self.share(self.looked_at_late), 4)},
            "answered_too_late": {
                "count": self.answered_too_late,
                "share": round(self.share(self.answered_too_late), 4),
            },
            "superseded": self.superseded,
            "expired": self.expired,
            "left_at_the_end": self.left,
            "worked_minutes": _minutes(self.worked),
            "staffed_minutes": _minutes(self.staffed),
            "utilisation": None if used is None else round(used, 4),
        }


def _at_most(waited: Sequence[timedelta], *, tenths: int) -> timedelta:
    """Return the least time that so many tenths of sorted times do not exceed; nothing if there are none."""
    return waited[ceil(len(waited) * tenths / 10) - 1] if waited else _NO


def _minutes(time: timedelta) -> float:
    return round(time / _MINUTE, 1)
