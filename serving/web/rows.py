"""What the list shows of each item, read from the item and the sealed decision behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from features.amounts import money
from features.vocabulary import SubjectType
from serving.db.tables import DecisionRow
from serving.reviews.items import Item, is_of_case
from serving.web import invoice, shortage, words

NO_BREAK = "\u00a0"
SOON = timedelta(hours=2)
"""Less time than this is marked: it is about what a tender takes."""


@dataclass(frozen=True, slots=True)
class Stake:
    """The money at stake in words; a guess where the risk is not known, `said` None where the money is not."""

    said: str | None
    is_guess: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One item of the list.

    `risk` is None where it cannot be told; `risk_percent` where it has no scale. `left` says how long an action is of
    use. `by` is who carries or bills it, or the wave in which it is picked; empty if it is about no case.
    """

    item: Item
    stake: Stake
    risk: str | None
    risk_percent: float | None
    left: str
    urgency: str
    title: str
    why: str
    by: str
    is_mine: bool


def rows_of(
    items: Sequence[Item], decisions: Mapping[str, DecisionRow], now: datetime, *, analyst: str | None
) -> list[Row]:
    """Read the rows of a page of the queue."""
    return [_row(item, json.loads(decisions[item.decision_id].body), now, analyst) for item in items]


def stake_of(item: Item, body: Mapping[str, Any]) -> Stake:
    """Say what is at stake: as decided, or as likely as not where the risk is not known, or nothing at all."""
    if not is_of_case(item, body):
        said = "nothing" if item.currency is None else money(item.value_at_stake_minor, item.currency)
        return Stake(said, is_guess=False)
    if item.key.type is SubjectType.INVOICE:
        return Stake(invoice.at_stake(body, item.value_at_stake_minor), is_guess=False)
    if item.key.type is SubjectType.SHORTAGE:
        return Stake(shortage.at_stake(body, item.value_at_stake_minor), is_guess=False)
    decided = body["facts"]["value_at_stake_minor"]
    if isinstance(decided, int):
        return Stake(money(item.value_at_stake_minor, item.currency), is_guess=False)
    guess = money(item.value_at_stake_minor, item.currency) if item.value_at_stake_minor else None
    return Stake(guess, is_guess=guess is not None)


def _row(item: Item, body: Mapping[str, Any], now: datetime, analyst: str | None) -> Row:
    left, urgency = _time_left(item, now)
    title, risk, risk_percent = _said(item, body)
    return Row(
        item=item,
        stake=stake_of(item, body),
        risk=risk,
        risk_percent=risk_percent,
        left=left,
        urgency=urgency,
        title=title,
        why=words.instants_in(words.spoken(item.why, words.names_in(body))),
        by=_by(item, body),
        is_mine=item.status == "claimed" and item.claimed_by == analyst,
    )


def _by(item: Item, body: Mapping[str, Any]) -> str:
    if not is_of_case(item, body):
        return ""
    return shortage.wave(body) if item.key.type is SubjectType.SHORTAGE else str(body["facts"]["carrier_id"])


def _said(item: Item, body: Mapping[str, Any]) -> tuple[str, str | None, float | None]:
    """Say what an item is about, and its risk, with its place on a scale to 100 if it has one."""
    facts = body["facts"]
    if not is_of_case(item, body):
        return item.title, None, None
    if item.key.type is SubjectType.INVOICE:
        return f"Invoice {facts['invoice_number']}", invoice.in_short(body), None
    if item.key.type is SubjectType.SHORTAGE:
        title, probability = shortage.in_short(body), body["model"]["answer"]["probability"]
    else:
        title, probability = f"{facts['origin']} → {facts['destination']}", body["model"]["probability"]
    if probability is None:
        return title, None, None
    return title, words.percent(probability), round(100 * probability, 1)


def _time_left(item: Item, now: datetime) -> tuple[str, str]:
    if item.latest_useful_at is None:
        return "no limit", ""
    said = words.span(item.latest_useful_at, now)
    if item.too_late:
        return f"too late, {said.replace(' ', NO_BREAK)}", "late"
    return said, "soon" if item.latest_useful_at - now < SOON else ""
