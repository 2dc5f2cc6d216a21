from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from features.vocabulary import Branch
from routing.dispatch.envelope import BranchCall, envelope
from routing.dispatch.signing import Secret, sign
from serving.clock import ManualClock
from serving.receiver import ReceiverSettings, create_receiver, run_receiver

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET, NEW_SECRET, STRANGE = (Secret(letter * 32) for letter in (b"k", b"n", b"x"))


class Process:
    """A receiver that is asked without a network."""

    def __init__(self, settings: ReceiverSettings) -> None:
        self._app = create_receiver(settings, clock=ManualClock(NOW))

    def post(self, content: bytes, headers: dict[str, str]) -> int:
        return asyncio.run(self._ask("POST", "/calls", content=content, headers=headers)).status_code

    def get(self, path: str) -> dict[str, Any]:
        said: dict[str, Any] = asyncio.run(self._ask("GET", path)).json()
        return said

    async def asked_as(self, scope: Any, receive: Any, answer: Any) -> None:
        await self._app(scope, receive, answer)

    def stop(self) -> None:
        asyncio.run(self._live_and_end())

    async def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            return await client.request(method, path, **request)

    async def _live_and_end(self) -> None:
        async with self._app.router.lifespan_context(self._app):
            pass


Open = Callable[..., Process]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "run" / "effects.jsonl"


@pytest.fixture
def opened(log: Path) -> Iterator[Open]:
    """Start a receiver; called again it is another process on the same file."""
    running: list[Process] = []

    def start(**settings: Any) -> Process:
        for process in running:
            process.stop()
        given = {"secrets": (SECRET,), "log": log, "silence": timedelta(0), **settings}
        running.append(Process(ReceiverSettings(**given)))
        return running[-1]

    yield start
    for process in running:
        process.stop()


def body_of(call_id: str = "dec_1_notify_1") -> bytes:
    call = BranchCall(
        call_id=call_id,
        decision_id="dec_1",
        subject_id="SHP-1",
        branch=Branch.NOTIFY,
        decided_at=NOW,
        payload={"words": "late"},
    )
    return envelope(call).encode()


def send(client: Process, call_id: str = "dec_1_notify_1", *, body: bytes | None = None, **how: Any) -> int:
    content = body_of(call_id) if body is None else body
    headers = sign(how.get("secrets", (SECRET,)), message_id=call_id, sent_at=how.get("sent_at", NOW), body=content)
    return client.post(content, headers)


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text(encoding="ascii").splitlines()]


def told(client: Process) -> dict[str, Any]:
    return client.get("/effects")


class TestTake:
    def test_a_caller_that_dies_while_it_sends_has_no_effect_and_breaks_nothing(self, opened: Open, log: Path) -> None:
        process = opened()

        async def part() -> dict[str, Any]:
            return next(parts)

        async def nobody(_message: Any) -> None:
            """There is no one left to answer."""

        parts = iter([{"type": "http.request", "body": body_of()[:20], "more_body": True}, {"type": "http.disconnect"}])
        call = {"type": "http", "method": "POST", "path": "/calls", "headers": [], "query_string": b""}
        asyncio.run(process.asked_as(call, part, nobody))
        assert lines(log) == []
        assert told(process)["this_run"] == {"broken_off": 1, "calls": 1}
        assert send(process) == 200

    def test_a_call_has_its_effect_and_leaves_a_line(self, opened: Open, log: Path) -> None:
        assert send(opened()) == 200
        assert lines(log) == [
            {
                "webhook_id": "dec_1_notify_1",
                "id": "dec_1_notify_1",
                "shipment_id": "SHP-1",
                "branch": "notify",
                "decision_id": "dec_1",
                "taken_at": "2026-03-02T12:00:00Z",
            }
        ]

    def test_a_repeat_is_accepted_and_has_no_second_effect(self, opened: Open, log: Path) -> None:
        client = opened()
        assert [send(client) for _ in range(3)] == [200, 200, 200]
        assert len(lines(log)) == 1
        assert told(client) == {
            "effects": 1,
            "by_branch": {"notify": 1},
            "this_run": {"calls": 3, "effects": 1, "repeats": 2},
        }

    def test_what_had_its_effect_is_remembered_by_the_next_process(self, opened: Open, log: Path) -> None:
        send(opened())
        second = opened()
        assert send(second) == 200
        assert told(second)["this_run"] == {"calls": 1, "repeats": 1}
        assert len(lines(log)) == 1

    def test_half_a_line_was_never_answered_for_and_is_taken_again(self, opened: Open, log: Path) -> None:
        first = opened()
        send(first, "dec_1_notify_1")
        send(first, "dec_2_notify_1")
        first.stop()
        log.write_bytes(log.read_bytes()[:-20])
        second = opened()
        assert told(second)["effects"] == 1
        assert send(second, "dec_2_notify_1") == 200
        assert [line["webhook_id"] for line in lines(log)] == ["dec_1_notify_1", "dec_2_notify_1"]

    @pytest.mark.parametrize(
        "how",
        [{"secrets": (STRANGE,)}, {"sent_at": NOW - timedelta(minutes=6)}, {"sent_at": NOW + timedelta(minutes=6)}],
    )
    def test_what_is_not_believed_has_no_effect(self, opened: Open, log: Path, how: dict[str, Any]) -> None:
        client = opened()
        assert send(client, **how) == 401
        assert lines(log) == []
        assert told(client)["this_run"] == {"calls": 1, "not_believed": 1}

    def test_a_secret_is_replaced_without_one_refusal(self, opened: Open, log: Path) -> None:
        """The receiver learns the new one, the sender signs with both, each forgets the old one."""
        for number, (believed, signed) in enumerate(
            [
                ((SECRET,), (SECRET,)),
                ((SECRET, NEW_SECRET), (SECRET,)),
                ((SECRET, NEW_SECRET), (NEW_SECRET, SECRET)),
                ((NEW_SECRET,), (NEW_SECRET, SECRET)),
                ((NEW_SECRET,), (NEW_SECRET,)),
            ]
        ):
            assert send(opened(secrets=believed), f"dec_{number}_notify_1", secrets=signed) == 200
        assert len(lines(log)) == 5

    @pytest.mark.parametrize("body", [b"no json", b"[]", b'{"id": "x"}'])
    def test_what_is_no_branch_call_is_refused_for_good(self, opened: Open, log: Path, body: bytes) -> None:
        client = opened()
        assert send(client, body=body) == 422
        assert lines(log) == []
        assert told(client)["this_run"]["not_understood"] == 1


