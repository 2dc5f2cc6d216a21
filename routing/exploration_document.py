"""The shape of the exploration of a bundle as written in YAML: among what, how often and until when chance decides."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from routing.part import BranchName, Part, Words


class ExplorationPart(Part):
    """Cases in which chance decides among branches that are declared equally safe, so that they can be compared."""

    share: Annotated[float, Field(gt=0, le=0.5)] = Field(description="of the cases in which more than one is open")
    among: list[BranchName] = Field(min_length=2, description="branches declared equally safe; none commits money")
    where: dict[str, Any] = Field(default_factory=dict, description="only cases whose facts have these values")
    salt: Words = Field(description="another salt draws other cases")
    owner: Words
    review_by: date = Field(description="the last day on which anything is drawn")
    why: Words
