"""Whom we call, and the guard that keeps a call from being turned against our own house (SSRF).

The name of a target is resolved for every call, every address it has is judged, and the connection goes to the address
that was judged, not to whatever the name says a moment later.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Protocol
from urllib.parse import SplitResult, quote, urlsplit

from routing.dispatch.errors import AddressRefusedError, SecretError, TargetUrlError, UnreachableError
from routing.dispatch.signing import Secret

Address = IPv4Address | IPv6Address

CALL_ID = "{call_id}"
_NAT64 = IPv6Network("64:ff9b::/96")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class TargetMode(StrEnum):
    """Whether calls go out. Those of a held target wait (a maintenance window) and drain in order afterwards."""

    LIVE = "live"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An orchestrator's address, and how it is called.

    Attributes
    ----------
    name
        What the outbox calls it.
    url
        `http` or `https`, without credentials; redirects are not followed.
    secrets
        Every call is signed with each; the current one first.
    timeout
        From looking up the name to the end of the answer, altogether, in real time.
    allow_private
        Whether private and loopback addresses are meant. Link-local ones (cloud metadata) never are.
    status_url
        Where the target is asked what became of a call, with `{call_id}` in it; on the same host as `url`. None if it
        reports by itself.
    response_limit_bytes
        How much of an answer is read; the rest is cut off, and the connection closed.
    """

    name: str
    url: str
    secrets: tuple[Secret, ...]
    timeout: timedelta = timedelta(seconds=15)
    mode: TargetMode = TargetMode.LIVE
    allow_private: bool = False
    response_limit_bytes: int = 64 * 1024
    status_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse a URL we would not call, and a target without secret."""
        parsed = _parse(self.name, self.url)
        if parsed.username is not None or parsed.password is not None:
            raise TargetUrlError(self.name, _without_credentials(parsed), "holds credentials")
        if not self.secrets:
            raise SecretError(f"of target '{self.name}' is absent")
        if self.status_url is not None:
            self._check_status_url(self.status_url)

    def status_url_of(self, call_id: str) -> str:
        """Return where to ask about a call."""
        return str(self.status_url).replace(CALL_ID, quote(call_id, safe=""))

    def _check_status_url(self, written: str) -> None:
        asked = _parse(self.name, written)
        found, called = _without_credentials(asked), _parse(self.name, self.url)
        if CALL_ID not in written:
            raise TargetUrlError(self.name, found, f"has no {CALL_ID}")
        if (asked.scheme, asked.netloc) != (called.scheme, called.netloc):
            raise TargetUrlError(self.name, found, f"is not at {_without_credentials(called)}, where calls go")

    @property
    def host(self) -> str:
        """The host, without brackets and port."""
        return str(_parse(self.name, self.url).hostname)

    @property
    def port(self) -> int:
        """The port, given or implied."""
        parsed = _parse(self.name, self.url)
        return parsed.port or _DEFAULT_PORTS[parsed.scheme]


class Resolver(Protocol):
    """Looks up names."""

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """Return every address of `host`; raise `UnreachableError` if it has none."""
        ...


class SystemResolver:
    """The machine's resolver."""

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """Return every address of `host`, in the order the machine prefers."""
        try:
            return [ip_address(host)]
        except ValueError:
            pass  # a name
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UnreachableError(host, f"the name cannot be resolved ({error})") from error
        return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


async def guarded_address(target: Target, resolver: Resolver) -> Address:
    """Return the address to connect to, after judging all the name has.

    Raises
    ------
    AddressRefusedError
        One of the addresses is refused: a name that is half public is not to be trusted.
    UnreachableError
        The name has no address.
    """
    addresses = await resolver.addresses(target.host, target.port)
    if not addresses:
        raise UnreachableError(target.host, "the name has no address")
    for address in addresses:
        kind = refused_kind(address, allow_private=target.allow_private)
        if kind is not None:
            raise AddressRefusedError(target.host, str(address), kind)
    return addresses[0]


def refused_kind(address: Address, *, allow_private: bool) -> str | None:
    """Return what kind of address it is if it must not be called, else None.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, Teredo, NAT64) is judged by the one it carries.
    """
    carried = _carried(address)
    if carried is not None:
        return refused_kind(carried, allow_private=allow_private)
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return None if allow_private else "loopback"
    if address.is_reserved:
        return "reserved"
    if not address.is_global:
        return None if allow_private else "private"
    return None


def _carried(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _parse(name: str, url: str) -> SplitResult:
    try:
        parsed = urlsplit(url)
        port = parsed.port
    except ValueError as error:
        raise TargetUrlError(name, "that cannot be read", f"is not a URL ({error})") from error
    shown = _without_credentials(parsed)
    if parsed.scheme not in _DEFAULT_PORTS:
        raise TargetUrlError(name, shown, f"has the scheme '{parsed.scheme}'")
    if not parsed.hostname:
        raise TargetUrlError(name, shown, "has no host")
    if port == 0:
        raise TargetUrlError(name, shown, "has port 0")
    return parsed


def _without_credentials(parsed: SplitResult) -> str:
    return parsed._replace(netloc=parsed.netloc.rpartition("@")[2], query="", fragment="").geturl()
