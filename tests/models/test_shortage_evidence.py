from __future__ import annotations

import numpy as np
import pytest

from features.inventory.around import Holder, Node
from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import ShortageCause
from models.shortage_evidence import Evidence, causes_of, evidence_of, quantities_at_risk

COVERED = {"on_hand": 20.0, "free": 20.0, "needed": 5.0, "shortfall": 0.0, "free_after_ahead": 20.0}


def values(**known: float) -> np.ndarray:
    at = {**dict.fromkeys(INVENTORY_NAMES, 0.0), **COVERED, **known}
    return np.array([at[name] for name in INVENTORY_NAMES])


def evidence(*nodes: Node, holders: tuple[Holder, ...] = (), **known: float) -> Evidence:
    return evidence_of(values(**known), holders, nodes)


@pytest.mark.parametrize(
    ("known", "cause", "quantity"),
    [
        ({}, ShortageCause.NOT_FOUND, 5.0),
        ({"free_after_ahead": 2.0}, ShortageCause.FOR_OTHERS, 3.0),
        ({"free_after_ahead": -40.0}, ShortageCause.FOR_OTHERS, 5.0),
        ({"free": 1.0, "shortfall": 4.0, "free_after_ahead": 1.0}, ShortageCause.FOR_OTHERS, 4.0),
        ({"on_hand": 2.0, "free": 2.0, "shortfall": 3.0, "free_after_ahead": 2.0}, ShortageCause.NOT_ENOUGH, 3.0),
        (
            {"on_hand": 2.0, "free": 2.0, "shortfall": 3.0, "free_after_ahead": 2.0, "inbound_overdue": 9.0},
            ShortageCause.INBOUND_LATE,
            3.0,
        ),
    ],
)
def test_cause_and_quantity_follow_from_the_numbers_of_the_score(
    known: dict[str, float], cause: ShortageCause, quantity: float
) -> None:
    row = values(**known).reshape(1, -1)
    assert causes_of(row)[0] == cause
    assert quantities_at_risk(row)[0] == quantity


def test_the_place_that_covers_all_is_named_and_no_smaller_one() -> None:
    lacking = {"on_hand": 2.0, "free": 2.0, "shortfall": 3.0}
    assert evidence(Node("A", 9.0), Node("B", 3.0), **lacking).covered_by == "A"
    assert evidence(Node("A", 2.9), **lacking).covered_by is None


def test_holders_stock_in_transit_and_adjustments_are_told_in_words() -> None:
    holders = tuple(Holder(f"O{number}", 3.0) for number in range(5))
    told = evidence(
        holders=holders, free=5.0, reserved_for_others=15.0, held=2.0, inbound=30.0, inbound_due=10.0,
        inbound_put_off=20.0, lots_late_share_90d=0.25, adjustment_count_28d=2.0, adjustment_net_28d=-7.0,
        picks_28d=4.0, short_share_28d=0.1,
    )  # fmt: skip
    assert told.words == (
        "20 on hand, 5 free, 5 needed: enough",
        "15 reserved for others: O0 3, O1 3, O2 3 and 2 more",
        "2 held, 0 damaged",
        "30 on its way, 10 of it before the line is due, 0 overdue, 20 put off; 25 % of such lots taken to be late",
        "2 adjustments of its stock in 28 days, -7 in all",
        "10 % of its picks of 28 days taken to be short",
    )
    assert "no record names" in told.substitute
