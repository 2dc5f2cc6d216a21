"""Cells of an Excel sheet that show something, and hold no value that can be read.

An error such as #N/A, a formula that was never reckoned (as in files that programs write), and the cells that a merged
one covers come out of every reader as if nothing were there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

from openpyxl.xml.functions import fromstring, iterparse  # type: ignore[import-untyped]

Element = Any
Unread = Mapping[tuple[int, int], str]
"""What stands in a cell, by its row and column, both from 0."""

_LETTERS = re.compile(r"([A-Z]+)([0-9]+)")
_MARKS = re.compile(rb"""mergeCell|t=["']e["']|<(?:\w+:)?f[\s/>]""")
_CHUNK, _LONGEST_MARK = 1 << 20, 32


def unread_cells(path: Path, sheet: str | None) -> Unread:
    """Return the cells of a sheet without a value that can be read; of the first sheet if none is named."""
    with ZipFile(path) as book:
        part = _part_of(book, sheet)
        with book.open(part) as stream:
            if not _is_marked(stream):  # most are not, and parsing takes ten times as long as looking
                return {}
        with book.open(part) as stream:
            return _unread_in(stream)


def _is_marked(stream: IO[bytes]) -> bool:
    before = b""
    while chunk := stream.read(_CHUNK):
        if _MARKS.search(before + chunk):
            return True
        before = chunk[-_LONGEST_MARK:]
    return False


def _unread_in(stream: IO[bytes]) -> Unread:
    found: dict[tuple[int, int], str] = {}
    shown: set[tuple[int, int]] = set()
    merged: list[str] = []
    for _, element in iterparse(stream):
        tag = _bare(element.tag)
        if tag == "row":
            for cell in element:
                at, told = _at(cell.get("r", "")), _unread(cell)
                if told is not None:
                    found[at] = told
                if len(cell):
                    shown.add(at)
            element.clear()
        elif tag == "mergeCell":
            merged.append(element.get("ref", ""))
    # Behind the last cell that shows anything no row is one, and no column has a name.
    end = tuple(map(max, zip(*shown, strict=True))) if shown else (0, 0)
    for reference in merged:
        found.update(_covered(reference, shown, end))
    return found


def _unread(cell: Element) -> str | None:
    """Return what stands in a cell whose value cannot be read; None where it can, or nothing is there."""
    parts = {_bare(part.tag): part.text or "" for part in cell}
    kind, value, formula = cell.get("t"), parts.get("v", ""), parts.get("f")
    if kind == "e":
        return value or "an error"
    if formula is not None and not value and kind != "str":  # of type "str" is a formula that gives the empty text
        return f"={formula}" if formula else "a formula"
    return None


def _covered(
    reference: str, shown: set[tuple[int, int]], end: tuple[int, ...]
) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the cells that a merged one covers, if it shows anything, up to the last row and column."""
    first, _, last = reference.partition(":")
    (top, left), (bottom, right) = _at(first), _at(last or first)
    if (top, left) in shown:
        for row in range(top, min(bottom, end[0]) + 1):
            for column in range(left, min(right, end[1]) + 1):
                if (row, column) != (top, left):
                    yield (row, column), f"merged with {first}"


def _part_of(book: ZipFile, sheet: str | None) -> str:
    """Return the path of a sheet inside the workbook."""
    relations = {one.get("Id"): one for one in fromstring(book.read("xl/_rels/workbook.xml.rels"))}
    for entry in fromstring(book.read("xl/workbook.xml")).iter():
        if _bare(entry.tag) == "sheet" and sheet in (None, entry.get("name")):
            named = next(value for key, value in entry.items() if key.endswith("}id"))
            target = relations[named].get("Target", "")
            if _bare(relations[named].get("Type", "")).endswith("/worksheet"):
                return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(f"there is no sheet '{sheet}'")


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


def _at(reference: str) -> tuple[int, int]:
    """Return row and column of "B3", both from 0."""
    told = _LETTERS.fullmatch(reference)
    if told is None:
        return -1, -1
    column = 0
    for letter in told[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(told[2]) - 1, column - 1
