"""Whoever looks after causes: one that is stuck, or one among very many, does not keep the others from their turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert, select

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


def test_a_shipment_with_a_mistake_in_its_way_stops_no_other(silent: House, monkeypatch: pytest.MonkeyPatch) -> None:
    again = DecisionService.again

    def with_a_mistake(service: DecisionService, session: Any, held: Held, now: Any) -> Decided:
        if held.key.id == "SH-0005":  # worth most, so the first in turn
            raise RuntimeError("a mistake")
        return again(service, session, held, now)

    monkeypatch.setattr(DecisionService, "again", with_a_mistake)
    silent.api.post(f"/v1/causes/{silent.rows(CauseRow)[0].cause_id}/close", json={}, headers={"X-Actor": "dana"})
    with pytest.raises(RuntimeError, match="a mistake"):
        silent.container.tending.tend()
    assert held(silent) == {"SH-0005"}
    monkeypatch.undo()
    silent.container.tending.tend()
    assert held(silent) == set()


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
