"""997, functional acknowledgement: what became of each functional group, told to its sender.

All groups that came from one partner in one version are acknowledged in one interchange back, with one group, and in
it one 997 for each. So an import needs few control numbers, however much it reads. An acknowledgement is never
acknowledged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from typing import TextIO

from features.ingest.edi.faults import Fault, Reason, Remark
from features.ingest.edi.parts import Group, GroupEnded, Transaction

_ACKNOWLEDGEMENTS = "FA"
_VERSION = "004010"  # of an answer to a group that does not say its own
_SEPARATOR, _TERMINATOR, _COMPONENT = "*", "~", ">"
_PER_SECOND, _NUMBERS = 10, 999_999_999
"""Control numbers of nine digits that pass in a second, and all there are: they begin anew after three years."""

_ELEMENT_CODES: Mapping[Reason, str] = {
    Reason.ELEMENT_MISSING: "1",
    Reason.PAIR_INCOMPLETE: "2",
    Reason.ZONE: "2",
    Reason.NUMBER: "6",
    Reason.CODE: "7",
    Reason.UNIT: "7",
    Reason.DATE: "8",
    Reason.TIME: "9",
}
"""What is wrong with an element (AK4-03)."""

_SEGMENT_CODES: Mapping[Reason, str] = {Reason.BAD_SEGMENT: "1", Reason.SEGMENT_MISSING: "3"}
"""What is wrong with a segment (AK3-04); 8 says that one of its elements is wrong."""

_SET_CODES: Mapping[Reason, str] = {
    Reason.NO_TRAILER: "2",
    Reason.CONTROL_NUMBER: "3",
    Reason.NUMBER_USED_TWICE: "23",
}
"""What is wrong with a transaction (AK5-02); 5 says that one of its segments is wrong."""

_GROUP_CODES: Mapping[Remark, str] = {
    Remark.NO_GROUP_TRAILER: "3",
    Remark.GROUP_NUMBER: "4",
    Remark.TRANSACTION_COUNT: "5",
}
"""What is wrong with a group (AK9-05)."""

_NOT_SUPPORTED, _WRONG_COUNT, _RELEASE = "1", "4", "2"


@dataclass(frozen=True, slots=True)
class _Envelope:
    """Who is told, in whose name and in which version, as it stands in ISA and GS."""

    qualifier: str
    partner: str
    own_qualifier: str
    own: str
    version: str
    usage: str
    ends: tuple[str, str]
    group_version: str

    @classmethod
    def back_to(cls, group: Group) -> _Envelope:
        outer = group.interchange
        return cls(
            _filled(outer.sender_qualifier, 2),
            _filled(outer.sender, 15),
            _filled(outer.receiver_qualifier, 2),
            _filled(outer.receiver, 15),
            _filled(outer.version, 5),
            _filled(outer.usage, 1),
            (_plain(group.receiver), _plain(group.sender)),
            _VERSION if group.release is None else _plain(group.version),
        )


@dataclass(slots=True)
class _Told:
    """The 997s that go in one interchange, and how many they are."""

    sets: int = 0
    text: StringIO = field(default_factory=StringIO)


class Acknowledgement:
    """Gathers the acknowledgements of what is read, as it is read."""

    def __init__(self) -> None:
        self._told: dict[_Envelope, _Told] = {}
        self._group: Group | None = None
        self._open = _Told()
        self._segments = 0  # of the 997 that is open
        self._accepted = 0
        self._noted = False

    def begin(self, group: Group) -> None:
        """A group begins."""
        self._group = None if group.code == _ACKNOWLEDGEMENTS else group
        if self._group is None:
            return
        self._open = self._told.setdefault(_Envelope.back_to(group), _Told())
        self._open.sets += 1
        self._segments = self._accepted = 0
        self._noted = False
        self._write("ST", "997", f"{self._open.sets:04d}")
        self._write("AK1", group.code, group.control)

    def add(self, transaction: Transaction, faults: Sequence[Fault] = (), *, supported: bool = True) -> None:
        """A transaction was read; with faults, or of a set that is not supported, it was rejected."""
        if self._group is None:
            return
        self._write("AK2", transaction.name, transaction.control)
        for fault in faults:
            self._tell(fault)
        codes = list(dict.fromkeys(_set_code(fault) for fault in faults))
        if not supported:
            codes.append(_NOT_SUPPORTED)
        rejected = bool(codes)
        if any(finding.remark is Remark.SEGMENT_COUNT for finding in transaction.findings):
            codes.append(_WRONG_COUNT)
        self._accepted += not rejected
        self._noted |= bool(codes)
        self._write("AK5", "R" if rejected else "E" if codes else "A", *codes[:5])

    def end_group(self, ended: GroupEnded) -> None:
        """The group has ended."""
        if self._group is None:
            return
        codes = [_GROUP_CODES[finding.remark] for finding in ended.findings if finding.remark in _GROUP_CODES]
        if ended.group.release is None:
            codes.append(_RELEASE)
        if self._accepted == ended.found:
            answer = "E" if codes or self._noted else "A"
        else:
            answer = "P" if self._accepted else "R"
        stated = ended.found if ended.stated is None else ended.stated
        self._write("AK9", answer, str(stated), str(ended.found), str(self._accepted), *codes[:5])
        self._write("SE", str(self._segments + 1), f"{self._open.sets:04d}")
        self._group = None

    def write(self, stream: TextIO, written_at: datetime) -> None:
        """Write all of them, in the order in which the partners were met.

        Parameters
        ----------
        stream
            Where to; ASCII.
        written_at
            When the import began, aware; the control numbers towards each partner are the tenths of a second of it,
            and count on.
        """
        began = int(written_at.timestamp() * _PER_SECOND)
        day, clock = f"{written_at:%Y%m%d}", f"{written_at:%H%M}"
        so_far: Counter[tuple[str, ...]] = Counter()
        for to, told in self._told.items():
            ends = (to.own_qualifier, to.own, to.qualifier, to.partner)
            number = (began + so_far[ends]) % _NUMBERS + 1
            so_far[ends] += 1
            unused = ("00", " " * 10)
            interchange = (*unused, *unused, *ends, day[2:], clock, "U", to.version, f"{number:09d}", "0", to.usage)
            stream.write(_segment("ISA", *interchange, _COMPONENT))
            stream.write(_segment("GS", _ACKNOWLEDGEMENTS, *to.ends, day, clock, str(number), "X", to.group_version))
            stream.write(told.text.getvalue())
            stream.write(_segment("GE", str(told.sets), str(number)) + _segment("IEA", "1", f"{number:09d}"))

    def _tell(self, fault: Fault) -> None:
        """Say where a fault is, if it is in a segment of the transaction."""
        if fault.position is None or fault.reason in _SET_CODES:
            return
        code = _SEGMENT_CODES.get(fault.reason, "8")
        self._write("AK3", fault.segment or "", str(fault.position), "", code)
        if fault.element is not None and fault.reason in _ELEMENT_CODES:
            self._write("AK4", str(fault.element), "", _ELEMENT_CODES[fault.reason])

    def _write(self, *elements: str) -> None:
        self._open.text.write(_segment(*map(_plain, elements)))
        self._segments += 1


def _segment(*elements: str) -> str:
    return _SEPARATOR.join(elements) + _TERMINATOR + "\n"


def _filled(text: str, width: int) -> str:
    return _plain(text).ljust(width)[:width]


def _set_code(fault: Fault) -> str:
    if fault.reason is Reason.BAD_HEADER:
        return "6" if fault.element == 1 else "7"
    return _SET_CODES.get(fault.reason, "5")


def _plain(text: str) -> str:
    """Return a text that can stand in an element: what is no ASCII, or is a delimiter here, becomes a blank."""
    return "".join(char if " " <= char <= "}" and char not in _MARKS else " " for char in text)


_MARKS = _SEPARATOR + _TERMINATOR + _COMPONENT
