"""A message, whichever broker brought it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of a message."""

    TAKEN = "taken"
    """It brought at least one new event, and none was refused."""
    REPEAT = "repeat"
    """All of its events were kept before."""
    REFUSED = "refused"
    """One of its events, or the message itself, is refused: it is a dead letter."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a broker gave it, its headers in the form of HTTP (see `serving.broker.headers`)."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event of a message is refused; `place` counts from 0, and is None where no event could be read."""

    problem: Mapping[str, Any]
    place: int | None = None
    event_id: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of a message. What it says is on disk, so it may be acknowledged (a refused one as a dead letter)."""

    outcome: Outcome
    refusals: tuple[Refusal, ...] = ()
