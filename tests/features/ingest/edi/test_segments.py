"""Cutting X12 into segments: delimiters, terminators, line breaks, what is no EDI, and time."""

from __future__ import annotations

from io import BytesIO
from time import process_time

import pytest

from features.ingest.edi.faults import Reason, TransactionError
from features.ingest.edi.interchanges import holds_interchange, pieces_of
from features.ingest.edi.segments import Debris, Segment
from features.ingest.edi.window import LONGEST_SEGMENT
from tests.features.ingest.edi.written import HEADER, one

PLAIN = one("214", "B10*P*S*RHEI\nAT7*D1*NS***20260302*1200*ET").encode()


def cut(raw: bytes) -> list[Segment | Debris]:
    return [piece for _, piece in pieces_of(BytesIO(raw))]


def elements(raw: bytes) -> list[list[str]]:
    return [piece.elements for piece in cut(raw) if isinstance(piece, Segment)]


def debris(raw: bytes) -> list[tuple[bytes, str]]:
    return [(piece.raw, piece.words) for piece in cut(raw) if isinstance(piece, Debris)]


class TestDelimiters:
    @pytest.mark.parametrize("terminator", ["~", "|", "\n", "\r", "~\n", "~\r\n", "\r\n", "'", "\x1c", "\x85"])
    def test_any_terminator_is_read_from_the_header(self, terminator: str) -> None:
        written = PLAIN.replace(b"~", terminator.encode("latin-1"))
        assert elements(written) == elements(PLAIN)
        assert debris(written) == []

    @pytest.mark.parametrize("separator", [b"|", b"^", b"\x1d", b"+"])
    def test_any_separator_is_read_from_the_header(self, separator: bytes) -> None:
        assert elements(PLAIN.replace(b"*", separator)) == elements(PLAIN)

    def test_two_interchanges_may_be_written_differently(self) -> None:
        other = PLAIN.replace(b"*", b"^").replace(b"~", b"\n")
        assert elements(PLAIN + b"\r\n" + other) == elements(PLAIN) * 2

    def test_an_interchange_may_begin_before_the_last_has_ended(self) -> None:
        other = PLAIN.replace(b"*", b"^").replace(b"~", b"\n")
        cut_off = PLAIN[: PLAIN.index(b"SE*")]
        assert elements(cut_off + other) == elements(cut_off) + elements(PLAIN)

    def test_a_byte_order_mark_and_padding_are_passed_over(self) -> None:
        written = b"\xef\xbb\xbf" + PLAIN + b" " * 9000 + b"\r\n\x1a\x00" + b"\xef\xbb\xbf" + PLAIN
        assert elements(written) == elements(PLAIN) * 2
        assert debris(written) == []

    @pytest.mark.parametrize("width", [70, 80, 104])
    def test_lines_of_fixed_width_are_put_together_again(self, width: int) -> None:
        lines = [PLAIN[at : at + width] for at in range(0, len(PLAIN), width)]
        wrapped = b"\n".join(lines)
        assert elements(wrapped) == elements(PLAIN)
        assert any(piece.wrapped for piece in cut(wrapped) if isinstance(piece, Segment))

    def test_the_last_segment_may_lack_its_terminator(self) -> None:
        assert elements(PLAIN.removesuffix(b"~")) == elements(PLAIN)

    def test_what_is_no_utf_8_is_latin_1(self) -> None:
        written = PLAIN.replace(b"B10*P*", b"B10*\xd6\xe9*")
        assert elements(written)[3][1] == "Öé"

    def test_raw_bytes_and_offsets_are_those_of_the_file(self) -> None:
        written = PLAIN.replace(b"~", b"~\r\n")
        for piece in cut(written):
            assert written[piece.offset :].startswith(piece.raw)


