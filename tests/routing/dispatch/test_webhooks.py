from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from standardwebhooks import Webhook

from routing.dispatch.errors import AddressRefusedError, UnreachableError
from routing.dispatch.http import HttpClient
from routing.dispatch.ports import Answer
from routing.dispatch.signing import verify
from routing.dispatch.webhooks import WebhookCaller, WebhookTarget
from tests.routing.dispatch.fakes import NOON, OTHER_SECRET, SECRET, FakeResolver, a_target

BODY = b'{"id":"call_1"}'
PUBLIC = "93.184.216.34"
NAMES = FakeResolver(**{"orchestrator.example": [PUBLIC], "inside.example": ["10.0.0.1"], "six.example": ["2606::1"]})


class Body(httpx.AsyncByteStream):
    """The body of an answer that is still to be read."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content


def calling(target: WebhookTarget, answer: Callable[[httpx.Request], httpx.Response]) -> Answer:
    async def run() -> Answer:
        async with aclosing(HttpClient(resolver=NAMES, transport=httpx.MockTransport(answer))) as http:
            return await WebhookCaller(http).call(target, message_id="call_1", body=BODY, sent_at=NOON)

    return asyncio.run(run())


class TestRequest:
    def seen(self, **changes: object) -> httpx.Request:
        requests: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(202, stream=Body())

        assert calling(a_target(**changes), answer).status == 202
        return requests[0]

    def test_it_goes_to_the_address_that_was_judged_under_the_name_that_was_meant(self) -> None:
        request = self.seen(url="https://orchestrator.example:8443/calls?tenant=1")
        assert str(request.url) == f"https://{PUBLIC}:8443/calls?tenant=1"
        assert request.headers["host"] == "orchestrator.example:8443"
        assert request.extensions["sni_hostname"] == "orchestrator.example"

    def test_it_shows_a_bearer_token_besides_where_the_target_has_one(self) -> None:
        assert "authorization" not in self.seen().headers
        assert self.seen(authorization="Bearer t-1").headers["authorization"] == "Bearer t-1"

    def test_the_token_is_in_no_repr(self) -> None:
        assert "t-1" not in repr(a_target(authorization="Bearer t-1"))

    def test_an_ipv6_address_is_put_in_brackets(self) -> None:
        assert str(self.seen(url="http://six.example/calls").url) == "http://[2606::1]/calls"

    def test_it_is_a_signed_cloud_event(self) -> None:
        request = self.seen(secrets=(SECRET, OTHER_SECRET))
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        for secret in (SECRET, OTHER_SECRET):
            assert verify([secret], headers=request.headers, body=request.content, now=NOON) == "call_1"
        signature = Webhook(SECRET.text()).sign("call_1", NOON, BODY.decode())
        assert request.headers["webhook-signature"].split(" ")[0] == signature

    def test_neither_proxy_nor_credentials_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9/")
        assert "authorization" not in self.seen().headers


class TestAnswer:
    def test_status_retry_after_and_the_beginning_of_the_body_are_kept(self) -> None:
        answer = calling(
            a_target(), lambda _: httpx.Response(503, headers={"retry-after": "9"}, stream=Body(b"b" * 1000))
        )
        assert answer == Answer(status=503, retry_after="9", excerpt="b" * 300)

    def test_a_redirect_is_not_followed(self) -> None:
        requests: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(str(request.url))
            return httpx.Response(307, headers={"location": "http://169.254.169.254/"}, stream=Body())

        assert calling(a_target(), answer).status == 307
        assert requests == [f"https://{PUBLIC}/calls"]

    def test_what_is_not_text_is_shown_as_far_as_it_goes(self) -> None:
        assert calling(a_target(), lambda _: httpx.Response(500, stream=Body(b"\xff!"))).excerpt == "\ufffd!"

    def test_nothing_is_sent_to_an_address_inside_the_house(self) -> None:
        with pytest.raises(AddressRefusedError):
            calling(a_target(url="https://inside.example/"), lambda _: httpx.Response(200))

    def test_a_broken_connection_is_no_answer(self) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            raise httpx.ReadError("reset", request=request)

        with pytest.raises(UnreachableError, match=r"No answer from orchestrator\.example: ReadError reset"):
            calling(a_target(), answer)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve raw bytes on loopback; yield the URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/calls"


class TestOverTheNetwork:
    def outcome(self, handler: Handler, **changes: object) -> Answer:
        async def run() -> Answer:
            async with serving(handler) as url, aclosing(HttpClient()) as http:
                target = a_target(url=url, allow_private=True, **changes)
                return await WebhookCaller(http).call(target, message_id="call_1", body=BODY, sent_at=NOON)

        return asyncio.run(run())

    def test_the_answer_comes_back(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"POST /calls HTTP/1.1\r\n")
            assert await reader.readexactly(len(BODY)) == BODY
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()

        assert self.outcome(answer) == Answer(status=200, excerpt="ok")

    def test_calls_that_follow_each_other_share_a_connection(self) -> None:
        connections = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            for _ in range(2):
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(len(BODY))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                await writer.drain()

        async def run() -> list[int]:
            async with serving(answer) as url, aclosing(HttpClient()) as http:
                target = a_target(url=url, allow_private=True)
                return [
                    (await WebhookCaller(http).call(target, message_id=name, body=BODY, sent_at=NOON)).status
                    for name in ("call_1", "call_2")
                ]

        assert asyncio.run(run()) == [200, 200]
        assert connections == 1

    def test_a_body_without_end_is_cut_off_and_the_status_counts(self) -> None:
        sent = 0

        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
            while True:
                writer.write(b"x" * 4096)
                await writer.drain()
                sent += 4096

        assert self.outcome(flood, response_limit_bytes=10_000).status == 200
        assert sent < 50_000_000

    def test_an_answer_that_drips_is_given_up_at_the_deadline(self) -> None:
        """Each byte comes in time, the answer does not: httpx's own timeouts would wait for ever."""

        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)

        with pytest.raises(UnreachableError, match=r"none within 0\.2 s"):
            self.outcome(drip, timeout=timedelta(seconds=0.2))

    def test_a_closed_door_is_no_answer(self) -> None:
        async def run() -> None:
            async with serving(lambda reader, writer: asyncio.sleep(0)) as url:
                pass
            async with aclosing(HttpClient()) as http:
                target = a_target(url=url, allow_private=True)
                await WebhookCaller(http).call(target, message_id="call_1", body=BODY, sent_at=NOON)

        with pytest.raises(UnreachableError, match="ConnectError"):
            asyncio.run(run())

    def test_loopback_is_refused_unless_it_is_allowed(self) -> None:
        called = False

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal called
            called = True

        async def run() -> None:
            async with serving(answer) as url, aclosing(HttpClient()) as http:
                await WebhookCaller(http).call(a_target(url=url), message_id="call_1", body=BODY, sent_at=NOON)

        with pytest.raises(AddressRefusedError, match="loopback"):
            asyncio.run(run())
        assert not called
