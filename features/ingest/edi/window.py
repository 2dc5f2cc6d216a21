"""A file read in chunks, of which only the part that is looked at is held."""

from __future__ import annotations

import re
from typing import BinaryIO

LONGEST_SEGMENT = 1 << 16
"""Bytes; what goes on for longer without a segment terminator is no EDI."""

BREAKS = b"\r\n"
PADDING = b" \t\r\n\x00\x1a"
"""What may stand between interchanges."""

_CHUNK = 1 << 18
_BOM = b"\xef\xbb\xbf"


class Window:
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

    def have(self, length: int) -> int:
        """Read until there are so many bytes to look at, or the end; return how many of them there are."""
        there = len(self._data) - self._at
        while there < length and self._more():
            there = len(self._data) - self._at
        return length if there >= length else there

    def begins(self, beginning: bytes) -> bool:
        """Tell whether the next bytes are these."""
        self.have(len(beginning))
        return self._data.startswith(beginning, self._at)

    def skip(self, padding: bytes) -> bool:
        """Pass over padding, and over a byte order mark; tell whether there is anything behind it."""
        while self.have(len(_BOM)):
            if self._data.startswith(_BOM, self._at):
                self._at += len(_BOM)
                continue
            if self._data[self._at] not in padding:
                return True
            piece = self._data[self._at : self._at + 4096]
            self._at += len(piece) - len(piece.lstrip(padding))
        return False

    def ahead(self, length: int) -> bytes:
        """Return the next bytes without taking them; fewer where the file ends."""
        there = self.have(length)
        return self._data[self._at : self._at + there]

    def take(self, length: int) -> bytes:
        """Take so many bytes, or as many as there are."""
        there = self.have(length)
        taken = self._data[self._at : self._at + there]
        self._at += there
        return taken

    def take_through(self, terminator: bytes) -> bytes | None:
        """Take all up to a terminator and the line breaks behind it, or the end; None where it is too far."""
        searched = 0
        while searched < LONGEST_SEGMENT:
            end = self._data.find(terminator, self._at + searched, self._at + LONGEST_SEGMENT)
            if end >= 0:
                return self._take_with_break(end + 1 - self._at)
            searched = len(self._data) - self._at
            if searched < LONGEST_SEGMENT and not self._more():
                return self.take(searched)
        return None

    def _take_with_break(self, length: int) -> bytes:
        there = self.have(length + 2)
        while length < there and self._data[self._at + length] in BREAKS:
            length += 1
        start, self._at = self._at, self._at + length
        return self._data[start : self._at]

    def take_until(self, mark: re.Pattern[bytes]) -> bytes:
        """Take what comes before the next mark of three bytes, at least one byte and at most a segment's length."""
        there = self.have(LONGEST_SEGMENT + 2)
        found = mark.search(self._data, self._at + 1, self._at + there)
        return self.take(min(there, LONGEST_SEGMENT) if found is None else found.start() - self._at)
