"""Until when a state of a thing is held, where of those that count the one that was told last holds.

States count from when they are both past and known. One that says what will have been done tomorrow ends none before
tomorrow; and if another is told meanwhile, it never counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from features.codes import NEVER, Ints
from features.steps import untils


def held_until(keys: Ints, starts: Ints) -> Ints:
    """Return until when each state is held, `NEVER` for the last of a thing; one that never is has no more than that.

    Parameters
    ----------
    keys : int64 [n]
        Whose state it is; those of one thing together, in the order in which they were told.
    starts : int64 [n]
        From when on each counts.
    """
    until = untils(keys, starts)
    same = keys[1:] == keys[:-1]
    while (sooner := same & (until[1:] < until[:-1])).any():
        until[:-1][sooner] = until[1:][sooner]
    return until


def held_until_of_one(starts: Sequence[int]) -> list[int]:
    """Return `held_until` the states of one thing."""
    until, end = [], NEVER
    for start in reversed(starts):
        until.append(end)
        end = min(end, start)
    return until[::-1]
