"""X12 as segments: the delimiters are read from the ISA header, then the bytes are cut at the terminator.

A file is read once, in chunks, in time linear in its length. Every byte comes out again, in a segment or as debris, but
for the padding between interchanges and blank lines: nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from features.ingest.edi.faults import Fault, Reason, TransactionError

LONGEST_SEGMENT = 1 << 16
"""Bytes; without a terminator for longer than this, what follows the header is no EDI."""

_CHUNK = 1 << 18
_WIDTHS = (3, 2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
_HEADER = sum(_WIDTHS) + len(_WIDTHS) - 1  # 105, and the terminator behind it
_HEADER_SPAN = 2 * _HEADER
"""How far a header may reach that a mailer has cut into lines."""
_BREAKS = b"\r\n"
_PADDING = b" \t\r\n\x00\x1a"
_BOM = b"\xef\xbb\xbf"
_WHOLE = re.compile(r"-?\d{1,15}")
_DECIMAL = re.compile(r"-?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})")


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
        Its place in its transaction, counted from 1.
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
        """Return what is to be raised for something that is wrong here."""
        return TransactionError(Fault(reason, words, self.tag, self.position, element))


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


def segments_of(stream: BinaryIO) -> Iterator[Segment | Debris]:
    """Yield the segments of all interchanges in a file, and what lies between them."""
    window = _Window(stream)
    while window.skip(_PADDING):
        header = window.take_header()
        if header is None:
            yield _debris(window)
        else:
            segment, separator, terminator = header
            yield segment
            yield from _inside(window, separator, terminator)


def holds_interchange(stream: BinaryIO) -> bool:
    """Tell whether there is an ISA header anywhere in a file, or the beginning of one at its very beginning."""
    window = _Window(stream)
    if window.skip(_PADDING) and window.begins(b"ISA"):
        return True
    while window.skip(_PADDING):
        if window.take_header() is not None:
            return True
        window.take_until_header()
    return False


def _debris(window: _Window) -> Debris:
    begun = window.begins(b"ISA")
    words = "the ISA header is not 106 characters wide" if begun else "it stands outside an interchange"
    offset, pieces = window.offset, bytearray()
    while len(pieces) < LONGEST_SEGMENT:
        pieces += window.take_until_header()
        if not window.begins(b"ISA") or window.header() is not None:
            break
    return Debris(bytes(pieces), words, offset)


def _inside(window: _Window, separator: str, terminator: bytes) -> Iterator[Segment | Debris]:
    """Yield the segments of one interchange, up to its end, the next header, or where it cannot be read on."""
    while window.skip(_BREAKS):
        if window.begins(b"ISA") and window.header() is not None:
            return
        offset = window.offset
        raw = window.take_through(terminator)
        if raw is None:
            words = f"there is no segment terminator within {LONGEST_SEGMENT:,} bytes"
            yield Debris(window.take(LONGEST_SEGMENT), words, offset)
            return
        body = raw.rstrip(_BREAKS).removesuffix(terminator)
        wrapped = b"\n" in body or b"\r" in body
        if wrapped:
            body = body.translate(None, _BREAKS)
        if not body:
            continue
        segment = Segment(text_of(body).split(separator), raw, offset, wrapped=wrapped)
        yield segment
        if segment.tag == "IEA":
            return


@dataclass(frozen=True, slots=True)
class _Header:
    elements: list[str]
    separator: str
    terminator: bytes
    length: int


class _Window:
    """The part of a file that is looked at; what is taken is forgotten."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data = b""
        self._at = 0
        self._before = 0  # bytes of the file before the data

    @property
    def offset(self) -> int:
        """Where in the file the next byte stands."""
        return self._before + self._at

    def _more(self) -> bool:
        """Read on; tell whether there was more."""
        chunk = self._stream.read(_CHUNK)
        self._before += self._at
        self._data, self._at = self._data[self._at :] + chunk, 0
        return bool(chunk)

    def _have(self, length: int) -> int:
        """Read until there are so many bytes to look at, or the end; return how many of them there are."""
        while len(self._data) - self._at < length and self._more():
            pass
        return min(length, len(self._data) - self._at)

    def begins(self, beginning: bytes) -> bool:
        """Tell whether the next bytes are these."""
        self._have(len(beginning))
        return self._data.startswith(beginning, self._at)

    def skip(self, padding: bytes) -> bool:
        """Pass over padding, and over a byte order mark; tell whether there is anything behind it."""
        while self._have(len(_BOM)):
            if self._data.startswith(_BOM, self._at):
                self._at += len(_BOM)
                continue
            if self._data[self._at] not in padding:
                return True
            piece = self._data[self._at : self._at + 4096]
            self._at += len(piece) - len(piece.lstrip(padding))
        return False

    def header(self) -> _Header | None:
        """Return the header that comes next, or None if there is no valid one."""
        if not self.begins(b"ISA"):
            return None
        self._have(_HEADER_SPAN)
        data = self._data[self._at : self._at + _HEADER_SPAN]
        kept = data.translate(None, _BREAKS)[:_HEADER].decode("latin-1")
        if len(kept) < _HEADER:
            return None
        elements = kept.split(kept[3])
        if tuple(map(len, elements)) != _WIDTHS:
            return None
        end, found = 0, 0
        while found < _HEADER:
            found += data[end] not in _BREAKS
            end += 1
        terminator = data[end : end + 1]
        marks = {kept[3], kept[-1], terminator.decode("latin-1")}
        if len(marks) < 3 or any(not mark.strip(" ") or mark.isalnum() for mark in marks):
            return None
        return _Header(elements, kept[3], terminator, end + 1)

    def take_header(self) -> tuple[Segment, str, bytes] | None:
        """Take a header with its element separator and segment terminator; None if no valid one comes next."""
        header, offset = self.header(), self.offset
        if header is None:
            return None
        wrapped = header.length > _HEADER + 1
        return (
            Segment(header.elements, self.take(header.length), offset, wrapped=wrapped),
            header.separator,
            header.terminator,
        )

    def take(self, length: int) -> bytes:
        """Take so many bytes, or as many as there are."""
        there = self._have(length)
        taken = self._data[self._at : self._at + there]
        self._at += there
        return taken

    def take_through(self, terminator: bytes) -> bytes | None:
        """Take all up to a terminator and the line breaks behind it, or the end; None where it is too far."""
        searched = 0
        while True:
            end = self._data.find(terminator, self._at + searched)
            if end >= 0:
                return self.take(end + 1 - self._at) + self._take_break()
            searched = len(self._data) - self._at
            if searched > LONGEST_SEGMENT:
                return None
            if not self._more():
                return self.take(searched)

    def _take_break(self) -> bytes:
        self._have(2)
        piece = self._data[self._at : self._at + 2]
        return self.take(len(piece) - len(piece.lstrip(_BREAKS)))

    def take_until_header(self) -> bytes:
        """Take what comes before the next "ISA", at least one byte and at most a segment's length."""
        there = self._have(LONGEST_SEGMENT + 2)
        found = self._data.find(b"ISA", self._at + 1, self._at + there)
        if found >= 0:
            return self.take(found - self._at)
        return self.take(there if there <= LONGEST_SEGMENT else LONGEST_SEGMENT)
