"""A carrier that goes silent: many shipments on their way, no word of them, and what they say when it is back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from routing.policy import Policy
from serving.db.tables import CauseRow
from tests.serving.bundles import changed, messages
from tests.serving.house import House, delivery, planned

BATCH = 500
SILENT_HOURS = 13
"""Longer than the bundle believes that a carrier that works says nothing."""


def told(amount: float = 40, *, per: Sequence[str] = (), per_hours: float = 1, **playbook: Any) -> Policy:
    """Return the bundle that ships with a budget of messages an hour, its carrier playbook changed."""

    def edit(data: dict[str, Any]) -> None:
        data["playbooks"]["carrier_outage"].update(playbook)

    return changed(messages(amount, per_hours=per_hours, per=per), edit)


def names(count: int) -> list[str]:
    return [f"SH-{number:04}" for number in range(count)]


def departed(house: House, shipments: list[str], **plan: Any) -> None:
    """Announce shipments of growing value that left an hour ago, promised in two days."""
    for start in range(0, len(shipments), BATCH):
        batch = list(enumerate(shipments))[start : start + BATCH]
        events = [planned(name, **{"value_minor": 100_000 + 100 * number, **plan}) for number, name in batch]
        events += [delivery(f"{name}-left", "departed", name) for _, name in batch]
        answer = house.send(*events)
        assert answer["accepted"] == len(events), answer


def heard(house: House, shipments: list[str], status: str = "in_transit") -> None:
    """Let the carrier report shipments now."""
    now = house.clock.now().isoformat()
    for start in range(0, len(shipments), BATCH):
        batch = shipments[start : start + BATCH]
        events = [delivery(f"{name}-{status}-{now}", status, name, occurred_at=now) for name in batch]
        answer = house.send(*events)
        assert answer["accepted"] == len(events), answer


def drained(house: House, *, every_seconds: float = 600, turns: int = 10_000) -> int:
    """Tend until nothing is held, the clock moving on; return the turns it took."""
    for turn in range(turns):
        while house.container.tending.tend().is_more:
            pass
        if all(row.drained_at is not None for row in house.rows(CauseRow)):
            return turn
        house.advance(seconds=every_seconds)
    raise AssertionError("something is still held")
