"""X12 envelopes: segments are gathered into transactions, within their functional group and interchange.

Numbers and counts of header and trailer are compared. A transaction that is cut off, or whose two control numbers
differ, is faulty. A count that differs is a finding: what is there is read, and what is said about it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from features.ingest.edi.faults import Fault, Finding, Reason, Remark, TransactionError
from features.ingest.edi.segments import Debris, Segment

LARGEST_TRANSACTION = 16 << 20
"""Bytes; what comes behind them is kept as debris."""

_LEFT_AT_ONCE = 1_000
_TAG = re.compile(r"[A-Z][A-Z0-9]{1,2}")
_RELEASE = re.compile(r"\d{6}")


@dataclass(frozen=True, slots=True)
class Interchange:
    """Who sent what is inside, to whom and when, as the header says it.

    `date` and `time` are local to the sender; the format is "X12" or "EDIFACT".
    """

    sender: str
    sender_qualifier: str
    receiver: str
    receiver_qualifier: str
    date: str
    time: str
    control: str
    version: str = ""
    usage: str = ""
    format: str = "X12"


@dataclass(frozen=True, slots=True)
class Group:
    """A functional group; `code` says of which sets it is, `date` and `time` are local to the sender."""

    interchange: Interchange
    code: str
    sender: str
    receiver: str
    date: str
    time: str
    control: str
    version: str

    @property
    def release(self) -> int | None:
        """The release of the standard as a number, such as 4010; None where it is not said."""
        begun = _RELEASE.match(self.version)
        return int(begun.group()) if begun else None


@dataclass(slots=True)
class Transaction:
    """One transaction, or what there is of it, from its header to its trailer.

    Attributes
    ----------
    name
        Which set it is of, for example "214"; "?" where it does not say so.
    fault
        Why it cannot be read, as far as the envelope shows it.
    """

    interchange: Interchange
    group: Group | None
    segments: list[Segment]
    fault: Fault | None = None
    findings: list[Finding] = field(default_factory=list)
    size: int = 0

    @property
    def name(self) -> str:
        """Which set it is of."""
        return self.segments[0].text(1) or "?"

    @property
    def control(self) -> str:
        """Its control number."""
        return self.segments[0].text(2) or "?"

    @property
    def identity(self) -> str:
        """What makes it this one and no other: sender, date, and all control numbers."""
        outer = self.interchange
        group = "-" if self.group is None else self.group.control
        return f"{outer.sender}/{outer.date}{outer.time}/{outer.control}/{group}/{self.control}"

    @property
    def raw(self) -> bytes:
        """The bytes it was read from."""
        return b"".join(segment.raw for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Leftover:
    """Bytes that belong to no transaction and no envelope, with the reason and where they begin in the file."""

    raw: bytes
    words: str
    offset: int


@dataclass(frozen=True, slots=True)
class GroupBegun:
    """A group begins."""

    group: Group


@dataclass(frozen=True, slots=True)
class GroupEnded:
    """A group has ended; `stated` is how many transactions its trailer says it holds."""

    group: Group
    stated: int | None
    found: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class InterchangeBegun:
    """An interchange begins."""

    interchange: Interchange


@dataclass(frozen=True, slots=True)
class InterchangeEnded:
    """An interchange has ended."""

    interchange: Interchange
    findings: tuple[Finding, ...]


Part = Transaction | Leftover | GroupBegun | GroupEnded | InterchangeBegun | InterchangeEnded


def parts_of(segments: Iterable[Segment | Debris]) -> Iterator[Part]:
    """Gather the segments of a file into transactions; one that is faulty leaves its neighbours as they are."""
    left: list[Leftover] = []
    for part in _parts_of(segments):
        if isinstance(part, Leftover) and len(left) < _LEFT_AT_ONCE:
            left.append(part)
            continue
        yield from _joined(left)
        left = [part] if isinstance(part, Leftover) else []
        if not isinstance(part, Leftover):
            yield part
    yield from _joined(left)


def _joined(left: Sequence[Leftover]) -> Iterator[Leftover]:
    if left:
        yield Leftover(b"".join(one.raw for one in left), left[0].words, left[0].offset)


def _parts_of(segments: Iterable[Segment | Debris]) -> Iterator[Part]:
    envelope = _Envelope()
    for piece in segments:
        if isinstance(piece, Debris):
            yield from envelope.interrupt()
            yield Leftover(piece.raw, piece.words, piece.offset)
        else:
            yield from envelope.take(piece)
    yield from envelope.end_interchange(None)


class _Envelope:
    """Where in the envelopes the reading stands."""

    def __init__(self) -> None:
        self._interchange: Interchange | None = None
        self._group: Group | None = None
        self._transaction: Transaction | None = None
        self._groups = 0
        self._transactions = 0
        self._wrapped = 0

    def take(self, segment: Segment) -> Iterator[Part]:
        """Take the next segment."""
        self._wrapped += segment.wrapped
        match segment.tag:
            case "ISA":
                yield from self.end_interchange(None)
                yield self._begin_interchange(segment)
            case "GS":
                yield from self.end_group(None)
                yield self._begin_group(segment)
            case "ST":
                yield from self._end_transaction("another transaction begins")
                self._begin_transaction(segment)
            case "SE" if self._transaction is not None:
                yield self._close(self._transaction, segment)
            case "GE" if self._group is not None:
                yield from self.end_group(segment)
            case "IEA":
                yield from self.end_interchange(segment)
            case _ if self._transaction is not None:
                yield from self._append(self._transaction, segment)
            case tag:
                yield Leftover(segment.raw, f"a segment {tag[:3]!r} stands outside a transaction", segment.offset)

    def interrupt(self) -> Iterator[Part]:
        """Something came that is no segment."""
        yield from self._end_transaction("what follows is no segment")

    def _begin_interchange(self, header: Segment) -> InterchangeBegun:
        texts = [element.strip() for element in header.elements]
        self._interchange = Interchange(
            sender_qualifier=texts[5],
            sender=texts[6],
            receiver_qualifier=texts[7],
            receiver=texts[8],
            date=texts[9],
            time=texts[10],
            version=texts[12],
            control=texts[13],
            usage=texts[15],
        )
        self._groups = 0
        self._wrapped = int(header.wrapped)
        return InterchangeBegun(self._interchange)

    def end_interchange(self, trailer: Segment | None) -> Iterator[Part]:
        """The interchange ends, with its trailer or without one."""
        yield from self.end_group(None)
        if self._interchange is None:
            return
        findings = list(_interchange_findings(self._interchange, trailer, self._groups))
        if self._wrapped:
            words = f"line breaks were taken out of {self._wrapped} segments"
            findings.append(Finding(Remark.LINE_BREAKS, words))
        yield InterchangeEnded(self._interchange, tuple(findings))
        self._interchange = None

    def _begin_group(self, header: Segment) -> GroupBegun:
        texts = [header.text(element) or "" for element in range(9)]
        outer = self._required_interchange()
        self._group = Group(outer, texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[8])
        self._groups += 1
        self._transactions = 0
        return GroupBegun(self._group)

    def end_group(self, trailer: Segment | None) -> Iterator[Part]:
        """The group ends, with its trailer or without one."""
        yield from self._end_transaction("the group ends")
        if self._group is None:
            return
        findings = tuple(_group_findings(self._group, trailer, self._transactions))
        stated = None if trailer is None else _count(trailer)
        yield GroupEnded(self._group, stated, self._transactions, findings)
        self._group = None

    def _begin_transaction(self, header: Segment) -> None:
        self._transaction = Transaction(self._required_interchange(), self._group, [])
        self._transactions += 1
        header.position = 1
        self._transaction.segments.append(header)
        self._transaction.size = len(header.raw)
        self._transaction.fault = _header_fault(self._transaction)

    def _append(self, transaction: Transaction, segment: Segment) -> Iterator[Part]:
        transaction.segments.append(segment)
        transaction.size += len(segment.raw)
        segment.position = len(transaction.segments)
        if transaction.fault is None and not _TAG.fullmatch(segment.tag):
            words = f"{segment.tag[:20]!r} is no tag of a segment"
            transaction.fault = Fault(Reason.BAD_SEGMENT, words, None, segment.position)
        if transaction.size > LARGEST_TRANSACTION:
            words = f"the transaction is larger than {LARGEST_TRANSACTION:,} bytes"
            transaction.fault = Fault(Reason.TOO_LARGE, words)
            self._transaction = None
            yield transaction

    def _close(self, transaction: Transaction, trailer: Segment) -> Transaction:
        trailer.position = len(transaction.segments) + 1
        transaction.segments.append(trailer)
        self._transaction = None
        if transaction.fault is None and trailer.text(2) != transaction.segments[0].text(2):
            words = f"the trailer bears the number {trailer.text(2)!r}, the header {transaction.control!r}"
            transaction.fault = Fault(Reason.CONTROL_NUMBER, words, "SE", trailer.position, 2)
        found = len(transaction.segments)
        if _count(trailer) != found:
            words = f"the trailer counts {trailer.text(1)!r} segments, {found} were found"
            transaction.findings.append(Finding(Remark.SEGMENT_COUNT, words, "SE", trailer.position))
        return transaction

    def _end_transaction(self, why: str) -> Iterator[Part]:
        """The transaction ends without a trailer, if there is one."""
        if self._transaction is None:
            return
        if self._transaction.fault is None:
            self._transaction.fault = Fault(Reason.NO_TRAILER, f"there is no SE segment before {why}")
        yield self._transaction
        self._transaction = None

    def _required_interchange(self) -> Interchange:
        # Segments are only read behind a header, and end with the trailer.
        assert self._interchange is not None  # noqa: S101
        return self._interchange


def _header_fault(transaction: Transaction) -> Fault | None:
    header = transaction.segments[0]
    try:
        header.required(1)
        header.required(2)
    except TransactionError as error:
        return Fault(Reason.BAD_HEADER, error.fault.words, "ST", 1, error.fault.element)
    if transaction.group is None:
        return Fault(Reason.NO_GROUP, "it stands outside a functional group; there is no GS segment before it", "ST", 1)
    if transaction.group.release is None:
        words = f"GS-08 is {transaction.group.version!r}; it should begin with six digits, such as 004010"
        return Fault(Reason.RELEASE, words)
    return None


def _group_findings(group: Group, trailer: Segment | None, found: int) -> Iterator[Finding]:
    if trailer is None:
        yield Finding(Remark.NO_GROUP_TRAILER, "the group has no GE segment", "GS")
        return
    if _count(trailer) != found:
        words = f"the trailer counts {trailer.text(1)!r} transactions, {found} were found"
        yield Finding(Remark.TRANSACTION_COUNT, words, "GE")
    if not _same_number(trailer.text(2), group.control):
        words = f"the trailer bears the number {trailer.text(2)!r}, the header {group.control!r}"
        yield Finding(Remark.GROUP_NUMBER, words, "GE")


def _interchange_findings(interchange: Interchange, trailer: Segment | None, found: int) -> Iterator[Finding]:
    if trailer is None:
        yield Finding(Remark.NO_INTERCHANGE_TRAILER, "the interchange has no IEA segment", "ISA")
        return
    if _count(trailer) != found:
        words = f"the trailer counts {trailer.text(1)!r} groups, {found} were found"
        yield Finding(Remark.GROUP_COUNT, words, "IEA")
    if not _same_number(trailer.text(2), interchange.control):
        words = f"the trailer bears the number {trailer.text(2)!r}, the header {interchange.control!r}"
        yield Finding(Remark.INTERCHANGE_NUMBER, words, "IEA")


def _count(trailer: Segment) -> int | None:
    try:
        return trailer.whole(1)
    except TransactionError:
        return None


def _same_number(one: str | None, other: str) -> bool:
    """Tell whether two control numbers are one: leading zeros of a number do not count."""
    return one == other or (one is not None and (one.lstrip("0") or "0") == (other.lstrip("0") or "0"))
