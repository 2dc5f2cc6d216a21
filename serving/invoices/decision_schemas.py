"""Shape of a decision about an invoice, read from the sealed body."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Self

from pydantic import Field

from models.audit.judgement import InvoiceVerdict
from routing.decision import SealedDecision
from serving.decisions.schemas import DecidedShape, decided_fields


class InvoiceDecision(DecidedShape):
    """What was decided about an invoice, and what was set in motion. Nothing is paid by it.

    `recommended_branch` is what the rules say, `branch` what happens; where they differ, `held_because` (it went before
    a person) or `suppressed_because` (nothing is done) says why. Amounts are minor units of `currency`.
    """

    invoice_id: str
    as_of: datetime = Field(description="the invoice is judged by what was known then")
    verdict: InvoiceVerdict
    words: str = Field(description="the verdict in a sentence")
    currency: str | None
    billed_minor: int
    proven_minor: int
    withheld_minor: int
    reason_carrier: str

    @classmethod
    def of(cls, sealed: SealedDecision, *, already_decided: bool) -> Self:
        """Shape a sealed decision."""
        body = json.loads(sealed.body)
        said = body["model"]["answer"]
        judged = ("as_of", "verdict", "words", "currency", "billed_minor", "proven_minor", "withheld_minor")
        return cls(
            **decided_fields(sealed, body, already_decided=already_decided),
            invoice_id=body["subject"]["id"],
            **{name: said[name] for name in judged},
            reason_carrier=body["explanation"]["customer"],
        )
