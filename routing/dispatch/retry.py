"""When a failed call is tried again, and when it is not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from random import Random


class Fate(StrEnum):
    """What an answer means for a call."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


_RETRIED = frozenset({408, 425, 429})
_NOT_OURS_TO_MEND = frozenset({401, 403, 404, 405, 410})
_SECONDS = re.compile(r"[0-9]{1,9}")


def fate_of(status: int) -> Fate:
    """Return what an HTTP status means.

    2xx is delivered. 408, 425, 429 and 5xx are tried again, and so is a redirect, which is not followed but may be gone
    a moment later. Any other 4xx would be refused again: the call is a dead letter at once.
    """
    if 200 <= status < 300:
        return Fate.DELIVERED
    if status in _RETRIED or status >= 500 or status < 400:
        return Fate.RETRY
    return Fate.DEAD


def speaks_against_target(status: int) -> bool:
    """Return whether a status tells of the target as a whole, not of the one call: others would fare alike."""
    return fate_of(status) is Fate.RETRY or status in _NOT_OURS_TO_MEND


def asks_to_wait(status: int) -> bool:
    """Return whether a target that says when to come back, with this status, speaks of all calls (RFC 6585, 9110)."""
    return status in (429, 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter, and a budget.

    Before attempt n + 1 a call waits a random time between 0 and min(`longest`, `first` · 2ⁿ⁻¹). Full jitter spreads a
    crowd of failed calls best (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    Attributes
    ----------
    first
        Bound of the wait after the first failure.
    longest
        Bound of any wait.
    longest_retry_after
        The most that a target's `Retry-After` is honoured for.
    max_attempts
        After so many attempts the call is a dead letter.
    """

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=1)
    longest_retry_after: timedelta = timedelta(hours=6)
    max_attempts: int = 20

    def __post_init__(self) -> None:
        """Refuse a policy that could not wait or try."""
        if not timedelta(0) < self.first <= self.longest:
            raise ValueError(f"first ({self.first}) must be above 0 and at most longest ({self.longest})")
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}; at least 1 is needed")

    def wait(self, attempts: int, rng: Random, *, retry_after: timedelta | None = None) -> timedelta:
        """Return how long to wait after `attempts` failures (1 or more).

        A `retry_after` is waited for in full, up to its bound, with the jitter on top, so that those who were all told
        the same second do not come back in it together.
        """
        growth = 2.0 ** min(attempts - 1, 60)
        bound = self.longest if growth >= self.longest / self.first else self.first * growth
        jitter = bound * rng.random()
        if retry_after is None:
            return jitter
        return max(timedelta(0), min(retry_after, self.longest_retry_after)) + jitter

    def spent(self, attempts: int) -> bool:
        """Return whether `attempts` attempts are all there are."""
        return attempts >= self.max_attempts


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a `Retry-After` header: whole seconds or an HTTP date (RFC 9110 §10.2.3); None if absent or unreadable.

    `now` is real time, as the date in the header is. A date that is past means now.
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(timedelta(0), at - now)
