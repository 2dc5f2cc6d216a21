"""A circuit breaker: a target that keeps failing is left alone for a while, then asked once whether it is back."""

from __future__ import annotations

from datetime import datetime, timedelta


class CircuitBreaker:
    """Counts a target's failures in a row. Closed, it lets calls through; open, none; after the cool-down, one.

    Parameters
    ----------
    threshold
        So many failures in a row open it.
    cool_down
        How long it stays open before the one trial call; a failed trial opens it for as long again.
    """

    def __init__(self, *, threshold: int = 10, cool_down: timedelta = timedelta(seconds=30)) -> None:
        self.threshold = threshold
        self.cool_down = cool_down
        self._failures_in_a_row = 0
        self._in_flight = 0
        self._opened_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are held back (all, or all but the trial)."""
        return self._opened_at is not None

    def room(self, now: datetime) -> int | None:
        """Return how many calls may start now: None for any number, otherwise 0 or 1."""
        if self._opened_at is None:
            return None
        if now < self._opened_at + self.cool_down or self._in_flight:
            return 0
        return 1

    def open(self, now: datetime) -> None:
        """Open it at once: the target itself has asked to be left alone for a while."""
        self._opened_at = now

    def started(self) -> None:
        """Note that a call went out."""
        self._in_flight += 1

    def ended(self, *, well: bool | None, now: datetime) -> None:
        """Note how a call that went out ended; `well` is None if it says nothing about the target."""
        self._in_flight -= 1
        if well is None:
            return
        if well:
            self._failures_in_a_row = 0
            self._opened_at = None
            return
        self._failures_in_a_row += 1
        if self._opened_at is not None or self._failures_in_a_row >= self.threshold:
            self._opened_at = now
