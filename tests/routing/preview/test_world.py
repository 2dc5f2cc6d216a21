"""What a budget still holds is counted over a window that slides, whatever the order in which uses come to light."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from routing.preview.world import Uses

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_uses_since_a_moment_are_those_after_it() -> None:
    uses = Uses()
    for minute in (0, 10, 20):
        uses.add(NOON + timedelta(minutes=minute), 5)
    assert [uses.since(NOON + timedelta(minutes=minute)) for minute in (-1, 0, 10, 19, 20)] == [15, 10, 5, 5, 0]


def test_the_order_in_which_they_come_does_not_count() -> None:
    rng = random.Random(7)
    noted = [(NOON + timedelta(minutes=rng.randrange(40)), rng.randrange(1, 9)) for _ in range(200)]
    uses = Uses()
    for at, amount in noted:
        uses.add(at, amount)
    for minute in range(-1, 41):
        moment = NOON + timedelta(minutes=minute)
        assert uses.since(moment) == sum(amount for at, amount in noted if at > moment)
