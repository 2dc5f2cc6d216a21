"""Whatever the bytes are: no crash, no hang, and nothing lost."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import SourceError
from features.ingest.checks import broken_links, broken_rows
from features.ingest.edi.interchanges import holds_interchange, parts_of, pieces_of
from features.ingest.edi.parts import Leftover, Part, Transaction
from features.ingest.edi.segments import Segment
from features.ingest.edi.window import PADDING
from features.tables import SCHEMAS, RecordTables
from tests.drawn import drawn
from tests.features.ingest.edi import test_edifact
from tests.features.ingest.edi.test_importer import everything
from tests.features.ingest.edi.written import HEADER, Imported, accounted, imported
from tests.features.ingest.recorded import source_of

_QUICK = drawn(120)
_IMPORTED = drawn(15)
_FILES = sorted(path for path in source_of("edi").rglob("*") if path.suffix.lower() in (".edi", ".txt"))
_RECORDED = [path.read_bytes() for path in _FILES]
SAMPLES = [everything().encode(), test_edifact.interchange().encode(), *(raw for raw in _RECORDED if len(raw) < 6000)]
PIECES = [
    b"~",
    b"*",
    b"\n",
    b"ISA",
    b"GS*",
    b"ST*214*1~",
    b"SE*2*1~",
    b"GE*1*7~",
    b"IEA*",
    b"'",
    b"?",
    b"+",
    b":",
    b"UNB",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a sample with some of it changed, taken out, put in, doubled or cut off."""
    raw = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(raw)))
        end = start + draw(st.integers(0, 40))
        put = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8), st.just(raw[start:end] * 2)))
        raw = raw[:start] + put + raw[end:]
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.booleans()) else raw


_SLOWEST = 60e-6
"""Processor seconds a byte that no input may take; the slowest that is known takes a sixth of it."""

_ENVELOPES = ("ISA", "GS", "GE", "IEA", "UNB", "UNG", "UNE", "UNZ")


def read(raw: bytes) -> Imported | None:
    """Import some bytes in a folder of their own, with an acknowledgement; None if they hold no interchange."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "acknowledgement.edi"
        began = process_time()
        try:
            found = imported(folder, raw, acknowledge=path)
        except SourceError:
            return None
        assert process_time() - began < 2 + _SLOWEST * len(raw)
        answers = [part for part in parts_of(BytesIO(path.read_bytes())) if isinstance(part, Transaction | Leftover)]
        assert all(isinstance(part, Transaction) and part.fault is None and not part.findings for part in answers)
        assert accounted(found.summary)
        tables = RecordTables.read(found.out)
        frames = {table: getattr(tables, table) for table in SCHEMAS}
        for table, frame in frames.items():
            assert [reason for broken, reason in broken_rows(table, frame) if broken.any()] == []
        assert [reason for _, broken, reason in broken_links(frames) if broken.any()] == []
        rejected = [row for row in found.rejects if row["table"] is not None]
        assert len(rejected) == found.summary.rejected.total()
        assert len(found.rejects) - len(rejected) == found.summary.leftovers
        assert all(row["content"] for row in found.rejects)
        return found


def gaps(raw: bytes, pieces: list[tuple[int, int]]) -> list[bytes]:
    """Return what lies between pieces, each from an offset on and so long, without what may be passed over."""
    starts = [0, *(offset + length for offset, length in pieces)]
    ends = [*(offset for offset, _ in pieces), len(raw)]
    between = (raw[start:end].replace(b"\xef\xbb\xbf", b"") for start, end in zip(starts, ends, strict=True))
    return [gap for gap in (gap.translate(None, PADDING) for gap in between) if gap]


@given(st.binary(max_size=2_000))
@_QUICK
def test_arbitrary_bytes(raw: bytes) -> None:
    read(raw)


_MANY = (b"~", b"'", b"UNB+'", b"UNB+'UNZ'", b"UNH+1'", b"GS*~", b"ISA~", b"UNA:+.? '", b"?'", b"ISA", b"UNB")


@pytest.mark.parametrize("piece", [b"ST*214*1~", *(pytest.param(piece, marks=pytest.mark.slow) for piece in _MANY)])
@pytest.mark.parametrize("head", [HEADER.format(control="000000042").encode(), b"UNB+UNOA:1+R+S+260302:1830+1'"])
def test_a_megabyte_of_one_piece_is_taken_apart_in_time(head: bytes, piece: bytes) -> None:
    began = process_time()
    for _ in parts_of(BytesIO(head + piece * (1_000_000 // len(piece)))):
        pass
    assert process_time() - began < _SLOWEST * 1_000_000


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=60))
@_IMPORTED
def test_arbitrary_bytes_behind_a_header(pieces: list[bytes]) -> None:
    read(HEADER.format(control="000000042").encode() + b"GS*QM*A*B*20260302*1200*7*X*004010~" + b"".join(pieces))


@given(mutated())
@_IMPORTED
def test_mutated_samples(raw: bytes) -> None:
    read(raw)


@given(mutated())
@_QUICK
def test_every_byte_is_in_a_segment_or_is_debris_but_for_empty_segments(raw: bytes) -> None:
    if holds_interchange(BytesIO(raw)):
        pieces = [piece for _, piece in pieces_of(BytesIO(raw))]
        for piece in pieces:
            assert raw[piece.offset :].startswith(piece.raw)
        terminators = {raw[piece.offset + 105 :][:1] for piece in pieces if piece.raw[:3] == b"ISA"} | {b"~"}
        for gap in gaps(raw, [(piece.offset, len(piece.raw)) for piece in pieces]):
            assert gap[:1] * len(gap) == gap
            assert gap[:1] in terminators


@given(mutated())
@_QUICK
def test_every_segment_but_those_of_envelopes_is_in_a_transaction_or_left_over(raw: bytes) -> None:
    parts: list[Part] = list(parts_of(BytesIO(raw)))
    kept = [part for part in parts if isinstance(part, Transaction | Leftover)]
    offsets = [part.offset if isinstance(part, Leftover) else part.segments[0].offset for part in kept]
    assert offsets == sorted(offsets)
    if holds_interchange(BytesIO(raw)):
        pieces = [piece for _, piece in pieces_of(BytesIO(raw))]
        outer = sum(len(piece.raw) for piece in pieces if isinstance(piece, Segment) and piece.tag in _ENVELOPES)
        inner = sum(len(part.raw) for part in kept)
        everything_there = sum(len(piece.raw) for piece in pieces)
        assert inner <= everything_there <= inner + outer


@given(st.integers(0, len(SAMPLES[0])))
@_IMPORTED
def test_what_is_cut_off_anywhere_loses_none_that_was_whole(end: int) -> None:
    raw = SAMPLES[0]
    whole = raw[:end].count(b"SE*")
    found = read(raw[:end])
    if found is None:
        assert whole == 0
    else:
        read_whole = found.summary.imported.total()
        assert whole - 1 <= read_whole <= whole
