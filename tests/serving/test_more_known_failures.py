"""More failures that others report of routers and queues, see `test_known_failures`; each does not happen here."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from routing.dispatch.callers import TargetCaller
from routing.dispatch.http import HttpClient
from routing.dispatch.signing import Secret
from routing.policy import Policy
from serving.db.engine import engine_while
from serving.db.tables import AuditRow, DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.decisions.repository import lock_chain
from serving.receiver import ReceiverSettings, create_receiver
from serving.worker.outbox import SqlOutbox
from serving.worker.run import Until, deliver_from
from tests.routing.dispatch.fakes import OTHER_SECRET, SECRET, FakeResolver, a_target
from tests.serving.effects.calls import delivered, items_about, tended, told
from tests.serving.house import House, at, delivery, problem_in
from tests.serving.policies.lives import PEOPLE, submit, version
from tests.serving.worker.test_run import settings

HELD_SECONDS = 0.3


@pytest.fixture
def house(any_url: str, late_shipments: Policy) -> Iterator[House]:
    with House(any_url, late_shipments, people=PEOPLE) as made:
        yield made


def test_what_a_person_has_acknowledged_asks_and_sends_nothing_more(house: House) -> None:
    call_id = told(house)
    delivered(house)
    house.advance(hours=1)
    assert tended(house) == 1
    (item,) = items_about(house, call_id)
    given = {"reason_code": "already_handled", "claim_token": house.claimed(item.item_id, "dan")}
    assert house.answer(item.item_id, "dismiss", actor="dan", **given).status_code == 200
    for _ in range(3):
        house.advance(days=30)
        assert (tended(house), delivered(house)) == (0, [])
    assert house.count(ReviewItemRow) == 1


def test_a_bulk_action_equals_as_many_single_ones(house: House) -> None:
    alone, together = ([f"{kind}-{number}" for number in range(3)] for kind in ("A", "T"))
    items = {name: house.for_review(name, risk=0.8) for name in (*alone, *together)}
    tokens = {name: house.claimed(item, "dan") for name, item in items.items()}
    for name in alone:
        assert house.answer(items[name], "accept", actor="dan", claim_token=tokens[name]).status_code == 200
    named = [{"item_id": items[name], "claim_token": tokens[name]} for name in together]
    lost = {"item_id": items["A-0"], "claim_token": "not-its-own"}
    body = {"items": [named[0], lost, *named[1:]], "answer": "accept"}
    answer = house.said("/v1/reviews/bulk", body, by="dan")
    assert (answer.json()["answered"], answer.json()["refused"]) == (3, 1)
    assert answer.json()["results"][1]["problem"]["type"] == "/problems/item-closed"

    def left(names: list[str]) -> list[Any]:
        rows = [row for row in house.rows(ReviewItemRow) if row.shipment_id in names]
        calls = [row for row in house.rows(OutgoingCallRow) if row.shipment_id in names]
        subjects = {f"review:{row.item_id}" for row in rows} | {f"call:{row.call_id}" for row in calls}
        entries = [(row.actor, row.action) for row in house.rows(AuditRow) if row.subject in subjects]
        return [
            sorted((row.status, row.verdict, row.verdict_branch, row.closed_by) for row in rows),
            sorted((row.branch, row.status, row.effect, row.confirm_seconds) for row in calls),
            Counter(entries),
        ]

    assert left(together) == left(alone)
    twice = {"items": [named[0], named[0]], "answer": "accept"}
    problem_in(house.said("/v1/reviews/bulk", twice, by="dan"), 422, "invalid-request")


def test_what_the_service_changes_by_itself_is_audited_in_its_own_name(house: House) -> None:
    call_id = told(house)
    house.announce("SH-2")
    house.decided("SH-2", risk=0.5)
    delivered(house)
    house.advance(hours=1)
    tended(house)
    actors: dict[str, set[str]] = {}
    for row in house.rows(AuditRow):
        actors.setdefault(row.action, set()).add(row.actor)
    by_worker = ("call.claimed", "call.delivered", "effect.accepted", "effect.unverified", "effect.with_person")
    assert {actors[action] == {"system:worker"} for action in (*by_worker, "review.opened")} == {True}
    assert actors["decision.sealed"] == actors["call.enqueued"] == {"system"}
    states = [json.loads(row.new or "{}") for row in house.audited_of(f"call:{call_id}")]
    assert [each.get("effect") for each in states if "effect" in each][-1] == house.rows(OutgoingCallRow)[0].effect


def test_what_is_suppressed_merged_or_snoozed_stays_countable_with_a_reason(house: House) -> None:
    house.announce("SH-1", "SH-2", customer_id="C-9")
    house.announce("SH-3")
    ordered = {"owner": "customer-service", "reason": "told by telephone", "until": at(hours=9)}
    house.ordered(kind="suppress", where={"customer_id": "C-9"}, **ordered)
    for name in ("SH-1", "SH-2"):
        house.decided(name, risk=0.5)
    house.ordered(kind="snooze", rule="likely_late", **ordered)
    merged = house.decided("SH-3", risk=0.3)["review_item_id"]
    house.send(delivery("d-1", "departed", "SH-3"))
    house.decided("SH-3", risk=0.5)
    bodies = [json.loads(row.body) for row in house.rows(DecisionRow)]
    suppressed = [body["suppressed_because"] for body in bodies if body["subject"]["id"] != "SH-3"]
    assert len(suppressed) == 2
    assert all("told by telephone" in because for because in suppressed)
    snoozed = [each for body in bodies for each in body["rules"] if each["outcome"] == "snoozed"]
    assert {each["rule_id"] for each in snoozed} == {"likely_late"}
    assert len(house.rows(ReviewItemRow)) == sum(house.api.get("/v1/reviews").json()["counts"].values())
    assert merged in {row.item_id for row in house.rows(ReviewItemRow)}


def test_under_pressure_on_the_record_it_slows_down_and_drops_nothing(house: House) -> None:
    names = [f"SH-{number}" for number in range(4)]
    house.announce(*names)
    is_held = threading.Event()

    def hold() -> None:
        with engine_while(house.database_url) as engine, engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(7304115002)"))
            is_held.set()
            sleep(HELD_SECONDS)

    holding = threading.Thread(target=hold)
    holding.start()
    is_held.wait(5)
    began = monotonic()
    answers = [house.triage(name) for name in names]
    took = monotonic() - began
    holding.join()
    assert [answer.status_code for answer in answers] == [200] * len(names)
    assert took > HELD_SECONDS / 2
    with house.container.sessions.begin() as session:
        assert lock_chain(session)[0] == len(names)
    assert house.audited()["decision.sealed"] == len(names)


def test_an_escalation_to_somebody_who_cannot_be_reached_is_found_when_the_policy_is_handed_in(house: House) -> None:
    def unreachable(data: dict[str, Any]) -> None:
        data["owners"]["duty-manager"].pop("channel")

    found = problem_in(submit(house, version(2, unreachable)), 422, "bundle")
    assert "'duty-manager' has no channel, so nobody would be reached" in json.dumps(found)


def test_secrets_rotate_with_no_failed_delivery(house: House, tmp_path: Path) -> None:
    old, new = SECRET, OTHER_SECRET
    steps = [((old,), (old,)), ((old,), (old, new)), ((new, old), (old, new)), ((new, old), (new,)), ((new,), (new,))]
    for number, (signing, believed) in enumerate(steps):
        told(house, f"SH-{number}", customer_id=f"C-{number}")
        tally = asyncio.run(_delivered(house, signing, believed, tmp_path / "effects.jsonl"))
        assert (tally["delivered"], tally["retried"], tally["dead"]) == (1, 0, 0), f"step {number}"
    assert {(row.status, row.attempts) for row in house.rows(OutgoingCallRow)} == {("delivered", 1)}


async def _delivered(
    house: House, signing: tuple[Secret, ...], believed: tuple[Secret, ...], log: Path
) -> Counter[str]:
    app = create_receiver(ReceiverSettings(secrets=believed, log=log))
    resolver = FakeResolver(**{"orchestrator.example": ["93.184.216.34"]})
    once = replace(settings(Until.ONCE), targets=[a_target(secrets=signing, timeout=timedelta(seconds=20))])
    http = HttpClient(resolver=resolver, transport=httpx.ASGITransport(app))
    async with app.router.lifespan_context(app), TargetCaller(once.targets, http=http) as caller:
        return await deliver_from(SqlOutbox(house.engine), once, clock=house.clock, stop=asyncio.Event(), caller=caller)
