"""Shapes of `POST /v1/events`: CloudEvents 1.0 in, one result an event out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Attribute = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CloudEvent(BaseModel):
    """A CloudEvents 1.0 envelope with JSON data. Extension attributes are allowed and left aside."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"]
    id: Attribute
    source: Attribute
    type: Attribute
    time: AwareDatetime | None = None
    subject: str | None = None
    datacontenttype: Annotated[str, Field(pattern=r"^application/([\w.-]+\+)?json(\s*;.*)?$")] | None = None
    data: dict[str, Any]


class EventAnswer(BaseModel):
    """What became of one event. A duplicate was kept when it first came, and is not counted again."""

    status: Literal["accepted", "duplicate", "rejected"]
    id: str | None = None
    source: str | None = None
    problem: dict[str, Any] | None = Field(default=None, description="why it was refused (RFC 9457)")


class BatchAnswer(BaseModel):
    """What became of each event of a batch, in the order they were sent."""

    accepted: int
    duplicate: int
    rejected: int
    results: list[EventAnswer]
