"""997: what was read is told to its sender, in a form that our own reader reads."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from features.errors import OverwritingError, SourceError
from features.ingest.edi.acknowledgement import Acknowledgement
from features.ingest.edi.importer import import_edi
from features.ingest.edi.interchanges import parts_of
from features.ingest.edi.parts import Group, GroupEnded, Interchange, InterchangeEnded, Leftover, Transaction
from features.ingest.edi.reading import Terms
from tests.features.ingest.edi.written import LEARNT, Imported, group, imported, interchange, several, transaction

RHEI = Interchange("RHEI", "02", "SHIPPER", "ZZ", "260302", "1830", "000000042", "00401", "T")
GOOD = "B10*P*S1*RHEI\nAT7*D1*NS***20260302*1200*ET"


def answered(folder: Path, written: str | bytes | list[bytes]) -> tuple[Imported, list[list[str]]]:
    """Return what was imported, and the segments of the acknowledgement between its ST and SE."""
    path = folder / "acknowledgement.edi"
    found = imported(folder, written, acknowledge=path)
    sets = [part for part in parts_of(BytesIO(path.read_bytes())) if isinstance(part, Transaction)]
    assert all(part.fault is None and part.findings == [] for part in sets)
    return found, [segment.elements for part in sets for segment in part.segments[1:-1]]


def test_what_is_right_is_accepted(tmp_path: Path) -> None:
    _, told = answered(tmp_path, several("214", GOOD, GOOD))
    assert told == [
        ["AK1", "QM", "7"],
        ["AK2", "214", "0001"],
        ["AK5", "A"],
        ["AK2", "214", "0002"],
        ["AK5", "A"],
        ["AK9", "A", "2", "2", "2"],
    ]


def test_it_is_sent_back_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "acknowledgement.edi"
    imported(tmp_path, several("214", GOOD), acknowledge=path)
    parts = list(parts_of(BytesIO(path.read_bytes())))
    (sent,) = (part for part in parts if isinstance(part, Transaction))
    assert (sent.name, sent.control) == ("997", "0001")
    outer, inner = sent.interchange, sent.group
    assert (outer.sender, outer.sender_qualifier) == ("SHIPPER", "ZZ")
    assert (outer.receiver, outer.receiver_qualifier, outer.usage) == ("RHEI", "02", "T")
    assert inner is not None
    assert (inner.code, inner.sender, inner.receiver, inner.release) == ("FA", "SHIPPER", "RHEI", 4010)
    assert not any(part.findings for part in parts if isinstance(part, GroupEnded | InterchangeEnded))
    assert not any(isinstance(part, Leftover) for part in parts)


def test_our_own_import_reads_it_and_does_not_answer_it(tmp_path: Path) -> None:
    path = tmp_path / "first" / "acknowledgement.edi"
    path.parent.mkdir()
    imported(tmp_path / "first", several("214", GOOD), acknowledge=path)
    (tmp_path / "second").mkdir()
    found, told = answered(tmp_path / "second", path.read_bytes())
    assert found.summary.unsupported == {"997": 1}
    assert found.summary.leftovers == 0
    assert told == []


@pytest.mark.parametrize(
    ("good", "bad", "faults"),
    [
        ("*20260302*", "*20260332*", [["AK3", "AT7", "3", "", "8"], ["AK4", "5", "", "8"], ["AK5", "R", "5"]]),
        ("*1200*", "*2500*", [["AK3", "AT7", "3", "", "8"], ["AK4", "6", "", "9"], ["AK5", "R", "5"]]),
        ("*ET", "*QQ", [["AK3", "AT7", "3", "", "8"], ["AK4", "7", "", "7"], ["AK5", "R", "5"]]),
        ("*ET", "*LT", [["AK3", "AT7", "3", "", "8"], ["AK4", "7", "", "2"], ["AK5", "R", "5"]]),
        ("*NS*", "**", [["AK3", "AT7", "3", "", "8"], ["AK4", "2", "", "2"], ["AK5", "R", "5"]]),
        ("*RHEI~AT7", "~AT7", [["AK3", "B10", "2", "", "8"], ["AK4", "3", "", "1"], ["AK5", "R", "5"]]),
        ("B10*P*S1*RHEI~", "", [["AK3", "B10", "3", "", "3"], ["AK5", "R", "5", "4"]]),
        ("B10*P*S1*RHEI~", "???*P~", [["AK3", "", "2", "", "1"], ["AK5", "R", "5"]]),
        ("SE*4*0001~", "", [["AK5", "R", "2"]]),
        ("SE*4*0001~", "SE*4*0009~", [["AK5", "R", "3"]]),
        ("SE*4*0001~", "SE*5*0001~", [["AK5", "E", "4"]]),
        ("ST*214*0001~", "ST*214~", [["AK3", "ST", "1", "", "8"], ["AK5", "R", "7"]]),
        ("ST*214*0001~", "ST**0001~", [["AK3", "ST", "1", "", "8"], ["AK5", "R", "6"]]),
        ("ST*214*0001~", "ST*315*0001~", [["AK5", "R", "1"]]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, good: str, bad: str, faults: list[list[str]]) -> None:
    written = several("214", GOOD)
    assert good in written
    _, told = answered(tmp_path, written.replace(good, bad))
    assert told[2:-1] == faults
    assert told[-1][:2] == ["AK9", "E" if faults[-1][1] == "E" else "R"]


def test_some_of_a_group_may_be_accepted(tmp_path: Path) -> None:
    _, told = answered(tmp_path, several("214", GOOD, GOOD.replace("0302", "0332"), GOOD))
    assert told[-1] == ["AK9", "P", "3", "3", "2"]


@pytest.mark.parametrize(
    ("good", "bad", "answer"),
    [
        ("GE*1*7~", "GE*2*7~", ["E", "2", "1", "1", "5"]),
        ("GE*1*7~", "GE*1*8~", ["E", "1", "1", "1", "4"]),
        ("GE*1*7~", "", ["E", "1", "1", "1", "3"]),
        ("*X*004010~", "*X~", ["R", "1", "1", "0", "2"]),
    ],
)
def test_what_is_wrong_with_a_group_is_told(tmp_path: Path, good: str, bad: str, answer: list[str]) -> None:
    _, told = answered(tmp_path, several("214", GOOD).replace(good, bad))
    assert told[-1] == ["AK9", *answer]


def test_a_repeat_is_accepted_and_a_number_used_twice_is_not(tmp_path: Path) -> None:
    first, changed = several("214", GOOD).encode(), several("214", GOOD.replace("S1", "S2")).encode()
    _, told = answered(tmp_path, [first, first, changed])
    assert [segment[1:] for segment in told if segment[0] == "AK5"] == [["A"], ["A"], ["R", "23"]]


def test_each_group_has_an_answer_of_its_own(tmp_path: Path) -> None:
    groups = [group("214", transaction("214", GOOD), control=str(number)) for number in (1, 2)]
    _, told = answered(tmp_path, interchange(*groups))
    assert [segment for segment in told if segment[0] == "AK1"] == [["AK1", "QM", "1"], ["AK1", "QM", "2"]]


def numbers_in(path: Path) -> set[tuple[str, str]]:
    """Return the control numbers of interchanges, each with the partner that is told."""
    heads = [line.split("*") for line in path.read_text().splitlines() if line.startswith("ISA")]
    numbers = [(head[8].strip(), head[13]) for head in heads]
    assert len(set(numbers)) == len(numbers)
    return set(numbers)


def test_two_imports_in_a_row_share_no_control_number(tmp_path: Path) -> None:
    """However many interchanges each of them reads: here more than seconds lie between them."""
    found = []
    for run in range(2):
        source, path = tmp_path / f"{run}", tmp_path / f"{run}.997"
        source.mkdir()
        for number in range(20):
            written = interchange(group("214", transaction("214", GOOD)), control=f"{run}{number:08d}")
            other = written.replace("02*RHEI", "02*NWX ").replace("GS*QM*RHEI", f"GS*QM*NWX{number % 2}")
            (source / f"{number}.edi").write_text(written + other)
        import_edi(source, tmp_path / f"out{run}", Terms(LEARNT), now=LEARNT + timedelta(seconds=run), acknowledge=path)
        found.append(numbers_in(path))
    first, second = found
    assert {partner for partner, _ in first} == {"RHEI", "NWX"}
    assert len(first) == 3
    assert not first & second


def test_control_numbers_have_nine_digits_whenever_it_is_written(tmp_path: Path) -> None:
    stream, acknowledgement = StringIO(), Acknowledgement()
    for number in range(2):
        acknowledgement.begin(Group(RHEI, "QM", f"APP{number}", "SHIPPER", "20260302", "1830", "7", "004010"))
    acknowledgement.write(stream, datetime.fromtimestamp(99_999_999.8, UTC))
    heads = [line.split("*") for line in stream.getvalue().splitlines() if line.startswith("ISA")]
    assert [head[13] for head in heads] == ["999999999", "000000001"]


def test_delimiters_and_letters_from_elsewhere_do_not_break_it(tmp_path: Path) -> None:
    written = several("214", GOOD).translate(str.maketrans("*~", "^\n")).replace("GS^QM^RHEI", "GS^Q~*M^RH\u00c9I")
    _, told = answered(tmp_path, written)
    assert told[0] == ["AK1", "Q  M", "7"]


def test_it_takes_no_place_of_what_is_read(tmp_path: Path) -> None:
    """A file among the sources would be emptied before it is read."""
    source = tmp_path / "source"
    written = several("214", GOOD)
    for path in (source / "000.edi", source / "answers" / "997.edi"):
        with pytest.raises(OverwritingError, match="Name another place"):
            imported(tmp_path, written, acknowledge=path)
        assert (source / "000.edi").read_text() == written
    with pytest.raises(OverwritingError):
        import_edi(source / "000.edi", tmp_path / "out", Terms(LEARNT), now=LEARNT, acknowledge=source / "000.edi")


def test_nothing_is_acknowledged_if_nothing_was_imported(tmp_path: Path) -> None:
    path = tmp_path / "acknowledgement.edi"
    path.write_text("the last one")
    with pytest.raises(SourceError):
        imported(tmp_path, b"nothing", acknowledge=path)
    assert path.read_text() == "the last one"
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("written", [several("214", GOOD), b"nothing"])
def test_a_file_of_somebody_else_stays(tmp_path: Path, written: str | bytes) -> None:
    path, other = tmp_path / "997.edi", tmp_path / "997.edi.part"
    other.write_text("half of a download")
    with suppress(SourceError):
        imported(tmp_path, written, acknowledge=path)
    assert other.read_text() == "half of a download"
    assert len(list(tmp_path.glob("997.edi*"))) == 1 + path.exists()


def test_it_may_lie_beside_the_tables_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    source, out = tmp_path / "000.edi", tmp_path / "new" / "tables"
    source.write_text(several("214", GOOD))
    import_edi(source, out, Terms(LEARNT), now=LEARNT, acknowledge=out / "997.edi")
    assert (out / "997.edi").read_text().startswith("ISA")


def test_a_link_or_a_pipe_stays_what_it_is(tmp_path: Path) -> None:
    link, target, pipe = tmp_path / "link", tmp_path / "target", tmp_path / "pipe"
    link.symlink_to(target)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (link, pipe):
        imported(tmp_path, several("214", GOOD), acknowledge=path)
    assert link.is_symlink()
    assert pipe.is_fifo()
    assert os.read(reader, 100_000).decode() == target.read_text() != ""
    os.close(reader)
