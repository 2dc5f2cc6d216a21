"""Shortages in service: orders and stock taken in record by record, one line judged, and a wave of 500."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import pytest

from features.history import HOUR
from features.instants import micros
from features.inventory.live.rows import StockRecord
from features.inventory.live.stock import LiveStock
from features.order_records import Order, OrderLine
from features.settings import FeatureSettings
from features.stock_records import InventoryAdjustment, InventoryPosition, WarehouseTask
from features.tables import RecordTables, records_of
from features.timeline import NEVER
from models.shortage import ShortageModel
from routing.loader import load_policy
from serving.clock import ManualClock
from serving.config import bundled_policy
from serving.db.engine import create_engine_for
from serving.db.migrate import upgrade
from serving.shortages.endpoints import lines_answer
from serving.shortages.service import LineQuestion
from tests.benchmarks.memory import resident_megabytes
from tests.benchmarks.page import write_section
from tests.benchmarks.test_online_state import row
from tests.serving.house import House
from training.config import load_config
from training.shortage.config import ShortageConfig
from training.shortage.dataset import make_shortage_dataset
from training.shortage.fit import fit_shortage
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

PAGE = Path("docs/benchmarks.md")
CONFIG = Path(str(files("training"))) / "configs" / "shortage.yaml"
NOW = datetime(2025, 2, 20, 6, tzinfo=UTC)
LIVE = timedelta(hours=36)
"""How long records come in one by one, and lines are judged meanwhile."""
WAVE, LINES, ARTICLES = "DEHAM-BENCH", 500, 24
ROUNDS = 25
KINDS: Sequence[type[StockRecord]] = (Order, OrderLine, InventoryPosition, InventoryAdjustment, WarehouseTask)

pytestmark = [pytest.mark.benchmark, pytest.mark.filterwarnings("default")]


def microseconds(act: Callable[[], object]) -> float:
    began = perf_counter_ns()
    act()
    return (perf_counter_ns() - began) / 1e3


def a_wave() -> list[StockRecord]:
    """Return an order of 500 lines of all articles of a warehouse, and a planned pick of each."""
    clocks = {"occurred_at": NOW - timedelta(hours=1), "known_at": NOW - timedelta(hours=1)}
    told: list[StockRecord] = [
        Order(order_id=WAVE, customer_id="C001", ordered_at=clocks["occurred_at"], currency="EUR", **clocks)
    ]
    for number in range(LINES):
        about = {"order_id": WAVE, "line_id": str(number + 1), "sku": f"A{number % ARTICLES + 1:03d}", "quantity": 2}
        value = {"unit_value_minor": 4900, "currency": "EUR", "warehouse_id": "DEHAM"}
        told.append(OrderLine.model_validate({**about, **value, **clocks}))
        pick = {"task_id": f"{WAVE}-{number}", "warehouse_id": "DEHAM", "kind": "pick", "status": "planned"}
        due = {"wave_id": WAVE, "due_at": NOW + timedelta(hours=4)}
        told.append(WarehouseTask.model_validate({**about, **pick, **due, **clocks}))
    return told


def test_appends_one_line_and_a_wave(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("memory is read from /proc, which only Linux has")
    tables = simulate(SimulationSettings(shipments=14_000, days=180), np.random.default_rng(1)).tables
    tables.write(tmp_path / "tables")
    config = load_config(CONFIG, ShortageConfig)
    model = fit_shortage(make_shortage_dataset(tmp_path / "tables", config), config)
    begin = NOW - LIVE
    history, live = tables.known(until=begin), tables.known(until=NOW, after=begin)

    gc.collect()
    before, stock = resident_megabytes(), LiveStock()
    loaded = microseconds(lambda: stock.add_tables(history)) / 1e6
    settled = microseconds(stock.get_ready) / 1e6
    gc.collect()
    grown, count = resident_megabytes() - before, sum(len(getattr(history, table)) for table in TABLES)
    names = zip(history.order_lines["order_id"], history.order_lines["line_id"], strict=True)
    lines = [stock.line(name) for name in names]
    told = [line for line in lines if line is not None]
    waiting = [line for line in told if not stock.is_released(line, NEVER - 1)]

    incoming = sorted(
        (record for kind in KINDS for record in records_of(live, kind)), key=lambda record: record.known_at
    )
    appended: dict[str, list[float]] = {kind.__name__: [] for kind in KINDS}
    looked_up: list[float] = []
    rng = np.random.default_rng(5)
    for record in incoming:
        appended[type(record).__name__].append(microseconds(lambda told=record: stock.add(told)))
        asked = waiting[rng.integers(len(waiting))]
        now = micros(record.known_at)
        looked_up.append(microseconds(lambda line=asked, at=now: features_of(stock, line, at)))
    past = []
    for line in rng.choice(told, 1000).tolist():
        long_ago = stock.lines.lines[line].states.states[0][0] + 2 * HOUR
        past.append(microseconds(lambda line=line, then=long_ago: features_of(stock, line, then)))

    rows = [
        row("append of a stock position", appended["InventoryPosition"]),
        row("append of an order line", appended["OrderLine"]),
        row("append of a task", appended["WarehouseTask"]),
        row("lookup of a line at the present", looked_up),
        row("lookup of a line at a random instant of the past", past),
        *judged(tables, model, tmp_path),
    ]
    write_section(
        PAGE,
        "Shortages in service",
        f"Generated records: {count:,} of orders, lines, stock and tasks of {len(history.orders):,} orders over 171 "
        f"days (`training/configs/shortage.yaml`), then {LIVE.total_seconds() / 3600:.0f} hours that come in record by "
        f"record; after each, the features of one line that waits are looked up. The records were read in {loaded:.1f} "
        f"s, the wants of all lines worked out in {settled:.1f} s, and take {grown:.0f} MB. Judged are lines of a "
        f"planned wave of {LINES}, one at a time and all together: from the question to the JSON of the answer, with "
        f"who holds the stock, who could cover it and what is at stake. Microseconds, by the clock on the wall, at a "
        f"load of {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors.",
        ("what", "times", "p50", "p90", "p99"),
        rows,
    )


TABLES = ("orders", "order_lines", "inventory_positions", "inventory_adjustments", "warehouse_tasks")


def features_of(stock: LiveStock, line: int, at: int) -> None:
    """Look the features of one line up, as the service does."""
    lines, cutoffs = np.array([line]), np.array([at])
    view = stock.views(lines, cutoffs)
    if view.is_known.all():
        stock.values(lines, cutoffs, view)


def judged(tables: RecordTables, model: ShortageModel, folder: Path) -> list[tuple[str, ...]]:
    """Return how long it takes to judge one line, and a wave."""
    known = tables.known(until=NOW)
    url = f"sqlite:///{folder}/triage.db"
    clock, policy = ManualClock(NOW), load_policy(bundled_policy())
    upgrade(create_engine_for(url))
    with House(
        url, policy, clock=clock, feature_settings=FeatureSettings(), history=known, shortage_model=model
    ) as house:
        stock, service = house.container.state.stock, house.container.shortages
        assert stock is not None
        for record in a_wave():
            stock.add(record)

        def ask(question: LineQuestion) -> int:
            return len(lines_answer(service.answer(question), model).model_dump_json())

        wave = LineQuestion(wave_id=WAVE)
        assert len(service.answer(wave).lines) == LINES
        ask(wave)
        names = [line.name for line in stock.lines.lines[-LINES:]]
        one = [LineQuestion(lines=[name]) for name in names]
        plain = [LineQuestion(lines=[name], explain=False) for name in names]
        return [
            row("one line judged", [microseconds(lambda asked=each: ask(asked)) for each in plain]),
            row("one line judged, with its reasons", [microseconds(lambda asked=each: ask(asked)) for each in one]),
            row(
                f"a wave of {LINES} lines judged",
                [microseconds(lambda: ask(LineQuestion(wave_id=WAVE, explain=False))) for _ in range(ROUNDS)],
            ),
            row(
                f"a wave of {LINES} lines judged, each with its reasons",
                [microseconds(lambda: ask(wave)) for _ in range(ROUNDS)],
            ),
        ]
