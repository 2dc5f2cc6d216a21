"""What a file holds: interchanges of X12 and of EDIFACT, one behind the other, and what lies between them.

A file is read once, in chunks, in time linear in its length. Every byte comes out again, in a segment or as debris, but
for the delimiters of UNA, the padding between interchanges and blank lines: nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import BinaryIO

from features.ingest.edi.edifact import EdifactEnvelope, begins_edifact, edifact_segments, passed_advice
from features.ingest.edi.envelopes import X12Envelope
from features.ingest.edi.parts import Leftover, Part, gathered
from features.ingest.edi.segments import NO_HEADER, Debris, Segment, begins_x12, x12_segments
from features.ingest.edi.window import LONGEST_SEGMENT, PADDING, Window

_MARKS = (b"ISA", b"UNA", b"UNB")
_NEXT = re.compile(b"|".join(_MARKS))


class Syntax(Enum):
    """How an interchange is written."""

    X12 = "X12"
    EDIFACT = "EDIFACT"


def holds_interchange(stream: BinaryIO) -> bool:
    """Tell whether there is a header anywhere in a file, or the beginning of one at its very beginning."""
    window = Window(stream)
    if window.skip(PADDING) and window.ahead(3) in _MARKS:
        return True
    while window.skip(PADDING):
        if _begins(window):
            return True
        window.take_until(_NEXT)
    return False


def parts_of(stream: BinaryIO) -> Iterator[Part]:
    """Yield what the interchanges of a file are made of; a faulty transaction leaves its neighbours as they are."""
    yield from gathered(_parts_of(stream))


def _parts_of(stream: BinaryIO) -> Iterator[Part]:
    x12, edifact = X12Envelope(), EdifactEnvelope()
    envelope: X12Envelope | EdifactEnvelope = x12
    for syntax, piece in pieces_of(stream):
        meant = {Syntax.X12: x12, Syntax.EDIFACT: edifact, None: envelope}[syntax]
        if meant is not envelope:
            yield from envelope.end(None)
            envelope = meant
        if isinstance(piece, Debris):
            yield from envelope.interrupt("what follows is no segment")
            yield Leftover(piece.raw, piece.words, piece.offset)
        else:
            yield from envelope.take(piece)
    yield from envelope.end(None)


def pieces_of(stream: BinaryIO) -> Iterator[tuple[Syntax | None, Segment | Debris]]:
    """Yield the segments of all interchanges in a file, each with its syntax, and what lies between them."""
    window = Window(stream)
    while window.skip(PADDING):
        if begins_x12(window):
            yield from ((Syntax.X12, piece) for piece in x12_segments(window, _begins))
        elif begins_edifact(window):
            yield from ((Syntax.EDIFACT, piece) for piece in edifact_segments(window, _begins))
        else:
            yield None, _debris(window)


def _begins(window: Window) -> bool:
    return window.ahead(3) in _MARKS and (begins_x12(window) or begins_edifact(window))


def _debris(window: Window) -> Debris:
    words = NO_HEADER if window.begins(b"ISA") else "it stands outside an interchange"
    offset, pieces = window.offset, bytearray(passed_advice(window))
    while len(pieces) < LONGEST_SEGMENT:
        pieces += window.take_until(_NEXT)
        if window.ahead(3) not in _MARKS or _begins(window):
            break
    return Debris(bytes(pieces), words, offset)
