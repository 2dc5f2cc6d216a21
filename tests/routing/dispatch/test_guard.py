from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from routing.dispatch.errors import AddressRefusedError, UnreachableError
from routing.dispatch.guard import SystemResolver, guarded_address, refused_kind
from tests.routing.dispatch.fakes import FakeResolver, a_target

PUBLIC = "93.184.216.34"


class TestRefusedKind:
    @pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1"])
    def test_a_public_address_may_be_called(self, address: str) -> None:
        assert refused_kind(ip_address(address), allow_private=False) is None

    @pytest.mark.parametrize(
        ("address", "kind"),
        [
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "private"),
            ("fd00::1", "private"),
            ("127.0.0.1", "loopback"),
            ("127.8.8.8", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:10.0.0.1", "private"),
            ("64:ff9b::a00:1", "private"),
            ("2002:a00:1::", "private"),
            ("2001::8000:0:f5ff:fffe", "private"),
            ("fec0::1", "private"),
            ("198.18.0.1", "private"),
            ("203.0.113.9", "private"),
            ("64:ff9b:1::7f00:1", "private"),
            ("2001:db8::1", "private"),
            ("3fff::1", "private"),
            ("2606:2800:220:1::5efe:a00:1", "private"),
            ("2606:2800:220:1:200:5efe:7f00:1", "loopback"),
        ],
    )
    def test_one_inside_the_house_only_if_it_is_allowed(self, address: str, kind: str) -> None:
        assert refused_kind(ip_address(address), allow_private=False) == kind
        assert refused_kind(ip_address(address), allow_private=True) is None

    @pytest.mark.parametrize(
        ("address", "kind"),
        [
            ("169.254.1.1", "link-local"),
            ("fe80::1", "link-local"),
            ("::ffff:169.254.1.1", "link-local"),
            ("64:ff9b::a9fe:101", "link-local"),
            ("2001::8000:0:5601:fefe", "link-local"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("0.1.2.3", "reserved"),
            ("192.0.0.9", "reserved"),
            ("192.88.99.1", "reserved"),
            ("::127.0.0.1", "reserved"),
            ("::ffff:0:127.0.0.1", "reserved"),
            ("100::1", "reserved"),
            ("2001:20::1", "reserved"),
            ("5f00::1", "reserved"),
            ("169.254.169.254", "cloud metadata"),
            ("::ffff:169.254.169.254", "cloud metadata"),
            ("64:ff9b::a9fe:a9fe", "cloud metadata"),
            ("100.100.100.200", "cloud metadata"),
            ("2002:6464:64c8::", "cloud metadata"),
            ("168.63.129.16", "cloud metadata"),
            ("192.0.0.192", "cloud metadata"),
            ("fd00:ec2::254", "cloud metadata"),
            ("fd20:ce::254", "cloud metadata"),
        ],
    )
    def test_some_never(self, address: str, kind: str) -> None:
        assert refused_kind(ip_address(address), allow_private=False) == kind
        assert refused_kind(ip_address(address), allow_private=True) == kind


class TestGuardedAddress:
    def guarded(self, *addresses: str, allow_private: bool = False) -> str:
        resolver = FakeResolver(**{"orchestrator.example": addresses})
        return str(asyncio.run(guarded_address(a_target(allow_private=allow_private), resolver)))

    def test_it_is_the_first_when_all_are_public(self) -> None:
        assert self.guarded(PUBLIC, "93.184.216.35") == PUBLIC

    def test_one_refused_address_is_enough(self) -> None:
        with pytest.raises(AddressRefusedError, match=r"resolves to 10\.0\.0\.1, a private address"):
            self.guarded(PUBLIC, "10.0.0.1")

    def test_what_to_do_is_what_would_help(self) -> None:
        with pytest.raises(AddressRefusedError, match="or allow private ones for this target"):
            self.guarded("10.0.0.1")
        with pytest.raises(AddressRefusedError, match=r"cloud metadata address, .* such a one is never called"):
            self.guarded("169.254.169.254")

    def test_a_private_one_is_taken_when_the_target_allows_it(self) -> None:
        assert self.guarded("10.0.0.1", allow_private=True) == "10.0.0.1"

    def test_a_name_without_address_is_unreachable(self) -> None:
        with pytest.raises(UnreachableError, match="has no address"):
            self.guarded()


class TestSystemResolver:
    @pytest.mark.parametrize(
        ("host", "kind"),
        [("localhost", "loopback"), ("127.0.0.1", "loopback"), ("127.1", "loopback"), ("2130706433", "loopback")],
    )
    def test_every_way_to_write_this_machine_is_seen_through(self, host: str, kind: str) -> None:
        addresses = asyncio.run(SystemResolver().addresses(host, 80))
        assert {refused_kind(address, allow_private=False) for address in addresses} == {kind}

    @pytest.mark.parametrize("host", ["name.invalid", "x" * 70 + ".example", "a..b"])
    def test_a_name_that_leads_nowhere_is_unreachable(self, host: str) -> None:
        with pytest.raises(UnreachableError, match="cannot be resolved"):
            asyncio.run(SystemResolver().addresses(host, 80))
