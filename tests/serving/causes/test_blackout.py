"""A carrier goes silent with thousands of (generated) shipments on their way: one item, and all accounted for."""

from __future__ import annotations

import json
import sys
from collections import Counter
from time import perf_counter

import pytest

from routing.replay import replay
from serving.db.tables import BudgetUseRow, CauseRow, ChildRow, DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.decisions.verification import verify
from tests.serving.causes.outage import SILENT_HOURS, departed, drained, heard, names, told
from tests.serving.house import House, Json

SINGLE_AT_MOST = 24
"""The bundle declares the outage with the 25th shipment that shows it."""


def blackout(url: str, count: int) -> Json:
    """Live through the outage of a carrier with so many shipments; return what was measured."""
    messages_an_hour = max(40, count // 10)
    measured: Json = {"shipments": count, "messages_an_hour": messages_an_hour}
    with House(url, told(messages_an_hour)) as house:
        shipments = names(count)
        started = perf_counter()
        departed(house, shipments)
        measured["announced_s"] = perf_counter() - started
        house.advance(hours=SILENT_HOURS)

        started = perf_counter()
        answers = [house.decided(name, risk=0.5) for name in shipments]
        measured["decided_s"] = perf_counter() - started
        assert Counter(answer["branch"] for answer in answers) == {"notify": SINGLE_AT_MOST, "none": count - 24}
        (cause,) = house.rows(CauseRow)
        held = [answer for answer in answers if answer["cause_id"] is not None]
        assert {answer["cause_id"] for answer in held} == {cause.cause_id}
        assert house.count(ChildRow) == len(held) == count - SINGLE_AT_MOST
        assert house.count(ReviewItemRow) == 0
        assert Counter(row.branch for row in house.rows(OutgoingCallRow)) == {"notify": 24, "escalate": 1}

        house.advance(minutes=90)
        house.container.tending.tend()
        assert [row.status for row in house.rows(CauseRow)] == ["standing"]

        house.advance(minutes=30)
        arrived, silent = shipments[0::10], shipments[5::10]
        heard(house, [name for name in shipments if name not in arrived and name not in silent])
        heard(house, arrived, "delivered")
        started, recovered = perf_counter(), house.clock.now()
        measured["turns"] = drained(house)
        measured["drained_s"] = perf_counter() - started
        measured["drained_in_simulated_hours"] = (house.clock.now() - recovered).total_seconds() / 3600

        children = house.rows(ChildRow)
        assert len(house.rows(CauseRow)) == 1
        assert {child.status for child in children} <= {"drained", "gone"}
        gone = {child.shipment_id for child in children if child.status == "gone"}
        assert gone == set(arrived) & {child.shipment_id for child in children}
        decisions = house.rows(DecisionRow)
        bodies = {row.decision_id: json.loads(row.body) for row in decisions}
        for child in children:
            assert bodies[child.decision_id]["cause"]["cause_id"] == cause.cause_id
        drained_to = Counter(
            bodies[child.settled_decision_id]["branch"] for child in children if child.settled_decision_id is not None
        )
        measured["drained_to"] = dict(drained_to)
        measured["gone"] = len(gone)
        per_shipment = Counter(row.shipment_id for row in decisions)
        assert all(per_shipment[child.shipment_id] == (1 if child.shipment_id in gone else 2) for child in children)
        calls = Counter((row.shipment_id, row.branch) for row in house.rows(OutgoingCallRow))
        assert set(calls.values()) == {1}
        in_order = [child for child in children if child.settled_decision_id is not None]
        sequence = {row.decision_id: row.sequence for row in decisions}
        in_order.sort(key=lambda child: sequence[str(child.settled_decision_id)])
        stakes = [child.value_at_stake_minor for child in in_order]
        assert stakes == sorted(stakes, reverse=True)
        uses = sorted(row.used_at for row in house.rows(BudgetUseRow) if row.budget == "messages")
        for first, later in zip(uses, uses[messages_an_hour:], strict=False):
            assert (later - first).total_seconds() >= 3600
        policy = house.policy
        for row in decisions[:: max(1, len(decisions) // 500)]:
            assert replay(row.body, policy).body == row.body
        with house.container.reads() as session:
            assert verify(session).problems == ()
    return measured


def test_a_blackout_becomes_one_item_and_everything_is_drained_in_order(any_url: str) -> None:
    measured = blackout(any_url, 80)
    assert sum(measured["drained_to"].values()) + measured["gone"] == 80 - SINGLE_AT_MOST


@pytest.mark.slow
def test_a_blackout_of_five_thousand(any_url: str) -> None:
    measured = blackout(any_url, 5_000)
    sys.stdout.write(f"{measured}\n")
    assert sum(measured["drained_to"].values()) + measured["gone"] == 5_000 - SINGLE_AT_MOST
