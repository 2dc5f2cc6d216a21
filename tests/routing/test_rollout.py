"""A rollout reaches the share it was given, and never lets go of whom it has reached."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routing.rollout import ALL, is_reached

NAMES = [f"SH-{number}" for number in range(20_000)]
shares = st.integers(min_value=0, max_value=ALL)


def reached(rollout_id: str, share: int) -> set[str]:
    return {name for name in NAMES if is_reached(name, rollout_id, share)}


@given(subject=st.text(max_size=20), rollout=st.text(max_size=20), one=shares, other=shares)
def test_who_is_reached_stays_so_as_the_share_grows(subject: str, rollout: str, one: int, other: int) -> None:
    if is_reached(subject, rollout, min(one, other)):
        assert is_reached(subject, rollout, max(one, other))


def test_nothing_is_nobody_and_all_is_everybody() -> None:
    assert reached("rol-1", 0) == set()
    assert len(reached("rol-1", ALL)) == len(NAMES)


def test_a_tenth_is_about_a_tenth_and_others_in_another_rollout() -> None:
    one, other = reached("rol-1", ALL // 10), reached("rol-2", ALL // 10)
    assert all(abs(len(each) - 2000) < 200 for each in (one, other))  # 4.7 standard deviations
    assert abs(len(one & other) - 200) < 65
