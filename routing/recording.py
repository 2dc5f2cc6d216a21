"""Facts as JSON and back, without loss: what is written in a decision can be decided again to the same end.

Text, numbers, booleans and null stand for themselves. Everything JSON has no word for is a mapping with one key that
begins with `$`: `{"$instant": "2026-03-01T12:00:00Z"}`, `{"$unknown": reason}`, `{"$number": "nan"}` and, for what is
no fact at all, `{"$malformed": what was found}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isfinite

from routing.canonical import rfc3339
from routing.facts import Malformed, Unknown, plain


def encode_facts(facts: Mapping[str, object]) -> dict[str, object]:
    """Turn facts, right or wrong, into plain JSON types."""
    return {name: value if type(value) in _PLAIN else _encode(plain(value)) for name, value in facts.items()}


def decode_facts(encoded: Mapping[str, object]) -> dict[str, object]:
    """Turn what `encode_facts` wrote back into facts."""
    return {name: _decode(value) if isinstance(value, (dict, list)) else value for name, value in encoded.items()}


_PLAIN = frozenset({str, bool, type(None)})
"""Types of what stands for itself, whatever it is; an integer may be too large, a float no number."""


def _encode(value: object) -> object:
    match value:
        case str() | int() | None:  # most often
            return value
        case float() if not isfinite(value):
            return {"$number": repr(value)}
        case tuple():
            return [_encode(row) for row in value]
        case dict():
            return {name: _encode(cell) for name, cell in value.items()}
        case datetime():
            return {"$instant": rfc3339(value)}
        case Unknown(reason):
            return {"$unknown": reason}
        case Malformed(found):
            return {"$malformed": found}
    return value


def _decode(value: object) -> object:
    if isinstance(value, list):
        return tuple(_decode(row) for row in value)
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        return {name: _decode(cell) for name, cell in value.items()}
    match value:
        case {"$unknown": str(reason)}:
            return Unknown(reason)
        case {"$malformed": str(found)}:
            return Malformed(found)
        case {"$instant": str(text)}:
            return datetime.fromisoformat(text)
        case {"$number": str(text)}:
            return float(text)
    return {name: _decode(cell) for name, cell in value.items()}
