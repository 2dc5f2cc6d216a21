"""Shapes of directives."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from features.vocabulary import Branch, SubjectType
from routing.directives import Directive, DirectiveKind
from routing.policy import Mode
from serving.db.tables import DirectiveRow
from serving.directives.repository import directive_of
from serving.shapes import NO_NUL, Body

Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=NO_NUL, description="why, in your own words")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Text = Annotated[StrictStr, Field(pattern=NO_NUL)]
Value = StrictBool | StrictInt | StrictFloat | Text


class DirectiveBody(Body):
    """An order: what is to be held back, silenced or stopped, on whose behalf, why and until when."""

    kind: DirectiveKind
    subject: SubjectType = Field(
        default=SubjectType.SHIPMENT, description="whose bundle it stands beside; a stop of everything holds for all"
    )
    owner: Name = Field(description="on whose behalf: an owner of the bundle, for whom the caller acts")
    reason: Reason
    since: AwareDatetime | None = Field(default=None, description="from when on; now if left out")
    until: AwareDatetime | None = Field(default=None, description="until just before; only a limit may do without")
    where: dict[Name, Value] = Field(default_factory=dict, max_length=20, description="facts that a case must have")
    branch: Branch | None = Field(default=None, description="what is forbidden or limited; all branches if left out")
    mode: Mode | None = Field(default=None, description="how far a limit lets branches go by themselves")
    rule: Name | None = Field(default=None, description="what is snoozed")
    rows_of: Name | None = Field(default=None, description="the list that rows are excluded from")
    column: Name | None = None
    value: Value | None = Field(default=None, description="rows with this value in `column` are excluded")

    def directive(self, directive_id: str, now: datetime) -> Directive:
        """Make the directive of it."""
        return Directive(
            id=directive_id,
            kind=self.kind,
            owner=self.owner,
            reason=self.reason,
            since=self.since or now,
            until=self.until,
            where=self.where,
            branch=self.branch,
            mode=self.mode,
            rule=self.rule,
            rows_of=self.rows_of,
            column=self.column,
            value=self.value,
        )


class EndBody(Body):
    """Why a directive is ended before its time."""

    reason: Reason


class DirectiveState(StrEnum):
    """Where a directive stands."""

    COMING = "coming"
    STANDING = "standing"
    OVER = "over"


class DirectiveAnswer(BaseModel):
    """A directive, who issued it, and whether it stands."""

    directive_id: str
    state: DirectiveState
    kind: DirectiveKind
    subject: SubjectType
    owner: str
    reason: str
    since: datetime
    until: datetime | None
    where: dict[str, Value]
    branch: Branch | None
    mode: Mode | None
    rule: str | None
    rows_of: str | None
    column: str | None
    value: Value | None
    issued_by: str
    issued_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    ended_because: str | None

    @classmethod
    def of(cls, row: DirectiveRow, now: datetime) -> Self:
        """Shape a directive."""
        directive = directive_of(row)
        over = row.ended_at is not None or (row.until is not None and row.until <= now)
        begun = DirectiveState.STANDING if row.since <= now else DirectiveState.COMING
        return cls(
            directive_id=directive.id,
            state=DirectiveState.OVER if over else begun,
            kind=directive.kind,
            subject=SubjectType(row.subject_type),
            owner=directive.owner,
            reason=directive.reason,
            since=directive.since,
            until=directive.until,
            where=dict(directive.where),
            branch=directive.branch,
            mode=directive.mode,
            rule=directive.rule,
            rows_of=directive.rows_of,
            column=directive.column,
            value=directive.value,
            issued_by=row.issued_by,
            issued_at=row.issued_at,
            ended_by=row.ended_by,
            ended_at=row.ended_at,
            ended_because=row.ended_because,
        )


class DirectiveList(BaseModel):
    """Directives, newest first; give `next` as `before` for the page after, null if this is the last."""

    directives: list[DirectiveAnswer]
    next: int | None

    @classmethod
    def of(cls, rows: list[DirectiveRow], now: datetime, limit: int) -> Self:
        """Shape a page."""
        directives = [DirectiveAnswer.of(row, now) for row in rows]
        return cls(directives=directives, next=rows[-1].position if len(rows) == limit else None)
