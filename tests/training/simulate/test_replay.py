from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.carrier_records import Claim, Tender, TenderResponse
from features.fields import Record
from features.invoice_records import BilledInvoice, FuelIndex
from features.order_records import PlacedOrder
from features.records import DeliveryEvent, Disruption, Shipment, WeatherForecast, WeatherObservation
from features.stock_records import InventoryAdjustment, InventoryPosition, LabourShift, WarehouseTask
from features.tables import RecordTables, records_of
from features.vocabulary import EventType
from training.simulate.generate import Simulation
from training.simulate.replay import history_until, replay_feed, write_replay

START = datetime(2024, 9, 20, tzinfo=UTC)
END = START + timedelta(days=2)
RECORD_OF = {
    EventType.SHIPMENT_PLANNED: Shipment,
    EventType.DELIVERY: DeliveryEvent,
    EventType.WEATHER_OBSERVED: WeatherObservation,
    EventType.WAREHOUSE_TASK: WarehouseTask,
    EventType.TENDER: Tender,
    EventType.TENDER_RESPONSE: TenderResponse,
    EventType.CLAIM: Claim,
    EventType.LABOUR_SHIFT: LabourShift,
    EventType.WEATHER_FORECAST: WeatherForecast,
    EventType.DISRUPTION: Disruption,
    EventType.ORDER: PlacedOrder,
    EventType.STOCK_POSITION: InventoryPosition,
    EventType.STOCK_ADJUSTMENT: InventoryAdjustment,
    EventType.INVOICE: BilledInvoice,
    EventType.FUEL_INDEX: FuelIndex,
}
NOT_EVERY_DAY = {EventType.DISRUPTION, EventType.FUEL_INDEX}


def subject_of(record: Record) -> str | None:
    match record:
        case Claim():
            return record.claim_id
        case LabourShift():
            return record.shift_id
        case Disruption():
            return record.disruption_id
        case WeatherObservation() | WeatherForecast():
            return record.place
        case WarehouseTask():
            return record.task_id
        case PlacedOrder():
            return record.order_id
        case InventoryPosition():
            return record.sku
        case InventoryAdjustment():
            return record.adjustment_id
        case BilledInvoice():
            return record.invoice_id
        case FuelIndex():
            return record.fuel_index_id
        case _:
            return record.shipment_id


@pytest.fixture(scope="module")
def feed(small: Simulation) -> list[dict]:
    return list(replay_feed(small.tables, START, END))


class TestHistoryUntil:
    def test_nothing_in_it_was_learnt_later(self, small: Simulation) -> None:
        history = history_until(small.tables, START)
        for table in (history.shipments, history.events, history.weather):
            assert len(table) > 0
            assert table["known_at"].max() <= START
        assert set(history.stops["shipment_id"]) == set(history.shipments["shipment_id"])
        assert len(history.stops) == 2 * len(history.shipments)

    def test_what_was_known_at_the_very_instant_is_in_it(self, small: Simulation) -> None:
        instant = small.tables.events["known_at"].iloc[700].to_pydatetime()
        at, before = history_until(small.tables, instant), history_until(small.tables, instant - timedelta(seconds=1))
        assert len(at.events) == (small.tables.events["known_at"] <= instant).sum() > len(before.events)

    def test_at_the_end_it_is_everything(self, small: Simulation) -> None:
        history = history_until(small.tables, datetime(2030, 1, 1, tzinfo=UTC))
        for table in ("shipments", "stops", "events", "weather"):
            pd.testing.assert_frame_equal(getattr(history, table), getattr(small.tables, table))


