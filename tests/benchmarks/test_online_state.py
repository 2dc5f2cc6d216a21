"""The online state with a million events: one lookup, one append, memory; beside a row stored beforehand in SQLite.

Fetching a stored row is what a feature store does. It is the floor for anything that keeps features by key, and what it
answers is as old as its last refresh; the state answers for the instant asked.
"""

from __future__ import annotations

import gc
import sqlite3
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from time import perf_counter_ns
from typing import TypeVar

import numpy as np
import pytest

from features.definitions import NAMES
from features.records import DeliveryEvent, Shipment
from features.state import AnyRecord, State
from features.tables import events_of, shipments_of
from tests.benchmarks.memory import resident_megabytes
from tests.benchmarks.page import write_section
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

PAGE = Path("docs/benchmarks.md")
SETTINGS = SimulationSettings(shipments=255_000, days=365)
LIVE = timedelta(hours=24)
"""How long records come in one by one, and shipments are looked up meanwhile; and then again, without a look."""

pytestmark = [pytest.mark.benchmark, pytest.mark.filterwarnings("default")]
T = TypeVar("T")

_IN_TURN = (
    "In turn with the code before, which let fewer facts wait and worked out what cannot have changed, on a machine "
    "with one more process at work, three rounds, medians: an append of an event takes 0.85 of the time after a "
    "lookup and 0.82 after an append, an append of a plan 0.92, a lookup after an append 0.96. Before a station "
    "without another within reach was looked up once, the code took 96 and 76 µs for a lookup and 49 and 41 for an "
    "append of these generated events on a quiet machine, and 126, 95, 60 and 46 on a slower one."
)


def microseconds_of(act: Callable[[T], object], things: Iterable[T]) -> list[float]:
    """Return how long each act took."""
    taken = []
    for thing in things:
        began = perf_counter_ns()
        act(thing)
        taken.append((perf_counter_ns() - began) / 1e3)
    return taken


def row(name: str, taken: list[float]) -> tuple[str, ...]:
    return name, f"{len(taken):,}", *(f"{np.percentile(taken, share):.0f}" for share in (50, 90, 99))


def stored_rows(width: int, rows: int) -> sqlite3.Connection:
    """Return a table in memory with one float of each feature for each of so many keys."""
    connection = sqlite3.connect(":memory:")
    columns = ", ".join(f"f{place} REAL" for place in range(width))
    connection.execute(f"CREATE TABLE features (id INTEGER PRIMARY KEY, {columns})")
    marks = ", ".join("?" * (width + 1))
    values = np.random.default_rng(1).random((rows, width)).tolist()
    connection.executemany(f"INSERT INTO features VALUES ({marks})", ((key, *each) for key, each in enumerate(values)))
    return connection


def test_lookup_append_and_memory() -> None:
    if sys.platform != "linux":
        pytest.skip("memory is read from /proc, which only Linux has")
    tables = simulate(SETTINGS, np.random.default_rng(3)).tables
    last = SETTINGS.start + timedelta(days=SETTINGS.days - 30)
    begin, end = last - 2 * LIVE, last - LIVE
    history, live, later = (
        tables.known(until=begin),
        tables.known(until=end, after=begin),
        tables.known(until=last, after=end),
    )
    gc.collect()
    before = resident_megabytes()
    began = perf_counter_ns()
    state = State()
    state.add_tables(history)
    loaded_seconds = (perf_counter_ns() - began) / 1e9
    grown = resident_megabytes() - before
    millions = len(history.events) / 1e6

    incoming, following = (
        sorted([*shipments_of(told), *events_of(told)], key=lambda record: record.known_at) for told in (live, later)
    )
    planned = {plan.shipment_id: plan.stops[0].planned_at for plan in shipments_of(history)}
    coming = [shipment_id for shipment_id, leaves in planned.items() if begin < leaves < end + timedelta(days=2)]
    known = [each.shipment_id for each in (*incoming, *following) if each.shipment_id in planned]
    told_of = dict.fromkeys([*coming, *known])
    opened = microseconds_of(state.shipment, told_of)
    first = microseconds_of(lambda one: state.features(state.shipment(one), begin), coming)
    appended: dict[type[AnyRecord], list[float]] = {Shipment: [], DeliveryEvent: []}
    looked_up: list[float] = []
    rng = np.random.default_rng(5)
    for record in incoming:
        appended[type(record)] += microseconds_of(state.add, [record])
        subject = state.shipment(coming[rng.integers(len(coming))])
        now = record.known_at
        looked_up += microseconds_of(lambda plan, now=now: state.features(plan, now), [subject])
    taken = zip(following, microseconds_of(state.add, following), strict=True)
    in_a_row = [each for record, each in taken if isinstance(record, DeliveryEvent)]
    chosen = enumerate(rng.integers(len(coming), size=len(looked_up)))
    asked = [(state.shipment(coming[each]), last + LIVE * number / len(looked_up)) for number, each in chosen]
    looked_up_in_a_row = microseconds_of(lambda asked: state.features(*asked), asked)
    past = [(state.shipment(one), planned[one] - timedelta(days=float(rng.integers(300)))) for one in coming[:3000]]
    long_ago = microseconds_of(lambda asked: state.features(*asked), past)

    connection = stored_rows(len(NAMES), 20_000)
    fetch = "SELECT * FROM features WHERE id = ?"
    fetched = microseconds_of(
        lambda key: connection.execute(fetch, (key,)).fetchone(), rng.integers(20_000, size=len(looked_up)).tolist()
    )
    write_section(
        PAGE,
        "The online state: one lookup, one append",
        f"Generated events: {millions:.2f} million of {len(history.shipments):,} shipments over eleven months, then "
        f"one day that comes in record by record. After each record a shipment that is to leave soon is looked up once "
        f"more, all {len(NAMES)} features as of that instant. The records of a second day come in one after another, "
        f"and through a third day shipments are looked up one after another. Facts of the past are asked for at random "
        f"instants, where no earlier answer helps. Beside it, a stored row of as many numbers by its key, from SQLite "
        f"in memory: such a row is as old as its last refresh. The state was read in {loaded_seconds:.0f} s and takes "
        f"{grown / millions:.0f} MB for a million events. Microseconds. {_IN_TURN}",
        ("what", "times", "p50", "p90", "p99"),
        [
            row("lookup at the present, after an append", looked_up),
            row("lookup at the present, after a lookup", looked_up_in_a_row),
            row("lookup at a random instant of the past", long_ago),
            row("stored row of SQLite by its key", fetched),
            row("append of an event, after a lookup", appended[DeliveryEvent]),
            row("append of an event, after an append", in_a_row),
            row("append of a plan, after a lookup", appended[Shipment]),
            row("opening a shipment of the history", opened),
            row("first lookup of a shipment", first),
        ],
    )
