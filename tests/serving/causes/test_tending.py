"""Whoever looks after causes: one that is stuck, or one among very many, does not keep the others from their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from serving.causes import tending
from serving.causes.repository import HELD
from serving.db.tables import AuditRow, CauseRow, ChildRow, DecisionRow, LookRow
from serving.decisions.anew import Held
from serving.decisions.deciding import Decided
from serving.decisions.service import DecisionService
from tests.serving.causes.outage import SILENT_HOURS, departed, heard, names, told
from tests.serving.house import House

FEW = {"declare": {"at_least": 3, "share_at_least": 0.5, "within_minutes": 120}}


@pytest.fixture
def silent(sqlite_url: str) -> Iterator[House]:
    """A house that holds four shipments of one cause."""
    with House(sqlite_url, told(**FEW)) as house:
        yield fallen_silent(house)


@pytest.fixture
def shared(postgresql_url: str) -> Iterator[House]:
    """The same where others look while one looks."""
    with House(postgresql_url, told(**FEW)) as house:
        yield fallen_silent(house)


def fallen_silent(house: House) -> House:
    departed(house, names(6))
    house.advance(hours=SILENT_HOURS)
    for name in names(6):
        house.decided(name, risk=0.5)
    return house


def overtaken(monkeypatch: pytest.MonkeyPatch, other: House) -> None:
    """Let another process tend, a minute later, while one looks at what is held and has not written yet."""
    known_again, others = DecisionService.known_again, [other]

    def late(service: DecisionService, *asked: Any) -> Any:
        if others:
            faster = others.pop()
            faster.advance(minutes=1)
            faster.container.tending.tend()
        return known_again(service, *asked)

    monkeypatch.setattr(DecisionService, "known_again", late)


def held(house: House) -> set[str]:
    return {row.shipment_id for row in house.rows(ChildRow) if row.status == HELD}


def mistaken(monkeypatch: pytest.MonkeyPatch, *shipments: str, error: Exception | None = None) -> None:
    """Let it be a mistake to decide anew about some shipments."""
    again = DecisionService.again

    def with_a_mistake(service: DecisionService, session: Any, held: Held, now: Any) -> Decided:
        if held.key.id in shipments:
            raise error or RuntimeError("a mistake")
        return again(service, session, held, now)

    monkeypatch.setattr(DecisionService, "again", with_a_mistake)


def close(house: House, *causes: CauseRow) -> None:
    for cause in causes:
        house.api.post(f"/v1/causes/{cause.cause_id}/close", json={}, headers={"X-Actor": "dana"})


def test_a_shipment_with_a_mistake_in_its_way_stops_no_other(
    silent: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mistaken(monkeypatch, "SH-0005")  # worth most, so the first in turn
    (cause,) = silent.rows(CauseRow)
    close(silent, cause)
    assert silent.container.tending.tend().failed == [cause.cause_id]
    assert held(silent) == {"SH-0005"}
    (told_of,) = [row for row in caplog.records if row.name == "serving.causes.tending"]
    assert cause.cause_id in told_of.getMessage()
    assert told_of.exc_info is not None
    assert "SH-0005" in str(told_of.exc_info[1])
    assert "triage_causes_failing 1.0" in silent.api.get("/metrics").text
    monkeypatch.undo()
    assert silent.container.tending.tend().settled == 0, "it rests"
    silent.advance(seconds=5)
    silent.container.tending.tend()
    assert held(silent) == set()
    assert "triage_causes_failing 0.0" in silent.api.get("/metrics").text


@pytest.mark.parametrize(
    "error", [RuntimeError("a mistake"), OperationalError("…", {}, Exception("a statement timeout"))]
)
def test_a_cause_with_a_mistake_in_its_way_stops_no_other(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with House(sqlite_url, told(**FEW)) as house:
        fallen_silent(house)
        other = [f"B-{number}" for number in range(6)]
        departed(house, other, carrier_id="ACE")
        house.advance(hours=SILENT_HOURS)
        for name in other:
            house.decided(name, risk=0.5)
        first, second = house.rows(CauseRow)
        mistaken(monkeypatch, *names(6), error=error)
        close(house, first, second)
        asyncio.run(for_a_while(house))
        assert held(house) == set(names(6)[2:])
        assert {row.cause_id: row.drained_at is None for row in house.rows(CauseRow)}[first.cause_id]
        monkeypatch.undo()
        house.advance(seconds=5)
        house.container.tending.tend()
        assert held(house) == set()


async def for_a_while(house: House) -> None:
    """Keep tending until nothing more can be done at once, or for five rounds of waiting a minute."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds:
            waits.append(seconds)
        if seconds == 60:
            house.advance(seconds=60)
        if waits.count(60) == 3:
            raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patched, suppress(asyncio.CancelledError):
        patched.setattr(tending, "asyncio", SimpleNamespace(sleep=sleep))
        await replace(house.container.tending, at_a_time=2).keep_tending(every_seconds=60)
    assert 0.01 in waits, "what could be done at once was done at once"


def test_the_oldest_of_very_many_causes_has_its_turn(silent: House) -> None:
    with silent.container.sessions.begin() as session:
        first = session.scalars(select(CauseRow)).one()
        columns = {each.key: getattr(first, each.key) for each in CauseRow.__table__.columns if each.key != "position"}
        session.execute(
            insert(CauseRow),
            [{**columns, "cause_id": f"cause_{n}", "key": f"C-{n}", "call_id": None} for n in range(200)],
        )
    silent.api.post(f"/v1/causes/{first.cause_id}/close", json={}, headers={"X-Actor": "dana"})
    silent.container.tending.tend()
    assert held(silent) == set()
    assert silent.count(DecisionRow) == 6 + 4


@pytest.mark.service
class TestOfTwoThatLookAtOnce:
    def test_one_finds_that_nothing_is_left_to_decide(self, shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
        heard(shared, names(6), status="delivered")
        with shared.another() as other:
            overtaken(monkeypatch, other)
            settled = shared.container.tending.tend().settled
        assert settled == 0
        assert [row.action for row in shared.rows(AuditRow)].count("child.gone") == 4

    def test_the_newer_look_stands(self, shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
        with shared.another() as other:
            overtaken(monkeypatch, other)
            shared.container.tending.tend()
        assert {row.looked_at for row in shared.rows(ChildRow)} == {shared.clock.now()}
        (cause,) = shared.rows(CauseRow)
        looks = [
            row for row in shared.rows(LookRow) if row.playbook == cause.playbook and row.subject_id in held(shared)
        ]
        assert {row.looked_at for row in looks} == {shared.clock.now()}
