"""Order lines are decided about in a thread: others are answered meanwhile, and what is learnt then changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterator
from threading import Event, current_thread
from typing import Any

import httpx
import pytest

from routing.policy import Policy
from serving.app import create_app
from serving.db.tables import DecisionRow
from serving.decisions.idempotency import Keyed
from serving.shortages import deciding
from serving.shortages.deciding import DecidedLines, Looked, Request
from serving.shortages.facts import Substitute
from serving.shortages.service import LineQuestion, ShortageService
from tests.serving.house import House
from tests.serving.shortages.lines import PATH, let_act, lies, one, opened, order, pick, tell


@pytest.fixture
def desk(any_url: str, late_shipments: Policy) -> Iterator[House]:
    """Six of A lie where two lines want ten each, five at ATVIE, and every branch acts."""
    with opened(any_url, late_shipments) as house:
        let_act(house)
        tell(house, order("O-1"), pick("O-1"), order("O-2"), pick("O-2"), lies(6), lies(5, place="ATVIE"))
        yield house


def asking(order_id: str, key: str, *substitutes: Substitute) -> Request:
    return Request(LineQuestion([(order_id, "10")]), substitutes or None, Keyed(key, key), "dana")


def looked_at(house: House, request: Request) -> Looked:
    looked = asyncio.run(house.container.shortage_decisions.look(request))
    assert looked is not None
    return looked


def named(decided: DecidedLines) -> str:
    return json.dumps([[each.sealed.decision_id, each.is_new] for each in decided.lines])


def test_others_are_answered_while_lines_are_decided_about(desk: House, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, real = Event(), deciding.read_past

    def waiting(*given: Any) -> Any:
        assert goes_on.wait(10), f"nobody was answered while {current_thread().name} decided"
        return real(*given)

    monkeypatch.setattr(deciding, "read_past", waiting)

    async def at_once() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(desk.container))
        async with httpx.AsyncClient(transport=transport, base_url="http://triage") as api:

            async def health() -> httpx.Response:
                answer = await api.get("/healthz")
                goes_on.set()
                return answer

            asked = {"lines": [{"order_id": "O-1", "line_id": "10"}]}
            decided: Awaitable[httpx.Response] = api.post(PATH, json=asked, headers={"Idempotency-Key": "k"})
            return await asyncio.gather(decided, health())

    answers = asyncio.run(at_once())
    assert [answer.status_code for answer in answers] == [200, 200]


def test_what_is_learnt_after_the_look_changes_nothing(desk: House, monkeypatch: pytest.MonkeyPatch) -> None:
    instead = Substitute("A", "B", False)
    tell(desk, lies(3, sku="B"))
    request = asking("O-1", "k", instead)
    looked = looked_at(desk, request)
    desk.advance(minutes=1)
    tell(desk, lies(500, hours=0.01), lies(70, place="ATVIE", hours=0.01), lies(90, sku="B", hours=0.01))
    with monkeypatch.context() as patch:
        patch.setattr(ShortageService, "_loaded", lambda _: pytest.fail("the state is asked again"))
        desk.container.shortage_decisions.triage(request, named, looked)
    (row,) = desk.rows(DecisionRow)
    facts = json.loads(row.body)["facts"]
    assert row.decided_at == looked.now
    assert [node["free"] for node in facts["other_places"]] == [5]
    assert [each["free"] for each in facts["substitutes"]] == [3]
    assert one(desk, "O-1")["decision_id"] != row.decision_id


def test_of_two_that_have_looked_the_later_one_stands(desk: House) -> None:
    decisions = desk.container.shortage_decisions
    first, second = asking("O-1", "k1"), asking("O-1", "k2")
    earlier = looked_at(desk, first)
    desk.advance(minutes=1)
    tell(desk, lies(7, hours=0.01))
    later = looked_at(desk, second)
    ((made, is_new),) = json.loads(decisions.triage(second, named, later).body)
    assert is_new
    assert json.loads(decisions.triage(first, named, earlier).body) == [[made, False]]
    assert desk.count(DecisionRow) == 1


def test_stock_is_promised_once_by_two_that_have_looked(desk: House) -> None:
    decisions = desk.container.shortage_decisions
    asked = [asking(f"O-{number}", f"k{number}") for number in (1, 2)]
    looks = [looked_at(desk, each) for each in asked]
    for request, looked in zip(asked, looks, strict=True):
        decisions.triage(request, named, looked)
    seen = [json.loads(row.body)["facts"]["other_places"] for row in desk.rows(DecisionRow)]
    assert [[place["free"] for place in places] for places in seen] == [[5], [1]]


def test_a_key_that_was_used_is_answered_without_a_look(desk: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"json": {"lines": [{"order_id": "O-1", "line_id": "10"}]}, "headers": {"Idempotency-Key": "k"}}
    first = desk.api.post(PATH, **asked)
    monkeypatch.setattr(ShortageService, "_loaded", lambda _: pytest.fail("lines are judged again"))
    again = desk.api.post(PATH, **asked)
    assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
