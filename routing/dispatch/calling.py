"""One signed HTTP call, to the address that was judged, within one deadline, reading no more than agreed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from ipaddress import IPv6Address
from types import TracebackType
from typing import Self, cast

import httpx

from routing.dispatch.envelope import CONTENT_TYPE
from routing.dispatch.errors import UnreachableError
from routing.dispatch.ports import Answer
from routing.dispatch.signing import sign
from routing.dispatch.targets import Address, Resolver, SystemResolver, Target, guarded_address

_EXCERPT_BYTES = 300


class HttpCaller:
    """Calls targets over HTTP.

    Redirects are not followed, and neither proxies nor credentials are taken from the environment: each would lead the
    call past the guard.

    Parameters
    ----------
    resolver
        Looks up the names of targets.
    transport
        Carries the requests; the network if not given.
    """

    def __init__(self, *, resolver: Resolver | None = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._resolver = resolver or SystemResolver()
        self._transport = transport
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        """Open nothing yet; connections open as they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()

    async def call(self, target: Target, *, message_id: str, body: bytes, sent_at: datetime) -> Answer:
        """Send `body` to `target`, signed with each of its secrets. See `Caller.call`."""
        headers = sign(target.secrets, message_id=message_id, sent_at=sent_at, body=body)
        headers["content-type"] = CONTENT_TYPE
        return await self._send(target, "POST", target.url, headers, body)

    async def ask(self, target: Target, *, message_id: str, sent_at: datetime) -> Answer:
        """Ask what became of a call, signed with an empty body. See `Caller.ask`."""
        headers = sign(target.secrets, message_id=message_id, sent_at=sent_at, body=b"")
        headers["accept"] = "application/json"
        return await self._send(target, "GET", target.status_url_of(message_id), headers, None)

    async def _send(self, target: Target, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
        try:
            async with asyncio.timeout(target.timeout.total_seconds()):
                address = await guarded_address(target, self._resolver)
                return await self._exchange(target, address, method, httpx.URL(url), headers, body)
        except TimeoutError as error:
            reason = f"none within {target.timeout.total_seconds():g} s"
            raise UnreachableError(target.host, reason) from error
        except httpx.HTTPError as error:
            raise UnreachableError(target.host, f"{type(error).__name__} {error}".strip()) from error

    async def _exchange(
        self,
        target: Target,
        address: Address,
        method: str,
        named: httpx.URL,
        headers: dict[str, str],
        body: bytes | None,
    ) -> Answer:
        literal = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        client = self._client_of(target)
        request = client.build_request(
            method,
            named.copy_with(host=literal),
            content=body,
            headers={**headers, "host": named.netloc.decode("ascii")},
            # TLS still asks for, and checks, the certificate of the name.
            extensions={"sni_hostname": target.host},
        )
        response = await client.send(request, stream=True)
        received = bytearray()
        try:
            async with aclosing(cast("AsyncGenerator[bytes, None]", response.aiter_raw())) as chunks:
                async for chunk in chunks:
                    received += chunk
                    if len(received) > target.response_limit_bytes:
                        break
        finally:
            await response.aclose()
        return Answer(
            status=response.status_code,
            retry_after=response.headers.get("retry-after"),
            excerpt=bytes(received[:_EXCERPT_BYTES]).decode("utf-8", errors="replace"),
            body=bytes(received),
        )

    def _client_of(self, target: Target) -> httpx.AsyncClient:
        """Return the target's own client.

        Connections are pooled by address, so two names at one address would share a connection whose certificate was
        checked for only one of them.
        """
        client = self._clients.get(target.name)
        if client is None:
            client = self._clients[target.name] = httpx.AsyncClient(
                transport=self._transport,
                trust_env=False,
                follow_redirects=False,
                timeout=None,  # noqa: S113  the deadline of `call` bounds the whole, which httpx's timeouts do not
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=50, keepalive_expiry=30),
                headers={"user-agent": "freight-triage"},
            )
        return client
