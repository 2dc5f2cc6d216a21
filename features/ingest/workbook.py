"""Cells of an Excel sheet that show something, and hold no value that can be read.

An error such as #N/A, a formula that was never reckoned (as in files that programs write), and the cells that a merged
one covers come out of every reader as if nothing were there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from openpyxl.xml.functions import fromstring, iterparse  # type: ignore[import-untyped]

Element = Any
Unread = Mapping[tuple[int, int], str]
"""What stands in a cell, by its row and column, both from 0."""

_LETTERS = re.compile(r"([A-Z]+)([0-9]+)")


def unread_cells(path: Path, sheet: str | None) -> Unread:
    """Return the cells of a sheet without a value that can be read; of the first sheet if none is named."""
    found: dict[tuple[int, int], str] = {}
    shown: set[tuple[int, int]] = set()
    with ZipFile(path) as book, book.open(_part_of(book, sheet)) as stream:
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
                found.update(_covered(element.get("ref", ""), shown))
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


def _covered(reference: str, shown: set[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the cells that a merged one covers, if it shows anything."""
    first, _, last = reference.partition(":")
    (top, left), (bottom, right) = _at(first), _at(last or first)
    if (top, left) in shown:
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
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
