"""Errors of the feature pipeline. Each builds its own sentence: what was found, what was expected, what to do.

FeatureError
 ├─ MappingError            a mapping file cannot be used (all its problems at once)
 ├─ YamlFileError           a YAML file cannot be read
 ├─ SourceError             a source file is missing or unreadable
 ├─ RecordError             a record breaks the canonical form
 │   └─ FutureKnowledgeError  a record claims to be known later than now
 ├─ TableError              a canonical table lacks a column or has a wrong type
 ├─ UnknownShipmentError    a question about a shipment nobody announced
 └─ TimelineError           a timeline was asked something it cannot hold
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path


class FeatureError(Exception):
    """Base of every error this package raises on purpose."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known word, or an empty string."""
    near = get_close_matches(word, known, n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


class MappingError(FeatureError):
    """A mapping file cannot be used. `problems` holds every problem, each with its place in the file."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"Mapping {path} has {len(problems)} problem(s); mend them all and import again:\n{listed}")


class YamlFileError(FeatureError):
    """A YAML file cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class SourceError(FeatureError):
    """A source file is missing or cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"Source file {path} cannot be read: {reason}")


class OverwritingError(FeatureError):
    """What is to be written would lie among what is read, or take its place."""

    def __init__(self, path: Path, source: Path) -> None:
        self.path = path
        self.source = source
        super().__init__(
            f"{path} is to be written and lies in {source}, which is read: it would take the place of what was sent, "
            f"or be read the next time. Name another place."
        )


class RecordError(FeatureError):
    """A record breaks the canonical form."""


class FutureKnowledgeError(RecordError):
    """A record says that it was learnt, or happened, after now."""

    def __init__(self, record: str, field: str, value: datetime, now: datetime) -> None:
        self.record = record
        self.field = field
        self.value = value
        self.now = now
        super().__init__(
            f"{record} says {field} = {value.isoformat()}, which is after now ({now.isoformat()}). "
            f"Send it when it has happened, or mend the sender's clock or time zone."
        )


class TableError(FeatureError):
    """A canonical table lacks a column or holds a wrong type."""

    def __init__(self, table: str, found: Sequence[str], missing: Sequence[str]) -> None:
        self.table = table
        self.missing = tuple(missing)
        hints = "".join(did_you_mean(name, found) for name in missing[:1])
        super().__init__(
            f"Table '{table}' lacks {', '.join(repr(m) for m in missing)}. Found: {', '.join(found) or 'no columns'}."
            f"{hints} Import the source again with `triage import files`."
        )


class UnknownShipmentError(FeatureError):
    """A question about a shipment that no record has announced."""

    def __init__(self, shipment_id: str) -> None:
        self.shipment_id = shipment_id
        super().__init__(
            f"Shipment '{shipment_id}' is unknown. Send its `freight.shipment.planned` event first, "
            f"or give the shipment inline."
        )


class TimelineError(FeatureError):
    """A timeline was asked something it cannot hold or answer."""
