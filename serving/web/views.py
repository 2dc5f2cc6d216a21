"""What the page of one item shows, read from the sealed decision behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp
from typing import Any

from features.amounts import bare_money
from features.vocabulary import Branch, SubjectType
from routing.facts import Unknown
from routing.policy import Policy
from routing.recording import decode_facts
from routing.subjects import called_branches
from serving.db.tables import AuditRow, DecisionRow
from serving.reviews.items import Item, is_of_case
from serving.reviews.reasons import MEANINGS, Answer, reasons_for
from serving.web import shortage, tender, words
from serving.web.calls import CallLine
from serving.web.invoice import InvoiceView, happened, invoice_view
from serving.web.priority import Line, priority_of
from serving.web.rows import Stake, stake_of
from serving.web.shortage import VERDICTS, ShortageView

_HALF = 100
"""Half of a reason's bar, in the units of its drawing."""

_JOURNEY = {
    "carrier": "carrier_id",
    "customer": "customer_id",
    "tier": "customer_tier",
    "leaves": "planned_departure_at",
    "promised": "promised_at",
    "goods": "value_minor",
    "pieces": "pieces",
}
"""What stands above everything else, and the fact it is read from."""

_BILL = {
    "carrier": "carrier_id",
    "number": "invoice_number",
    "kind": "invoice_kind",
    "load": "shipment_id",
    "due": "due_at",
    "asks for": "billed_minor",
}
"""The same of an invoice."""

_LINE = {
    "order": "order_id",
    "line": "line_id",
    "customer": "customer_id",
    "article": "sku",
    "at": "place",
    "wave": "wave_id",
    "picked by": "due_at",
    "needed": "needed",
    "short": "quantity_at_risk",
    "all or none": "ship_complete",
}
"""The same of an order line."""

_SHOWN: Mapping[SubjectType, Mapping[str, str]] = {
    SubjectType.SHIPMENT: _JOURNEY,
    SubjectType.INVOICE: _BILL,
    SubjectType.SHORTAGE: _LINE,
}

_LEFT = {
    SubjectType.SHIPMENT: "lateness left",
    SubjectType.INVOICE: "left unclaimed",
    SubjectType.SHORTAGE: "loss left",
}
"""What an action leaves of what is at stake."""

_SHOWN_ELSEWHERE = ("findings", "words", "because")
"""Parts of what is suggested about an invoice that the page shows as its evidence."""

