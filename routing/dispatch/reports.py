"""Reads what a target says of a call: parts that can be believed and kept, or none."""

from __future__ import annotations

import json
from datetime import UTC, datetime

LONGEST = {"reference": 200, "reason": 2000}
"""How much is kept of what a target writes, in characters."""


class UnreadableError(ValueError):
    """What a target said is not what it was asked for."""


def read_json(body: bytes) -> object:
    """Read JSON from outside.

    Raises
    ------
    UnreadableError
        If it is none, or is nested too deeply.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(str(error)) from error


def read_moment(written: object) -> datetime:
    """Read an aware time, in UTC.

    Raises
    ------
    UnreadableError
        If it is none, has no zone, or lies outside the years 1 to 9999 in UTC.
    """
    try:
        moment = datetime.fromisoformat(written) if isinstance(written, str) else None
        if moment is None or moment.tzinfo is None:
            raise UnreadableError(f"{written!r} is no time with a zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableError(str(error)) from error


def read_text(written: object, part: str) -> str | None:
    """Return the text of a part as a database keeps it, cut to what is kept; None if there is none."""
    if not isinstance(written, str):
        return None
    return written.encode(errors="ignore").decode().replace("\x00", "")[: LONGEST[part]] or None
