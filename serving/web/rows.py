"""What the list shows of each item, read from the item and the sealed decision behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from serving.db.tables import DecisionRow
from serving.reviews.items import Item
from serving.web import words

SOON = timedelta(hours=2)
"""Less time than this is marked: it is about what a tender takes."""


@dataclass(frozen=True, slots=True)
class Stake:
    """The money at stake in words; a guess where the risk is not known, `said` None where the money is not."""

    said: str | None
    is_guess: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One item of the list. `risk` is None where it cannot be told; `left` says how long an action is of use."""

    item: Item
    stake: Stake
    risk: str | None
    risk_percent: float
    left: str
    urgency: str
    origin: str
    destination: str
    carrier: str
    is_mine: bool


def rows_of(
    items: Sequence[Item], decisions: Mapping[str, DecisionRow], now: datetime, *, analyst: str | None
) -> list[Row]:
    """Read the rows of a page of the queue."""
    return [_row(item, json.loads(decisions[item.decision_id].body), now, analyst) for item in items]


def stake_of(item: Item, body: Mapping[str, Any]) -> Stake:
    """Say what is at stake: as decided, or as likely as not where the risk is not known, or nothing at all."""
    decided = body["facts"]["value_at_stake_minor"]
    if isinstance(decided, int):
        return Stake(words.money(item.value_at_stake_minor, item.currency), is_guess=False)
    guess = words.money(item.value_at_stake_minor, item.currency) if item.value_at_stake_minor else None
    return Stake(guess, is_guess=guess is not None)


def _row(item: Item, body: Mapping[str, Any], now: datetime, analyst: str | None) -> Row:
    probability = body["model"]["probability"]
    left, urgency = _time_left(item, now)
    return Row(
        item=item,
        stake=stake_of(item, body),
        risk=None if probability is None else words.percent(probability),
        risk_percent=round(100 * (probability or 0), 1),
        left=left,
        urgency=urgency,
        origin=body["facts"]["origin"],
        destination=body["facts"]["destination"],
        carrier=body["facts"]["carrier_id"],
        is_mine=item.status == "claimed" and item.claimed_by == analyst,
    )


def _time_left(item: Item, now: datetime) -> tuple[str, str]:
    if item.latest_useful_at is None:
        return "no limit", ""
    said = words.span(item.latest_useful_at, now)
    if item.too_late:
        return f"too late, {said}", "late"
    return said, "soon" if item.latest_useful_at - now < SOON else ""
