"""Segments: cases that share facts, e.g. all of one customer tier on one lane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = str | bool | int | float
Where = Mapping[str, Value]
"""Facts with the values that all cases of a segment have; empty: every case."""


def covers(where: Where, known: Mapping[str, Any]) -> bool | None:
    """Tell whether a case has all these facts; None if one of them is unknown and none is otherwise."""
    answer: bool | None = True
    for name, value in where.items():
        if name not in known:
            answer = None
        elif known[name] != value:
            return False
    return answer
