"""The worker asks what became of a call when nobody has reported it, and takes the answer as a report."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta

from routing.dispatch.errors import UnreachableError
from routing.dispatch.ports import Answer
from serving.worker.outbox import SqlOutbox
from serving.worker.run import Until, deliver_from
from tests.routing.dispatch.fakes import FakeCaller, a_target
from tests.serving.effects.calls import call, delivered, effect, reported, told
from tests.serving.house import House
from tests.serving.worker.test_run import settings

STATUS_URL = "https://orchestrator.example/effects/{call_id}"


def worked(house: House, caller: FakeCaller) -> list[str]:
    """Let a worker do what is due, and return the calls it asked about."""
    once = replace(settings(Until.ONCE), targets=[a_target(status_url=STATUS_URL)])
    before = len(caller.asked)
    asyncio.run(deliver_from(SqlOutbox(house.engine), once, clock=house.clock, stop=asyncio.Event(), caller=caller))
    return caller.asked[before:]


def test_it_asks_four_times_until_the_deadline_and_not_after_a_report(any_house: House) -> None:
    first, second = told(any_house), told(any_house, "SH-2")
    delivered(any_house)
    reported(any_house, second, "done")
    caller, asked = FakeCaller(), []
    for _ in range(6):
        asked += worked(any_house, caller)
        any_house.advance(minutes=14, seconds=59)
        assert worked(any_house, caller) == []
        any_house.advance(seconds=1)
    assert set(asked) == {first}
    assert len(asked) in (3, 4), "at the deadline itself a person may be asked first"
    assert effect(any_house, first) == "with_person"


def test_its_answer_counts_as_a_report_of_the_worker(any_house: House) -> None:
    call_id = told(any_house)
    delivered(any_house)
    answer = {"outcome": "done", "occurred_at": any_house.clock.now().isoformat(), "reference": "MSG-1"}
    caller = FakeCaller()
    said = Answer(status=200, body=json.dumps(answer).encode())
    caller.answers[call_id] = [UnreachableError("orchestrator.example", "away"), said]
    any_house.advance(minutes=15)
    worked(any_house, caller)
    assert effect(any_house, call_id) == "accepted"
    any_house.advance(minutes=15)
    worked(any_house, caller)
    found = call(any_house, call_id)
    assert (found["effect"], found["reference"]) == ("verified", "MSG-1")
    assert [each["reported_by"] for each in found["reports"]] == ["system:worker"]


def test_two_workers_do_not_both_ask(both_house: House) -> None:
    call_id = told(both_house)
    delivered(both_house)
    now = both_house.advance(minutes=15)
    asked = [SqlOutbox(both_house.engine).to_ask(target="orchestrator", limit=5, now=now) for _ in range(2)]
    assert asked == [[call_id], []]
    assert SqlOutbox(both_house.engine).to_ask(target="elsewhere", limit=5, now=now + timedelta(hours=1)) == []


def test_a_target_whose_clock_is_ahead_is_believed(house: House) -> None:
    call_id = told(house)
    delivered(house)
    caller = FakeCaller()
    now = house.advance(minutes=15)
    answer = {"outcome": "done", "occurred_at": (now + timedelta(seconds=3)).isoformat()}
    caller.answers[call_id] = [Answer(status=200, body=json.dumps(answer).encode())]
    worked(house, caller)
    found = call(house, call_id)
    assert found["effect"] == "verified"
    assert datetime.fromisoformat(found["reports"][0]["occurred_at"]) == now