_VERDICTS: Mapping[str, str] = {
    "cannot_determine": "cannot be told",
    "on_time": "on time, most likely",
    "behind": "behind",
    "cannot_make_it": "cannot make it",
    "already_past": "the promise is past",
    **VERDICTS,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A reason with its bar: `x` and `width` of the drawing, whose middle is "changes nothing"."""

    words: str
    raises: bool
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Option:
    """A branch with what it is expected to cost: itself, the lateness it leaves, and both; `because` says why not."""

    branch: str
    price: str
    lateness: str
    cost: str
    is_cheapest: bool
    is_suggested: bool
    because: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the item's history."""

    at: datetime
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Risk:
    """The risk and what it is measured against: `usual` is the risk before anything is known of this shipment."""

    said: str
    percent: float
    verdict: str
    usual: str
    usual_percent: float
    bars: tuple[Bar, ...]
    abstained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemView:
    """Everything on the page of one item."""

    item: Item
    stake: Stake
    priority: tuple[Line, ...]
    why: str
    question: str
    happened: str
    journey: tuple[Line, ...]
    risk: Risk | None
    invoice: InvoiceView | None
    shortage: ShortageView | None
    suggestion: tuple[Line, ...]
    can_accept: bool
    options: tuple[Option, ...]
    left_title: str
    currency: str
    known: tuple[Line, ...]
    unknown: tuple[Line, ...]
    rule: str
    owner: str
    policy: str
    overdue: tuple[str, ...]
    hash: str
    calls: tuple[CallLine, ...]
    history: tuple[Entry, ...]
    branches: tuple[str, ...]
    override_reasons: Mapping[str, str]
    dismiss_reasons: Mapping[str, str]


def item_view(
    item: Item,
    decision: DecisionRow,
    calls: Sequence[CallLine],
    history: Sequence[AuditRow],
    policy: Policy,
    now: datetime,
) -> ItemView:
    """Read the page of an item as of now from its decision, the shipment's calls and the item's audit entries."""
    body = json.loads(decision.body)
    suggestion = None if item.call_id is not None else body["payload"].get("suggestion")
    kind, of_case = item.key.type, is_of_case(item, body)
    known, unknown = _facts(body, policy) if of_case else ((), ())
    is_invoice, is_line = kind is SubjectType.INVOICE and of_case, kind is SubjectType.SHORTAGE and of_case
    return ItemView(
        item=item,
        stake=stake_of(item, body),
        priority=tuple(priority_of(item, policy, body)),
        why=words.instants_in(words.spoken(item.why, words.names_in(body))),
        question=_question(body, item, calls),
        happened=_happened(body, kind, decision) if of_case else "",
        journey=tuple(_journey(body, _SHOWN[kind], policy)) if of_case else (),
        risk=None if is_invoice or not of_case else _risk(body["model"]["answer"] if is_line else body["model"]),
        invoice=invoice_view(body) if is_invoice else None,
        shortage=shortage.shortage_view(body) if is_line else None,
        suggestion=() if suggestion is None else tuple(_suggestion(item, suggestion, body, policy, now)),
        can_accept=bool(suggestion and suggestion["payload"]) and not item.too_late,
        options=tuple(_options(body, item)) if of_case else (),
        left_title=_LEFT[kind],
        currency=next((each["currency"] for each in body["alternatives"]), ""),
        known=known,
        unknown=unknown,
        rule=words.plain(body["decided_by"]),
        owner=_owner(body["decided_by"], policy),
        policy=f"{words.plain(body['policy']['name'])} version {body['policy']['version']}",
        overdue=tuple(_overdue(policy, body)),
        hash=decision.hash,
        calls=tuple(calls),
        history=tuple(Entry(row.at, row.actor, _what(row)) for row in history),
        branches=tuple(branch.value for branch in called_branches(item.key.type) if branch != item.suggested_branch),
        override_reasons={code.value: MEANINGS[code].words for code in reasons_for(Answer.OVERRIDE)},
        dismiss_reasons={code.value: MEANINGS[code].words for code in reasons_for(Answer.DISMISS)},
    )


def _question(body: Mapping[str, Any], item: Item, calls: Sequence[CallLine]) -> str:
    if item.call_id is None:
        return words.spoken(str(body["payload"].get("question", "What should be done?")), words.names_in(body))
    asked = next((call.name for call in calls if call.is_asked_about), "the call")
    return f"What became of {asked}, and what should be done?"


def _happened(body: Mapping[str, Any], kind: SubjectType, decision: DecisionRow) -> str:
    decided_at, model = decision.decided_at, body["model"]
    if kind is SubjectType.INVOICE:
        return happened(body, decision.moment, decided_at)
    if kind is SubjectType.SHORTAGE:
        return shortage.happened(body, decided_at)
    when = words.MOMENTS.get(model["moment"], words.plain(model["moment"]))
    by = f"{words.plain(model['name'])} model version {model['version']}"
    return f"Judged {when}, {words.instant(decided_at)}, with the {by}."


def _journey(body: Mapping[str, Any], shown: Mapping[str, str], policy: Policy) -> Iterator[Line]:
    """Say what the shipment, the invoice or the line is: who, when, how much."""
    facts = decode_facts(body["facts"])
    for name, fact in shown.items():
        value = facts.get(fact)
        if isinstance(value, Unknown) or value is None:
            yield Line(name, "not known")
        else:
            said = words.fact(value, policy.facts.get(fact), currency=str(facts.get("currency", "")), name=fact)
            yield Line(name, said)


def _risk(model: Mapping[str, Any]) -> Risk:
    probability, explanation = model["probability"], model["explanation"]
    reasons = explanation["reasons"] if explanation else []
    longest = max((abs(reason["log_odds"]) for reason in reasons), default=1.0) or 1.0
    usual = 1 / (1 + exp(-explanation["base_log_odds"])) if explanation else None
    return Risk(
        said="?" if probability is None else words.percent(probability),
        percent=round(100 * (probability or 0), 1),
        verdict=_VERDICTS.get(model["verdict"], words.plain(model["verdict"])),
        usual="" if usual is None else words.percent(usual),
        usual_percent=round(100 * (usual or 0), 1),
        bars=tuple(_bar(reason, longest) for reason in reasons),
        abstained=tuple(model["abstained_because"]),
    )


def _bar(reason: Mapping[str, Any], longest: float) -> Bar:
    width = max(1.0, abs(reason["log_odds"]) / longest * _HALF)
    raises = reason["log_odds"] > 0
    said = reason["words"].removesuffix(" (raises the risk)").removesuffix(" (lowers the risk)")
    return Bar(said[:1].upper() + said[1:], raises, round(_HALF if raises else _HALF - width, 1), round(width, 1))


def _options(body: Mapping[str, Any], item: Item) -> Iterator[Option]:
    feasible = [each["expected_cost_minor"] for each in body["alternatives"] if each["because"] is None]
    for each in body["alternatives"]:
        cost = each["expected_cost_minor"]
        yield Option(
            branch="do nothing" if each["branch"] == Branch.NONE else words.plain(each["branch"]),
            price=_cost(each["price_minor"], each["currency"]),
            lateness=_cost(each.get("lateness_minor", each.get("left_minor")), each["currency"]),
            cost=_cost(cost, each["currency"]),
            is_cheapest=each["because"] is None and cost == min(feasible),
            is_suggested=each["branch"] == item.suggested_branch != Branch.NONE,
            because=words.spoken(each["because"] or "", words.names_in(body)),
        )


def _cost(minor: int | None, currency: str) -> str:
    return "–" if minor is None else bare_money(minor, currency)


def _facts(body: Mapping[str, Any], policy: Policy) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    known: list[Line] = []
    unknown: list[Line] = []
    facts = decode_facts(body["facts"])
    currency = str(facts.get("currency", ""))
    for name, value in facts.items():
        declared = policy.facts.get(name)
        meaning = declared.meaning if declared else ""
        if isinstance(value, Unknown):
            unknown.append(Line(words.named(name), value.reason, meaning))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            said = [words.row(row, currency=currency) for row in value]
            known.append(Line(words.plain(name), "; ".join(said) or "none", meaning))
        else:
            said_value = words.fact(value, declared, currency=currency, name=name)
            known.append(Line(words.named(name), said_value, meaning))
    return tuple(known), tuple(unknown)


def _suggestion(
    item: Item, suggestion: Mapping[str, Any], body: Mapping[str, Any], policy: Policy, now: datetime
) -> Iterator[Line]:
    """Say what is suggested, and what became of it while it waited."""
    is_invoice = item.key.type is SubjectType.INVOICE and is_of_case(item, body)
    yield from _lines(_shown(suggestion["payload"] or {}, is_invoice), item.currency, now)
    yield from tender.if_accepted(item, suggestion, body, policy, now)


def _shown(payload: Mapping[str, Any], is_invoice: bool) -> Mapping[str, Any]:
    return {name: value for name, value in payload.items() if not (is_invoice and name in _SHOWN_ELSEWHERE)}


def _lines(payload: Mapping[str, Any], currency: str | None, now: datetime, before: str = "") -> Iterator[Line]:
    """Flatten the payload of a suggestion; the facts it passes on stand elsewhere on the page."""
    for key, value in payload.items():
        name = f"{before} {words.plain(key)}".strip()
        match value:
            case _ if key in ("facts", "currency"):
                continue
            case {"opens_at": str(opens_at), "closes_at": str(closes_at)}:
                yield Line(name, words.window(datetime.fromisoformat(opens_at), datetime.fromisoformat(closes_at), now))
            case dict():
                yield from _lines(value, currency, now, name)
            case list():
                rows = [
                    words.row({inner: _read(cell) for inner, cell in row.items() if inner != "rank"}, currency=currency)
                    if isinstance(row, dict)
                    else words.text(row)
                    for row in value
                ]
                yield Line(name, "; ".join(rows))
            case _:
                yield Line(name.removesuffix(" minor"), words.text(_read(value), currency=currency, name=key))


def _read(value: object) -> object:
    """Read a time that is written as text."""
    if isinstance(value, str) and value.endswith("Z"):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def _overdue(policy: Policy, body: Mapping[str, Any]) -> Iterator[str]:
    """Say which thresholds counted as something else, since nobody had looked at them."""
    for notice in policy.as_overdue(body.get("context", {}).get("overdue", ())).notices:
        yield words.spoken(notice, policy.thresholds)


def _owner(rule_id: str, policy: Policy) -> str:
    for rule in (*policy.guardrails, *policy.rules):
        if rule.id == rule_id:
            return policy.owners[rule.owner].name if rule.owner in policy.owners else rule.owner
    return ""


def _what(row: AuditRow) -> str:
    new = json.loads(row.new) if row.new else {}
    said = row.action.partition(".")[2].replace("_", " ")
    branch = new.get("branch") or new.get("suggested_branch")
    more = [branch if branch not in (None, Branch.NONE) else "", new.get("reason_code") or "", new.get("note") or ""]
    detail = ", ".join(words.plain(part) for part in more if part)
    return f"{said}: {detail}" if detail else said
