"""One HTTP request, to the address that was judged, within one deadline, reading no more than agreed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from ipaddress import IPv6Address
from typing import cast

import httpx

from routing.dispatch.errors import UnreachableError
from routing.dispatch.guard import Resolver, SystemResolver, guarded_address
from routing.dispatch.ports import Answer
from routing.dispatch.targets import HttpTarget

_EXCERPT_BYTES = 300


class HttpClient:
    """Sends requests to targets.

    Redirects are not followed, and neither proxies nor credentials are taken from the environment: each would lead the
    request past the guard.

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

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()

    async def send(
        self, target: HttpTarget, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Send a request to a URL of `target`, whose host is the target's; to be done `within` its timeout.

        Raises
        ------
        AddressRefusedError
            The target's name leads inside the house; nothing was sent.
        UnreachableError
            The target's name has no address.
        """
        named, address = httpx.URL(url), await guarded_address(target, self._resolver)
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

    def _client_of(self, target: HttpTarget) -> httpx.AsyncClient:
        """Return the target's own client.

        Connections are pooled by address, so two names at one address would share a connection whose certificate was
        checked for only one of them.
        """
        client = self._clients.get(target.name)
        if client is None:
            client = self._clients[target.name] = httpx.AsyncClient(
                transport=self._transport,
                verify=True if target.tls is None else target.tls.context(),
                trust_env=False,
                follow_redirects=False,
                timeout=None,  # noqa: S113  `within` bounds the whole, which httpx's timeouts do not
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=50, keepalive_expiry=30),
                # What is read of an answer is bounded as it comes, so it must not be compressed.
                headers={"user-agent": "freight-triage", "accept-encoding": "identity"},
            )
        return client


@asynccontextmanager
async def within(target: HttpTarget) -> AsyncIterator[None]:
    """Bound what is done meanwhile by the target's timeout, altogether.

    Raises
    ------
    UnreachableError
        No answer came.
    """
    try:
        async with asyncio.timeout(target.timeout.total_seconds()):
            yield
    except TimeoutError as error:
        raise UnreachableError(target.host, f"none within {target.timeout.total_seconds():g} s") from error
    except (httpx.HTTPError, ssl.SSLError) as error:  # a certificate of ours that is refused is told as the latter
        raise UnreachableError(target.host, f"{type(error).__name__} {error}".strip()) from error
