"""What a preview says of the queue, held against the queue itself while nobody answers anything in it."""

from __future__ import annotations

from datetime import datetime, timedelta

from features.vocabulary import Branch
from routing.policy import Policy
from routing.preview.queue import Opened, serve
from routing.priority import savings
from serving.db.tables import ReviewItemRow
from serving.policies.preview import preview
from serving.policies.queue import Queues
from tests.serving.house import House


def queues_of(house: House, policy: Policy, since: datetime, until: datetime) -> Queues:
    """Gather what happens to the queue as it was decided, and as a bundle would have it."""
    with house.container.reads() as session:
        queues = Queues(session, policy)
        for compared in preview(session, policy, since, until):
            queues.add(compared)
        queues.add_causes(since, until)
    return queues


def assert_both_sides_are_the_queue(house: House, policy: Policy, since: datetime) -> list[ReviewItemRow]:
    """Check that both sides of a preview of the bundle in force are what the service has put before people."""
    house.container.expiring.expire()
    until = house.clock.now() + timedelta(microseconds=1)
    queues = queues_of(house, policy, since, until)
    rows = [row for row in house.rows(ReviewItemRow) if row.call_id is None]
    found = savings(policy)
    for moves in (queues.before, queues.after):
        nobody = serve(moves, [], since, until)
        items = {item.opened.item_id: item for item in nobody.items if not item.opened.is_cause}
        assert items.keys() == {row.item_id for row in rows}
        for row in rows:
            item, saving = items[row.item_id], found[Branch(row.suggested_branch)]
            opened = Opened(
                at=row.created_at,
                subject_id=row.subject_id,
                item_id=row.item_id,
                stake_minor=row.value_at_stake_minor,
                rate=saving.millionths_per_minute,
                minutes=saving.minutes,
                answer_by=row.latest_useful_at,
                useful_until=item.opened.useful_until,
            )
            assert item.opened == opened
            verdict = None if item.ending is None else item.ending.value
            assert (verdict, item.done_at is None) == (row.verdict, row.status == "open"), row.item_id
            if verdict == "superseded":
                assert item.done_at == row.closed_at
    return rows
