from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from serving.clock import AwaitedClock, FastClock, ManualClock, SystemClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NAIVE = datetime(2026, 3, 1, 12)  # noqa: DTZ001


class TestSystemClock:
    def test_shows_the_time_of_the_machine_in_utc_and_never_goes_back(self) -> None:
        first, second = SystemClock().now(), SystemClock().now()
        assert first.tzinfo is UTC
        assert timedelta(0) <= second - first < timedelta(minutes=1)


class TestManualClock:
    def test_stands_still_until_it_is_told_otherwise(self) -> None:
        clock = ManualClock(NOON)
        assert clock.now() == clock.now() == NOON
        assert clock.advance(HOUR) == clock.now() == NOON + HOUR
        clock.set(NOON - HOUR)
        assert clock.now() == NOON - HOUR

    def test_shows_utc_whatever_zone_it_is_told(self) -> None:
        clock = ManualClock(NOON.astimezone(timezone(timedelta(hours=-7))))
        assert (clock.now(), clock.now().tzinfo) == (NOON, UTC)

    def test_refuses_a_time_without_a_zone(self) -> None:
        with pytest.raises(ValueError, match="pass an aware time"):
            ManualClock(NAIVE)
        with pytest.raises(ValueError, match="pass an aware time"):
            ManualClock(NOON).set(NAIVE)


class TestAwaitedClock:
    def test_stands_still_until_one_of_those_who_wait_for_the_file_begins(self, tmp_path: Path) -> None:
        real = ManualClock(EPOCH)
        one, other = (AwaitedClock(NOON, 60, epoch_file=tmp_path / "begun", real=real) for _ in range(2))
        real.advance(5 * SECOND)
        assert one.now() == other.now() == NOON
        one.begin()
        assert other.now() == NOON
        real.advance(SECOND)
        assert one.now() == other.now() == NOON + timedelta(minutes=1)

    def test_is_never_before_its_start(self, tmp_path: Path) -> None:
        real = ManualClock(EPOCH)
        clock = AwaitedClock(NOON, 60, epoch_file=tmp_path / "begun", real=real)
        clock.begin()
        real.set(EPOCH - SECOND)
        assert clock.now() == NOON

    def test_goes_on_at_the_real_pace_from_the_end_of_the_simulation(self, tmp_path: Path) -> None:
        real = ManualClock(EPOCH)
        clock = AwaitedClock(NOON, 3600, epoch_file=tmp_path / "begun", until=NOON + HOUR, real=real)
        real.advance(60 * SECOND)
        clock.begin()
        real.advance(11 * SECOND)
        assert clock.now() == NOON + HOUR + 10 * SECOND


class TestFastClock:
    def test_runs_so_many_times_as_fast_as_the_real_one(self) -> None:
        real = ManualClock(EPOCH)
        clock = FastClock(NOON, 3600, real=real)
        assert clock.now() == NOON
        real.advance(2 * SECOND)
        assert clock.now() == NOON + 2 * HOUR

    def test_two_that_are_given_the_same_epoch_agree(self) -> None:
        real = ManualClock(EPOCH + 5 * SECOND)
        one = FastClock(NOON, 60, real_epoch=EPOCH, real=real)
        real.advance(SECOND)
        other = FastClock(NOON, 60, real_epoch=EPOCH, real=real)
        assert one.now() == other.now() == NOON + timedelta(minutes=6)

    @pytest.mark.parametrize(
        ("real_seconds", "simulated"),
        [
            (9, NOON + 9 * HOUR),
            (10, NOON + 10 * HOUR),
            (11, NOON + 10 * HOUR + SECOND),
            (70, NOON + 10 * HOUR + 60 * SECOND),
        ],
    )
    def test_goes_on_at_the_real_pace_from_the_end_of_the_simulation(
        self, real_seconds: int, simulated: datetime
    ) -> None:
        real = ManualClock(EPOCH)
        clock = FastClock(NOON, 3600, until=NOON + 10 * HOUR, real=real)
        real.advance(real_seconds * SECOND)
        assert clock.now() == simulated

    @pytest.mark.parametrize("speed", [0, -1, float("nan")])
    def test_refuses_a_speed_that_is_none(self, speed: float) -> None:
        with pytest.raises(ValueError, match="give a number above 0"):
            FastClock(NOON, speed)

    def test_refuses_times_without_a_zone(self) -> None:
        with pytest.raises(ValueError, match="pass an aware time"):
            FastClock(NAIVE, 60)
        with pytest.raises(ValueError, match="pass an aware time"):
            FastClock(NOON, 60, real_epoch=NAIVE)
        with pytest.raises(ValueError, match="pass an aware time"):
            FastClock(NOON, 60, until=NAIVE)