class TestReplayFeed:
    def test_it_comes_in_the_order_in_which_it_became_known(self, feed: list[dict]) -> None:
        known = [datetime.fromisoformat(event["data"]["known_at"]) for event in feed]
        assert known == sorted(known)
        assert known[0] > START
        assert known[-1] <= END

    def test_with_the_history_it_holds_everything_known_by_its_end_once(
        self, small: Simulation, feed: list[dict]
    ) -> None:
        before, after = history_until(small.tables, START), history_until(small.tables, END)
        assert Counter(event["type"] for event in feed) == Counter(
            {
                "freight.shipment.planned": len(after.shipments) - len(before.shipments),
                "freight.delivery": len(after.events) - len(before.events),
                "freight.weather.observed": len(after.weather) - len(before.weather),
                "freight.warehouse.task": len(after.warehouse_tasks) - len(before.warehouse_tasks),
                "freight.tender": len(after.tenders) - len(before.tenders),
                "freight.tender.response": len(after.tender_responses) - len(before.tender_responses),
                "freight.claim": len(after.claims) - len(before.claims),
                "freight.labour.shift": len(after.labour_shifts) - len(before.labour_shifts),
                "freight.weather.forecast": len(after.weather_forecasts) - len(before.weather_forecasts),
                "freight.disruption": len(after.disruptions) - len(before.disruptions),
                "freight.order": len(after.orders) - len(before.orders),
                "freight.stock.position": len(after.inventory_positions) - len(before.inventory_positions),
                "freight.stock.adjustment": len(after.inventory_adjustments) - len(before.inventory_adjustments),
                "freight.contract.fuel": len(after.fuel_index) - len(before.fuel_index),
                "freight.invoice": len(after.freight_invoices) - len(before.freight_invoices),
            }
        )
        lines = Counter(event["type"] for event in feed for _ in event["data"].get("lines", ()))
        assert lines["freight.order"] == len(after.order_lines) - len(before.order_lines)
        assert lines["freight.invoice"] == len(after.invoice_lines) - len(before.invoice_lines)
        told = Counter(event["id"] for event in feed if event["type"] == "freight.delivery")
        assert told == Counter(after.events["event_id"]) - Counter(before.events["event_id"])

    def test_two_feeds_in_a_row_are_the_one_over_both(self, small: Simulation, feed: list[dict]) -> None:
        middle = START + timedelta(hours=17)
        halves = [*replay_feed(small.tables, START, middle), *replay_feed(small.tables, middle, END)]
        assert halves == feed

    def test_each_is_a_cloudevent_whose_data_is_the_record(self, feed: list[dict]) -> None:
        told = {event["type"] for event in feed}
        assert told | NOT_EVERY_DAY == {event_type.value for event_type in RECORD_OF}
        for event in feed:
            record = RECORD_OF[EventType(event["type"])].model_validate(event["data"])
            assert event["specversion"] == "1.0"
            assert datetime.fromisoformat(event["time"]) == record.occurred_at
            assert event["subject"] == subject_of(record)

    def test_source_and_id_name_one_message(self, small: Simulation) -> None:
        everything = list(replay_feed(small.tables, START - timedelta(days=90), END + timedelta(days=90)))
        bodies: dict[tuple[str, str], str] = {}
        for event in everything:
            body = json.dumps(event, sort_keys=True)
            assert bodies.setdefault((event["source"], event["id"]), body) == body
        assert len(bodies) < len(everything)

    def test_another_plan_of_a_shipment_is_another_event(self, small: Simulation) -> None:
        first = next(iter(records_of(small.tables.known(until=START), Shipment)))
        second = first.model_copy(update={"known_at": START + timedelta(hours=1)})
        feed = replay_feed(RecordTables.from_records([first, second]), first.known_at - timedelta(hours=1), END)
        ids = [event["id"] for event in feed]
        assert len(set(ids)) == len(ids) == 2

    def test_a_shipment_comes_before_what_happened_to_it(self, small: Simulation) -> None:
        announced: set[str] = set()
        for event in replay_feed(small.tables, START - timedelta(days=90), END + timedelta(days=90)):
            if event["type"] == "freight.shipment.planned":
                announced.add(event["subject"])
            elif event["type"] == "freight.delivery":
                assert event["subject"] in announced

    def test_records_survive_the_way_through_json(self, small: Simulation, feed: list[dict]) -> None:
        records = [
            RECORD_OF[EventType(event["type"])].model_validate(event["data"]) for event in json.loads(json.dumps(feed))
        ]
        orders = [record for record in records if isinstance(record, PlacedOrder)]
        apart = [part for order in orders for part in (order.order(), *order.order_lines())]
        bills = [record for record in records if isinstance(record, BilledInvoice)]
        apart += [part for bill in bills for part in (bill.invoice(), *bill.invoice_lines())]
        whole = (one for one in records if not isinstance(one, PlacedOrder | BilledInvoice))
        tables = RecordTables.from_records([*apart, *whole])
        lines = small.tables.known(after=START, until=END).order_lines
        charges, by_charge = small.tables.known(after=START, until=END).invoice_lines, ["invoice_id", "line_number"]
        pd.testing.assert_frame_equal(
            tables.invoice_lines.sort_values(by_charge, ignore_index=True),
            charges.sort_values(by_charge, ignore_index=True),
        )
        by_line = ["order_id", "line_id"]
        pd.testing.assert_frame_equal(
            tables.order_lines.sort_values(by_line, ignore_index=True), lines.sort_values(by_line, ignore_index=True)
        )
        known = small.tables.events["known_at"]
        expected = small.tables.events[(known > START) & (known <= END)]
        pd.testing.assert_frame_equal(
            tables.events.sort_values(["known_at", "event_id"], ignore_index=True),
            expected.sort_values(["known_at", "event_id"], ignore_index=True),
        )


class TestWriteReplay:
    def test_it_writes_the_history_and_one_event_a_line(
        self, small: Simulation, feed: list[dict], tmp_path: Path
    ) -> None:
        written = write_replay(small.tables, START, END, tmp_path)
        lines = (tmp_path / "feed.jsonl").read_text(encoding="utf-8").splitlines()
        assert written == len(feed)
        assert [json.loads(line) for line in lines] == feed
        history = RecordTables.read(tmp_path / "history")
        assert len(history.events) == len(history_until(small.tables, START).events)
