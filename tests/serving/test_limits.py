"""The limit on a body: refused while it streams in, never held, never half taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from serving.app import create_app
from serving.limits import BodyLimit
from tests.serving.house import CLOUD_EVENTS, House, planned, problem_in

LIMIT = 1000


class Client:
    """A client that sends a body in pieces, and knows how many were read."""

    def __init__(self, pieces: Iterator[bytes], *, declared: int | None = None, method: str = "POST") -> None:
        self.pieces = pieces
        self.read = 0
        self.answers: list[Message] = []
        headers = [] if declared is None else [(b"content-length", str(declared).encode())]
        self.scope: Scope = {"type": "http", "method": method, "path": "/", "headers": headers}

    async def receive(self) -> Message:
        piece = next(self.pieces, None)
        if piece is None:
            return {"type": "http.disconnect"}
        self.read += len(piece)
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    async def send(self, message: Message) -> None:
        self.answers.append(message)

    @property
    def status(self) -> int | None:
        return self.answers[0]["status"] if self.answers else None


class Taker:
    """An app that takes a whole body and remembers it."""

    def __init__(self) -> None:
        self.body: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = b""
        while True:
            message = await receive()
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})


def as_it_is(_request: Request, answer: Response) -> Response:
    return answer


@pytest.fixture
def run() -> Callable[[Client], Taker]:
    def run(client: Client) -> Taker:
        taker = Taker()
        limited = BodyLimit(taker, limit_bytes=LIMIT, shown=as_it_is)
        asyncio.run(limited(client.scope, client.receive, client.send))
        return taker

    return run


def pieces(total: int, size: int = 100) -> Iterator[bytes]:
    for _ in range(total // size):
        yield b"x" * size
    yield b""


class TestBodyLimit:
    def test_a_body_at_the_limit_is_taken_whole(self, run: Callable[[Client], Taker]) -> None:
        taker = run(client := Client(pieces(LIMIT)))
        assert (client.status, taker.body) == (200, b"x" * LIMIT)

    def test_a_streamed_body_over_the_limit_is_refused(self, run: Callable[[Client], Taker]) -> None:
        taker = run(client := Client(pieces(LIMIT + 100)))
        assert (client.status, taker.body) == (413, None)

    def test_a_declared_body_over_the_limit_is_refused_without_the_app(self, run: Callable[[Client], Taker]) -> None:
        taker = run(client := Client(pieces(LIMIT + 100), declared=LIMIT + 100))
        assert (client.status, taker.body) == (413, None)

    def test_a_client_that_asks_first_is_refused_before_it_sends(self, run: Callable[[Client], Taker]) -> None:
        client = Client(pieces(10 * LIMIT), declared=10 * LIMIT)
        client.scope["headers"].append((b"expect", b"100-continue"))
        run(client)
        assert (client.status, client.read) == (413, 0)

    def test_an_endless_body_is_given_up_on(self, run: Callable[[Client], Taker]) -> None:
        run(client := Client(iter(lambda: b"x" * 100, None)))
        assert client.status == 413
        assert client.read <= 65 * LIMIT

    def test_a_declared_length_that_is_too_small_hides_nothing(self, run: Callable[[Client], Taker]) -> None:
        run(client := Client(pieces(5 * LIMIT), declared=10))
        assert client.status == 413

    def test_a_client_that_goes_away_is_not_answered(self, run: Callable[[Client], Taker]) -> None:
        taker = run(client := Client(iter([b"x"])))
        assert (client.answers, taker.body) == ([], None)

    def test_what_has_no_body_is_left_alone(self, run: Callable[[Client], Taker]) -> None:
        run(client := Client(pieces(0), method="GET"))
        assert client.status == 200


class TestTheApi:
    def test_ten_megabytes_are_refused_and_nothing_of_them_is_taken(self, house: House) -> None:
        body = json.dumps([planned()] * 25_000).encode()
        assert len(body) > 10_000_000

        problem = problem_in(house.api.post("/v1/events", content=body, headers=CLOUD_EVENTS), 413, "content-too-large")

        assert "larger than 1048576 bytes" in problem["detail"]
        assert "smaller parts" in problem["detail"]
        assert house.kept() == (0, 0)

    def test_the_limit_can_be_set(self, house: House) -> None:
        with house.another(body_limit_bytes=100) as strict:
            problem_in(strict.triage("x" * 100), 413, "content-too-large")

    def test_it_holds_for_every_call_that_takes_a_body(self, house: House) -> None:
        with house.another(body_limit_bytes=10) as strict:
            app = create_app(strict.container)
            for path, operations in app.openapi()["paths"].items():
                if "post" in operations:
                    problem_in(strict.api.post(path, content=b"x" * 11), 413, "content-too-large")
