"""The window for tenders of a suggestion that waits: once it is over, accepting opens another or is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from features.vocabulary import Branch
from routing.policy import Policy
from routing.recording import decode_facts
from serving.decisions.acting import Action, made_anew
from serving.reviews.items import Item
from serving.web import words
from serving.web.priority import Line

_WINDOW = "tender_window"


def if_accepted(
    item: Item, suggestion: Mapping[str, Any], body: Mapping[str, Any], policy: Policy, now: datetime
) -> Iterator[Line]:
    """Say what accepting does once the window is over: as `Meanwhile.accepted` makes it anew, or refuses it."""
    payload = suggestion["payload"] or {}
    if _WINDOW not in payload or _closes_at(payload) > now:
        return
    if item.too_late and item.latest_useful_at is not None:
        yield Line("if accepted now", f"it is refused: this was of use until {words.instant(item.latest_useful_at)}")
        return
    governing = policy.as_overdue(body.get("context", {}).get("overdue", ()))
    suggested = Action(Branch(suggestion["branch"]), payload, item.latest_useful_at)
    made_at = datetime.fromisoformat(body["decided_at"])
    again = made_anew(governing, suggested, decode_facts(body["facts"]), made_at=made_at, now=now)
    closes_at = _closes_at(again.payload)
    if closes_at > now:
        yield Line("if accepted now", f"another window opens, until {words.instant(closes_at)}")


def _closes_at(payload: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(payload[_WINDOW]["closes_at"])
