"""Asking a target what became of its calls: signed, to the same host, and only an answer that can be read counts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import pytest

from routing.dispatch.asking import Asker
from routing.dispatch.errors import AddressRefusedError, TargetUrlError, UnreachableError
from routing.dispatch.http import HttpClient
from routing.dispatch.ports import Answer
from routing.dispatch.signing import verify
from routing.dispatch.targets import Target
from routing.dispatch.webhooks import WebhookCaller, read_report
from routing.effects import Outcome, Report
from tests.routing.dispatch.fakes import NOON, SECRET, FakeClock, FakeResolver, a_target
from tests.routing.dispatch.test_webhooks import Body

STATUS_URL = "https://orchestrator.example/effects/{call_id}"
TOLD = {"outcome": "done", "occurred_at": "2026-03-02T11:00:00Z", "reference": "BK-1"}


def ask(address: str, *, answer: dict[str, object] | None = None) -> tuple[Report | None, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=Body(json.dumps(answer).encode()))

    async def run() -> Report | None:
        resolver = FakeResolver(**{"orchestrator.example": [address]})
        async with aclosing(HttpClient(resolver=resolver, transport=httpx.MockTransport(take))) as http:
            return await WebhookCaller(http).ask(
                a_target(status_url=STATUS_URL), message_id="dec_1_rebook_1", sent_at=NOON
            )

    return asyncio.run(run()), seen


def test_it_is_a_signed_get_of_the_status_url_at_the_address_that_was_judged() -> None:
    report, (request,) = ask("93.184.216.34", answer=TOLD)
    assert (request.method, request.url.path, request.url.host) == ("GET", "/effects/dec_1_rebook_1", "93.184.216.34")
    assert request.headers["host"] == "orchestrator.example"
    assert verify((SECRET,), headers=request.headers, body=b"", now=NOON) == "dec_1_rebook_1"
    assert report == Report(outcome=Outcome.DONE, occurred_at=NOON.replace(hour=11), reference="BK-1", reason=None)


def test_an_address_inside_the_house_is_not_asked() -> None:
    with pytest.raises(AddressRefusedError):
        ask("10.0.0.7")


@pytest.mark.parametrize(
    ("status_url", "why"),
    [
        ("https://elsewhere.example/effects/{call_id}", "is not at https://orchestrator.example/calls"),
        ("http://orchestrator.example/effects/{call_id}", "is not at"),
        ("https://orchestrator.example/effects", r"has no \{call_id\}"),
    ],
)
def test_a_status_url_is_on_the_host_that_is_called_and_names_the_call(status_url: str, why: str) -> None:
    with pytest.raises(TargetUrlError, match=why):
        a_target(status_url=status_url)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {**TOLD, "occurred_at": "0001-01-01T00:00:00+14:00"}),
        (200, {**TOLD, "occurred_at": 7}),
        (404, TOLD),
        (202, TOLD),
        (200, {**TOLD, "outcome": "pending"}),
        (200, {**TOLD, "outcome": "contradicted"}),
        (200, {**TOLD, "occurred_at": "2026-03-02T11:00:00"}),
        (200, {"outcome": "done"}),
        (200, [TOLD]),
        (200, "done"),
    ],
)
def test_anything_else_means_that_nothing_is_known(status: int, body: object) -> None:
    assert read_report(Answer(status=status, body=json.dumps(body).encode())) is None
    assert read_report(Answer(status=status, body=b"\xff{")) is None


def test_what_is_nested_too_deeply_is_no_report() -> None:
    assert read_report(Answer(status=200, body=b"[" * 60_000)) is None


def test_only_what_a_database_keeps_is_taken() -> None:
    written = (
        b'{"outcome": "done", "occurred_at": "2026-03-02T11:00:00Z", "reference": "B\\ud800K\\u0000-1", "reason": "x"}'
    )
    report = read_report(Answer(status=200, body=written))
    assert report is not None
    assert (report.reference, report.reason) == ("BK-1", "x")


class Asked:
    """A caller and an outbox in one: one target cannot be asked, the others are noted."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ask(self, target: Target, *, message_id: str, sent_at: datetime) -> Report | None:
        self.asked.append(message_id)
        if target.name == "a":
            raise RecursionError("nobody foresaw this")
        return None

    def to_ask(self, *, target: str, limit: int, now: datetime) -> list[str]:
        return [f"{target}1", f"{target}2"]


def test_a_call_that_fails_in_a_way_nobody_foresaw_keeps_no_other_from_being_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = replace(a_target(status_url=STATUS_URL), name="a")
    both, clock, tally = Asked(), FakeClock(NOON), Counter[str]()

    async def at_once(work: Any) -> Any:
        return work()

    async def run() -> None:
        given: Any = both
        asker = Asker(
            given, given, [one, replace(one, name="b")],
            clock=clock, real_clock=clock, on_outbox=at_once, tally=tally,
        )  # fmt: skip
        asker.start()
        await asker.drain()

    asyncio.run(run())
    assert both.asked == ["a1", "a2", "b1", "b2"]
    assert tally == {"not_asked": 2}
    assert "What became of call a1 cannot be asked" in caplog.text


def test_a_name_without_address_is_a_failure_of_its_own() -> None:
    async def run() -> None:
        async with aclosing(HttpClient(resolver=FakeResolver())) as http:
            await WebhookCaller(http).ask(a_target(status_url=STATUS_URL), message_id="c", sent_at=NOON)

    with pytest.raises(UnreachableError):
        asyncio.run(run())
