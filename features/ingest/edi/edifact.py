"""EDIFACT envelopes: bytes are cut into segments, which pydifact takes apart, and these are gathered into messages.

An element that is made of components holds them with `COMPONENT` between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydifact.control.characters import Characters
from pydifact.exceptions import EDISyntaxError
from pydifact.parser import Parser, TokenIterator
from pydifact.tokenizer import Tokenizer

from features.ingest.edi.faults import Fault, Finding, Reason, Remark
from features.ingest.edi.parts import (
    LARGEST_TRANSACTION,
    Interchange,
    InterchangeBegun,
    InterchangeEnded,
    Leftover,
    Part,
    Transaction,
    count_of,
    same_number,
)
from features.ingest.edi.segments import Debris, Segment, text_of
from features.ingest.edi.window import BREAKS, LONGEST_SEGMENT, Window

COMPONENT = "\x00"
"""Stands between the components of an element."""

_NONE = "\x01"  # a release character that no text holds
_UN = b"UN"
_USUAL = b":+.? '"
_ADVICE = re.compile(rb"(?P<una>(?:UNA(?P<signs>.{6})[ \t\r\n\x00\x1a]*)?)UNB(?P<data>.)", re.DOTALL)
_SPAN = 64
"""How far a UNB may stand behind the beginning of its UNA, in bytes."""

_TAG = re.compile(r"[A-Z][A-Z0-9]{2}")
_HEAD_OF_A_LINE = re.compile(rb"\r?\nUN[GH]")


def components(segment: Segment, element: int) -> list[str]:
    """Return the components of an element, none where it is absent."""
    text = segment.text(element)
    return [] if text is None else [part.strip() for part in text.split(COMPONENT)]


def component(segment: Segment, element: int, place: int) -> str | None:
    """Return one component of an element, counted from 1; None where it is absent or blank."""
    parts = components(segment, element)
    return (parts[place - 1] or None) if place <= len(parts) else None


@dataclass(frozen=True, slots=True)
class _Advice:
    """The six delimiters, as UNA says or as is usual, and how many bytes there are before UNB."""

    signs: str
    length: int


@dataclass(frozen=True, slots=True)
class _Cut:
    """How one interchange is written."""

    characters: Characters
    terminator: bytes
    release: bytes
    usual: bool


def begins_edifact(window: Window) -> bool:
    """Tell whether a UNB header comes next, behind a UNA or without one."""
    return _advice(window) is not None


def edifact_segments(window: Window, begins: Callable[[Window], bool]) -> Iterator[Segment | Debris]:
    """Yield the segments of the EDIFACT interchange whose header comes next, up to where it ends or another begins."""
    advice = _advice(window)
    if advice is None:
        return
    window.take(advice.length)
    cut = _cut_of(advice.signs, window.ahead(LONGEST_SEGMENT))
    is_first = True
    while window.skip(BREAKS) and (is_first or not begins(window)):
        offset = window.offset
        raw = _take_segment(window, cut)
        if raw is None:
            words = f"there is no segment terminator within {LONGEST_SEGMENT:,} bytes"
            yield Debris(window.take(LONGEST_SEGMENT), words, offset)
            return
        segment = _parsed(raw, cut, offset)
        yield segment
        if segment.tag == "UNZ":
            return
        is_first = False


def passed_advice(window: Window) -> bytes:
    """Take a UNA before a UNB, which names no delimiters: they are not known then. There may be none."""
    advice = _ADVICE.match(window.ahead(_SPAN))
    return b"" if advice is None or not advice["una"] else window.take(advice.end("una"))


def _advice(window: Window) -> _Advice | None:
    if not window.begins(_UN):
        return None
    found = _ADVICE.match(window.ahead(_SPAN))
    if found is None:
        return None
    signs = (found["signs"] or _USUAL).decode("latin-1")
    component, data, *_, terminator = list(signs)
    if len({component, data, terminator}) < 3 or any(sign.isalnum() for sign in (component, data, terminator)):
        return None
    return _Advice(signs, len(found["una"])) if found["data"].decode("latin-1") == data else None


def _cut_of(signs: str, ahead: bytes) -> _Cut:
    """Return how an interchange is written: with these delimiters, but on lines where these come before them."""
    component, data, point, release, _, terminator = list(signs)
    usual = True
    first = ahead.find(terminator.encode("latin-1"))
    line = _HEAD_OF_A_LINE.search(ahead, 0, len(ahead) if first < 0 else first)
    if line is not None:  # each segment stands on a line of its own, and has no other terminator
        terminator, usual = "\n", False
    characters = Characters.from_str(component + data + point + (release.strip() or _NONE) + " " + terminator)
    return _Cut(characters, terminator.encode("latin-1"), release.strip().encode("latin-1"), usual)


def _take_segment(window: Window, cut: _Cut) -> bytes | None:
    """Take all up to a terminator that is meant as one: it does not follow an odd number of release characters."""
    pieces, size = [b""], 0
    while size <= LONGEST_SEGMENT:
        raw = window.take_through(cut.terminator)
        if raw is None:
            break
        pieces.append(raw)
        size += len(raw)
        body = raw.rstrip(BREAKS).removesuffix(cut.terminator)
        released = len(body) - len(body.rstrip(cut.release)) if cut.release else 0
        if released % 2 == 0 or not raw:
            break
    return b"".join(pieces) or None


def _parsed(raw: bytes, cut: _Cut, offset: int) -> Segment:
    """Return a segment; one that pydifact cannot take apart has the tag "?" and its text as its only element."""
    body = raw.rstrip(BREAKS).removesuffix(cut.terminator)
    text = text_of(body.translate(None, BREAKS)).replace(COMPONENT, " ")
    try:
        tokens = TokenIterator(Tokenizer().get_tokens(text + cut.characters.segment_terminator, cut.characters))
        elements = next(iter(Parser().convert_tokens_to_raw_segments(tokens)), [])
    except EDISyntaxError:
        elements = []
    flat = [COMPONENT.join(one) if isinstance(one, list) else one for one in elements]
    if not flat or not _TAG.fullmatch(flat[0]):
        flat = ["?", text]
    return Segment(flat, raw, offset, wrapped=not cut.usual)


class EdifactEnvelope:
    """Where in the envelopes of EDIFACT the reading stands."""

    def __init__(self) -> None:
        self._interchange: Interchange | None = None
        self._message: Transaction | None = None
        self._messages = 0
        self._groups = 0
        self._usual = True

    def take(self, segment: Segment) -> Iterator[Part]:
        """Take the next segment."""
        match segment.tag:
            case "UNB":
                yield from self.end(None)
                yield self._begin(segment)
            case "UNZ":
                yield from self.end(segment)
            case "UNG" | "UNE":
                yield from self.interrupt(f"a segment {segment.tag}")
                self._groups += segment.tag == "UNG"
            case "UNH" if self._interchange is not None:
                yield from self.interrupt("another message begins")
                self._message = _message(self._interchange, segment)
                self._messages += 1
            case "UNT" if self._message is not None:
                self._message.end(segment)
                yield self._message
                self._message = None
            case _ if self._message is not None:
                yield from self._append(self._message, segment)
            case _:
                yield Leftover(segment.raw, "a segment stands outside a message", segment.offset)

    def _begin(self, header: Segment) -> InterchangeBegun:
        self._interchange = Interchange(
            sender=component(header, 2, 1) or "",
            sender_qualifier=component(header, 2, 2) or "",
            receiver=component(header, 3, 1) or "",
            receiver_qualifier=component(header, 3, 2) or "",
            date=component(header, 4, 1) or "",
            time=component(header, 4, 2) or "",
            control=header.text(5) or "",
            version="".join(components(header, 1)),
        )
        self._messages = self._groups = 0
        self._usual = not header.wrapped
        return InterchangeBegun(self._interchange)

    def _append(self, message: Transaction, segment: Segment) -> Iterator[Part]:
        message.append(segment)
        if message.fault is None and segment.tag == "?":
            words = f"{segment.elements[1][:40]!r} cannot be taken apart"
            message.fault = Fault(Reason.BAD_SEGMENT, words, None, segment.position)
        if message.size > LARGEST_TRANSACTION:
            message.fault = Fault(Reason.TOO_LARGE, f"the message is larger than {LARGEST_TRANSACTION:,} bytes")
            self._message = None
            yield message

    def interrupt(self, why: str) -> Iterator[Part]:
        """The message ends without a trailer, if there is one."""
        if self._message is not None:
            if self._message.fault is None:
                self._message.fault = Fault(Reason.NO_TRAILER, f"there is no UNT segment before {why}")
            yield self._message
        self._message = None

    def end(self, trailer: Segment | None) -> Iterator[Part]:
        """The interchange ends, with its trailer or without one."""
        yield from self.interrupt("the interchange ends")
        if self._interchange is not None:
            yield InterchangeEnded(self._interchange, tuple(self._findings(self._interchange, trailer)))
        self._interchange = None

    def _findings(self, interchange: Interchange, trailer: Segment | None) -> Iterator[Finding]:
        if not self._usual:
            words = "its segments stand on lines and have no other terminator; there is no UNA segment that says so"
            yield Finding(Remark.TERMINATOR, words, "UNB")
        if trailer is None:
            yield Finding(Remark.NO_INTERCHANGE_TRAILER, "the interchange has no UNZ segment", "UNB")
            return
        found, of = (self._groups, "groups") if self._groups else (self._messages, "messages")
        if count_of(trailer) != found:
            words = f"the trailer counts {trailer.text(1)!r} {of}, {found} were found"
            yield Finding(Remark.GROUP_COUNT if self._groups else Remark.TRANSACTION_COUNT, words, "UNZ")
        if not same_number(trailer.text(2), interchange.control):
            words = f"the trailer bears the number {trailer.text(2)!r}, the header {interchange.control!r}"
            yield Finding(Remark.INTERCHANGE_NUMBER, words, "UNZ")


def _message(interchange: Interchange, header: Segment) -> Transaction:
    name, control = component(header, 2, 1) or "?", header.text(1) or "?"
    message = Transaction(interchange, None, [], name, control)
    message.append(header)
    for missing, element in ((control, 1), (name, 2)):
        if missing == "?":
            message.fault = Fault(Reason.BAD_HEADER, "the element is missing", "UNH", 1, element)
    return message
