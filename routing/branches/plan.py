"""The base of a branch's own settings in the bundle."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from routing.canonical import rfc3339


class Plan(BaseModel):
    """Settings that only one branch has. A number may be written as `$threshold` in the bundle.

    A field that declares `json_schema_extra={"unit": ...}` takes thresholds of that unit only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def optional_time(moment: datetime | None) -> str | None:
    """Write a time as RFC 3339, or keep None."""
    return None if moment is None else rfc3339(moment)