class TestDebris:
    def test_what_stands_around_interchanges_comes_out(self) -> None:
        assert debris(b"From: a@b\n" + PLAIN + b"THE END") == [
            (b"From: a@b\n", "it stands outside an interchange"),
            (b"THE END", "it stands outside an interchange"),
        ]
        assert elements(b"From: a@b\n" + PLAIN + b"THE END") == elements(PLAIN)

    @pytest.mark.parametrize(
        ("good", "bad"),
        [
            (b"*00*          *00*", b"*00*00*"),
            (b"*0*T*>~", b"*0*T**~"),
            (b"*0*T*>~", b"*0*T*>>"),
            (b"*0*T*>~", b"*0*T*>A"),
            (b"*0*T*>~", b"*0*T* ~"),
        ],
    )
    def test_a_header_that_is_none_says_so_and_the_next_interchange_is_read(self, good: bytes, bad: bytes) -> None:
        found = cut(PLAIN.replace(good, bad) + PLAIN)
        assert isinstance(found[0], Debris)
        assert found[0].words == "it is no ISA header: that has 106 characters, and names three delimiters that differ"
        assert elements(PLAIN.replace(good, bad) + PLAIN) == elements(PLAIN)

    @pytest.mark.parametrize(
        "bad", [b"ISA~", b"ISA*00*~", b"IS\nA*1~", PLAIN.replace(b"*00*          *00*", b"*00*00*")]
    )
    def test_a_bad_header_within_an_interchange_ends_it(self, bad: bytes) -> None:
        cut_off = PLAIN[: PLAIN.index(b"SE*")]
        assert elements(cut_off + bad + b"GE*1*7~" + PLAIN) == elements(cut_off) + elements(PLAIN)
        assert b"".join(raw for raw, _ in debris(cut_off + bad + b"GE*1*7~" + PLAIN)) == bad + b"GE*1*7~"

    def test_a_header_that_is_cut_short_comes_out(self) -> None:
        assert debris(PLAIN[:60])[0][0] == PLAIN[:60]

    def test_a_segment_without_end_is_given_up_and_nothing_is_lost(self) -> None:
        endless = HEADER.format(control="000000042").encode() + b"A" * 3 * LONGEST_SEGMENT
        found = cut(endless + PLAIN)
        assert b"".join(piece.raw for piece in found) == endless + PLAIN
        assert "no segment terminator" in next(piece.words for piece in found if isinstance(piece, Debris))
        assert elements(endless + PLAIN)[1:] == elements(PLAIN)

    @pytest.mark.parametrize("over", [-1, 0, 1])
    def test_the_longest_segment_is_the_same_wherever_chunks_end(self, over: int) -> None:
        long = b"NTE*" + b"A" * (LONGEST_SEGMENT - 5 + over) + b"~"
        for lead in (0, 1000, 200_000):
            written = HEADER.format(control="000000042").encode() + b"X*1~" * lead + long + PLAIN
            assert bool(debris(written)) == (over > 0)


class TestHoldsInterchange:
    @pytest.mark.parametrize("written", [PLAIN, b"mail\n" + PLAIN, b"ISA*cut short", b"x" * 200_000 + PLAIN])
    def test_where_there_is_one(self, written: bytes) -> None:
        assert holds_interchange(BytesIO(written))

    @pytest.mark.parametrize("written", [b"", b" \n", b'{"a": "ISAAC"}', b"x" * 200_000])
    def test_where_there_is_none(self, written: bytes) -> None:
        assert not holds_interchange(BytesIO(written))


_PIECES = (b"ISA*\n", b"A", b"\n", b"~", b"*", b"X~", b"\n~")


class TestTime:
    @pytest.mark.parametrize("piece", [b"ISA", *(pytest.param(piece, marks=pytest.mark.slow) for piece in _PIECES)])
    @pytest.mark.parametrize("head", [b"", HEADER.format(control="000000042").encode()])
    def test_four_times_as_much_takes_about_four_times_as_long(self, head: bytes, piece: bytes) -> None:
        def seconds(size: int) -> float:
            raw = head + piece * (size // len(piece))
            began = process_time()
            for _ in pieces_of(BytesIO(raw)):
                pass
            return process_time() - began

        # Both are well beyond the longest segment, which is searched for headers only from where it ends.
        short, long = min(seconds(4 * LONGEST_SEGMENT) for _ in range(3)), seconds(16 * LONGEST_SEGMENT)
        assert long < 10 * short + 0.1


class TestElements:
    SEGMENT = Segment(["L1", "1", " 46.09 ", "", "-12", "1.5", "x", "-.5", "9" * 16, "5."], b"", 0, position=3)

    def test_blank_and_absent_are_none(self) -> None:
        assert (self.SEGMENT.text(3), self.SEGMENT.text(99)) == (None, None)
        assert (self.SEGMENT.whole(3), self.SEGMENT.number(3), self.SEGMENT.amount(3)) == (None, None, None)

    def test_numbers(self) -> None:
        assert self.SEGMENT.number(2) == 46.09
        assert self.SEGMENT.whole(4) == -12
        assert self.SEGMENT.number(7) == -0.5
        assert self.SEGMENT.amount(9) == 5

    @pytest.mark.parametrize(
        ("method", "element"), [("whole", 5), ("whole", 6), ("whole", 8), ("number", 6), ("number", 8), ("amount", 4)]
    )
    def test_what_is_no_number_of_its_kind_says_where(self, method: str, element: int) -> None:
        with pytest.raises(TransactionError) as raised:
            getattr(self.SEGMENT, method)(element)
        fault = raised.value.fault
        assert (fault.reason, fault.segment, fault.position, fault.element) == (Reason.NUMBER, "L1", 3, element)

    def test_what_is_missing_says_where(self) -> None:
        with pytest.raises(TransactionError, match=r"^L1-03 \(segment 3\): the element is missing$"):
            self.SEGMENT.required(3)
