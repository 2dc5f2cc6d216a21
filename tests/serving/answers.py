"""What people answered to suggestions, as evidence that a branch may act by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.serving.house import House


def answered(
    house: House,
    count: int,
    *,
    first: int = 0,
    verb: str = "accept",
    by: Sequence[str] = ("analyst-0", "analyst-1"),
    **body: Any,
) -> None:
    """Let people, in turn, answer as many suggestions to notify."""
    names = [f"SH-{number}" for number in range(first, first + count)]
    house.announce(*names)
    for number, name in enumerate(names):
        item, actor = house.decided(name, risk=0.5)["review_item_id"], by[number % len(by)]
        answer = house.answer(item, verb, actor=actor, claim_token=house.claimed(item, actor), **body)
        assert answer.status_code == 200, answer.text
