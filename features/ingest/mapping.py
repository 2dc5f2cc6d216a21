"""Mapping files: how the files of a source become canonical tables. Validated whole, every problem with its line."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from features.errors import MappingError, YamlFileError, did_you_mean
from features.ingest.checks import REQUIRED
from features.ingest.expressions import Expression, parse
from features.ingest.sources import KINDS, SourceFile, Stack
from features.tables import SCHEMAS
from features.yaml_file import read_yaml_and_nodes

_TOP = ("name", "version", "owner", "meaning", "sources", "stack", "derive", "tables")
_SOURCE = ("file", "sheet", "missing", "text", "separator", "point", "encoding")
_CSV_ONLY = ("separator", "point", "encoding")
_STACK = ("of", "keep", "over", "columns")
_TABLE = ("table", "source", "where", "fields")


@dataclass(frozen=True, slots=True)
class TableRule:
    """How the rows of one source become rows of one canonical table."""

    table: str
    source: str
    where: Expression | None
    fields: MappingType[str, Expression]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, read and found to be in order."""

    path: Path
    name: str
    version: str
    owner: str
    sources: MappingType[str, SourceFile]
    stacks: MappingType[str, Stack]
    derive: MappingType[str, MappingType[str, Expression]]
    tables: tuple[TableRule, ...]


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    MappingError
        With every problem of the file and the line where it stands.
    """
    try:
        content, node = read_yaml_and_nodes(path)
    except YamlFileError as error:
        raise MappingError(path, [error.reason]) from error
    return _Reader(path, _lines(node)).read(content)


class _Reader:
    """Collects problems while it reads, so that all are reported at once."""

    def __init__(self, path: Path, lines: dict[tuple[Any, ...], int]) -> None:
        self._path = path
        self._lines = lines
        self._problems: list[str] = []

    def read(self, content: Any) -> Mapping:
        if not isinstance(content, dict):
            raise MappingError(self._path, ["it must be a mapping with name, version, owner, sources and tables"])
        self._known_keys((), content, _TOP)
        for key in ("name", "version", "owner"):
            if not content.get(key):
                self._problem((), f"'{key}' is missing; a mapping has a name, a version and an owner")
        sources = self._sources(content.get("sources"))
        stacks = self._stacks(content.get("stack") or {}, sources)
        known: dict[str, object] = {**sources, **stacks}
        derive = self._derive(content.get("derive") or {}, known)
        tables = self._tables(content.get("tables"), known)
        if self._problems:
            raise MappingError(self._path, self._problems)
        return Mapping(
            path=self._path,
            name=str(content["name"]),
            version=str(content["version"]),
            owner=str(content["owner"]),
            sources=sources,
            stacks=stacks,
            derive=derive,
            tables=tuple(tables),
        )

    def _sources(self, content: Any) -> dict[str, SourceFile]:
        sources = {}
        for name, entry in self._entries(("sources",), content).items():
            if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
                self._problem(("sources", name), f"source '{name}' needs a 'file'")
                continue
            self._known_keys(("sources", name), entry, _SOURCE)
            kind = Path(entry["file"]).suffix.lower()
            if kind not in KINDS:
                self._problem(("sources", name), f"'{entry['file']}' is none of {', '.join(KINDS)}")
            if Path(entry["file"]).is_absolute() or ".." in Path(entry["file"]).parts:
                self._problem(("sources", name), f"'{entry['file']}' leaves the source folder; give a path inside it")
            for option in _CSV_ONLY:
                if option in entry and kind != ".csv":
                    self._problem(("sources", name, option), f"'{option}' is for .csv files")
            if "sheet" in entry and kind != ".xlsx":
                self._problem(("sources", name, "sheet"), "'sheet' is for .xlsx files")
            separator = self._word(("sources", name, "separator"), entry, ",") or ","
            point = self._word(("sources", name, "point"), entry, ".") or "."
            if len(separator) != 1:
                words = f"'separator' is one character, such as ';' or a tab, and was found to be {separator!r}"
                self._problem(("sources", name, "separator"), words)
            if point not in (".", ","):
                self._problem(("sources", name, "point"), f"'point' is '.' or ',', and was found to be {point!r}")
            sources[name] = SourceFile(
                file=entry["file"],
                sheet=self._word(("sources", name, "sheet"), entry, None),
                missing=self._words(("sources", name, "missing"), entry),
                text=self._words(("sources", name, "text"), entry),
                separator=separator,
                point=point,
                encoding=self._word(("sources", name, "encoding"), entry, "utf-8-sig") or "utf-8-sig",
            )
        return sources

    def _stacks(self, content: Any, sources: MappingType[str, object]) -> dict[str, Stack]:
        stacks: dict[str, Stack] = {}
        if not isinstance(content, dict):
            self._problem(("stack",), "'stack' must map the name of a new source to what it stacks")
            return stacks
        for name, entry in content.items():
            place = ("stack", name)
            if name in sources:
                self._problem(place, f"'{name}' is a source already; give the stack a name of its own")
            if not isinstance(entry, dict):
                self._problem(place, f"stack '{name}' needs 'of', 'over' and 'columns'")
                continue
            self._known_keys(place, entry, _STACK)
            self._known_source(place, entry.get("of"), {**sources, **stacks})
            over, columns = entry.get("over"), self._entries((*place, "columns"), entry.get("columns"))
            if (
                not isinstance(over, dict)
                or len(over) != 1
                or not all(isinstance(each, list) for each in over.values())
            ):
                self._problem((*place, "over"), "'over' must map one new column to the list of its words")
                continue
            for column, pattern in columns.items():
                if not isinstance(pattern, str) or pattern.count("{}") != 1 or pattern.count("{") != 1:
                    self._problem((*place, "columns", column), f"'{pattern}' must have one {{}} for the word in it")
            ((word, words),) = over.items()
            keep = self._words((*place, "keep"), entry)
            stacks[name] = Stack(str(entry.get("of")), keep, str(word), tuple(map(str, words)), columns)
        return stacks

    def _words(self, place: tuple[Any, ...], entry: MappingType[str, Any]) -> tuple[str, ...]:
        words = entry.get(place[-1], [])
        if not isinstance(words, list):
            self._problem(place, f"'{place[-1]}' must be a list of texts")
            return ()
        return tuple(str(word) for word in words)

    def _word(self, place: tuple[Any, ...], entry: MappingType[str, Any], usual: str | None) -> str | None:
        word = entry.get(place[-1], usual)
        if word is not None and not isinstance(word, str):
            self._problem(place, f"'{place[-1]}' must be a text")
            return usual
        return word

    def _derive(self, content: Any, sources: MappingType[str, object]) -> dict[str, dict[str, Expression]]:
        derive: dict[str, dict[str, Expression]] = {}
        if not isinstance(content, dict):
            self._problem(("derive",), "'derive' must map a source to its new columns")
            return derive
        for source, columns in content.items():
            self._known_source(("derive", source), source, sources)
            entries = self._entries(("derive", source), columns)
            parsed = (
                (name, self._expression(("derive", source, name), text, sources)) for name, text in entries.items()
            )
            derive[source] = {name: expression for name, expression in parsed if expression is not None}
        return derive

    def _tables(self, content: Any, sources: MappingType[str, object]) -> list[TableRule]:
        rules: list[TableRule] = []
        if not isinstance(content, list) or not content:
            self._problem(("tables",), "'tables' must be a list with at least one table")
            return rules
        for index, entry in enumerate(content):
            place = ("tables", index)
            if not isinstance(entry, dict):
                self._problem(place, "a table needs 'table', 'source' and 'fields'")
                continue
            self._known_keys(place, entry, _TABLE)
            table = str(entry.get("table"))
            if table not in SCHEMAS:
                found = f"table '{table}' is unknown; expected one of {', '.join(SCHEMAS)}."
                self._problem(place, found + did_you_mean(table, list(SCHEMAS)))
                continue
            self._known_source(place, entry.get("source"), sources)
            where = None if "where" not in entry else self._expression((*place, "where"), entry["where"], sources)
            fields: dict[str, Expression] = {}
            for name, text in self._entries((*place, "fields"), entry.get("fields")).items():
                if name not in SCHEMAS[table].names:
                    hint = did_you_mean(str(name), SCHEMAS[table].names)
                    self._problem((*place, "fields", name), f"table '{table}' has no field '{name}'.{hint}")
                expression = self._expression((*place, "fields", name), text, sources)
                if expression is not None:
                    fields[name] = expression
            lacking = [name for name in REQUIRED[table] if name not in (entry.get("fields") or {})]
            if lacking:
                self._problem((*place, "fields"), f"table '{table}' needs the field(s) {', '.join(lacking)}")
            rules.append(TableRule(table, str(entry.get("source")), where, fields))
        return rules

    def _expression(self, place: tuple[Any, ...], text: Any, sources: MappingType[str, object]) -> Expression | None:
        expression, problems = parse(text if isinstance(text, str) else repr(text))
        for problem in problems:
            self._problem(place, problem)
        if expression is None:
            return None
        for source, *_ in sorted(expression.lookups):
            self._known_source(place, source, sources)
        return replace(expression, line=self._line(place))

    def _known_source(self, place: tuple[Any, ...], name: Any, sources: MappingType[str, object]) -> None:
        if name not in sources:
            hint = did_you_mean(str(name), list(sources))
            self._problem(place, f"source '{name}' is unknown; declared are {', '.join(sources) or 'none'}.{hint}")

    def _known_keys(self, place: tuple[Any, ...], entry: MappingType[Any, Any], known: tuple[str, ...]) -> None:
        for key in entry:
            if key not in known:
                hint = did_you_mean(str(key), known)
                self._problem((*place, key), f"'{key}' is unknown; expected {', '.join(known)}.{hint}")

    def _entries(self, place: tuple[Any, ...], content: Any) -> dict[str, Any]:
        if not isinstance(content, dict) or not content:
            self._problem(place, f"'{place[-1]}' must be a mapping with at least one entry")
            return {}
        return content

    def _problem(self, place: tuple[Any, ...], text: str) -> None:
        self._problems.append(f"line {self._line(place)}: {text}")

    def _line(self, place: tuple[Any, ...]) -> int:
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)


def _lines(node: yaml.Node | None, place: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], int]:
    """Return the line of every entry of a YAML document, by the path of keys and indices that leads to it."""
    if node is None:
        return {}
    lines = {place: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines.update(_lines(value, (*place, key.value)))
            lines[*place, key.value] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines.update(_lines(value, (*place, index)))
    return lines
