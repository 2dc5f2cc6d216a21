"""The bundle that ships, changed as a test asks. Customers are told at once, of one shipment each, without budgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import yaml

from routing.loader import parse_policy
from routing.policy import Policy
from serving.config import bundled_policy
from tests.budgets import without_budgets

Edit = Callable[[dict[str, Any]], None]


def changed(*edits: Edit) -> Policy:
    """Load the bundle after edits of its data."""
    return parse_policy(text_of(*edits))


def text_of(*edits: Edit) -> str:
    """Write the bundle after edits of its data."""
    data = without_budgets(yaml.safe_load(bundled_policy().read_text(encoding="utf-8")))
    del data["branches"]["notify"]["together"]
    for edit in edits:
        edit(data)
    return yaml.safe_dump(data, sort_keys=False)


def messages(amount: float, *, uses: float = 1, per_hours: float = 24, per: Sequence[str] = ()) -> Edit:
    """Hold notifying to a budget of so many messages; for each value of some facts apart, if any are named."""

    def edit(data: dict[str, Any]) -> None:
        told: dict[str, Any] = {"unit": "messages", "owner": "customer-service", "why": "what customers bear"}
        if per:
            told["per"] = list(per)
        budget = {"amount": amount, "per_hours": per_hours, **told}
        data["capacity"] = {**data.get("capacity", {}), "messages": budget}
        data["branches"]["notify"]["uses"] = {"messages": uses}

    return edit


def resting(hours: float) -> Edit:
    """Let notifying rest for a customer who was told."""

    def edit(data: dict[str, Any]) -> None:
        data["branches"]["notify"]["cool_down"] = {"hours": hours, "per": "customer_id"}

    return edit


def together(*by: str, minutes: float = 30, at_most: int = 100) -> Edit:
    """Tell customers of the shipments that share the values of some facts in one message."""

    def edit(data: dict[str, Any]) -> None:
        notify = data["branches"]["notify"]
        notify["requires"] = [*notify["requires"], *(name for name in by if name not in notify["requires"])]
        notify["together"] = {
            "by": list(by),
            "within_minutes": minutes,
            "at_most": at_most,
            "sentence_customer": "{count} of your shipments from {origin} may arrive later than promised.",
        }

    return edit


def confirmed(times: int, within_hours: float) -> Edit:
    """Let a customer be told only when the signal has come several times."""

    def edit(data: dict[str, Any]) -> None:
        data["rules"][1]["confirm"] = {"times": times, "within_hours": within_hours}

    return edit


def exploring(share: float, salt: str = "spring", **more: Any) -> Edit:
    """Let chance decide in that share of the cases whether a customer is told, somebody looks, or nothing is done."""

    def edit(data: dict[str, Any]) -> None:
        terms = {"share": share, "among": ["none", "review", "notify"], "salt": salt, **more}
        told = {
            "owner": "customer-service",
            "review_by": date(2026, 12, 31),
            "why": "does telling help?",
        }
        data["exploration"] = {**told, **terms}

    return edit


def falling_back(threshold: str, safe: float, review_by: date = date(2026, 3, 2)) -> Edit:
    """Let a threshold count as its safe value from the day after its review was due."""

    def edit(data: dict[str, Any]) -> None:
        data["thresholds"][threshold].update(safe=safe, review_by=review_by)

    return edit


def held(threshold: str, release: float) -> Edit:
    """Give a threshold a release value."""

    def edit(data: dict[str, Any]) -> None:
        data["thresholds"][threshold]["release"] = release

    return edit
