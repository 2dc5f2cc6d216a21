"""Canonical JSON: one text for one value, so that a digest of it means something.

Keys are sorted, nothing is padded, floats are written by `repr` (the shortest text that reads back equal), times are
RFC 3339 in UTC with a `Z`, and everything outside ASCII is escaped, so that no database encoding or Unicode
normalisation can change the bytes. NaN, infinities and anything that is not JSON are refused, never guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from math import isfinite

from routing.errors import NotJsonError


def rfc3339(moment: datetime) -> str:
    """Write an aware time as RFC 3339 in UTC, e.g. `2026-03-01T12:00:00Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def jsonable(value: object, where: str = "the value") -> object:
    """Turn a value into plain JSON types: mappings with text keys, lists, text, numbers, booleans, null.

    Raises
    ------
    NotJsonError
        For a float that is not finite, a time without zone, a key that is not text, or any other type.
    """
    if _is_plain(value):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise NotJsonError(where, repr(float(value)), "Write null where a number is missing.")
        return float(value)
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise NotJsonError(where, f"the time {value.isoformat()} without a zone", "Give an aware time.")
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (dict, Mapping)):
        return {
            key if type(key) is str else _key(key, where): item if _is_plain(item) else jsonable(item, f"{where}.{key}")
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [item if _is_plain(item) else jsonable(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise NotJsonError(where, f"a {type(value).__name__}", "Use text, numbers, booleans, null, lists and mappings.")


def canonical_json(value: object) -> str:
    """Write a value as canonical JSON (ASCII, one line).

    Raises
    ------
    NotJsonError
        If a part of it has no JSON form.
    """
    if _is_written_as_it_is(value):
        try:
            return _ENCODER.encode(value)
        except (TypeError, ValueError):
            pass  # said below, with where it is
    return _ENCODER.encode(jsonable(value))


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of a value, in hex."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def _is_plain(value: object) -> bool:
    """Tell whether a value is what JSON takes as it is; no subclass, which may have a text of its own."""
    kind = type(value)
    return kind in _PLAIN or (isinstance(value, float) and kind is float and isfinite(value))


def _is_written_as_it_is(value: object) -> bool:
    """Tell whether the encoder writes a value as `jsonable` returns it, or refuses it; by itself it takes any key."""
    kind = type(value)
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]  # a dict, as just seen
            if type(key) is not str or not (type(item) in _LEAVES or _is_written_as_it_is(item)):
                return False
        return True
    if kind is list or kind is tuple:
        return all(type(item) in _LEAVES or _is_written_as_it_is(item) for item in value)  # type: ignore[attr-defined]
    return kind in _LEAVES or isinstance(value, str) or kind is datetime


def _time(value: object) -> str:
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return rfc3339(value)
    raise TypeError(value)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, default=_time)
_PLAIN = frozenset({str, int, bool, type(None)})
_LEAVES = _PLAIN | {float}


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise NotJsonError(where, f"a mapping with the key {key!r}", "Use text keys only.")
    return str.__str__(key)
