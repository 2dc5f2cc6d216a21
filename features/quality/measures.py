"""What is measured of a feed: plain values, which a rule can read, a page show and a file keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong if a measure is over its limit."""

    STALE = "stale"
    """Nothing has come for longer than usual; hours."""
    INCOMPLETE = "incomplete"
    """A field is missing more often than it may; share of the recent records."""
    NO_END = "no_end"
    """Shipments long past their promise of which no end is known; share of them."""
    UNIT_JUMP = "unit_jump"
    """All values of a field have become larger or smaller by the factor between two units; that factor."""
    EARLY = "early"
    """Records known before they happened; share of the recent records."""
    FUTURE = "future"
    """Records of what has not happened yet; their number."""
    LATE_NEWS = "late_news"
    """News takes longer than it did; hours by which the median has risen."""
    REPEATED = "repeated"
    """Records that say what an earlier one said; share of the recent records."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of one feed, as known at an instant.

    Attributes
    ----------
    feed
        The canonical table.
    source, carrier
        Who sent it, and whose shipments it is about; None where the feed is not told apart by it.
    field
        What it is about, if that is one field.
    value, usual, limit
        In `unit`; `usual` is None where no past is needed to judge.
    alarm
        Whether `value` is over `limit` (a unit jump: whether it is one).
    since
        From when on it has been so, by `known_at`; None if it is not so.
    records
        How many were looked at.
    owner
        The role that is to see to it.
    found, expected, to_do
        A sentence each.
    """

    kind: Kind
    feed: str
    source: str | None
    carrier: str | None
    field: str | None
    value: float
    usual: float | None
    limit: float
    unit: str
    alarm: bool
    since: datetime | None
    records: int
    owner: str
    found: str
    expected: str
    to_do: str
