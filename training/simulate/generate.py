"""The whole simulation: from settings and a seeded generator to canonical tables and invoices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.arrow import arrow_table
from features.tables import RecordTables
from features.vocabulary import StopKind
from training.simulate.bookings import TIERS, Bookings, make_bookings
from training.simulate.claims import make_claims
from training.simulate.contracts import make_contracts
from training.simulate.disruptions import make_disruptions
from training.simulate.dock import make_dock_tasks
from training.simulate.forecasts import make_forecasts
from training.simulate.frames import frame, instants
from training.simulate.invoices import TRUTH_SCHEMA, make_invoices
from training.simulate.journeys import deliver, last_on_board, run_departures
from training.simulate.labour import make_labour
from training.simulate.local_time import LocalTime
from training.simulate.network import CARRIERS, PLACES, lanes
from training.simulate.scans import events_frame, make_scans
from training.simulate.settings import SimulationSettings
from training.simulate.stays import make_stays, stays_frame
from training.simulate.stock import make_stock
from training.simulate.tenders import make_tenders
from training.simulate.timetable import Timetable, make_timetable
from training.simulate.warehouse import release_times, work_through
from training.simulate.weather import make_weather, weather_frame

STAGES = ("weather", "timetable", "bookings", "warehouses", "journeys", "scans", "invoices", "stock", "tenders")
"""What `simulate` works through, in order."""
MISSING_FIELD_SHARE = 0.02
PENALTY_SHARE, PENALTY_DAYS = np.array([0.0, 0.02, 0.05]), 4
"""What a late delivery costs by tier, as a share of the value; each day late adds the same share of that."""
CUT_OFF_HOURS = 2.0


@dataclass(frozen=True, slots=True)
class Simulation:
    """Canonical tables, and beside them the truth about the errors of the invoices."""

    tables: RecordTables
    invoice_truth: pd.DataFrame

    def write(self, folder: Path) -> None:
        """Write the tables and `invoice_truth.parquet` into a folder, made if missing."""
        self.tables.write(folder)
        truth = arrow_table(self.invoice_truth, TRUTH_SCHEMA)
        pq.write_table(truth, folder / "invoice_truth.parquet", compression="zstd")


def simulate(
    settings: SimulationSettings, rng: np.random.Generator, on_stage: Callable[[str], None] = lambda _: None
) -> Simulation:
    """Make a network's months.

    Parameters
    ----------
    settings : SimulationSettings
    rng : numpy.random.Generator
        The only source of chance: equal settings and generators in equal states give equal bytes. Each part draws
        from a child of its own, so a setting that changes one part leaves the draws of the others as they were.
    on_stage : callable
        Told the name of each of `STAGES` as it begins.
    """
    for_weather, for_timetable, for_bookings, for_warehouses, for_runs, for_deliveries, for_scans, for_tables = (
        rng.spawn(8)
    )
    for_stays, for_numbers, for_stock = rng.spawn(3)
    for_tenders, for_claims = rng.spawn(2)
    for_labour, for_disruptions, for_forecasts, for_dock = rng.spawn(4)
    times = LocalTime(settings.start, settings.horizon_hours, [place.timezone for place in PLACES])
    on_stage("weather")
    weather = make_weather(settings, for_weather)
    severity = weather.severity()
    on_stage("timetable")
    timetable = make_timetable(settings, times, for_timetable)
    on_stage("bookings")
    bookings = make_bookings(settings, timetable, times, for_bookings)
    on_stage("warehouses")
    worked = work_through(settings, timetable, bookings, times, for_warehouses)
    ready = worked.ready
    on_stage("journeys")
    runs = run_departures(settings, timetable, last_on_board(timetable, bookings, ready), severity, for_runs)
    journeys = deliver(timetable, bookings, ready, runs, settings.weather_strength * severity, times, for_deliveries)
    on_stage("scans")
    shipment_ids = np.array([f"S{number:06d}" for number in range(1, len(bookings) + 1)])
    scans = make_scans(settings, timetable, bookings, runs, journeys, for_scans)
    events = events_frame(settings, scans, shipment_ids, for_scans)
    on_stage("invoices")
    contracts = make_contracts(settings, for_tables)
    stays = make_stays(timetable, bookings, journeys, for_stays)
    told = stays_frame(settings, timetable, bookings, stays, shipment_ids, for_stays)
    events = pd.concat([events, told]).sort_values(
        ["known_at", "occurred_at", "event_id"], kind="stable", ignore_index=True
    )
    billed = make_invoices(
        settings, timetable, bookings, journeys, contracts, stays, shipment_ids, for_tables, for_numbers
    )
    shipments = _shipments_frame(settings, timetable, bookings, shipment_ids, for_tables)
    on_stage("stock")
    released = release_times(timetable, bookings, times)
    stock = make_stock(settings, timetable, bookings, journeys, released, for_stock)
    at_the_doors = make_dock_tasks(
        settings, timetable, bookings, journeys.loaded, stock.inventory_positions, shipment_ids, for_dock
    )
    tasks = pd.concat([stock.warehouse_tasks, at_the_doors]).sort_values(
        ["known_at", "task_id"], kind="stable", ignore_index=True
    )
    on_stage("tenders")
    tenders, responses = make_tenders(settings, timetable, bookings, shipment_ids, for_tenders)
    tables = RecordTables(
        shipments=shipments,
        stops=_stops_frame(settings, timetable, bookings, shipment_ids),
        events=events,
        weather=weather_frame(weather, settings, for_weather),
        weather_forecasts=make_forecasts(weather, settings, for_forecasts),
        disruptions=make_disruptions(settings, severity, worked.outages, times, for_disruptions),
        references=billed.references,
        tenders=tenders,
        tender_responses=responses,
        claims=make_claims(settings, timetable, bookings, journeys, shipment_ids, for_claims),
        orders=stock.orders,
        order_lines=stock.order_lines,
        warehouse_tasks=tasks,
        labour_shifts=make_labour(settings, worked.staffing, times, for_labour),
        inventory_positions=stock.inventory_positions,
        inventory_adjustments=stock.inventory_adjustments,
        carrier_rates=contracts.rates,
        fuel_index=contracts.fuel_index,
        accessorials=contracts.accessorials,
        freight_invoices=billed.invoices,
        invoice_lines=billed.lines,
    )
    return Simulation(tables=tables, invoice_truth=billed.truth)


def _shipments_frame(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, shipment_ids: NDArray[np.str_],
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    count, departure = len(bookings), bookings.departure
    carrier = timetable.carrier[departure]
    distance = np.array([lane.distance_km for lane in lanes()])[timetable.lane[departure]]
    vehicle = np.array(timetable.vehicle_ids)[timetable.vehicle[departure]]
    penalty = np.round(bookings.value_minor * PENALTY_SHARE[bookings.tier])
    return frame(
        "shipments",
        {
            "shipment_id": shipment_ids,
            "carrier_id": np.array([each.carrier_id for each in CARRIERS])[carrier],
            "service_id": np.array(timetable.service_ids)[timetable.service[departure]],
            "vehicle_id": np.where(rng.random(count) < MISSING_FIELD_SHARE, np.array(None), vehicle.astype(object)),
            "mode": np.array([each.mode.value for each in CARRIERS])[carrier],
            "customer_id": np.array([f"C{number:03d}" for number in range(1, bookings.customer.max() + 2)])[
                bookings.customer
            ],
            "customer_tier": np.array([tier.value for tier in TIERS])[bookings.tier],
            "order_id": np.array([f"O{number:06d}" for number in range(1, count + 1)]),
            "pieces": bookings.pieces,
            "weight_kg": np.where(rng.random(count) < MISSING_FIELD_SHARE, np.nan, bookings.weight_kg),
            "distance_km": distance,
            "value_minor": bookings.value_minor,
            "currency": np.full(count, "EUR"),
            "late_penalty_minor": np.where(penalty > 0, penalty, np.nan),
            "late_penalty_per_day_minor": np.where(penalty > 0, np.round(penalty / PENALTY_DAYS), np.nan),
            "ship_complete": bookings.ship_complete,
            "occurred_at": instants(settings.start, bookings.booked),
            "known_at": instants(settings.start, bookings.known),
        },
    )


def _stops_frame(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, shipment_ids: NDArray[np.str_]
) -> pd.DataFrame:
    """Return pickup and delivery of each shipment. They hold the plan; what happened comes as events."""
    departure, count = bookings.departure, len(bookings)
    places = np.stack([timetable.origin[departure], timetable.destination[departure]], axis=1).ravel()
    none = np.full(count, np.nan)

    def pair(pickup: NDArray[np.float64], delivery: NDArray[np.float64]) -> NDArray[np.datetime64]:
        return instants(settings.start, np.stack([pickup, delivery], axis=1).ravel())

    return frame(
        "stops",
        {
            "shipment_id": np.repeat(shipment_ids, 2),
            "sequence": np.tile([0, 1], count),
            "place": np.array([place.code for place in PLACES])[places],
            "kind": np.tile([StopKind.PICKUP.value, StopKind.DELIVERY.value], count),
            "timezone": np.array([place.timezone for place in PLACES])[places],
            "country": np.array([place.code[:2] for place in PLACES])[places],
            "closes_at": pair(timetable.planned_departure[departure] - CUT_OFF_HOURS, none),
            "requested_at": pair(none, bookings.requested),
            "promised_at": pair(none, bookings.promised),
            "planned_at": pair(timetable.planned_departure[departure], bookings.planned_delivery),
        },
    )
