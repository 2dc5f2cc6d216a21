"""What a file of EDI is made of: interchanges, groups, transactions, and what belongs to none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from features.ingest.edi.faults import Fault, Finding, Reason, Remark, TransactionError
from features.ingest.edi.segments import Segment

LARGEST_TRANSACTION = 8 << 20
"""Bytes; what comes behind them is kept as debris."""

_LEFT_AT_ONCE = 1_000
_RELEASE = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class Interchange:
    """Who sent what is inside, to whom and when, as the header says it.

    `date` and `time` are local to the sender.
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
    name, control
        Which set it is of, for example "214", and its control number; "?" where it does not say so.
    fault
        Why it cannot be read, as far as the envelope shows it.
    """

    interchange: Interchange
    group: Group | None
    segments: list[Segment]
    name: str
    control: str
    fault: Fault | None = None
    findings: list[Finding] = field(default_factory=list)
    size: int = 0

    @property
    def identity(self) -> str:
        """What makes it this one and no other: sender and receiver with their qualifiers, date, all control numbers."""
        outer = self.interchange
        sender, receiver = (outer.sender_qualifier, outer.sender), (outer.receiver_qualifier, outer.receiver)
        parties = "/".join(":".join(part for part in party if part) for party in (sender, receiver))
        group = "-" if self.group is None else self.group.control
        return f"{parties}/{outer.date}{outer.time}/{outer.control}/{group}/{self.control}"

    def append(self, segment: Segment) -> None:
        """Take in the next segment."""
        self.segments.append(segment)
        self.size += len(segment.raw)
        segment.position = len(self.segments)

    def end(self, trailer: Segment) -> None:
        """Take in the trailer: the count of segments, and the control number again."""
        self.append(trailer)
        if self.fault is None and trailer.text(2) != self.control:
            words = f"the trailer bears the number {trailer.text(2)!r}, the header {self.control!r}"
            self.fault = Fault(Reason.CONTROL_NUMBER, words, trailer.tag, trailer.position, 2)
        found = len(self.segments)
        if count_of(trailer) != found:
            words = f"the trailer counts {trailer.text(1)!r} segments, {found} were found"
            self.findings.append(Finding(Remark.SEGMENT_COUNT, words, trailer.tag, trailer.position))

    @property
    def control_at(self) -> tuple[str, int, int]:
        """Where its control number stands: segment, position and element."""
        tag = self.segments[0].tag
        return tag, 1, 2 if tag == "ST" else 1

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


def gathered(parts: Iterable[Part]) -> Iterator[Part]:
    """Make one of leftovers that follow each other."""
    left: list[Leftover] = []
    for part in parts:
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


def count_of(trailer: Segment) -> int | None:
    """Return the count that a trailer states; None where it is no number."""
    try:
        return trailer.whole(1)
    except TransactionError:
        return None


def same_number(one: str | None, other: str) -> bool:
    """Tell whether two control numbers are one: leading zeros of a number do not count."""
    return one == other or (one is not None and (one.lstrip("0") or "0") == (other.lstrip("0") or "0"))
