"""Canonical records of what is asked of carriers: loads offered to them, and claims made against them."""

from __future__ import annotations

from pydantic import Field

from features.fields import Amount, Identifier, Instant, Priced, Record
from features.records import Reference
from features.vocabulary import ClaimKind, ClaimStatus, Mode, TenderPurpose, TenderReply


class Tender(Priced):
    """A load offered to a carrier (X12 204); `occurred_at` is when it was offered.

    `origin` and `destination` are the places of its first and last stop, as offered.
    """

    tender_id: Identifier
    shipment_id: Identifier
    carrier_id: Identifier
    purpose: TenderPurpose = TenderPurpose.ORIGINAL
    service_id: Identifier | None = None
    mode: Mode | None = None
    origin: Identifier | None = None
    destination: Identifier | None = None
    respond_by: Instant | None = Field(default=None, description="after this the offer is no longer open")
    offered_minor: int | None = Field(default=None, ge=0, description="freight charge offered")
    weight_kg: Amount | None = None
    volume_m3: Amount | None = None
    pieces: int | None = Field(default=None, ge=1)
    distance_km: Amount | None = None
    references: tuple[Reference, ...] = ()


class TenderResponse(Record):
    """What the carrier answered to a tender (X12 990); `occurred_at` is when it answered."""

    response_id: Identifier
    shipment_id: Identifier
    carrier_id: Identifier
    tender_id: Identifier | None = Field(default=None, description="missing where the answer names the shipment alone")
    reply: TenderReply
    raw_reply: str | None = Field(default=None, description="answer code as the carrier sent it")
    reason: str | None = Field(default=None, description="reason code or text as the carrier sent it")
    carrier_reference: Identifier | None = Field(default=None, description="the carrier's own number, e.g. its PRO")


class Claim(Priced):
    """A claim against a carrier (X12 920); `occurred_at` is when this state of it came about, first when it was filed.

    A later record with the same `claim_id` takes the place of an earlier one from its own `known_at`, for example to
    say what was paid. One that is withdrawn is as if it had not been filed, from then on.
    """

    claim_id: Identifier
    carrier_id: Identifier
    shipment_id: Identifier | None = None
    kind: ClaimKind
    raw_kind: str | None = Field(default=None, description="code of what is claimed, as it was sent")
    status: ClaimStatus = ClaimStatus.FILED
    filed_at: Instant = Field(description="when it was filed first")
    claimed_minor: int | None = Field(default=None, ge=0, description="what is asked for")
    paid_minor: int | None = Field(default=None, ge=0, description="what the carrier has paid")
    text: str | None = None
