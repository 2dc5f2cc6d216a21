"""What held when of one thing whose states are told one by one, in any order: the states of `features.steps`.

Of the states that count at an instant the greatest is in force: what happened last, of two that happened together the
one known last. So a state that counts from no earlier than a greater one is never in force, and is not kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from features.timeline import NEVER

State = tuple[Any, ...]
"""When it occurred and was known, in microseconds, and what it says; states of one thing can be compared."""
Span = tuple[int, int, State]
"""A state is in force on `[since, until)`."""

_NOTHING: tuple[list[Span], list[Span]] = ([], [])


def start_of(state: State) -> int:
    """Return when a state starts to count."""
    occurred, known = state[0], state[1]
    return int(known) if known > occurred else int(occurred)


class Rising:
    """The states of one thing that are ever in force, by when they start to count; each is greater than the last."""

    __slots__ = ("states",)

    def __init__(self) -> None:
        self.states: list[State] = []

    def add(self, state: State) -> tuple[list[Span], list[Span]]:
        """Take in a state; return which spans are no more, and which are in their place."""
        states, start = self.states, start_of(state)
        if states and states[-1] < state and start_of(states[-1]) < start:  # as most come
            before = states[-1]
            since = start_of(before)
            states.append(state)
            return [(since, NEVER, before)], [(since, start, before), (start, NEVER, state)]
        first = last = bisect_right(states, start, key=start_of)
        if first and states[first - 1] >= state:
            return _NOTHING
        if first and start_of(states[first - 1]) == start:
            first -= 1
        while last < len(states) and states[last] < state:
            last += 1
        begin = max(first - 1, 0)
        gone = list(self._spans(begin, last))
        states[first:last] = [state]
        return gone, list(self._spans(begin, first + 1))

    def at(self, cutoff: int) -> State | None:
        """Return the state in force at the cutoff; None before the first."""
        states = self.states
        if not states:
            return None
        if start_of(states[-1]) <= cutoff:
            return states[-1]
        place = bisect_right(states, cutoff, key=start_of)
        return states[place - 1] if place else None

    def spans(self) -> Iterator[Span]:
        """Yield every state with the span on which it is in force."""
        return self._spans(0, len(self.states))

    def _spans(self, begin: int, end: int) -> Iterator[Span]:
        states = self.states
        for place in range(begin, end):
            after = place + 1
            yield start_of(states[place]), start_of(states[after]) if after < len(states) else NEVER, states[place]