class TestFailing:
    def outcomes(self, client: Process, calls: int = 40) -> list[int]:
        return [send(client, f"dec_{number}_notify_1") for number in range(calls)]

    def test_told_to_fail_half_it_fails_about_half_before_or_after_the_effect(self, opened: Open, log: Path) -> None:
        client = opened(fail_share=0.5, seed=3)
        statuses = self.outcomes(client, 200)
        assert 70 <= statuses.count(500) <= 130
        run = told(client)["this_run"]
        assert run["refused"] + run["answer_lost"] == statuses.count(500)
        assert run["effects"] == len(lines(log)) == statuses.count(200) + run["answer_lost"]

    def test_which_fail_follows_from_seed_id_and_attempt_alone(self, tmp_path: Path, opened: Open) -> None:
        one = self.outcomes(opened(fail_share=0.5, seed=1, log=tmp_path / "1"))
        backwards = opened(fail_share=0.5, seed=1, log=tmp_path / "2")
        other = [send(backwards, f"dec_{number}_notify_1") for number in reversed(range(40))]
        assert one == other[::-1]
        assert one != self.outcomes(opened(fail_share=0.5, seed=2, log=tmp_path / "3"))

    def test_each_attempt_is_drawn_anew_and_the_effect_comes_once(self, opened: Open, log: Path) -> None:
        client = opened(fail_share=0.8, seed=1)
        statuses = [send(client) for _ in range(60)]
        assert set(statuses) == {200, 500}
        assert len(lines(log)) == 1

    def test_silence_comes_before_the_effect_or_after_it(self, opened: Open, log: Path) -> None:
        client = opened(fail_share=1.0, silent_share=1.0)
        statuses = self.outcomes(client)
        run = told(client)["this_run"]
        assert run["silent"] == statuses.count(500) > 0
        assert run["silent_after"] == statuses.count(200) == len(lines(log)) > 0

    @pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
    @pytest.mark.parametrize("name", ["fail_share", "silent_share"])
    def test_a_share_is_from_0_to_1(self, log: Path, name: str, share: float) -> None:
        with pytest.raises(ValueError, match=f"{name} is .*; give a share from 0 to 1"):
            ReceiverSettings(secrets=(SECRET,), log=log, **{name: share})  # type: ignore[arg-type]


class TestCommand:
    def test_a_secret_that_is_none_is_refused_without_being_shown(self, log: Path) -> None:
        app = typer.Typer()
        app.command()(run_receiver)
        result = CliRunner().invoke(app, ["--log", str(log), "--secret", "hunter2"])
        assert result.exit_code == 2
        assert "does not begin with whsec_" in result.output
        assert "hunter2" not in result.output

    def test_it_says_that_it_is_there(self, opened: Open) -> None:
        assert opened().get("/health") == {"status": "ok"}
