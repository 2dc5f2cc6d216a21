"""YAML with positions: the data of a document, and for each path of keys the line and column it stands at.

Stricter than YAML itself where a person would be misled: a key written twice is a finding (YAML keeps the last one in
silence), and so are aliases of whole sections, keys that are not text, numbers that YAML reads otherwise than a person
(010 is eight), and what is deeper or longer than any bundle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from routing.errors import Problem, Severity
from routing.facts import describe, plain

Path = tuple[str | int, ...]

DEEPEST = 64
"""How many lists and mappings of a document may stand inside one another."""
LONGEST = 128 * 1024
"""How many characters a document may have: some checks of a bundle take the square of its length."""
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_READ_OTHERWISE = re.compile(r"[-+]?(0[0-7_]*[1-7][0-7_]*|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")
"""Numbers that YAML reads to the base of eight or sixty, and a person does not: 010, 1:30."""
_Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Findings:
    """Collects problems by path and turns them into `Problem`s with their places."""

    places: Mapping[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def error(self, path: Path, message: str) -> None:
        """Note something that stops the bundle from loading."""
        self._add(path, message, Severity.ERROR)

    def warning(self, path: Path, message: str) -> None:
        """Note something that a person should look at."""
        self._add(path, message, Severity.WARNING)

    @property
    def has_errors(self) -> bool:
        """Whether the bundle must not be used."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    def in_order(self) -> tuple[Problem, ...]:
        """Return all problems in the order of the document."""
        return tuple(sorted(self.problems, key=lambda problem: (problem.line or 0, problem.column or 0)))

    def _add(self, path: Path, message: str, severity: Severity) -> None:
        near = path
        while near and near not in self.places:
            near = near[:-1]
        place = self.places.get(near, Place(1, 1))
        self.problems.append(
            Problem(where=dotted(path), message=message, line=place.line, column=place.column, severity=severity)
        )


def dotted(path: Path) -> str:
    """Write a path of keys as `rules[2].when`, or "the bundle" for the whole."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".") or "the bundle"


def shown(value: object) -> str:
    """Show a value of the document in a message."""
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    return describe(plain(value))


def read_yaml(text: str) -> tuple[object, Findings]:
    """Read one YAML document.

    Returns
    -------
    tuple
        The data (None if the text is no YAML) and the findings so far, which know every place.
    """
    places: dict[Path, Place] = {}
    findings = Findings(places)
    if len(text) > LONGEST:
        findings.error((), f"found {len(text):,} characters, expected {LONGEST:,} at most. Make bundles of its parts.")
        return None, findings
    try:
        node = yaml.compose(text, Loader=_Loader)
        return (None if node is None else _Reader(places, findings).read(node, ())), findings
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        places[()] = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        findings.error((), f"the YAML cannot be read: {error.problem or error.context}. Mend the text at this place.")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        findings.error((), f"the YAML cannot be read: {error}. Mend the text.")
    return None, findings


def _start(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


class _Reader:
    def __init__(self, places: dict[Path, Place], findings: Findings) -> None:
        self._places = places
        self._findings = findings
        self._constructor = yaml.SafeLoader("")
        self._seen: set[int] = set()

    def read(self, node: yaml.Node, path: Path) -> object:
        self._places.setdefault(path, _start(node))
        if not isinstance(node, yaml.ScalarNode):
            if id(node) in self._seen:
                self._findings.error(path, "found an alias (*name). Write the value out, so that it can be read here.")
                return None
            self._seen.add(id(node))
            if len(path) == DEEPEST:
                self._findings.error(path, f"found a section inside {DEEPEST} others. Write it less nested.")
                return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node, path) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self._places.setdefault((*path, "?"), _start(key_node))
                self._findings.error((*path, "?"), f"found the key {key!r}, expected text. Put it in quotes.")
                continue
            place = _start(key_node)
            if key in data:
                self._places[(*path, f"{key} (again)")] = place
                self._findings.error((*path, f"{key} (again)"), f"'{key}' is given twice. Keep one of them.")
                continue
            self._places[(*path, key)] = place
            data[key] = self.read(value_node, (*path, key))
        return data

    def _scalar(self, node: yaml.Node, path: Path) -> object:
        if node.tag in _NUMBERS and _READ_OTHERWISE.fullmatch(node.value):
            found = f"'{node.value}' is {self._constructor.construct_object(node)} in YAML"
            self._findings.error(path, f"{found}. Write the number plainly, or put it in quotes if it is text.")
            return None
        try:
            value: object = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            problem = getattr(error, "problem", None) or str(error)
            self._findings.error(path, f"'{node.value}' cannot be read: {problem}. Put it in quotes if it is text.")
            return None
        return value
