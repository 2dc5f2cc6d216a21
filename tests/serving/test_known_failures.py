"""Failures that others report of routers and queues, and that belong to no single part; each does not happen here.

Those of one part are tested beside it: two who take the same item, and late submits (`reviews/test_claims`), one stuck
call (`worker/test_outbox_contract`), events learnt before a decision (`events/test_following`), what is suppressed,
snoozed or merged and stays countable (`directives/test_directives`, `reviews/test_queue`), what a preview and a shadow
must not do (`policies/test_preview`, `policies/test_shadow`), secrets that rotate (`routing/dispatch/test_signing`),
bundles that are refused when they are loaded (`routing/test_linker`, `routing/test_lint`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from features.vocabulary import Branch
from routing.policy import Policy
from serving.db.engine import engine_while
from serving.db.tables import DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.worker.outbox import SqlOutbox
from tests.serving.house import House, at, delivery, problem_in
from tests.serving.policies.lives import PEOPLE, approved, bolder, live, step, stepped, submit, version


@pytest.fixture
def house(any_url: str, late_shipments: Policy) -> Iterator[House]:
    with House(any_url, late_shipments, people=PEOPLE) as made:
        yield made


def claimed(database_url: str, now: datetime) -> list[str]:
    """Lease what is due, in a process that has just been started."""
    with engine_while(database_url) as engine:
        minute = timedelta(minutes=1)
        asked = {"target": "orchestrator", "owner": "w", "limit": 10, "now": now, "real_now": now, "lease": minute}
        return [call.subject_id for call in SqlOutbox(engine).claim(**asked)]


def test_what_absent_people_hold_comes_back_to_the_queue(house: House) -> None:
    items = {house.for_review(f"SH-{number}") for number in range(3)}
    for item in items:
        house.claimed(item, "eve")
    assert house.container.reviews.take_next(actor="dan") is None
    house.advance(minutes=15)
    taken = [house.container.reviews.take_next(actor="dan") for _ in items]
    assert {each.item.item_id for each in taken if each is not None} == items


@contextmanager
def elsewhere(zone: str, database_url: str, bundle: Policy, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Give a service whose machine, and whose PostgreSQL, count the hours as a zone does."""
    is_postgresql = database_url.startswith("postgresql")
    url = f"{database_url}?options=-c%20timezone%3D{zone}" if is_postgresql else database_url
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        with House(url, bundle, people=PEOPLE) as made:
            if is_postgresql:
                with made.engine.connect() as connection:
                    assert connection.execute(text("SHOW timezone")).scalar_one() == zone
            yield made
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("zone", "changed_at", "hours"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), [1, 3]),  # an hour is left out
        ("Australia/Sydney", datetime(2026, 4, 4, 16, tzinfo=UTC), [2, 2]),  # an hour is there twice
    ],
)
def test_a_call_put_off_goes_on_after_a_restart_at_its_moment_though_the_clocks_were_changed(
    any_url: str,
    late_shipments: Policy,
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    changed_at: datetime,
    hours: list[int],
) -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    with elsewhere(zone, any_url, late_shipments, monkeypatch) as house:
        again = changed_at + hour / 2
        assert [each.astimezone().hour for each in (again - hour, again)] == hours
        plan = {"planned_at": changed_at + 17 * hour, "promised_at": changed_at + 41 * hour}
        house.clock.set(changed_at - 2 * hour)
        house.announce("SH-1", **{name: moment.isoformat() for name, moment in plan.items()})
        house.decided("SH-1", risk=0.5)
        now = house.clock.now()
        outbox = SqlOutbox(house.engine)
        (call,) = outbox.claim(target="orchestrator", owner="w", limit=1, now=now, real_now=now, lease=minute)
        assert outbox.retry_at(call, at=again, reason="away", now=now)

        for early in (hour, minute, timedelta(seconds=1)):
            assert claimed(house.database_url, again - early) == []
        assert claimed(house.database_url, again) == ["SH-1"]


def test_nothing_fires_from_what_is_months_old(house: House) -> None:
    house.announce("SH-1", "SH-2")
    house.decided("SH-1", risk=0.5)
    item = house.decided("SH-2", risk=0.8)["review_item_id"]
    stop = {"kind": "limit", "mode": "observe", "owner": "duty-manager", "reason": "wrong messages go out"}
    house.ordered(by="ben", until=at(hours=24 * 60), **stop)
    now = house.advance(days=61)

    assert claimed(house.database_url, now) == []
    assert SqlOutbox(house.engine).expire_overdue(now=now, real_now=now) == 1
    assert [row.status for row in house.rows(OutgoingCallRow)] == ["expired"]
    answer = house.answer(item, "accept", actor="dan", claim_token=house.claimed(item, "dan"))
    assert answer.status_code == 422, answer.text
    assert house.count(OutgoingCallRow) == 1


