"""What the pages show of an invoice, read from the sealed decision: its money, and what is proven by what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.amounts import bare_money, money
from models.audit.judgement import InvoiceVerdict
from routing.recording import decode_facts
from serving.invoices.facts import NO_CLAUSE, THE_BILL
from serving.web import words

_SHORT = {
    InvoiceVerdict.APPROVE: "nothing wrong",
    InvoiceVerdict.DISPUTE: "proven",
    InvoiceVerdict.QUESTION: "open question",
    InvoiceVerdict.REVIEW: "suspected",
    InvoiceVerdict.CANNOT_DETERMINE: "cannot be told",
}
_MONEY = {
    "billed": "billed_minor",
    "owed": "owed_minor",
    "proven too much": "proven_minor",
    "waits": "withheld_minor",
    "let pass": "within_tolerance_minor",
}
"""What is said of its money, and where it stands in the answer of the audit."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One finding: its class, the words, the amounts and the evidence; empty text where there is none."""

    label: str
    words: str
    billed: str
    owed: str
    difference: str
    clause: str
    evidence: str
    dispute: str


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """What is known of an invoice. `money` are names with amounts, `doubts` what could not be determined."""

    money: tuple[tuple[str, str], ...]
    proofs: tuple[Proof, ...]
    doubts: tuple[str, ...]
    suspicion: str
    signs: tuple[str, ...]


def invoice_view(body: Mapping[str, Any]) -> InvoiceView:
    """Read what is known of an invoice."""
    said, facts = body["model"]["answer"], decode_facts(body["facts"])
    currency, suspicion = said["currency"], said["suspicion"]
    amounts = ((name, said[field]) for name, field in _MONEY.items())
    return InvoiceView(
        money=tuple((name, "not known" if each is None else money(each, currency)) for name, each in amounts),
        proofs=tuple(_proofs(facts, currency)),
        doubts=tuple(
            f"{each['code'] or words.plain(each['charge'])}: {each['words']}" for each in said["undetermined"]
        ),
        suspicion=_suspicion(suspicion, currency),
        signs=() if suspicion is None else tuple(sign["words"] for sign in suspicion["signs"]),
    )


def _proofs(facts: Mapping[str, Any], currency: str | None) -> Iterator[Proof]:
    for row in facts["findings"]:
        billed, owed, difference = (
            bare_money(row[name], currency) for name in ("billed_minor", "recomputed_minor", "difference_minor")
        )
        clause = "" if row["clause"] == NO_CLAUSE else row["clause"]
        evidence = "" if row["evidence"] == THE_BILL else row["evidence"]
        label = words.plain(row["label"])
        yield Proof(label, row["words"], billed, owed, difference, clause, evidence, row["dispute"])
    for row in facts["open_questions"]:
        yield Proof(words.plain(row["label"]), row["words"], "", "", "", "", "", row["dispute"])


def _suspicion(suspicion: Mapping[str, Any] | None, currency: str | None) -> str:
    if suspicion is None:
        return "No model is loaded: rules judged alone."
    amount = money(round(suspicion["suspected_minor"]), currency)
    return f"{words.percent(suspicion['probability'])} likely to ask too much beside what is proven, of {amount}."


def at_stake(body: Mapping[str, Any], stake_minor: int) -> str | None:
    """Say what a review can bring back; None for money that the policy does not count in."""
    currency = body["model"]["answer"]["currency"]
    counted_in = body["alternatives"][0]["currency"]
    return money(stake_minor, currency) if currency == counted_in else None


def in_short(body: Mapping[str, Any]) -> str:
    """Say in a word or two what the audit comes to."""
    return _SHORT[InvoiceVerdict(body["model"]["answer"]["verdict"])]


def happened(body: Mapping[str, Any], moment: str, decided_at: datetime) -> str:
    """Say by whom it was judged, and as known when."""
    model, as_of = body["model"], datetime.fromisoformat(body["model"]["answer"]["as_of"])
    by = (
        "rules alone"
        if model["name"] == "none"
        else f"rules and the {words.plain(model['name'])} model {model['version']}"
    )
    when = "anew" if moment == "anew" else "by what was known when it came in"
    return f"Judged {when}, as of {words.instant(as_of)}, by {by}; decided {words.instant(decided_at)}."
