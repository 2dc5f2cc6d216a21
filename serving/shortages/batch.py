"""Judging order lines of canonical tables that wait to be picked, and writing down what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.codes import Ints
from features.instants import instant_of, micros
from features.inventory.around import Around, Holder, Node
from features.inventory.features import Inventory
from features.inventory.stock import Stock
from features.inventory.waiting_lines import newest_stock_news, of_wave, released_at, waiting_at
from features.progress import Progress
from features.tables import RecordTables
from models.shortage import ShortageModel
from serving.shortages.errors import NoLinesError
from serving.shortages.judging import About, judge, line_answer, model_shape, urgency
from serving.shortages.schemas import LineAnswer

PARQUET, LINES = "shortages.parquet", "shortages.jsonl"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lines are asked about, and as of when: those of a wave, or all that wait; by default at the newest news.

    Of a wave that was released it is asked just before, as far as no instant is given.
    """

    wave: str | None = None
    at: datetime | None = None


def judge_lines(
    tables: RecordTables, asked: Asked, model: ShortageModel | None, progress: Progress | None = None
) -> list[LineAnswer]:
    """Judge order lines, each from what was known at the instant and from nothing else; the likeliest short first.

    Raises
    ------
    NoLinesError
        If no pick names the wave, or the tables hold no lines.
    """
    stock = Stock.of_tables(tables)
    inventory = Inventory(stock)
    lines, cutoff = _lines(tables, stock, inventory, asked)
    cutoffs = np.full(len(lines), cutoff, dtype=np.int64)
    view = inventory.views(lines, cutoffs)
    lines, cutoffs = lines[view.is_known], cutoffs[view.is_known]
    view = inventory.views(lines, cutoffs)
    around = Around(stock, inventory)
    values, news = inventory.values(lines, cutoffs), around.news_hours(lines, cutoffs)
    names, skus = _names(stock), _skus(tables, cutoff)
    about = []
    for row, line in enumerate(lines.tolist()):
        place, wave = int(view.place[row]), int(view.wave[row])
        where = stock.places[place] if place >= 0 else None
        about.append(About(*names[line], skus.get(names[line]), where, stock.holders[wave] if wave >= 0 else None))

    def beside(row: int) -> tuple[Sequence[Holder], Sequence[Node]]:
        if progress is not None:
            progress(row + 1, len(lines))
        line = int(lines[row])
        return around.holders(line, cutoff), around.nodes(line, cutoff)

    judged = judge(about, cutoff, values, news, beside, model)
    if progress is not None:
        progress(len(lines), len(lines))
    spoke = model_shape(model)
    return [line_answer(one, spoke) for one in sorted(judged, key=urgency)]


def write_lines(answers: Sequence[LineAnswer], out: Path) -> None:
    """Write judged lines as JSON lines, and flat as Parquet."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / LINES).open("w", encoding="utf-8") as written:
        for answer in answers:
            written.write(f"{answer.model_dump_json()}\n")
    pq.write_table(pa.Table.from_pylist([_flat(answer) for answer in answers], _SCHEMA), out / PARQUET)


def _lines(tables: RecordTables, stock: Stock, inventory: Inventory, asked: Asked) -> tuple[Ints, int]:
    newest = newest_stock_news(tables)
    if newest is None:
        raise NoLinesError("the tables hold no order lines, warehouse tasks or stock positions")
    at = micros(newest.to_pydatetime()) if asked.at is None else micros(asked.at)
    if asked.wave is None:
        return waiting_at(stock, inventory, at), at
    released = released_at(stock, asked.wave)
    if released is None:
        raise NoLinesError(f"no pick of an order line names the wave '{asked.wave}'")
    if asked.at is None:
        at = min(at, released - 1)
    return of_wave(stock, asked.wave, at), at


def _names(stock: Stock) -> dict[int, tuple[str, str]]:
    return {
        number: (str(order_id), str(line_id))
        for number, (order_id, line_id) in zip(stock.line_numbers.tolist(), stock.ids, strict=True)
    }


def _skus(tables: RecordTables, cutoff: int) -> dict[tuple[str, str], str]:
    told = tables.order_lines
    until = pd.Timestamp(instant_of(cutoff))
    known = told[(told["known_at"] <= until) & (told["occurred_at"] <= until)]
    newest = known.sort_values(["occurred_at", "known_at"], kind="stable").drop_duplicates(
        ["order_id", "line_id"], keep="last"
    )
    columns = (newest[name].astype(str) for name in ("order_id", "line_id", "sku"))
    return {(order_id, line_id): sku for order_id, line_id, sku in zip(*columns, strict=True)}


def _flat(answer: LineAnswer) -> dict[str, Any]:
    evidence = answer.evidence
    return {
        **answer.model_dump(exclude={*_NOT_FLAT}),
        "cause": None if evidence is None else evidence.cause.value,
        "quantity_at_risk": None if evidence is None else evidence.quantity_at_risk,
        "evidence": None if evidence is None else evidence.words,
        "covered_by": None if evidence is None else evidence.covered_by,
        "substitute": None if evidence is None else evidence.substitute,
        "model": answer.model.name,
        "model_version": answer.model.version,
    }


_NOT_FLAT = ("evidence", "model", "stock", "explanation", "stake", "stake_unknown_because")
_TEXT, _REAL, _TEXTS = pa.string(), pa.float64(), pa.list_(pa.string())
_SCHEMA = pa.schema(
    {
        **dict.fromkeys(("order_id", "line_id", "sku", "place", "wave_id"), _TEXT),
        "as_of": pa.timestamp("us", tz="UTC"),
        "moment": _TEXT,
        **dict.fromkeys(("needed", "probability"), _REAL),
        **dict.fromkeys(("verdict", "cause"), _TEXT),
        "quantity_at_risk": _REAL,
        "evidence": _TEXTS,
        **dict.fromkeys(("covered_by", "substitute"), _TEXT),
        **dict.fromkeys(("reasons", "abstained_because"), _TEXTS),
        **dict.fromkeys(("model", "model_version", "features_digest"), _TEXT),
    }
)
