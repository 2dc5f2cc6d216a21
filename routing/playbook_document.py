"""The shape of a playbook as written in YAML: when many cases have one cause, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from features.vocabulary import Branch, SubjectType
from routing.part import ConditionData, Part, Words
from routing.subjects import BRANCHES_OF

_Share = Annotated[float, Field(gt=0, le=1)]
_Minutes = Annotated[float, Field(gt=0, le=527_040)]
_SUSPENDS = "branches that are held while the cause stands"


class DeclarePart(Part):
    """From when on many cases have one cause."""

    at_least: int = Field(ge=1, le=1_000_000, description="so many cases of one scope that show it")
    share_at_least: _Share = Field(description="of the cases of that scope that were looked at in this time")
    within_minutes: _Minutes


class OverPart(Part):
    """From when on the cause is over."""

    seen_at_least: int = Field(ge=1, le=1_000_000, description="so many cases looked at, or all that are held if fewer")
    share_below: _Share = Field(description="a smaller share of them shows it")
    within_minutes: _Minutes


class ParentPart(Part):
    """What becomes of the cause itself: it is put before an owner, and with `escalate` the owner is called too."""

    branch: Literal["escalate", "review"]
    to: Words = Field(description="an owner of this bundle; with escalate one that has a channel")
    sla_minutes: int = Field(ge=1, le=10_080)


class DrainPart(Part):
    """How what was held is decided anew when the cause is over."""

    at_most: int = Field(ge=1, le=1_000_000, description="so many cases")
    per_minutes: _Minutes
    order: Literal["value", "latest_useful"] = Field(
        default="value", description="most at stake first, or what stops being of use soonest"
    )
    waits_hours: float = Field(
        default=0, ge=0, le=8784, description="how long a case waits for a budget; then a person decides"
    )


class PlaybookPart(Part):
    """One cause of many exceptions: how it is known, what happens meanwhile, how it ends."""

    owner: Words
    review_by: date | None = None
    watches: list[Words] = Field(min_length=1, max_length=3, description="facts that cases of one scope share")
    when: ConditionData = Field(description="a case shows the cause")
    declare: DeclarePart
    over: OverPart
    suspends: list[Literal["review", "notify", "split", "rebook", "escalate"]] = Field(
        min_length=1, description=_SUSPENDS
    )
    holds: Literal["scope", "showing"] = Field(
        default="scope", description="whether all cases of the scope are held, or those alone that show the cause"
    )
    parent: ParentPart
    drain: DrainPart
    rests_hours: float = Field(
        gt=0, le=8784, description="after a person ended it, it is not declared again for so long"
    )
    sentence_staff: Words
    runbook: list[Words] = Field(min_length=1, description="what to do, step by step")


def _playbook_part(subject: SubjectType) -> type[PlaybookPart]:
    if subject is SubjectType.SHIPMENT:
        return PlaybookPart
    branch = Literal.__getitem__(tuple(each.value for each in BRANCHES_OF[subject] if each is not Branch.NONE))
    fields: dict[str, Any] = {
        "suspends": (GenericAlias(list, (branch,)), Field(min_length=1, description=_SUSPENDS)),
    }
    name = f"{subject.title()}PlaybookPart"
    return create_model(name, __base__=PlaybookPart, __doc__=PlaybookPart.__doc__, **fields)


PLAYBOOK_PARTS: Mapping[SubjectType, type[PlaybookPart]] = {subject: _playbook_part(subject) for subject in SubjectType}
"""A playbook, by what the bundle is on: it suspends branches of that subject."""
