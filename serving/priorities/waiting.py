"""What waits, of all kinds, in one order: by what an analyst minute is expected to save."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from features.fields import Record
from features.order_records import Order, OrderLine
from features.tables import RecordTables, records_of
from models.audit.judgement import InvoiceVerdict
from routing.policy import Policy
from routing.priority import Kind, Matter, invoice
from serving.invoices.schemas import InvoiceAnswer
from serving.reviews.items import Item
from serving.shortages.schemas import LineAnswer
from serving.shortages.stake import Stake, Worth, stake_of

R = TypeVar("R", bound=Record)
_NOTHING_TO_DO = (InvoiceVerdict.APPROVE, InvoiceVerdict.CANNOT_DETERMINE)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits: its kind and id, what about it in words, and what a minute on it is worth."""

    kind: Kind
    id: str
    words: str
    matter: Matter


def in_order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Return what waits, the most worth a minute first."""
    return sorted(waiting, key=lambda each: (-each.matter.worth_minor_per_minute, each.kind, each.id))


def of_items(items: Iterable[Item]) -> Iterator[Waiting]:
    """Return the items of the queue."""
    for item in items:
        yield Waiting(item.matter.kind, item.key.id, item.title, item.matter)


def of_invoices(answers: Iterable[InvoiceAnswer], currency: str) -> Iterator[Waiting]:
    """Return invoices that ask for something to be done, in one currency."""
    for answer in answers:
        if answer.verdict in _NOTHING_TO_DO or answer.currency != currency:
            continue
        suspicion = answer.suspicion
        matter = invoice(
            proven_minor=answer.proven_minor,
            suspected_minor=0.0 if suspicion is None else suspicion.suspected_minor,
            probability=0.0 if suspicion is None else suspicion.probability,
            minutes=answer.review_minutes,
        )
        yield Waiting(Kind.INVOICE, answer.invoice_id, answer.words, matter)


def of_lines(answers: Iterable[LineAnswer], tables: RecordTables, policy: Policy) -> Iterator[Waiting]:
    """Return order lines that may be short; one of which it is not known what is at stake is left out."""
    lines = {(each.order_id, each.line_id): each for each in _in_time(records_of(tables, OrderLine))}
    tiers = {each.order_id: each.customer_tier.value for each in _in_time(records_of(tables, Order))}
    for answer in answers:
        line, evidence = lines.get((answer.order_id, answer.line_id)), answer.evidence
        if evidence is None or line is None:
            continue
        worth = Worth(line.unit_value_minor, line.currency, tiers.get(answer.order_id))
        coverable = sum(node.free for node in evidence.nodes)
        stake = stake_of(evidence.quantity_at_risk, coverable, answer.probability, worth, policy)
        if isinstance(stake, Stake):
            words = f"{evidence.quantity_at_risk:g} of {answer.needed:g} {answer.sku} at risk"
            yield Waiting(Kind.SHORTAGE, f"{answer.order_id}/{answer.line_id}", words, stake.matter)


def as_json(waiting: Waiting) -> Mapping[str, object]:
    """Return one in plain JSON types, amounts in minor units."""
    matter = waiting.matter
    return {
        "kind": waiting.kind.value,
        "id": waiting.id,
        "words": waiting.words,
        "probability": matter.probability,
        "loss_minor": round(matter.loss_minor),
        "expected_loss_minor": round(matter.expected_loss_minor),
        "saved_share": matter.saved_share,
        "in_time": matter.in_time,
        "saving_minor": round(matter.saving_minor),
        "minutes": matter.minutes,
        "worth_minor_per_minute": round(matter.worth_minor_per_minute, 2),
    }


def _in_time(records: Iterable[R]) -> list[R]:
    """Return records so that of each thing the state that holds comes last."""
    return sorted(records, key=lambda each: (each.occurred_at, each.known_at))
