"""The shape of one message for many cases, as written in YAML: which belong together, and how long one waits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from routing.part import Part, Words


class TogetherPart(Part):
    """Cases that are told in one message: the first of them waits for more, and is sent with all that came by then."""

    by: list[Words] = Field(min_length=1, description="facts whose values they share, e.g. customer_id and origin")
    within_minutes: Annotated[float, Field(gt=0, le=1440)] = Field(
        description="how long the first one waits; no longer than half the time for which any of them is of use"
    )
    at_most: int = Field(default=100, ge=2, le=1000, description="so many go at once, without waiting any longer")
    sentence_customer: Words = Field(
        description="the words for several; shows facts of `by`, and {count}: how many they are"
    )
