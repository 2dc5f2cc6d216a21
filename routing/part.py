"""What all parts of a written bundle have in common: strictness, and the types of their simplest fields."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from features.vocabulary import Branch

Words = Annotated[str, Field(min_length=1)]
BranchName = Annotated[Branch, Field(strict=False)]
ConditionData = Annotated[Any, Field(json_schema_extra={"x-condition": True})]


class Part(BaseModel):
    """Base of all parts: nothing unknown is let through, nothing is converted in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _no_number(value: object) -> object:
    if isinstance(value, int | float):  # not taken for seconds since 1970
        raise ValueError("a time with a zone, e.g. 2026-01-05T08:00:00Z")
    return value


WrittenTime = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_no_number)]
"""A moment, written as YAML or JSON write one."""


def _reached(value: str) -> str:
    if value.isspace() or value.rstrip().endswith(":"):
        raise ValueError("where they are reached, e.g. mailto:duty@example.org")
    return value


Channel = Annotated[Words, AfterValidator(_reached)]
"""How somebody is reached."""
