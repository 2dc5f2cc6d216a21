"""What the pages show of an order line, read from the sealed decision: what lacks, why, and who could help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.amounts import bare_money, money
from features.vocabulary import Branch, ShortageCause
from models.shortage_evidence import LineVerdict
from routing.facts import Unknown
from routing.recording import decode_facts
from serving.web import words

_CAUSES = {
    ShortageCause.NOT_FOUND: "The books say that there is enough. If it is short, it is not where they say.",
    ShortageCause.FOR_OTHERS: "Enough lies there, but others have reserved it, or come first and will take it.",
    ShortageCause.INBOUND_LATE: "Too little lies there, and what was to come in is late.",
    ShortageCause.NOT_ENOUGH: "Too little lies there.",
}
VERDICTS: Mapping[str, str] = {
    LineVerdict.SHORT.value: "the books say that it is short",
    LineVerdict.CONTESTED.value: "the books say that others take it first",
    LineVerdict.COVERED.value: "the books say that it is covered",
}


@dataclass(frozen=True, slots=True)
class Help:
    """One way to get what lacks: from where or what instead, how much it can give, and what that costs."""

    what: str
    gives: str
    covers: bool
    price: str
    note: str


@dataclass(frozen=True, slots=True)
class ShortageView:
    """What is known of a shortage. `because` is its cause in words, `evidence` the facts behind it in sentences."""

    because: str
    evidence: tuple[str, ...]
    helps: tuple[Help, ...]
    no_help: tuple[str, ...]


def shortage_view(body: Mapping[str, Any]) -> ShortageView:
    """Read what is known of a shortage."""
    facts, evidence = decode_facts(body["facts"]), body["model"]["answer"]["evidence"]
    prices = {each["branch"]: each for each in body["alternatives"]}
    return ShortageView(
        because="Why it would be short cannot be told."
        if evidence is None
        else _CAUSES[ShortageCause(evidence["cause"])],
        evidence=() if evidence is None else tuple(f"{said[:1].upper()}{said[1:]}." for said in evidence["words"]),
        helps=tuple(_helps(facts, prices)),
        no_help=tuple(_no_help(facts)),
    )


def _helps(facts: Mapping[str, Any], prices: Mapping[str, Mapping[str, Any]]) -> Iterator[Help]:
    lacks = facts["quantity_at_risk"]

    def help_of(what: str, gives: float, branch: Branch, note: str) -> Help:
        covers = isinstance(lacks, int | float) and gives >= lacks
        price = prices.get(branch, {}).get("price_minor")
        said = "\N{EN DASH}" if price is None else bare_money(price, prices[branch]["currency"])
        return Help(what, f"{gives:g}", covers, said, note)

    for row in _rows(facts["other_places"]):
        yield help_of(f"{facts['sku']} from {row['place']}", row["free"], Branch.REALLOCATE, "")
    for row in _rows(facts["substitutes"]):
        note = "" if row["is_accepted"] else "the customer has not said that it will do"
        yield help_of(f"{row['sku']} instead", row["free"], Branch.SUBSTITUTE, note)
    inbound = facts["inbound"]
    if not isinstance(inbound, Unknown) and inbound > 0:
        yield help_of("in transit, sooner", inbound, Branch.EXPEDITE, "")


def _no_help(facts: Mapping[str, Any]) -> Iterator[str]:
    """Say who cannot help, and what nobody knows."""
    places, substitutes = facts["other_places"], facts["substitutes"]
    if isinstance(places, Unknown):
        yield f"Other places: not known, {places.reason}."
    elif not places:
        yield "No other place has any to give that is not promised."
    if isinstance(substitutes, Unknown):
        yield f"Other articles: not known, {substitutes.reason}."
    elif not substitutes:
        yield "No other article can go instead."


def at_stake(body: Mapping[str, Any], stake_minor: int) -> str | None:
    """Say what is expected to be lost; None where that is not known."""
    facts = body["facts"]
    known = isinstance(facts["expected_loss_minor"], int) and facts["currency"] == body["alternatives"][0]["currency"]
    return money(stake_minor, facts["currency"]) if known else None


def in_short(body: Mapping[str, Any]) -> str:
    """Say what lacks where."""
    facts = decode_facts(body["facts"])
    lacks, sku, place = facts["quantity_at_risk"], facts["sku"], facts["place"]
    much = "? of" if isinstance(lacks, Unknown) else f"{lacks:g} of"
    article = "an article not known" if isinstance(sku, Unknown) else sku
    return f"{much} {facts['needed']:g} {article}" + ("" if isinstance(place, Unknown) else f" at {place}")


def wave(body: Mapping[str, Any]) -> str:
    """Say in which wave it is picked."""
    facts = decode_facts(body["facts"])
    if isinstance(facts["wave_id"], Unknown):
        return "no wave yet"
    return f"wave {facts['wave_id']}" + (", released" if facts["wave_released"] else "")


def happened(body: Mapping[str, Any], decided_at: datetime) -> str:
    """Say by whom it was judged, and as known when."""
    model, as_of = body["model"], datetime.fromisoformat(body["model"]["answer"]["as_of"])
    by = f"the {words.plain(model['name'])} model version {model['version']}"
    return f"Judged as of {words.instant(as_of)}, by {by}; decided {words.instant(decided_at)}."


def _rows(fact: Any) -> tuple[Mapping[str, Any], ...]:
    return () if isinstance(fact, Unknown) else tuple(fact)
