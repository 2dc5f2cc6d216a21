"""`POST /v1/score/invoices` judges an invoice, `POST /v1/triage/invoices` decides about it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Body, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from serving.decisions.deciding import Decided
from serving.dependencies import ActorOrSystem, InvoiceDecider, Invoices, Key, require_json
from serving.invoices.deciding import Request
from serving.invoices.decision_schemas import InvoiceDecision
from serving.invoices.documentation import INVOICE_EXAMPLES, TRIAGE_EXAMPLES
from serving.invoices.schemas import InvoiceAnswer
from serving.invoices.service import InvoiceQuestion
from serving.replies import keyed_by, respond
from serving.shapes import NO_NUL

router = APIRouter(prefix="/v1", tags=["scores"])

InvoiceId = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL, examples=["NWX-2026-7781"])]
InlineInvoice = Annotated[
    dict[str, Any],
    WithJsonSchema({"$ref": "#/components/schemas/BilledInvoice"}),
    Field(description="an invoice that was not sent, judged as if it came in now; without `known_at`"),
]


class InvoiceAsked(BaseModel):
    """An invoice by its id, or inline: exactly one of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    invoice_id: InvoiceId | None = None
    invoice: InlineInvoice | None = None
    anew: bool = Field(default=False, description="judge it by what is known now, not by what was when it came in")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.invoice_id is None) == (self.invoice is None):
            raise ValueError("give either invoice_id or invoice, and not both")
        return self


@router.post("/score/invoices", dependencies=[Depends(require_json)])
async def score_invoices(
    body: Annotated[InvoiceAsked, Body(openapi_examples=INVOICE_EXAMPLES)], invoices: Invoices
) -> InvoiceAnswer:
    """Return what is to be done about a freight invoice, and why. Nothing is decided, recorded or withheld by it.

    Rules prove: each finding has its clause, events, amounts and the text of a dispute. Signs of the model suggest: a
    bill that only they speak against is to be reviewed and paid meanwhile. What the rules could not determine is
    said with its reason, and is never taken for zero.
    """
    return invoices.answer(InvoiceQuestion(body.invoice_id, body.invoice, body.anew))


class InvoiceToDecide(BaseModel):
    """An invoice that was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    invoice_id: InvoiceId
    anew: bool = Field(default=False, description="judge it by what is known now, not by what was when it came in")


@router.post(
    "/triage/invoices", response_model=InvoiceDecision, tags=["decisions"], dependencies=[Depends(require_json)]
)
async def triage_invoice(
    body: Annotated[InvoiceToDecide, Body(openapi_examples=TRIAGE_EXAMPLES)],
    decider: InvoiceDecider,
    actor: ActorOrSystem,
    key: Key,
) -> Response:
    """Judge an invoice, decide under the policy on invoices, seal the decision, and set in motion what it says.

    Nothing is paid: `approve` and `short_pay` are proposals to the system that pays, `dispute` puts the evidence to the
    carrier, each as a call that is enqueued; what needs a person becomes an item of the review queue. All of it is one
    transaction. An invoice of which the audit says what it said before is decided once, whatever the key.
    """
    keyed = keyed_by("/v1/triage/invoices", body, key)
    return respond(decider.triage(Request(body.invoice_id, body.anew, keyed, actor), _render))


def _render(decided: Decided) -> str:
    return InvoiceDecision.of(decided.sealed, already_decided=not decided.is_new).model_dump_json()
