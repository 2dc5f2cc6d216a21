"""How pages say money, time and chance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from features.amounts import money
from features.invoice_vocabulary import Discrepancy, InvoiceKind
from features.vocabulary import Branch, SubjectType, Verdict
from models.audit.judgement import InvoiceVerdict
from routing.facts import Declaration, FactType
from routing.policy import Mode

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

_MINUTES = re.compile(r"(?<=within )(\d+) minutes")

_UNBROKEN = "\N{NO-BREAK SPACE}"

_COUNTED = ("legs", "open_shipments")
"""Numbers that say nothing without their name."""

_CODES = frozenset(
    code.value for kind in (Branch, Verdict, Mode, InvoiceVerdict, InvoiceKind, Discrepancy) for code in kind
)
"""Codes of ours that a sentence of a decision may hold."""

_CODED = ("branch", "label", "charge", "late_verdict", "verdict", "customer_tier", "strongest_branch_taken")
"""Texts that are names of the program, not of somebody or something."""

MOMENTS = {
    "24h_before": "a day before departure",
    "2h_before": "two hours before departure",
    "at_booking": "at booking",
    "at_departure": "at departure",
    "at_transfer": "when all is at the transfer",
    "before_delivery": "before delivery",
}
"""When a shipment is judged."""


_SUBJECTS = {SubjectType.SHIPMENT: "shipment", SubjectType.INVOICE: "invoice", SubjectType.SHORTAGE: "order line"}


def percent(share: float) -> str:
    """Say a share or a probability, never as certain when it is not: "90 %", "< 1 %", "> 99 %", unbroken."""
    said = "< 1%" if 0 < share < 0.01 else "> 99%" if 0.99 < share < 1 else f"{share:.0%}"
    return said.replace(" ", _UNBROKEN).replace("%", f"{_UNBROKEN}%")


def unbroken(said: str) -> str:
    """Keep the percentages of a sentence on one line."""
    return said.replace(" %", f"{_UNBROKEN}%")


def instant(moment: datetime) -> str:
    """Say a moment: "Fri 28 Feb 16:00 UTC"."""
    return f"{moment:%a %d %b %H:%M} UTC"


def instants_in(said: str) -> str:
    """Say the moments of a sentence as pages do."""
    return _INSTANT.sub(lambda found: instant(datetime.fromisoformat(found.group())), said)


def durations_in(said: str) -> str:
    """Say the minutes of a sentence as people do: "within 10080 minutes" is "within 7 days"."""
    return _MINUTES.sub(lambda found: _duration(int(found.group(1))), said)


def window(opens_at: datetime, closes_at: datetime, now: datetime) -> str:
    """Say from when to when, and whether it is over: "Fri 28 Feb 16:00 to 18:00 UTC, over: it closed 20 min ago"."""
    closes = f"{closes_at:%H:%M} UTC" if opens_at.date() == closes_at.date() else instant(closes_at)
    over = "" if now < closes_at else f", over: it closed {distance(closes_at, now)}"
    return f"{instant(opens_at).removesuffix(' UTC')} to {closes}{over}"


def arrival(early: datetime, median: datetime, late: datetime, now: datetime) -> str:
    """Say when something arrives that has not by now: "It arrives between … and …, most likely …."."""
    if late <= now:
        return f"It should have arrived by {instant(late)}, and nothing of it has been told."
    if median <= now:
        return f"It arrives by {instant(late)}; half of such shipments would have by {instant(median)}."
    when = f"by {instant(late)}" if early <= now else f"between {instant(early)} and {instant(late)}"
    return f"It arrives {when}, most likely {instant(median)}."


def _duration(minutes: int) -> str:
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes >= 2 * size and minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes"


def distance(moment: datetime, now: datetime) -> str:
    """Say how far a moment is from now: "in 3 h 20 min", "2 d 4 h ago", "now"."""
    if abs(moment - now) < timedelta(minutes=1):
        return "now"
    return f"in {span(moment, now)}" if moment > now else f"{span(moment, now)} ago"


def span(moment: datetime, now: datetime) -> str:
    """Say how long it is between a moment and now: "3 h 20 min", "2 d 4 h", "less than a minute"."""
    minutes = int(abs(moment - now) / timedelta(minutes=1))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join([part for part in parts if part][:2]) or "less than a minute"


def plain(name: str) -> str:
    """Turn a name of the program into words: `latest_useful_at` is "latest useful at"."""
    return name.replace("_", " ")


def spoken(text: str, names: Iterable[str]) -> str:
    """Say in words what a sentence calls by the names of the program: "short_pay acts" is "short pay acts"."""
    found = "|".join(re.escape(name) for name in names if "_" in name)
    return re.sub(rf"(?<!\w)({found})(?!\w)", lambda name: named(name.group()), text) if found else text


def names_in(body: Mapping[str, Any]) -> set[str]:
    """Return the names of the program that a sealed decision uses: facts, rules, playbooks, budgets, and codes of ours.

    What somebody else may have named, such as a shipment or a carrier, is not among them.
    """
    context = body.get("context", {})
    return {
        *_CODES,
        *body["facts"],
        *(rule["rule_id"] for rule in body["rules"]),
        *(watch["playbook"] for watch in context.get("watches", ())),
        *context.get("capacity", ()),
        *(part.partition(".")[2] for part in context.get("overdue", ())),
    }


def subject(kind: str) -> str:
    """Say what is decided about, by its type: `shortage` is "order line"."""
    return _SUBJECTS[SubjectType(kind)]


def role(owner: str) -> str:
    """Say who is responsible: `duty-manager` is "the duty manager"."""
    return f"the {owner.replace('-', ' ')}"


def named(name: str) -> str:
    """Say what a fact is called: `billed_minor` is "billed", `saved_minor_per_minute` is "saved per minute"."""
    return plain(name.removesuffix("_minor").replace("_minor_per_", "_per_"))


def text(value: object, *, currency: str | None = None, name: str = "") -> str:
    """Say any value of a fact or a payload."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return instant(value)
        case int() if name.endswith("_minor"):
            return money(value, currency)
        case float() if "_minor_per_" in name:
            return money(round(value), currency)
        case float() if name.endswith("_probability"):
            return percent(value)
        case float() if name == "late_share":
            return f"{percent(value)} late"
        case float() if name.endswith("_share"):
            return percent(value)
        case int() if name in _COUNTED:
            return f"{value:,} {plain(name)}"
        case float():
            return f"{value:,.1f}"
        case int():
            return f"{value:,}"
        case str() if name in _CODED:
            return plain(value)
        case _:
            return str(value)


def fact(value: object, declared: Declaration | None, *, currency: str | None = None, name: str = "") -> str:
    """Say a fact by its declaration: a code in words, a probability as a share, a number with its unit."""
    match value, None if declared is None else declared.type:
        case str(), _ if name == "moment":
            return MOMENTS.get(value, plain(value))
        case str(), FactType.ENUMERATION:
            return plain(value)
        case float() | int(), FactType.PROBABILITY:
            return percent(value)
        case float() | int(), FactType.HOURS:
            return f"{value:,.1f} hours"
    return text(value, currency=currency, name=name)


def row(cells: Mapping[str, object], *, currency: str | None = None) -> str:
    """Say a row of a list: who or what it is, then each number by its name: "VELO, 14 % late, rate 69.77 EUR"."""
    ordered = sorted(cells.items(), key=lambda cell: not isinstance(cell[1], str))
    return ", ".join(_cell(name, value, currency) for name, value in ordered)


def _cell(name: str, value: object, currency: str | None) -> str:
    said = text(value, currency=currency, name=name)
    says_its_name = isinstance(value, str) or name == "late_share" or name in _COUNTED
    return said if says_its_name else f"{named(name)} {said}"
