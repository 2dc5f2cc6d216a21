"""`python -m features.ingest.reference` writes docs/mapping-reference.md: functions, tables and fields of mappings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from features.ingest.checks import REQUIRED, UNIQUE
from features.ingest.columns import Column
from features.ingest.functions import TOPICS
from features.shape import FieldShape
from features.tables import PARTS, RECORDS, SHAPES


def reference() -> str:
    """Return the reference of mapping files as Markdown."""
    lines = [
        "# Reference of mapping files",
        "",
        "Made from the code by `make docs`. How to write a mapping: [mapping-files.md](mapping-files.md).",
        "",
        "## Functions",
        "",
        "Each works on whole columns. A missing input gives a missing output, unless it says otherwise.",
    ]
    for topic, functions in TOPICS.items():
        lines += ["", f"### {topic}", ""]
        lines += [f"* `{_signature(function)}`: {_words(function)}" for function in functions]
    lines += ["", "## Tables", "", "A field in bold must be given. Times are instants, money is in minor units."]
    for table, shapes in SHAPES.items():
        lines += ["", f"### `{table}`", "", _purpose(table), "", f"No two rows share {_listed(UNIQUE[table])}.", ""]
        lines += ["| field | type | what it holds |", "|---|---|---|"]
        lines += [_row(shape, required=shape.name in REQUIRED[table]) for shape in shapes]
    return "\n".join(lines) + "\n"


def _signature(function: Callable[..., Column]) -> str:
    parameters = inspect.signature(function).parameters.values()
    shown = []
    for parameter in parameters:
        name = f"*{parameter.name}" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else parameter.name
        shown.append(name if parameter.default is inspect.Parameter.empty else f"{name}={parameter.default!r}")
    return f"{function.__name__}({', '.join(shown)})"


def _words(function: Callable[..., Column]) -> str:
    return " ".join((inspect.getdoc(function) or "").split())


def _purpose(table: str) -> str:
    if table in RECORDS:
        return " ".join((inspect.getdoc(RECORDS[table]) or "").split())
    holders = [part for part in PARTS if part.table == table]
    whose = ", ".join(part.holder.__name__ for part in holders)
    return f"{' '.join((inspect.getdoc(holders[0].item) or '').split())} It is a part of: {whose}."


def _row(shape: FieldShape, *, required: bool) -> str:
    kind = {"string": "text", "int64": "whole number", "double": "number", "bool": "true or false"}
    name = f"**`{shape.name}`**" if required else f"`{shape.name}`"
    holds = [shape.meaning] if shape.meaning else []
    if shape.words:
        holds.append(f"one of {_listed(shape.words)}")
    if not required and shape.default is not None:
        holds.append(
            f"`{str(shape.default).lower() if isinstance(shape.default, bool) else shape.default}` if not given"
        )
    return f"| {name} | {kind.get(str(shape.kind), 'instant')} | {'; '.join(holds)} |"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    Path("docs/mapping-reference.md").write_text(reference(), encoding="utf-8")
