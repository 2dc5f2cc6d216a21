"""What was made of the answers of several keys, kept while each of them holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from features.timeline import NEVER

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
Made = TypeVar("Made")


class Holds(Protocol[T_co]):
    """Answers by cutoff, and holds its last answer with the instants between which that holds."""

    @property
    def held(self) -> tuple[int, int, T_co]:
        """Since when, until when, and what."""
        ...

    def at(self, cutoff: int) -> T_co:
        """Return the answer at the cutoff."""
        ...


class MadeOf(Generic[T, Made]):
    """Something that follows from the answers of several keys, and from nothing else.

    While every key holds the answer that it gave, and the cutoff lies where all of them hold, what was made of them is
    what would be made again. A key that is told something new holds no answer, or another one.
    """

    __slots__ = ("_answers", "_made", "_make", "_parts", "_since", "_until")

    def __init__(self, parts: Sequence[Holds[T]], make: Callable[[Sequence[T]], Made]) -> None:
        self._parts, self._make = parts, make
        self._since, self._until = NEVER, NEVER
        self._answers: list[tuple[int, int, T]] = []
        self._made: Any = None

    def at(self, cutoff: int) -> Made:
        """Return what is made of the answers at the cutoff."""
        if self._since <= cutoff < self._until and self._answers == [part.held for part in self._parts]:
            made: Made = self._made
            return made
        made = self._made = self._make([part.at(cutoff) for part in self._parts])
        held = self._answers = [part.held for part in self._parts]
        self._since = max(since for since, _, _ in held)
        self._until = min(until for _, until, _ in held)
        return made
