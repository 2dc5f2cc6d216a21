"""Ranking places for the orders of canonical tables that stock will not cover where they are to be picked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from features.instants import micros
from features.inventory.features import INVENTORY_NAMES
from features.inventory.live.stock import LiveStock
from features.progress import Progress
from features.tables import RecordTables
from models.shortage_evidence import LineVerdict, verdict_of
from routing.policy import Policy
from serving.errors import NoPromiseError
from serving.recommendations.errors import LineValueError
from serving.recommendations.known import Sources
from serving.recommendations.node_schemas import NodesAnswer
from serving.recommendations.nodes import NodeRanking, NodesAsked
from serving.scores.live import LiveState
from serving.scores.ports import DelayPredictor
from serving.scores.service import Subject
from serving.shortages.errors import NoLinesError

FILE = "places.jsonl"
_ON_HAND = INVENTORY_NAMES.index("on_hand")
_LACKING = (LineVerdict.SHORT, LineVerdict.CONTESTED)


class PlacesAnswer(BaseModel):
    """An order of which lines lack, and from where it could be sent: a line of `triage places`."""

    order_id: str
    shipment_id: str
    lacking: list[str] = Field(description="its lines that free stock does not cover, or that others come before")
    ways: NodesAnswer


@dataclass(frozen=True, slots=True)
class Places:
    """What was found, and of how many orders nothing can be said, by the reason."""

    answers: list[PlacesAnswer]
    left_out: Mapping[str, int]


def rank_places(
    tables: RecordTables, at: datetime, model: DelayPredictor, state: LiveState, policy: Policy,
    progress: Progress | None = None,
) -> Places:  # fmt: skip
    """Rank places for each order that waits and lacks something, as of an instant; what saves most comes first.

    Parameters
    ----------
    state
        Without a record; it keeps stock, and its settings are those of the model.

    Raises
    ------
    NoLinesError
        If no order line is known by then.
    """
    state.add_tables(tables.known(until=at))
    stock = state.stock
    if stock is None or not len(stock):
        raise NoLinesError(f"no order line is known at {at.isoformat()}")
    ranking = NodeRanking(Sources(state, model, state.invoices.contracts), state)
    lacking = dict(_lacking(stock, at))
    shipment_of = dict(zip(tables.shipments["order_id"], tables.shipments["shipment_id"], strict=True))
    answers, left_out = [], Counter[str]()
    for done, (order_id, lines) in enumerate(lacking.items(), start=1):
        if progress is not None:
            progress(done, len(lacking))
        shipment_id = shipment_of.get(order_id)
        if shipment_id is None or not state.knows(shipment_id):
            left_out["no shipment of the order is known"] += 1
            continue
        shipment = state.shipment(shipment_id, at)
        moment = state.moment(shipment, at, model.moments)
        if moment is None:
            left_out["its shipment has nothing left to decide"] += 1
            continue
        asked = NodesAsked(
            lines=(), nodes=(), promised_at=None, customer_tier="", ship_complete=False, order_id=order_id
        )
        try:
            found = ranking.ranked(asked, Subject(shipment, moment, at, inline=False), policy, at)
        except LineValueError:
            left_out["the value of a line is not known in the bundle's currency"] += 1
            continue
        except NoPromiseError:
            left_out["nobody says by when it is promised"] += 1
            continue
        ways = NodesAnswer.of(found)
        answers.append(PlacesAnswer(order_id=order_id, shipment_id=shipment_id, lacking=lines, ways=ways))
    return Places(sorted(answers, key=lambda each: (-saving(each), each.order_id)), left_out)


def saving(answer: PlacesAnswer) -> int:
    """Return what the recommended way is expected to save beside the place that the order is to be sent from now."""
    costs = {each.rank == 1: each.expected_cost_minor for each in answer.ways.options if each.rank == 1 or each.stands}
    best, stands = costs.get(True), costs.get(False)
    return 0 if best is None or stands is None else stands - best


def write_places(answers: list[PlacesAnswer], out: Path) -> None:
    """Write what was found as JSON lines."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / FILE).open("w", encoding="utf-8") as written:
        for answer in answers:
            written.write(f"{answer.model_dump_json()}\n")


def _lacking(stock: LiveStock, at: datetime) -> Iterator[tuple[str, list[str]]]:
    """Yield each order of which known lines wait and lack something, with those lines."""
    numbers = np.array(stock.waiting(micros(at)), dtype=np.int64)
    cutoffs = np.full(len(numbers), micros(at), dtype=np.int64)
    values = stock.values(numbers, cutoffs, stock.views(numbers, cutoffs))
    found: dict[str, list[str]] = {}
    for number, row in zip(numbers.tolist(), values, strict=True):
        if not np.isnan(row[_ON_HAND]) and verdict_of(row) in _LACKING:
            order_id, line_id = stock.lines.lines[number].name
            found.setdefault(order_id, []).append(line_id)
    yield from found.items()
