"""How many messages go out: one for all cases that are told together, none where nobody is left to be told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from routing.preview.world import Message


class Grouped(NamedTuple):
    """With what a case is told: the values that it shares, in canonical JSON, when, and whether a message waited."""

    by: str
    joins: bool
    sends_at: datetime


@dataclass(slots=True)
class Telling:
    """Counts the messages of decisions that are told of one after the other, in the order of time."""

    count: int = 0
    _open: dict[str, Message] = field(default_factory=dict)
    _untold: dict[str, Message] = field(default_factory=dict)

    def decided(self, subject_id: str, at: datetime) -> None:
        """Take back what a subject still waits to be told of, as it is decided about anew."""
        message = self._untold.pop(subject_id, None)
        if message is not None and at < message.sends_at:
            message.cases -= 1
            self.count -= not message.cases

    def told(
        self, subject_id: str, at: datetime, grouped: Grouped | None, *, in_shadow: bool, at_most: int | None = None
    ) -> None:
        """Count in that a customer is told: alone, with a message that waits, or with one that waits from now on.

        Parameters
        ----------
        in_shadow
            Nothing waits for what a bundle in shadow decides; it joins what its earlier decisions would have opened.
        at_most
            Of how many cases such a message tells; then it goes out, and the next case opens another one.
        """
        if grouped is None:
            self.count += 1
            return
        message = self._open.get(grouped.by)
        waits = message is not None and at < message.sends_at
        if message is None or not (grouped.joins or (in_shadow and waits)):
            message = self._open[grouped.by] = Message(grouped.sends_at)
        message.sends_at = min(message.sends_at, grouped.sends_at) if in_shadow else grouped.sends_at
        message.cases += 1
        self.count += message.cases == 1
        if in_shadow and message.cases == at_most:
            message.sends_at = at
        self._untold[subject_id] = message
