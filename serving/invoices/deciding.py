"""Judge an invoice, decide, record and set in motion: in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from features.invoice import INVOICE_NAMES
from features.vocabulary import Branch, SubjectType
from routing.canonical import digest
from routing.decision import SealedDecision
from routing.engine import decide
from routing.policy import Policy
from routing.wording import money
from serving.clock import Clock
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey
from serving.decisions import repository
from serving.decisions.anew import Held, is_held
from serving.decisions.context import context_of
from serving.decisions.deciding import (
    Decided,
    Noted,
    Render,
    decide_once,
    governing,
    set_in_motion,
    weigh_and_seal,
)
from serving.decisions.idempotency import Answer, Keyed
from serving.decisions.sealing import sealed_of
from serving.decisions.weighing import Weighed
from serving.events.following import Following
from serving.invoices.facts import invoice_facts
from serving.invoices.schemas import InvoiceAnswer
from serving.invoices.service import InvoiceQuestion, InvoiceService, Judged
from serving.invoices.withdrawing import lock_calls, withdraw
from serving.policies.bundles import Bundles
from serving.reviews.opening import Matter, tell_anew

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
        InvoiceCancelledError
            If its carrier has cancelled it.
        NothingInForceError
            If no bundle on invoices is in force.
        """

        def act(session: Session, now: datetime) -> str:
            return render(self._decided(session, request, now))

        return decide_once(self.sessions, self.following, self.clock, request.keyed, act)

    def _decided(self, session: Session, request: Request, now: datetime) -> Decided:
        cancelled = [SubjectKey.invoice(name) for name in self.invoices.cancels(request.invoice_id)]
        lock_calls(session, cancelled)
        judged = self._judged(InvoiceQuestion(request.invoice_id, anew=request.anew), now)
        repository.lock_subject(session, SubjectKey.invoice(request.invoice_id))
        version = invoice_version(judged.answer)
        before, _ = repository.newest_of(session, version)
        if before is not None:
            return Decided(sealed_of(before), is_new=False)
        sealed = self._decide(session, request, judged, version, now)
        self._check_still_stands(session, request.invoice_id)
        for key, calls in lock_calls(session, cancelled, wait=False).items():  # also what was let out meanwhile
            because = f"The carrier has cancelled this bill, with {request.invoice_id}."
            withdraw(session, key, calls, because, decision_id=sealed.decision_id, now=now)
        return Decided(sealed, is_new=True)

    def _judged(self, question: InvoiceQuestion, now: datetime) -> Judged:
        judged = self.invoices.judged(question, now)
        self.invoices.check_stands(judged.answer.invoice_id)
        return judged

    def _check_still_stands(self, session: Session, invoice_id: str) -> None:
        """Make sure that an invoice was not cancelled meanwhile, either: the chain is held by now.

        The decision about the cancellation may have come first, and found nothing to take back yet.
        """
        self.following.catch_up_in(session)
        self.invoices.check_stands(invoice_id)

    @property
    def can_decide(self) -> bool:
        """Whether this process can judge invoices: without a model rules judge alone."""
        return True

    def lock(self, session: Session, key: SubjectKey) -> None:
        """Wait for the turn to decide about an invoice."""
        repository.lock_subject(session, key)

    def known_again(self, session: Session, policy: Policy, held: Held, now: datetime) -> dict[str, Any]:  # noqa: ARG002  as others read the database
        """Return the known facts of a held invoice, judged by what is known now; nothing is decided.

        Raises
        ------
        UnknownInvoiceError
            If nobody sent it to what this process knows.
        InvoiceCancelledError
            If its carrier has cancelled it.
        """
        judged = self._judged(InvoiceQuestion(held.key.id, anew=True), now)
        return policy.reader.read(invoice_facts(judged, strongest_branch_taken=Branch.NONE)).known

    def again(self, session: Session, held: Held, now: datetime) -> Decided:
        """Decide anew about an invoice that was held as one of many, judged by what is known now.

        If that was done already, return what came of it. What was decided of the same version before it was held is
        decided again: it is no answer to what was held since.

        Raises
        ------
        UnknownInvoiceError
            If nobody sent it to what this process knows.
        InvoiceCancelledError
            If its carrier has cancelled it.
        """
        request = Request(held.key.id, True, Keyed("", ""), SYSTEM)
        judged = self._judged(InvoiceQuestion(request.invoice_id, anew=True), now)
        self._check_still_stands(session, request.invoice_id)
        repository.lock_subject(session, held.key)
        version = invoice_version(judged.answer)
        before, turn = repository.newest_of(session, version)
        if before is not None:
            (newest,) = repository.of_subject(session, held.key, before=None, limit=1)
            if newest.sequence == before.sequence and not is_held(before):
                return Decided(sealed_of(before), is_new=False)
            version = repository.in_turn(version, turn + 1)
        return Decided(self._decide(session, request, judged, version, now), is_new=True)

    def _decide(
        self, session: Session, request: Request, judged: Judged, version: str, now: datetime
    ) -> SealedDecision:
        key = SubjectKey.invoice(request.invoice_id)
        in_force, policy = governing(session, self.bundles, key)
        taken = repository.branches_taken(session, key).branches

        def weighed_under(policy: Policy) -> Weighed:
            return weigh_invoice(session, policy, judged, taken, now)

        noted = Noted(
            key=key,
            version=version,
            moment=ANEW if request.anew else ON_RECEIPT,
            features=dict(zip(INVOICE_NAMES, judged.values.tolist(), strict=True)),
            model=lambda _: _model_of(judged.answer),
            actor=request.actor,
        )
        sealed, weighed = weigh_and_seal(session, in_force, policy, weighed_under, noted)
        matter = invoice_matter(judged.answer, policy)
        set_in_motion(session, sealed, weighed, in_force, matter, target=self.target)
        if weighed.choice.suppressed_because is not None:
            tell_anew(session, sealed.decision_id, weighed.choice, matter)
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
