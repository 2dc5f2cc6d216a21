"""The limit on a request's body, held while it streams in."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.error_handlers import problem_of, problem_response
from serving.errors import ContentTooLargeError

_DRAIN_FACTOR = 64


class BodyLimit:
    """Middleware that answers 413 to a body over the limit, whether its length is declared or only found out.

    Never more than the limit is held. What is over it is read and thrown away up to 64 times the limit, because a
    client that is still sending when the connection closes does not see the answer.
    """

    def __init__(self, app: ASGIApp, *, limit_bytes: int, shown: Callable[[Request, JSONResponse], Response]) -> None:
        """Hold bodies to `limit_bytes`; `shown` turns the problem document into what the one who asked is to see."""
        self.app = app
        self.limit_bytes = limit_bytes
        self.shown = shown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body up to the limit, then let the app have it."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self.limit_bytes:
            if "expect" not in headers:  # a client that asks first has sent nothing yet
                await self._drain(receive, 0)
            await self._refuse(scope, receive, send)
            return
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":  # the client has gone
                return
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            more = message.get("more_body", False)
            if size > self.limit_bytes:
                if more:
                    await self._drain(receive, size)
                await self._refuse(scope, receive, send)
                return
        await self.app(scope, _replay(b"".join(chunks), receive), send)

    async def _drain(self, receive: Receive, size: int) -> None:
        while size <= self.limit_bytes * _DRAIN_FACTOR:
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body", False):
                return

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem_response(problem_of(ContentTooLargeError(self.limit_bytes)))
        await self.shown(Request(scope), answer)(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the app the body that was read, then whatever the client does next."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
