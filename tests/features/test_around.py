"""What stands around order lines, against loops over the records as known at the cutoff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from features.instants import micros_of
from features.inventory.around import Around, Holder, Node
from features.inventory.features import INVENTORY_NAMES, Inventory
from features.inventory.stock import Stock
from features.order_records import OrderLine
from features.stock_records import InventoryPosition
from features.tables import RecordTables
from features.vocabulary import Disposition
from tests.drawn import drawn
from tests.features.stock_oracle import AnyRecord
from tests.features.test_inventory import Draw, histories, questions_about

START = datetime(2026, 3, 2, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def line(order: str, quantity: float, place: str = "W", hours: float = 0) -> OrderLine:
    return OrderLine(
        order_id=order, line_id="1", sku="X", quantity=quantity, warehouse_id=place,
        occurred_at=at(hours), known_at=at(hours),
    )  # fmt: skip


def position(
    place: str, quantity: float, hours: float = 0, known: float | None = None, holder: str | None = None
) -> InventoryPosition:
    disposition = Disposition.AVAILABLE if holder is None else Disposition.RESERVED
    return InventoryPosition(
        place=place, sku="X", disposition=disposition, held_by=holder, quantity=quantity,
        occurred_at=at(hours), known_at=at(hours if known is None else known),
    )  # fmt: skip


RECORDS: list[AnyRecord] = [
    line("O1", 5),
    line("O2", 4),
    line("O3", 6, place="V", hours=2),
    position("W", 3),
    position("W", 2, holder="O1"),
    position("W", 7, holder="O2"),
    position("W", 1, hours=4, known=6, holder="O2"),
    position("W", 2, hours=5, holder="Z9"),
    position("V", 20),
    position("U", 9, hours=1, known=8),
]


@drawn(10)
@given(histories)
def test_in_any_history_holders_have_what_the_feature_says_others_have(seed: int) -> None:
    records = Draw(Random(seed)).history()
    questions = questions_about(records)
    questions = questions.iloc[:: max(1, len(questions) // 12)]
    stock = Stock.of_tables(RecordTables.from_records(records))
    inventory = Inventory(stock)
    around = Around(stock, inventory)
    lines, cutoffs = inventory.lines_of(questions), micros_of(questions["cutoff_at"])
    told = inventory.values(lines, cutoffs)[:, INVENTORY_NAMES.index("reserved_for_others")]
    for line_, cutoff, others in zip(lines.tolist(), cutoffs.tolist(), told.tolist(), strict=True):
        if not np.isnan(others):
            assert sum(holder.quantity for holder in around.holders(line_, cutoff)) == pytest.approx(others)


def asked(hours: float) -> tuple[Around, int, int, np.ndarray]:
    stock = Stock.of_tables(RecordTables.from_records(RECORDS))
    inventory = Inventory(stock)
    question = pd.DataFrame({"order_id": ["O1"], "line_id": ["1"], "cutoff_at": [at(hours)]})
    number, cutoff = inventory.lines_of(question), micros_of(question["cutoff_at"])
    return Around(stock, inventory), int(number[0]), int(cutoff[0]), inventory.values(number, cutoff)[0]


@pytest.mark.parametrize(
    ("hours", "holders"),
    [
        (3, (Holder("O2", 7.0),)),
        (5, (Holder("O2", 7.0), Holder("Z9", 2.0))),
        (6, (Holder("Z9", 2.0), Holder("O2", 1.0))),
    ],
)
def test_others_hold_what_was_known_by_then_and_it_is_what_the_feature_says(
    hours: float, holders: tuple[Holder, ...]
) -> None:
    around, number, cutoff, values = asked(hours)
    assert around.holders(number, cutoff) == holders
    told = values[INVENTORY_NAMES.index("reserved_for_others")]
    assert sum(holder.quantity for holder in holders) == told


@pytest.mark.parametrize(
    ("hours", "nodes"),
    [
        (1, (Node("V", 20.0),)),
        (2, (Node("V", 14.0),)),  # six of it are wanted there
        (8, (Node("V", 14.0), Node("U", 9.0))),
    ],
)
def test_another_place_gives_what_nobody_there_wants(hours: float, nodes: tuple[Node, ...]) -> None:
    around, number, cutoff, _ = asked(hours)
    assert around.nodes(number, cutoff) == nodes


@pytest.mark.parametrize(("hours", "age"), [(3, 3.0), (5, 0.0), (9, 4.0)])
def test_news_are_as_old_as_the_newest_known_change_at_the_place(hours: float, age: float) -> None:
    around, number, cutoff, _ = asked(hours)
    assert around.news_hours(np.array([number]), np.array([cutoff]))[0] == age
