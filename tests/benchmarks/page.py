"""Writes measurements into docs/benchmarks.md, a section each, and prints them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_HEAD = "# Benchmarks\n\nRatios hold; absolute times are those of the machine that ran them last.\n"


def write_section(page: Path, title: str, text: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Replace the section of that title where it stands, or add it."""
    lines = [f"## {title}", "", text, "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    section = "\n".join(lines) + "\n"
    print("\n" + section)
    old = page.read_text(encoding="utf-8") if page.exists() else _HEAD
    head, *sections = re.split(r"(?m)^(?=## )", old)
    by_title = {each.partition("\n")[0]: each.rstrip("\n") + "\n" for each in sections}
    by_title[f"## {title}"] = section
    page.write_text("\n".join([head.rstrip("\n") + "\n", *by_title.values()]), encoding="utf-8")
