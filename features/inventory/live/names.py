"""Numbers for the names that records tell, given as they come, and first and newest times by number."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.codes import Ints
from features.timeline import NEVER

Name = TypeVar("Name", bound=Hashable)


class Numbers(Generic[Name]):
    """A number, from 0, for each name."""

    __slots__ = ("_number", "names")

    def __init__(self) -> None:
        self._number: dict[Name, int] = {}
        self.names: list[Name] = []

    def of(self, name: Name) -> int:
        """Return the number of a name, a new one if it was not told before."""
        number = self._number.get(name)
        if number is None:
            number = self._number[name] = len(self.names)
            self.names.append(name)
        return number

    def known(self, name: Name) -> int:
        """Return the number of a name, -1 if it was not told before."""
        return self._number.get(name, -1)

    def __len__(self) -> int:
        return len(self.names)


class Articles(Numbers[tuple[str, str, str]]):
    """A number for each article: place, sku and unit. Quantities of two units do not add up."""

    __slots__ = ("_of_sku",)

    def __init__(self) -> None:
        super().__init__()
        self._of_sku: dict[tuple[str, str], list[int]] = {}

    def of(self, name: tuple[str, str, str]) -> int:
        """Return the number of an article, a new one if it was not told before."""
        before = len(self.names)
        number = super().of(name)
        if number == before:
            self._of_sku.setdefault(name[1:], []).append(number)
        return number

    def elsewhere(self, article: int) -> Sequence[int]:
        """Return the articles of the same sku and unit at other places."""
        return [other for other in self._of_sku[self.names[article][1:]] if other != article]


class First:
    """From when on anything has been told of each key: `features.inventory.asked_lines.FirstTold`."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def note(self, key: int, start: int) -> None:
        """Take in that something counts from an instant on."""
        self._first[key] = min(self._first.get(key, NEVER), start)

    def told(self, keys: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether anything had been told of each key by its cutoff: bool [q]."""
        first = [self._first.get(key, NEVER) for key in keys.tolist()]
        return np.array(first, dtype=np.int64) <= cutoffs


class Last:
    """When something happened last of each key, of what is known; it is never taken back."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[int, tuple[array[int], array[int]]] = {}

    def note(self, key: int, occurred: int, start: int) -> None:
        """Take in that something happened, and from when on that counts."""
        starts, newest = self._by_key.setdefault(key, (array("q"), array("q")))
        place = bisect_right(starts, start)
        if place and newest[place - 1] >= occurred:
            return
        starts.insert(place, start)
        newest.insert(place, occurred)
        end = place + 1
        while end < len(newest) and newest[end] <= occurred:
            end += 1
        del starts[place + 1 : end], newest[place + 1 : end]

    def at(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Return when it happened last, `NEVER` where it never did: int64 [q]."""
        return np.array([self._one(*asked) for asked in zip(keys.tolist(), cutoffs.tolist(), strict=True)], np.int64)

    def _one(self, key: int, cutoff: int) -> int:
        held = self._by_key.get(key)
        if held is None:
            return NEVER
        place = bisect_right(held[0], cutoff)
        return held[1][place - 1] if place else NEVER


def gathered(width: int, answer: Callable[..., Sequence[int]], *asked: Ints) -> Ints:
    """Return the answer to each question, asked once of those that are alike: int64 [q, width].

    Parameters
    ----------
    asked : columns of int64 [q]
        A question is one number of each.
    """
    found: dict[tuple[int, ...], Sequence[int]] = {}
    answers = np.empty((len(asked[0]), width), dtype=np.int64)
    for row, question in enumerate(zip(*(column.tolist() for column in asked), strict=True)):
        if question not in found:
            found[question] = answer(*question)
        answers[row] = found[question]
    return answers
