"""The only place that reads the clock. Everything else takes `now`, or one of these clocks, as an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)  # noqa: TID251  the one reader of the clock


class ManualClock:
    """A clock that stands still until it is told otherwise.

    Parameters
    ----------
    now
        The moment it shows at first; aware.
    """

    def __init__(self, now: datetime) -> None:
        self._now = _utc(now)

    def now(self) -> datetime:
        """Return the moment it was last set to."""
        return self._now

    def set(self, now: datetime) -> None:
        """Show `now` from here on; backwards is allowed."""
        self._now = _utc(now)

    def advance(self, by: timedelta) -> datetime:
        """Move on by `by` and return the new moment."""
        self._now += by
        return self._now


class FastClock:
    """Simulated time that runs `speed` times as fast as the real one.

    Parameters
    ----------
    start_at
        The simulated moment shown at `real_epoch`.
    speed
        Simulated seconds that pass in one real second; above 0.
    real_epoch
        The real moment at which the simulation began; the moment of creation if not given. Processes that are given
        the same values agree on the simulated time.
    until
        The simulated moment from which time goes on at the real pace; never if not given.
    real
        Where the real time comes from.
    """

    def __init__(
        self,
        start_at: datetime,
        speed: float,
        *,
        real_epoch: datetime | None = None,
        until: datetime | None = None,
        real: Clock | None = None,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"The clock's speed is {speed}; give a number above 0, e.g. 60 for a minute a second.")
        self._real = real or SystemClock()
        self.start_at = _utc(start_at)
        self.speed = speed
        self.real_epoch = _utc(real_epoch) if real_epoch is not None else self._real.now()
        self.until = None if until is None else _utc(until)

    def now(self) -> datetime:
        """Return the simulated moment in UTC."""
        passed = self._real.now() - self.real_epoch
        fast = self.start_at + passed * self.speed
        if self.until is None or fast <= self.until:
            return fast
        return self.until + passed - (self.until - self.start_at) / self.speed


class AwaitedClock:
    """Simulated time that stands still until somebody begins it, for all processes that wait for the same file.

    Parameters
    ----------
    epoch_file
        Holds the real moment at which the simulation begins, once `begin` has written it.
    start_at, speed, until, real
        As of `FastClock`.
    """

    def __init__(
        self,
        start_at: datetime,
        speed: float,
        *,
        epoch_file: Path,
        until: datetime | None = None,
        real: Clock | None = None,
    ) -> None:
        self._epoch_file = epoch_file
        self._real = real or SystemClock()
        self._clock = FastClock(start_at, speed, until=until, real=self._real)
        self._begun = False

    def now(self) -> datetime:
        """Return the simulated moment in UTC; its start as long as nobody has begun."""
        if not self._begun:
            try:
                self._clock.real_epoch = _utc(datetime.fromisoformat(self._epoch_file.read_text(encoding="ascii")))
            except FileNotFoundError:
                return self._clock.start_at
            self._begun = True
        return max(self._clock.now(), self._clock.start_at)

    def begin(self) -> None:
        """Let simulated time run from now on, in every process that waits for the file."""
        written = self._epoch_file.with_suffix(".new")
        written.write_text(self._real.now().isoformat(), encoding="ascii")
        written.replace(self._epoch_file)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; pass an aware time")
    return moment.astimezone(UTC)
