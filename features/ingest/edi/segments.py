"""X12 as segments: the delimiters are read from the ISA header, then the bytes are cut at the terminator."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from features.ingest.edi.faults import Fault, Reason, TransactionError
from features.ingest.edi.window import BREAKS, LONGEST_SEGMENT, Window

_MARK = b"ISA"
NO_HEADER = "it is no ISA header: that has 106 characters, and names three delimiters that differ"
_WIDTHS = (3, 2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
_HEADER = sum(_WIDTHS) + len(_WIDTHS) - 1  # 105, and the terminator behind it
_HEADER_SPAN = 2 * _HEADER
"""How far a header may reach that a mailer has cut into lines."""
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})")


@dataclass(slots=True)
class Segment:
    """One segment.

    Attributes
    ----------
    elements
        Its tag, then its elements as they were sent: `elements[7]` is the seventh.
    raw
        The bytes it was read from, with the terminator and the line breaks behind it.
    offset
        Where these begin in the file.
    position
        Its place in its transaction, counted from 1; 0 if it belongs to an envelope.
    wrapped
        Whether line breaks were taken out of it.
    """

    elements: list[str]
    raw: bytes
    offset: int
    position: int = 0
    wrapped: bool = False

    @property
    def tag(self) -> str:
        """What kind of segment it is."""
        return self.elements[0]

    def text(self, element: int) -> str | None:
        """Return an element without the blanks around it; None where it is absent or blank."""
        if element >= len(self.elements):
            return None
        return self.elements[element].strip() or None

    def required(self, element: int) -> str:
        """Return an element that must be there."""
        text = self.text(element)
        if text is None:
            raise self.error(Reason.ELEMENT_MISSING, "the element is missing", element)
        return text

    def whole(self, element: int) -> int | None:
        """Return a whole number: N0, or N2 in hundredths."""
        text = self.text(element)
        if text is not None and not _WHOLE.fullmatch(text):
            raise self.error(Reason.NUMBER, f"{text!r} is no whole number of at most 15 digits", element)
        return None if text is None else int(text)

    def decimal(self, element: int) -> str | None:
        """Return a number with an explicit decimal point (R), as it is written."""
        text = self.text(element)
        if text is not None and not _DECIMAL.fullmatch(text):
            raise self.error(Reason.NUMBER, f"{text!r} is no decimal number", element)
        return text

    def number(self, element: int) -> float | None:
        """Return a number with an explicit decimal point (R)."""
        text = self.decimal(element)
        return None if text is None else float(text)

    def amount(self, element: int) -> float | None:
        """Return a number (R) that may not be negative."""
        number = self.number(element)
        if number is not None and number < 0:
            raise self.error(Reason.NUMBER, f"{number:g} is negative; a quantity is not", element)
        return number

    def error(self, reason: Reason, words: str, element: int | None = None) -> TransactionError:
        """Return what is to be raised for something that is wrong here; a header's has no place in the transaction."""
        return TransactionError(Fault(reason, words, self.tag, self.position or None, element))


@dataclass(frozen=True, slots=True)
class Debris:
    """Bytes that are no part of any segment, with the reason and where they begin in the file."""

    raw: bytes
    words: str
    offset: int


def text_of(raw: bytes) -> str:
    """Decode UTF-8, or else Latin-1, in which every byte is a character."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@dataclass(frozen=True, slots=True)
class _Header:
    elements: list[str]
    separator: str
    terminator: bytes
    length: int


def begins_x12(window: Window) -> bool:
    """Tell whether an ISA header comes next."""
    return _header(window) is not None


def x12_segments(window: Window, begins: Callable[[Window], bool]) -> Iterator[Segment | Debris]:
    """Yield the segments of the X12 interchange whose header comes next, up to where it ends or another begins."""
    header, offset = _header(window), window.offset
    if header is not None:
        raw = window.take(header.length)
        yield Segment(header.elements, raw, offset, wrapped=header.length > _HEADER + 1)
        yield from _inside(window, header, begins)


def _inside(window: Window, header: _Header, begins: Callable[[Window], bool]) -> Iterator[Segment | Debris]:
    """Yield the segments of one interchange, up to its end, the next header, or where it cannot be read on.

    A header that is not valid ends it as well: what stands behind it was sent by somebody who is not known.
    """
    while window.skip(BREAKS):
        if begins(window):
            return
        offset = window.offset
        raw = window.take_through(header.terminator)
        if raw is None:
            words = f"there is no segment terminator within {LONGEST_SEGMENT:,} bytes"
            yield Debris(window.take(LONGEST_SEGMENT), words, offset)
            return
        body = raw.rstrip(BREAKS).removesuffix(header.terminator)
        wrapped = b"\n" in body or b"\r" in body
        if wrapped:
            body = body.translate(None, BREAKS)
        if not body:
            continue
        segment = Segment(text_of(body).split(header.separator), raw, offset, wrapped=wrapped)
        if segment.tag == "ISA":
            yield Debris(raw, NO_HEADER, offset)
            return
        yield segment
        if segment.tag == "IEA":
            return


def _header(window: Window) -> _Header | None:
    """Return the header that comes next, or None if there is no valid one."""
    if not window.begins(_MARK):
        return None
    data = window.ahead(_HEADER_SPAN)
    if data[3:4].isalnum():  # a word that begins so: the separator is no letter and no digit
        return None
    kept = data.translate(None, BREAKS)[:_HEADER].decode("latin-1")
    if len(kept) < _HEADER:
        return None
    elements = kept.split(kept[3])
    if tuple(map(len, elements)) != _WIDTHS:
        return None
    end, found = 0, 0
    while found < _HEADER:
        found += data[end] not in BREAKS
        end += 1
    terminator = data[end : end + 1]
    marks = {kept[3], kept[-1], terminator.decode("latin-1")}
    if len(marks) < 3 or any(not mark.strip(" ") or mark.isalnum() for mark in marks):
        return None
    return _Header(elements, kept[3], terminator, end + 1)
