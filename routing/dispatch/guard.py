"""The guard that keeps a call from being turned against our own house (SSRF).

The name of a target is resolved for every call, every address it has is judged, and the connection goes to the address
that was judged, not to whatever the name says a moment later.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Protocol

from routing.dispatch.errors import AddressRefusedError, UnreachableError
from routing.dispatch.networks import INSIDE, METADATA, NEVER, Network
from routing.dispatch.targets import HttpTarget

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = 0x5EFE
"""Stands before the IPv4 address in the interface identifier (RFC 5214), with or without the universal bit."""


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


async def guarded_address(target: HttpTarget, resolver: Resolver) -> Address:
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

    An IPv6 address that carries an IPv4 one (mapped, 6to4, Teredo, NAT64, ISATAP) is judged by the one it carries.
    """
    if _is_in(METADATA, address):
        return "cloud metadata"
    carried = _carried(address)
    if carried is not None:
        return refused_kind(carried, allow_private=allow_private)
    inside = _kind_in(INSIDE, address)
    if inside is None and (kind := _kind_in(NEVER, address)) is not None:
        return kind
    if inside is None and not address.is_global:  # what a newer Python knows and this list does not
        inside = "private"
    return None if allow_private else inside


def _is_in(networks: Iterable[Network], address: Address) -> bool:
    return any(address in network for network in networks)


def _kind_in(networks: Iterable[tuple[Network, str]], address: Address) -> str | None:
    return next((kind for network, kind in networks if address in network), None)


def _carried(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (int(address) >> 32) & 0xFDFFFFFF == _ISATAP:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
