"""What every set has in common: a transaction is read into records, with what is assumed on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone
from itertools import pairwise
from typing import Any, TypeVar

from pydantic import ValidationError

from features.amounts import minor_digits
from features.fields import Record
from features.ingest.edi.clocks import LOCAL, OFFSETS, ZONES, date_of, instant_of, time_of
from features.ingest.edi.codes import KILOGRAMS
from features.ingest.edi.faults import Fault, Finding, Reason, Remark, TransactionError
from features.ingest.edi.movements import Movement
from features.ingest.edi.parts import Transaction
from features.ingest.edi.places import FoundZone, Zones
from features.ingest.edi.segments import Segment

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_BEYOND = 1 << 63


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known beside the files.

    Attributes
    ----------
    known_at
        When the files were learnt; None if each group was learnt when it says it was sent.
    currency
        ISO 4217 code of money whose currency is not told.
    stock_units
        Unit of the stock by place and sku, where it is known.
    """

    known_at: datetime | None
    zones: Zones = field(default_factory=Zones)
    currency: str = "USD"
    stock_units: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """One transaction while it is read.

    Attributes
    ----------
    records
        What it says, in canonical form.
    movements
        What it does to stock.
    faults
        What is wrong with it; with one of them none of the records counts.
    """

    transaction: Transaction
    terms: Terms
    records: list[Record] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _sent_at: datetime | None = None

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments between header and trailer."""
        return self.transaction.segments[1:-1]

    @property
    def identity(self) -> str:
        """What makes this transaction the only one of its kind."""
        return self.transaction.identity

    def first(self, tag: str) -> Segment:
        """Return the first segment of a kind that must be there."""
        for segment in self.segments:
            if segment.tag == tag:
                return segment
        words = f"the transaction has no {tag} segment"
        raise TransactionError(Fault(Reason.SEGMENT_MISSING, words, tag, len(self.transaction.segments)))

    @contextmanager
    def part(self) -> Iterator[None]:
        """Note a fault of a part and go on behind it, so that all faults of a transaction are found at once."""
        try:
            yield
        except TransactionError as error:
            self.faults.append(error.fault)

    def remark(self, remark: Remark, words: str, segment: Segment | None = None) -> None:
        """Note a finding."""
        place = (None, None) if segment is None else (segment.tag, segment.position)
        self.findings.append(Finding(remark, words, *place))

    def make(self, kind: type[R], at: Segment, /, **fields: Any) -> R:
        """Return a record of what a segment says."""
        for name, value in fields.items():
            if isinstance(value, int) and abs(value) >= _BEYOND:
                raise at.error(Reason.NUMBER, f"{name} comes to {value}, which is beyond any amount")
        try:
            return kind(known_at=self.known_at, **fields)
        except ValidationError as error:
            raise at.error(Reason.RECORD, _said(error)) from error

    def add(self, kind: type[R], at: Segment, /, **fields: Any) -> R:
        """Keep a record of what a segment says, and return it."""
        record = self.make(kind, at, **fields)
        self.records.append(record)
        return record

    def move(self, movement: Movement, unit: str, at: Segment, element: int) -> None:
        """Keep what a segment does to stock; its unit, in one of its elements, must be that of the stock."""
        kept = self.terms.stock_units.get((movement.place, movement.sku), unit)
        if unit != kept:
            words = f"the quantity is in {unit}, stock of {movement.sku} at {movement.place} in {kept}"
            raise at.error(Reason.UNIT, words, element)
        self.movements.append(movement)

    @property
    def known_at(self) -> datetime:
        """When the transaction was learnt."""
        return self.sent_at if self.terms.known_at is None else self.terms.known_at

    @property
    def sent_at(self) -> datetime:
        """When its group says that it was sent, or else its interchange."""
        if self._sent_at is None:
            self._sent_at = self._when_sent()
        return self._sent_at

    def _when_sent(self) -> datetime:
        outer, group = self.transaction.interchange, self.transaction.group
        told = (outer.date, outer.time) if group is None else (group.date, group.time)
        header = Segment(["GS" if group else "UNB", "", "", "", *told], b"", 0)
        zone = self._zone(self.sender_zone, f"times of sender {outer.sender}", None)
        day = read(date_of, header, 4, Reason.DATE)
        clock = read(time_of, header, 5, Reason.TIME) if told[1] else time()
        return _instant(header, day, clock, zone)

    @property
    def sender_zone(self) -> FoundZone | None:
        """The zone in which the sender dates."""
        return self.terms.zones.of_sender(self.transaction.interchange.sender)

    def instant(
        self,
        segment: Segment,
        date_at: int,
        time_at: int | None = None,
        code_at: int | None = None,
        *,
        place: str | None,
        by_sender: bool = False,
    ) -> datetime:
        """Return the instant of a date, a time of day and a time code, each an element of a segment.

        Without a time code, or with that of local time, the time is local to the place; to the sender where `by_sender`
        says that it is about no place. Without a time of day it is the first of the day.
        """
        segment.required(date_at)
        day = read(date_of, segment, date_at, Reason.DATE)
        clock = None
        if time_at is not None and segment.text(time_at) is not None:
            clock = read(time_of, segment, time_at, Reason.TIME)
        elif time_at is not None:
            self.remark(Remark.TIME_OF_DAY_MISSING, "no time of day is given: taken as the first of the day", segment)
        code = LOCAL if code_at is None else segment.text(code_at) or LOCAL
        if code in OFFSETS:
            return _instant(segment, day, clock or time(), OFFSETS[code])
        if code in ZONES:
            return _instant(segment, day, clock or time(), ZONES[code])
        if code != LOCAL:
            raise segment.error(Reason.CODE, f"{code!r} is no time code", code_at)
        return self.localised(segment, day, clock, place=place, element=code_at or time_at, by_sender=by_sender)

    def localised(
        self,
        segment: Segment,
        day: date,
        clock: time | None,
        *,
        place: str | None,
        element: int | None = None,
        by_sender: bool = False,
    ) -> datetime:
        """Return the instant of a day, and of a time of it, at a place, or where the sender is.

        A time at a place whose zone is not known is a fault; a day alone is read in UTC then, with a finding.
        """
        if by_sender:
            zone = self._zone(self.sender_zone, f"times of sender {self.transaction.interchange.sender}", segment)
            return _instant(segment, day, clock or time(), zone)
        found = self.terms.zones.of_place(place)
        if clock is not None and found is None:
            words = f"the time is local to {place or 'a place that is not told'}; tell its zone with --zones"
            raise segment.error(Reason.ZONE, words, element)
        zone = self._zone(found, f"{'dates' if clock is None else 'times'} at {place or 'no place'}", segment)
        return _instant(segment, day, clock or time(), zone)

    def _zone(self, found: FoundZone | None, of: str, segment: Segment | None) -> str:
        if found is None or not found.sure:
            name = "UTC" if found is None else found.name
            self.remark(Remark.ZONE_ASSUMED, f"{of}: {name}", segment)
            return name
        return found.name

    def zone_of(self, place: str) -> str:
        """Return the zone of a place, UTC where it is not known."""
        found = self.terms.zones.of_place(place)
        return "UTC" if found is None else found.name

    def currency(self, told: str | None) -> str:
        """Return the currency that is told, or the one that is to be assumed."""
        if told is None:
            self.remark(Remark.CURRENCY_ASSUMED, f"no currency is told: taken as {self.terms.currency}")
        return told or self.terms.currency

    def minor(self, segment: Segment, element: int, currency: str) -> int | None:
        """Return an amount with two implied decimals (N2) in minor units of its currency, of which it has 0, 2 or 3."""
        hundredths = segment.whole(element)
        digits = minor_digits(currency)
        if hundredths is None:
            return None
        if digits > 2:
            return hundredths * 10
        minor, rest = divmod(hundredths, 100 if digits == 0 else 1)
        if rest:
            words = f"{hundredths} hundredths of {currency} is no whole amount of it"
            raise segment.error(Reason.NUMBER, words, element)
        return minor

    def kilograms(self, segment: Segment, element: int, unit: str | None) -> float | None:
        """Return a weight in kilograms; without a unit it is in pounds, as X12 has it."""
        weight = segment.amount(element)
        if weight is None:
            return None
        if unit is None:
            self.remark(Remark.WEIGHT_UNIT_ASSUMED, "no unit of weight is told: taken as pounds", segment)
        elif unit not in KILOGRAMS:
            raise segment.error(Reason.CODE, f"{unit!r} is no unit of weight that is known here", element)
        return weight * KILOGRAMS[unit or "L"]

    def known(self, code: str | None, table: Any, what: str, segment: Segment) -> None:
        """Note a code that stands in no table."""
        if code is not None and code not in table:
            self.remark(Remark.UNKNOWN_CODE, f"{what} {code}", segment)


def read(parse: Callable[[str], T], segment: Segment, element: int, reason: Reason) -> T:
    """Read an element that is there."""
    text = segment.required(element)
    try:
        return parse(text)
    except ValueError as error:
        raise segment.error(reason, f"{text!r} is no {reason.value}", element) from error


def pieces_of(segment: Segment, element: int) -> int | None:
    """Return a number of pieces; None where it is zero or not told."""
    return segment.whole(element) or None


def split(segments: Sequence[Segment], *tags: str) -> list[Sequence[Segment]]:
    """Cut before each segment of these kinds; the first piece is what comes before all of them."""
    cuts = [0, *(index for index, segment in enumerate(segments) if segment.tag in tags), len(segments)]
    return [segments[start:end] for start, end in pairwise(cuts)]


def _instant(segment: Segment, day: date, clock: time, zone: str | timezone) -> datetime:
    try:
        return instant_of(day, clock, zone)
    except ValueError as error:
        raise segment.error(Reason.DATE, f"{day} cannot be told in UTC") from error


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(place) for place in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
