"""Shape of a decision about an invoice, read from the sealed body."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from features.vocabulary import Branch
from models.audit.judgement import InvoiceVerdict
from routing.decision import SealedDecision
from routing.dispatch.envelope import call_id_for
from routing.policy import Mode
from serving.decisions.calls import is_called
from serving.decisions.schemas import PolicyShape
from serving.reviews.opening import item_id_of
from serving.scores.schemas import ModelShape


class InvoiceDecision(BaseModel):
    """What was decided about an invoice, and what was set in motion. Nothing is paid by it.

    `recommended_branch` is what the rules say, `branch` what happens; where they differ, `held_because` (it went before
    a person) or `suppressed_because` (nothing is done) says why. Amounts are minor units of `currency`.
    """

    decision_id: str
    sequence: int
    hash: str
    invoice_id: str
    decided_at: datetime
    as_of: datetime = Field(description="the invoice is judged by what was known then")
    branch: Branch
    recommended_branch: Branch
    decided_by: str
    mode: Mode
    verdict: InvoiceVerdict
    words: str = Field(description="the verdict in a sentence")
    currency: str | None
    billed_minor: int
    proven_minor: int
    withheld_minor: int
    reason_staff: str
    reason_carrier: str
    held_because: str | None
    suppressed_because: str | None
    missing: dict[str, str] = Field(description="facts that stood in the way, each with the reason")
    latest_useful_at: datetime | None
    call_id: str | None = Field(description="the outgoing call, if the branch is one")
    review_item_id: str | None = Field(description="the item of the review queue, if there is one")
    model: ModelShape
    policy: PolicyShape
    already_decided: bool = Field(description="the audit said the same before, and it was decided then")

    @classmethod
    def of(cls, sealed: SealedDecision, *, already_decided: bool) -> Self:
        """Shape a sealed decision."""
        body = json.loads(sealed.body)
        model, branch = body["model"], Branch(body["branch"])
        said = model["answer"]
        judged = ("as_of", "verdict", "words", "currency", "billed_minor", "proven_minor", "withheld_minor")
        decided = (
            "decided_at", "recommended_branch", "decided_by", "mode", "held_because", "suppressed_because", "missing",
            "latest_useful_at",
        )  # fmt: skip
        return cls(
            decision_id=sealed.decision_id,
            sequence=sealed.sequence,
            hash=sealed.hash,
            invoice_id=body["subject"]["id"],
            branch=branch,
            **{name: said[name] for name in judged},
            **{name: body[name] for name in decided},
            reason_staff=body["explanation"]["staff"],
            reason_carrier=body["explanation"]["customer"],
            call_id=call_id_for(sealed.decision_id, branch) if is_called(branch) else None,
            review_item_id=item_id_of(sealed.decision_id) if branch is Branch.REVIEW else None,
            model=ModelShape(name=model["name"], version=model["version"]),
            policy=PolicyShape(**body["policy"]),
            already_decided=already_decided,
        )
