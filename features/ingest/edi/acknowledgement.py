"""997, functional acknowledgement: what became of each functional group, told to its sender.

For each interchange with groups to acknowledge there is one interchange back, with one group, and in it one 997 for
each group. An acknowledgement is never acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TextIO

from features.ingest.edi.faults import Fault, Reason, Remark
from features.ingest.edi.parts import Group, GroupEnded, Interchange, Transaction

_ACKNOWLEDGEMENTS = "FA"
_VERSION = "004010"  # of an answer to a group that does not say its own
_SEPARATOR, _TERMINATOR, _COMPONENT = "*", "~", ">"
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


class Acknowledgement:
    """Writes the acknowledgements of what is read, as it is read.

    Parameters
    ----------
    stream
        Where to; ASCII.
    written_at
        When they are written, aware; the control numbers are the seconds of it, and count on.
    """

    def __init__(self, stream: TextIO, written_at: datetime) -> None:
        self._stream = stream
        self._written_at = written_at
        self._number = int(written_at.timestamp()) % 900_000_000
        self._interchange: Interchange | None = None
        self._group: Group | None = None
        self._sets = 0  # 997s of the interchange that is open
        self._segments = 0  # of the 997 that is open
        self._accepted = 0
        self._noted = False

    def begin(self, group: Group) -> None:
        """A group begins."""
        self._group = None if group.code == _ACKNOWLEDGEMENTS else group
        if self._group is None:
            return
        if self._interchange is None:
            self._open(group)
        self._sets += 1
        self._segments = self._accepted = 0
        self._noted = False
        self._write("ST", "997", f"{self._sets:04d}")
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
        self._write("SE", str(self._segments + 1), f"{self._sets:04d}")
        self._group = None

    def end(self) -> None:
        """The interchange has ended."""
        if self._interchange is None:
            return
        self._write("GE", str(self._sets), str(self._number))
        self._write("IEA", "1", f"{self._number:09d}")
        self._interchange = None

    def _open(self, group: Group) -> None:
        outer = self._interchange = group.interchange
        self._number += 1
        self._sets = 0
        day, clock = f"{self._written_at:%Y%m%d}", f"{self._written_at:%H%M}"
        fixed = (
            ("00", 2),
            ("", 10),
            ("00", 2),
            ("", 10),
            (outer.receiver_qualifier, 2),
            (outer.receiver, 15),
            (outer.sender_qualifier, 2),
            (outer.sender, 15),
            (day[2:], 6),
            (clock, 4),
            ("U", 1),
            (outer.version, 5),
            (f"{self._number:09d}", 9),
            ("0", 1),
            (outer.usage, 1),
        )
        self._write("ISA", *(_plain(text).ljust(width)[:width] for text, width in fixed), _COMPONENT)
        ends, version = (group.receiver, group.sender), _VERSION if group.release is None else group.version
        self._write("GS", _ACKNOWLEDGEMENTS, *ends, day, clock, str(self._number), "X", version)

    def _tell(self, fault: Fault) -> None:
        """Say where a fault is, if it is in a segment of the transaction."""
        if fault.position is None or fault.reason in _SET_CODES:
            return
        code = _SEGMENT_CODES.get(fault.reason, "8")
        self._write("AK3", fault.segment or "", str(fault.position), "", code)
        if fault.element is not None and fault.reason in _ELEMENT_CODES:
            self._write("AK4", str(fault.element), "", _ELEMENT_CODES[fault.reason])

    def _write(self, *elements: str) -> None:
        if elements[0] != "ISA":
            elements = tuple(_plain(element) for element in elements)
        self._stream.write(_SEPARATOR.join(elements) + _TERMINATOR + "\n")
        self._segments += 1


def _set_code(fault: Fault) -> str:
    if fault.reason is Reason.BAD_HEADER:
        return "6" if fault.element == 1 else "7"
    return _SET_CODES.get(fault.reason, "5")


def _plain(text: str) -> str:
    """Return a text that can stand in an element: what is no ASCII, or is a delimiter here, becomes a blank."""
    return "".join(char if " " <= char <= "}" and char not in _MARKS else " " for char in text)


_MARKS = _SEPARATOR + _TERMINATOR + _COMPONENT
