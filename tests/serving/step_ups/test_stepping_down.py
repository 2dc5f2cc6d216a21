"""A branch on which the evidence turns steps down at once and by itself, and two people raise it again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import delete

from routing.policy import Policy
from serving.auth.people import People
from serving.db.tables import DirectiveRow, OutgoingCallRow
from serving.directives.service import issue
from serving.step_ups import stepping_down
from serving.worker.outbox import SqlOutbox
from tests.serving.bundles import changed
from tests.serving.health.test_metrics import figures
from tests.serving.house import House, problem_in
from tests.serving.policies.lives import PEOPLE as LIVES
from tests.serving.policies.lives import live, version
from tests.serving.policies.test_overdue import due
from tests.serving.step_ups.test_step_ups import ENOUGH, PEOPLE, RECOMMEND, answered, approve, propose


@pytest.fixture
def people() -> People:
    return PEOPLE


def branch(house: House, shipment_id: str) -> str:
    house.announce(shipment_id)
    return str(house.decided(shipment_id, risk=0.5)["branch"])


def fail(house: House, *shipment_ids: str) -> None:
    """Let the calls of shipments come to nothing."""
    outbox, now = SqlOutbox(house.engine), house.clock.now()
    asked = {"target": "orchestrator", "owner": "w", "now": now, "real_now": now, "lease": timedelta(minutes=1)}
    for call in outbox.claim(limit=100, **asked):
        if call.subject_id in shipment_ids:
            assert outbox.dead(call, reason="410 Gone", now=now)
        else:
            assert outbox.delivered(call, now=now)


def stepped_down(house: House) -> list[DirectiveRow]:
    return [row for row in house.rows(DirectiveRow) if row.issued_by == "system"]


def together() -> Callable[..., DirectiveRow]:
    """Return what issues a limit when two are about to, or a second later if the other waits for its turn."""
    both = Barrier(2, timeout=1)

    def slowly(*given: Any, **named: Any) -> DirectiveRow:
        with suppress(BrokenBarrierError):
            both.wait()
        return issue(*given, **named)

    return slowly


class TestAnswers:
    def test_that_would_not_let_it_be_approved_any_more_take_it_back(self, any_house: House) -> None:
        limit = any_house.ordered(**RECOMMEND)
        any_house.announce("SH-waits", "SH-waits-too")
        waits = [any_house.decided(name, risk=0.5)["review_item_id"] for name in ("SH-waits", "SH-waits-too")]
        answered(any_house, ENOUGH)
        step_up = propose(any_house, limit).json()
        assert approve(any_house, step_up).status_code == 200
        assert branch(any_house, "SH-a") == "notify"

        for item in waits:
            token = any_house.claimed(item, "analyst-0")
            answer = any_house.answer(item, "dismiss", actor="analyst-0", claim_token=token, reason_code="not_late")
            assert answer.status_code == 200

        assert branch(any_house, "SH-b") == "review"
        (row,) = stepped_down(any_house)
        assert (row.branch, row.mode, row.until, row.ended_at) == ("notify", "recommend", None, None)
        assert "of 60 answers 1 are against it" in row.body
        assert step_up["step_up_id"] in row.body
        assert figures(any_house)["triage_branches_stepped_down"] == 1
        said = problem_in(propose(any_house, {"directive_id": row.directive_id}), 409, "step-up")["detail"]
        assert "notify has 61 answers, 2 of them against" in said

    @pytest.mark.service
    def test_of_two_people_at_once_make_one_limit(
        self, postgresql_url: str, late_shipments: Policy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with House(postgresql_url, late_shipments, people=PEOPLE) as house, house.another() as other:
            limit = house.ordered(**RECOMMEND)
            house.announce("SH-waits", "SH-waits-too")
            waits = [house.decided(name, risk=0.5)["review_item_id"] for name in ("SH-waits", "SH-waits-too")]
            answered(house, ENOUGH)
            assert approve(house, propose(house, limit).json()).status_code == 200
            tokens = [house.claimed(item, "analyst-0") for item in waits]
            monkeypatch.setattr(stepping_down, "issue", together())

            def dismiss(at: House, item: str, token: str) -> int:
                said = {"actor": "analyst-0", "claim_token": token, "reason_code": "not_late"}
                return at.answer(item, "dismiss", **said).status_code

            with ThreadPoolExecutor(2) as pool:
                assert list(pool.map(dismiss, (house, other), waits, tokens)) == [200, 200]
            assert len(stepped_down(house)) == 1

    def test_against_a_branch_that_was_never_raised_change_nothing(self, house: House) -> None:
        item = house.for_review("SH-1", risk=0.8)
        token = house.claimed(item, "analyst-0")
        house.answer(item, "dismiss", actor="analyst-0", claim_token=token, reason_code="not_late")
        assert stepped_down(house) == []


class TestDeadLetters:
    def test_of_which_chance_explains_no_more_take_it_back(self, any_house: House) -> None:
        assert [branch(any_house, name) for name in ("SH-1", "SH-2")] == ["notify", "notify"]
        fail(any_house, "SH-1")
        assert branch(any_house, "SH-3") == "notify", "one of two is too few to tell"
        fail(any_house, "SH-3")
        assert branch(any_house, "SH-4") == "review"
        (row,) = stepped_down(any_house)
        assert (row.branch, row.mode) == ("notify", "recommend")
        assert "2 of 3 calls of the last 24 hours came to nothing" in row.body
        assert figures(any_house)["triage_branches_stepped_down"] == 1

    def test_of_what_tells_owners_of_overdue_reviews_are_none_of_escalating(self, any_url: str) -> None:
        edits = due("rules", 1), due("thresholds", "notify_from")
        with House(any_url, changed(*edits), people=PEOPLE) as house:
            house.advance(days=1)
            branch(house, "SH-1")
            told = [row for row in house.rows(OutgoingCallRow) if row.branch == "escalate"]
            assert len(told) == 2
            fail(house, *(row.subject_id for row in told))
            assert [row.status for row in house.rows(OutgoingCallRow) if row.branch == "escalate"] == ["dead"] * 2
            assert stepped_down(house) == []

    @pytest.mark.service
    def test_of_two_workers_at_once_make_one_limit(
        self, postgresql_url: str, late_shipments: Policy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with House(postgresql_url, late_shipments, people=PEOPLE) as house:
            assert [branch(house, f"SH-{number}") for number in range(4)] == ["notify"] * 4
            outbox, now = SqlOutbox(house.engine), house.clock.now()
            asked = {"target": "orchestrator", "owner": "w", "now": now, "real_now": now, "lease": timedelta(minutes=1)}
            first, second, *others = outbox.claim(limit=4, **asked)
            for call in others:
                outbox.dead(call, reason="410 Gone", now=now)
            assert len(stepped_down(house)) == 1
            with house.container.sessions.begin() as session:
                session.execute(delete(DirectiveRow))
            monkeypatch.setattr(stepping_down, "issue", together())
            with ThreadPoolExecutor(2) as pool:
                assert all(pool.map(lambda call: outbox.dead(call, reason="410 Gone", now=now), (first, second)))
            assert len(stepped_down(house)) == 1

    def test_are_held_against_those_that_arrived_and_are_forgotten(self, house: House) -> None:
        names = [f"SH-{number}" for number in range(20)]
        house.announce(*names)
        for name in names:
            house.decided(name, risk=0.5)
        fail(house, names[10], names[19])
        assert stepped_down(house) == []
        house.advance(hours=25)
        for name in ("SH-x", "SH-y"):
            house.announce(name, planned_at=None)
            house.decided(name, risk=0.5)
        fail(house, "SH-x")
        assert stepped_down(house) == []

    def test_of_a_bundle_that_is_rolled_out_halt_it_and_leave_the_other_alone(self, any_house: House) -> None:
        any_house.container = replace(any_house.container, people=LIVES)
        with any_house.another() as house:
            bundle = live(house, version(2), share=0.3)
            with house.container.reads() as session:
                in_force = house.container.bundles.in_force(session)
            names = [f"SH-{number}" for number in range(200)]
            its_own = [name for name in names if in_force.for_subject(name).version == 2][:8]
            others = [name for name in names if in_force.for_subject(name).version == 1][:32]
            house.announce(*others, *its_own)
            assert {house.decided(name, risk=0.5)["branch"] for name in (*others, *its_own)} == {"notify"}
            fail(house, *its_own[5:])
            found = house.api.get(f"/v1/policies/{bundle['digest']}").json()
            assert (found["status"], found["share"]) == ("retired", 0)
            last = found["moves"][-1]
            assert (last["action"], last["actor"]) == ("rolled_back", "system")
            assert last["reason"] == "halted: notify, 2 of 7 calls of the last 24 hours came to nothing"
            assert stepped_down(house) == [], "of all forty calls three are not too many"
            assert house.policy.version == 1

    def test_that_come_in_a_burst_are_noticed_however_many_went_well_before(self, any_house: House) -> None:
        names = [f"SH-{number}" for number in range(110)]
        any_house.announce(*names)
        for name in names:
            any_house.decided(name, risk=0.5)
        fail(any_house, "SH-9", "SH-40")
        assert stepped_down(any_house) == []
        fail(any_house, *names[-5:])
        (row,) = stepped_down(any_house)
        assert "5 of the newest 10 calls came to nothing" in row.body

    def test_step_down_once(self, house: House) -> None:
        names = [f"SH-{number}" for number in range(5)]
        house.announce(*names)
        for name in names:
            house.decided(name, risk=0.5)
        fail(house, *names)
        assert len(stepped_down(house)) == 1
