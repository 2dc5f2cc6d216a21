"""What can be wrong with a transaction, where it stands, and what is remarkable though it is read.

A fault rejects its transaction and nothing else. A finding rejects nothing: it says what was assumed, what does not add
up, what no table knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from features.errors import RecordError


class Reason(StrEnum):
    """Why a transaction is rejected."""

    NO_GROUP = "no_group"
    """It stands outside a functional group."""
    RELEASE = "release"
    """Its group does not say by which release of the standard it is to be read."""
    BAD_HEADER = "bad_header"
    """Its header names no set or no control number."""
    BAD_SEGMENT = "bad_segment"
    """It holds something that is no segment."""
    NO_TRAILER = "no_trailer"
    """It is cut off."""
    CONTROL_NUMBER = "control_number"
    """Header and trailer bear two numbers: they belong to two transactions."""
    NUMBER_USED_TWICE = "number_used_twice"
    """Another transaction of the same sender, date and numbers says something else."""
    SEGMENT_MISSING = "segment_missing"
    ELEMENT_MISSING = "element_missing"
    PAIR_INCOMPLETE = "pair_incomplete"
    """An element is there without another that this release asks for beside it."""
    UNIT = "unit"
    """A quantity is in another unit than the stock that it changes."""
    NUMBER = "number"
    """An element is no number of its kind."""
    CODE = "code"
    """A code stands for nothing that could be recorded."""
    DATE = "date"
    TIME = "time"
    ZONE = "zone"
    """A local time, and nothing says in which zone."""
    RECORD = "record"
    """What it says is no valid record."""
    SAME_KEY = "same_key"
    """A record with the same key was read before."""
    TOO_LARGE = "too_large"
    NO_TRANSACTION = "no_transaction"
    """Not a transaction at all: bytes between them."""


class Remark(StrEnum):
    """What a finding is about."""

    SEGMENT_COUNT = "segment_count"
    TRANSACTION_COUNT = "transaction_count"
    GROUP_COUNT = "group_count"
    GROUP_NUMBER = "group_number"
    INTERCHANGE_NUMBER = "interchange_number"
    NO_GROUP_TRAILER = "no_group_trailer"
    NO_INTERCHANGE_TRAILER = "no_interchange_trailer"
    LINE_BREAKS = "line_breaks"
    """Line breaks stand in the middle of segments, as in files cut into lines of 80 characters; they are taken out."""
    TERMINATOR = "terminator"
    ZONE_ASSUMED = "zone_assumed"
    TIME_OF_DAY_MISSING = "time_of_day_missing"
    CURRENCY_ASSUMED = "currency_assumed"
    WEIGHT_UNIT_ASSUMED = "weight_unit_assumed"
    MODE_UNKNOWN = "mode_unknown"
    SHIPMENT_BY_CARRIER_NUMBER = "shipment_by_carrier_number"
    UNKNOWN_CODE = "unknown_code"
    NO_OPENING = "no_opening"
    """A line changes stock of which no level was given: no position follows."""
    BEFORE_OPENING = "before_opening"
    """A line happened before the level of stock that was given: it is in it."""
    LOT_NOT_TOLD = "lot_not_told"
    """A line names no lot of stock whose levels are by lot: no position follows."""
    LINES_DIFFER = "lines_differ"
    """The lines do not add up to the net amount due."""
    TOTAL_DIFFERS = "total_differs"
    """The lines do not add up to the total that the invoice states."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that rejects a transaction.

    Attributes
    ----------
    segment, position
        Tag of the segment, and its place in the transaction, counted from 1 (the header).
    element
        Place of the element in the segment, counted from 1; None where the segment as a whole is meant.
    """

    reason: Reason
    words: str
    segment: str | None = None
    position: int | None = None
    element: int | None = None

    def __str__(self) -> str:
        place = (
            "" if self.segment is None else f"{self.segment}{'' if self.element is None else f'-{self.element:02d}'}"
        )
        where = "" if self.position is None else f" (segment {self.position})"
        return f"{place}{where}: {self.words}" if place else self.words


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is remarkable about a transaction, a group or an interchange; places as in `Fault`."""

    remark: Remark
    words: str
    segment: str | None = None
    position: int | None = None


class TransactionError(RecordError):
    """A transaction, or a part of it, cannot be read; `fault` says why and where."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))
