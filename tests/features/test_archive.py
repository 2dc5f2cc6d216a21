"""Records of a history come out of the archive as they would come out of their tables."""

from __future__ import annotations

from features.archive import Archive
from features.carrier_records import Tender
from features.fields import Record
from features.records import DeliveryEvent, Shipment
from features.tables import RecordTables, events_of, shipments_of

KINDS = (Shipment, DeliveryEvent)


def test_each_shipment_has_all_its_plans_and_events_until_it_is_forgotten(world: RecordTables) -> None:
    archive = Archive(world, KINDS)
    plans, events = list(shipments_of(world)), list(events_of(world))
    assert len(archive) == len({plan.shipment_id for plan in plans})
    found_plans, found_events = [], []
    for shipment_id in dict.fromkeys(plan.shipment_id for plan in plans):
        assert shipment_id in archive
        found_plans += archive.records(Shipment, shipment_id)
        found_events += archive.records(DeliveryEvent, shipment_id)
        archive.forget(shipment_id)
        assert archive.records(Shipment, shipment_id) == archive.records(DeliveryEvent, shipment_id) == []
    assert not archive
    assert sorted(found_plans, key=str) == sorted(plans, key=str)
    assert sorted(found_events, key=str) == sorted(events, key=str)


def test_events_of_a_shipment_that_was_never_announced_are_kept(world: RecordTables) -> None:
    event = next(events_of(world)).model_copy(update={"shipment_id": "unheard of"})
    archive = Archive(RecordTables.from_records([event]), KINDS)
    assert archive.records(DeliveryEvent, "unheard of") == [event]
    assert archive.records(Shipment, "unheard of") == archive.records(DeliveryEvent, "nor of this") == []


def test_parts_come_with_their_record(filled: dict[str, Record]) -> None:
    tender = filled["tenders"]
    assert isinstance(tender, Tender)
    archive = Archive(RecordTables.from_records(filled.values()), (Tender,))
    assert archive.records(Tender, tender.shipment_id) == [tender]
    assert len(tender.references) == 2
