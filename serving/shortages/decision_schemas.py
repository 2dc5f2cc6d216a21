"""Shapes of decisions about order lines, read from the sealed bodies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from features.vocabulary import Branch, ShortageCause
from models.shortage_evidence import LineVerdict
from routing.decision import SealedDecision
from serving.decisions.schemas import DecidedShape, decided_fields


class LineDecision(DecidedShape):
    """What was decided about an order line, and what was set in motion. Amounts are minor units of `currency`.

    `recommended_branch` is what the rules say, `branch` what happens; where they differ, `held_because` (it went before
    a person) or `suppressed_because` (nothing is done) says why.
    """

    order_id: str
    line_id: str
    sku: str | None
    place: str | None
    wave_id: str | None
    as_of: datetime = Field(description="the line is judged by what was known then")
    probability: float | None = Field(description="that it is picked short; null when the model abstains")
    verdict: LineVerdict = Field(description="what the books say")
    cause: ShortageCause | None
    needed: float
    quantity_at_risk: float | None
    expected_loss_minor: int | None = Field(description="null where it cannot be told")
    currency: str | None
    reason_customer: str

    @classmethod
    def of(cls, sealed: SealedDecision, *, already_decided: bool) -> Self:
        """Shape a sealed decision."""
        body = json.loads(sealed.body)
        said, facts = body["model"]["answer"], body["facts"]
        evidence = said["evidence"] or {}
        as_said = ("order_id", "line_id", "sku", "place", "wave_id", "as_of", "probability", "verdict", "needed")
        return cls(
            **decided_fields(sealed, body, already_decided=already_decided),
            **{name: said[name] for name in as_said},
            cause=evidence.get("cause"),
            quantity_at_risk=evidence.get("quantity_at_risk"),
            expected_loss_minor=_known(facts["expected_loss_minor"]),
            currency=_known(facts["currency"]),
            reason_customer=body["explanation"]["customer"],
        )


class CommonCause(BaseModel):
    """Lines about which something is to be done and that lack one article at one place for one cause."""

    place: str | None
    sku: str | None
    cause: ShortageCause | None
    lines: int
    quantity_at_risk: float
    decision_ids: list[str]


class LinesDecided(BaseModel):
    """Order lines as of an instant, in the order in which they were decided about: most at stake first."""

    as_of: datetime
    branches: dict[Branch, int] = Field(description="how many lines of those newly decided ended in each branch")
    common_causes: list[CommonCause] = Field(description="of two lines or more, most of them first")
    lines: list[LineDecision]

    @classmethod
    def of(cls, as_of: datetime, lines: list[LineDecision]) -> Self:
        """Shape what was decided."""
        counts = Counter(line.branch for line in lines if not line.already_decided)
        return cls(as_of=as_of, branches=dict(counts), common_causes=_common(lines), lines=lines)


def _common(lines: Iterable[LineDecision]) -> list[CommonCause]:
    groups: dict[tuple[str | None, str | None, ShortageCause | None], list[LineDecision]] = {}
    for line in lines:
        if line.recommended_branch is not Branch.NONE:
            groups.setdefault((line.place, line.sku, line.cause), []).append(line)
    found = [
        CommonCause(
            place=place,
            sku=sku,
            cause=cause,
            lines=len(group),
            quantity_at_risk=sum(line.quantity_at_risk or 0.0 for line in group),
            decision_ids=[line.decision_id for line in group],
        )
        for (place, sku, cause), group in groups.items()
        if len(group) > 1
    ]
    return sorted(found, key=lambda each: -each.lines)


def _known(fact: Any) -> Any:
    """Return a sealed fact, None where it is unknown."""
    return None if isinstance(fact, dict) else fact
