"""Judge an invoice, decide, record and set in motion: in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from features.invoice import INVOICE_NAMES
from features.vocabulary import Branch, SubjectType
from routing.canonical import digest
from routing.decision import SealedDecision
from routing.engine import decide
from routing.policy import Policy
from routing.wording import money
from serving.clock import Clock
from serving.db.subjects import SubjectKey
from serving.decisions import repository
from serving.decisions.calls import is_called
from serving.decisions.context import context_of
from serving.decisions.idempotency import Answer, Keyed, answer_once
from serving.decisions.sealing import keep_sealed, let_out, sealed_of
from serving.decisions.weighing import Weighed
from serving.directives import repository as directives
from serving.events.following import Following
from serving.invoices.facts import invoice_facts
from serving.invoices.schemas import InvoiceAnswer
from serving.invoices.service import InvoiceQuestion, InvoiceService, Judged
from serving.policies import shadow
from serving.policies.bundles import Bundles
from serving.reviews.opening import Matter, open_item

OK = 200
ON_RECEIPT, ANEW = "on_receipt", "anew"
_MAKES_A_VERSION = (
    "verdict", "billed_minor", "owed_minor", "proven_minor", "withheld_minor", "within_tolerance_minor", "findings",
    "undetermined",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """A request to decide about an invoice that was sent: who asks, under which key."""

    invoice_id: str
    anew: bool
    keyed: Keyed
    actor: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A sealed decision; `is_new` is False if the same version was decided before."""

    sealed: SealedDecision
    is_new: bool


Render = Callable[[Decided], str]
"""Writes the answer to a request; it is kept with the key."""


@dataclass(frozen=True, slots=True)
class InvoiceDecisions:
    """Decides about invoices. What cannot be recorded is not done."""

    sessions: sessionmaker[Session]
    clock: Clock
    following: Following
    invoices: InvoiceService
    bundles: Bundles
    target: str

    def triage(self, request: Request, render: Render) -> Answer:
        """Decide about an invoice, once for each version of it, and answer the same to each repeat of the request.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        UnknownInvoiceError
            If nobody sent it.
        NothingInForceError
            If no bundle on invoices is in force.
        """
        try:
            return self._triage(request, render)
        except IntegrityError:
            return self._triage(request, render)  # another process was faster; its decision stands now

    def _triage(self, request: Request, render: Render) -> Answer:
        def act(session: Session) -> tuple[datetime, str]:
            now = self.following.catch_up_as_of(session, self.clock)
            return now, render(self._decided(session, request, now))

        return answer_once(self.sessions, request.keyed, status=OK, act=act)

    def _decided(self, session: Session, request: Request, now: datetime) -> Decided:
        judged = self.invoices.judged(InvoiceQuestion(request.invoice_id, anew=request.anew), now)
        repository.lock_subject(session, SubjectKey.invoice(request.invoice_id))
        version = invoice_version(judged.answer)
        before = repository.find_version(session, version)
        if before is not None:
            return Decided(sealed_of(before), is_new=False)
        return Decided(self._decide(session, request, judged, version, now), is_new=True)

    def _decide(
        self, session: Session, request: Request, judged: Judged, version: str, now: datetime
    ) -> SealedDecision:
        key = SubjectKey.invoice(request.invoice_id)
        directives.lock_shared(session)  # what is in force and what is ordered stays so until the decision is sealed
        in_force = self.bundles.in_force(session, SubjectType.INVOICE)
        policy = in_force.for_subject(key.id)
        if policy.is_shared:
            repository.lock_chain(session)  # what is left now is left when this decision is sealed
        taken = repository.branches_taken(session, key)
        weighed = weigh_invoice(session, policy, judged, taken, now)
        looked = None
        if in_force.shadow is not None:
            again = partial(weigh_invoice, session, in_force.shadow, judged, taken, now)
            looked = shadow.look(session, in_force.shadow, again)
        sealed = keep_sealed(
            session,
            weighed,
            key=key,
            version=version,
            moment=ANEW if request.anew else ON_RECEIPT,
            features=dict(zip(INVOICE_NAMES, judged.values.tolist(), strict=True)),
            model=_model_of(judged.answer),
            actor=request.actor,
        )
        if looked is not None:
            shadow.record(session, looked, sealed)
        choice = weighed.choice
        if is_called(choice.branch):
            let_out(session, sealed, weighed, in_force, key=key, target=self.target)
        elif choice.branch is Branch.REVIEW:
            open_item(session, sealed.decision_id, choice, invoice_matter(judged.answer, policy))
        return sealed


def weigh_invoice(session: Session, policy: Policy, judged: Judged, taken: Sequence[Branch], now: datetime) -> Weighed:
    """Weigh a judged invoice under a bundle.

    Parameters
    ----------
    taken
        What was done, or put before a person, for this invoice so far.
    """
    strongest = max(taken, key=policy.strength.__getitem__, default=Branch.NONE)
    facts = invoice_facts(judged, strongest_branch_taken=strongest)
    context = context_of(session, policy, judged.answer.invoice_id, facts, now)
    return Weighed(policy, facts, context, decide(policy, facts, now, context))


def invoice_version(answer: InvoiceAnswer) -> str:
    """Name a version: the invoice, and what the audit says of it. Judged again to the same end, it is the same one.

    What a model suspects counts by the verdict alone: its numbers move with every other bill.
    """
    said = digest(answer.model_dump(mode="json", include=set(_MAKES_A_VERSION)))
    return f"{SubjectType.INVOICE}:{answer.invoice_id}#{said[:16]}"


def invoice_matter(answer: InvoiceAnswer, policy: Policy) -> Matter:
    """Return what an item about an invoice is about; money that the policy does not count in is not at stake in it."""
    currency = answer.currency
    billed = money(answer.billed_minor, currency or "").rstrip()
    return Matter(
        key=SubjectKey.invoice(answer.invoice_id),
        title=f"Invoice {answer.invoice_number or answer.invoice_id} of {answer.carrier_id} over {billed}",
        stake_minor=round(answer.recoverable_minor) if currency == policy.costs.currency else 0,
        currency=currency,
    )


def _model_of(answer: InvoiceAnswer) -> dict[str, object]:
    """Say which model and rules spoke, and all that they said."""
    return {
        "name": answer.model.name,
        "version": answer.model.version,
        "fingerprints": answer.model.fingerprints,
        "features_digest": answer.features_digest,
        "answer": answer.model_dump(mode="json"),
    }
