"""Shapes that several resources share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL holds no U+0000 in a text, so a text with one is refused before it is looked for."""

PathId = Annotated[str, Path(pattern=NO_NUL)]
Position = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Body(BaseModel):
    """What a caller sends: nothing beside what is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)
