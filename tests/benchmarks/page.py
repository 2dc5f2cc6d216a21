"""Writes measurements into docs/benchmarks.md, a section each, and prints them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_HEAD = "# Benchmarks\n\nRatios hold; absolute times are those of the machine that ran them last.\n"


def write_section(page: Path, title: str, text: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Replace the section of that title, or add it."""
    lines = [f"## {title}", "", text, "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    section = "\n".join(lines) + "\n"
    print("\n" + section)
    old = page.read_text(encoding="utf-8") if page.exists() else _HEAD
    kept = re.sub(rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)", "", old, flags=re.DOTALL).rstrip("\n")
    page.write_text(f"{kept}\n\n{section}", encoding="utf-8")
