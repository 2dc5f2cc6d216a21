"""Records of a history come out of the archive as they would come out of their tables."""

from __future__ import annotations

from features.archive import Archive
from features.tables import RecordTables, events_of, shipments_of


def test_a_shipment_is_taken_out_once_with_all_its_plans_and_events(world: RecordTables) -> None:
    archive = Archive(world)
    plans, events = list(shipments_of(world)), list(events_of(world))
    assert len(archive) == len({plan.shipment_id for plan in plans})
    taken_plans, taken_events = [], []
    for shipment_id in dict.fromkeys(plan.shipment_id for plan in plans):
        assert shipment_id in archive
        own_plans, own_events = archive.take(shipment_id)
        taken_plans += own_plans
        taken_events += own_events
        assert archive.take(shipment_id) == ([], [])
    assert not archive
    assert sorted(taken_plans, key=str) == sorted(plans, key=str)
    assert sorted(taken_events, key=str) == sorted(events, key=str)


def test_events_of_a_shipment_that_was_never_announced_are_kept(world: RecordTables) -> None:
    event = next(events_of(world)).model_copy(update={"shipment_id": "unheard of"})
    archive = Archive(RecordTables.from_records([event]))
    assert archive.take("unheard of") == ([], [event])
    assert archive.take("nor of this") == ([], [])