def test_a_rule_that_is_edited_between_decision_and_action_changes_nothing_of_the_action(house: House) -> None:
    house.announce("SH-1", "SH-2")
    items = [house.decided(name, risk=0.8)["review_item_id"] for name in ("SH-1", "SH-2")]
    sealed = json.loads(house.rows(DecisionRow)[0].body)

    def edited(data: dict[str, Any]) -> None:
        data["branches"]["rebook"]["plan"]["carriers_at_most"] = 1
        data["branches"]["rebook"]["plan"]["tender_window_hours"] = 9
        data["branches"]["escalate"]["plan"]["sla_minutes"] = 5
        data["thresholds"]["rebook_from"]["value"] = 0.95

    live(house, version(2, edited))
    with house.another() as restarted:
        token = restarted.claimed(items[0], "dan")
        assert restarted.answer(items[0], "accept", actor="dan", claim_token=token).status_code == 200
        given = {
            "branch": "escalate",
            "reason_code": "better_option",
            "claim_token": restarted.claimed(items[1], "dan"),
        }
        assert restarted.answer(items[1], "override", actor="dan", **given).status_code == 200
        accepted, overridden = [json.loads(row.body)["data"] for row in restarted.rows(OutgoingCallRow)]
    suggested = sealed["payload"]["suggestion"]["payload"]
    assert sealed["policy"]["version"] == 1
    assert {name: accepted[name] for name in suggested} == suggested
    assert overridden["sla_minutes"] == 30


def test_a_rollout_share_is_sticky_per_shipment(house: House) -> None:
    bundle = approved(house, version(2, bolder))
    names = [f"SH-{number}" for number in range(30)]
    house.announce(*names)
    reached: list[set[str]] = []
    for turn, share in enumerate((0.2, 0.2, 0.5, 1.0)):
        if turn != 1:
            stepped(step(house, bundle, "publish", share=share))
        house.send(*(delivery(f"{name}-{turn}", "in_transit", name) for name in names))
        with house.another() as other:
            for number, name in enumerate(names):
                (house if number % 2 else other).decided(name, risk=0.42)
        newest = [json.loads(row.body) for row in house.rows(DecisionRow)[-len(names) :]]
        reached.append({body["subject"]["id"] for body in newest if body["policy"]["version"] == 2})
    assert 0 < len(reached[0]) < len(reached[2]) < len(names) == len(reached[3])
    assert reached[0] == reached[1], "the same ones each time, whichever process decides"
    assert reached[0] <= reached[2] <= reached[3], "and none is let go of as the share grows"


def test_a_case_that_is_done_does_not_swallow_a_graver_signal(house: House) -> None:
    item = house.for_review("SH-1", risk=0.3, customer_tier="critical")
    token = house.claimed(item, "dan")
    assert house.answer(item, "dismiss", actor="dan", claim_token=token, reason_code="not_late").status_code == 200
    house.send(delivery("d-1", "departed"))
    assert house.decided("SH-1", risk=0.9)["branch"] == "escalate"
    assert [row.status for row in house.rows(ReviewItemRow)] == ["done"]


def test_stronger_evidence_never_gives_a_weaker_branch(house: House) -> None:
    risks = [0.02 + 0.06 * step for step in range(17)]
    names = [f"SH-{number}" for number in range(len(risks))]
    house.announce(*names)
    for name, risk in zip(names, risks, strict=True):
        house.decided(name, risk=risk)
    bodies = [json.loads(row.body) for row in house.rows(DecisionRow)]
    strengths = [house.policy.strength[Branch(body["recommended_branch"])] for body in bodies]
    assert strengths == sorted(strengths)
    assert len(set(strengths)) > 2

    def weaker(data: dict[str, Any]) -> None:
        data["rules"][1]["when"] = {"all": [data["rules"][1]["when"], {"fact": "late_probability", "below": 0.5}]}

    told = problem_in(submit(house, version(2, weaker)), 422, "bundle")
    assert "a greater risk gets a weaker branch" in json.dumps(told)


def test_units_are_compared_like_with_like_or_the_bundle_is_not_taken(house: House) -> None:
    def hours_for_a_risk(data: dict[str, Any]) -> None:
        data["thresholds"]["review_from"]["unit"] = "hours"

    told = problem_in(submit(house, version(2, hours_for_a_risk)), 422, "bundle")
    assert "is in hours, `late_probability` is in probability. Compare like with like." in json.dumps(told)
    assert house.policy.version == 1


def test_what_no_rule_claims_goes_to_the_declared_default(house: House) -> None:
    house.announce("SH-1")
    answer = house.decided("SH-1", risk=0.01)
    assert (answer["branch"], answer["recommended_branch"], answer["decided_by"]) == ("none", "none", "default")
    assert answer["reason_staff"].endswith("nothing calls for action.")
