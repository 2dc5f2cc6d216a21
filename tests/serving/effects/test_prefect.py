"""What becomes of a call that is a flow run. The server is a fake that answers what a real one once did."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from features.vocabulary import Branch
from routing.dispatch.callers import TargetCaller
from routing.dispatch.http import HttpClient
from serving.worker.outbox import SqlOutbox
from serving.worker.run import Until, deliver_from
from tests.routing.dispatch.fake_prefect import FakePrefect
from tests.routing.dispatch.fakes import FakeResolver
from tests.routing.dispatch.test_prefect import PUBLIC, a_prefect
from tests.serving.effects.calls import call, effect, items_about, rebooked
from tests.serving.house import House
from tests.serving.worker.test_run import settings

TARGET = a_prefect(deployments={Branch.REBOOK: "rebook-shipment/test"})


def worked(house: House, fake: FakePrefect, *, minutes: float = 0) -> None:
    """Let time pass, and a worker do what is due: send, ask, and look for what is overdue."""
    house.advance(minutes=minutes)

    async def work() -> None:
        http = HttpClient(resolver=FakeResolver(**{"prefect.example": [PUBLIC]}), transport=fake)
        once = replace(settings(Until.ONCE), targets=[TARGET])
        async with TargetCaller(once.targets, http=http) as caller:
            await deliver_from(SqlOutbox(house.engine), once, clock=house.clock, stop=asyncio.Event(), caller=caller)

    asyncio.run(work())


def test_a_completed_run_verifies_the_call(any_house: House) -> None:
    fake, call_id = FakePrefect(), rebooked(any_house)
    worked(any_house, fake)
    assert effect(any_house, call_id) == "accepted"
    worked(any_house, fake, minutes=45)
    assert effect(any_house, call_id) == "accepted", "the run is still to begin"
    fake.states[call_id] = "completed"
    worked(any_house, fake, minutes=45)
    found = call(any_house, call_id)
    assert found["effect"] == "verified"
    assert found["reference"] == fake.recorded["completed"][1][0]["id"]


@pytest.mark.parametrize(("cancelled", "expected"), [("completed", "compensated"), ("failed", "with_person")])
def test_a_run_that_broke_off_is_undone_by_a_run_of_its_own(any_house: House, cancelled: str, expected: str) -> None:
    fake, call_id = FakePrefect(), rebooked(any_house)
    undoing = call_id.removesuffix("1") + "compensate"
    worked(any_house, fake)
    fake.states |= {call_id: "failed", undoing: cancelled}
    worked(any_house, fake, minutes=45)
    assert effect(any_house, call_id) == "compensating"
    worked(any_house, fake)
    asked = fake.runs[undoing]["parameters"]["call"]["data"]
    assert (asked["undoes"], asked["reference"]) == (call_id, fake.recorded["failed"][1][0]["id"])
    worked(any_house, fake, minutes=30)
    assert effect(any_house, call_id) == expected
    assert len(items_about(any_house, call_id)) == (expected == "with_person")


def test_a_run_that_never_began_has_failed_and_there_is_nothing_to_undo(any_house: House) -> None:
    fake, call_id = FakePrefect(), rebooked(any_house)
    worked(any_house, fake)
    fake.states[call_id] = "cancelled_before_start"
    worked(any_house, fake, minutes=45)
    found = call(any_house, call_id)
    assert (found["effect"], found["outcome"]) == ("with_person", "failed")
    assert len(fake.runs) == 1


def test_a_run_that_is_still_under_way_at_the_deadline_goes_before_a_person(any_house: House) -> None:
    fake, call_id = FakePrefect(), rebooked(any_house)
    worked(any_house, fake)
    fake.states[call_id] = "running"
    for _ in range(4):
        worked(any_house, fake, minutes=45)
    (item,) = items_about(any_house, call_id)
    assert "within 3 hours nobody has said whether it was done" in item.why


def test_a_deployment_that_is_not_there_makes_a_dead_letter(house: House) -> None:
    fake, call_id = FakePrefect(), rebooked(house)
    fake.recorded["deployment"] = fake.recorded["no_deployment"]
    worked(house, fake)
    found = call(house, call_id)
    assert (found["status"], found["effect"]) == ("dead", "with_person")
    assert "Deployment not found" in found["last_error"]
