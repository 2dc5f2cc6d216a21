"""Networks that are not the public internet, and addresses at which a cloud tells its secrets to its machines.

Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), RFC 3879 (site-local), RFC 7526 (relays
of 6to4); the metadata services as AWS, Azure, Alibaba Cloud, Google Cloud and Oracle Cloud document them. Written out,
what is refused is the same on every version of Python, whose own lists differ.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

METADATA: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "169.254.169.254/32",  # all of them
            "169.254.170.2/32",  # AWS, credentials of a container
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle
            "fd00:ec2::/32",  # AWS
            "fd20:ce::254/128",  # Google
        ),
    )
)
"""Never called, whatever a target allows."""

NEVER: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(written), kind)
    for written, kind in (
        ("0.0.0.0/32", "unspecified"),
        ("0.0.0.0/8", "reserved"),
        ("169.254.0.0/16", "link-local"),
        ("192.0.0.0/24", "reserved"),  # IETF protocol assignments
        ("192.88.99.0/24", "reserved"),  # relays of 6to4
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::/96", "reserved"),  # IPv4-compatible; the loopback address stands in it, and is looked for before
        ("::ffff:0:0:0/96", "reserved"),  # IPv4-translated
        ("100::/64", "reserved"),  # discarded
        ("100:0:0:1::/64", "reserved"),
        ("2001::/23", "reserved"),  # IETF protocol assignments
        ("5f00::/16", "reserved"),  # segment identifiers
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
)
"""Never called either, with their kinds; of several that hold an address the first counts."""

INSIDE: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(written), kind)
    for written, kind in (
        ("127.0.0.0/8", "loopback"),
        ("::1/128", "loopback"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "private"),  # shared by customers of a carrier
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("192.0.2.0/24", "private"),  # documentation, as the next two and 2001:db8::/32 and 3fff::/20
        ("198.51.100.0/24", "private"),
        ("203.0.113.0/24", "private"),
        ("198.18.0.0/15", "private"),  # measurements
        ("64:ff9b:1::/48", "private"),  # translation of one's own
        ("2001:db8::/32", "private"),
        ("3fff::/20", "private"),
        ("fc00::/7", "private"),
        ("fec0::/10", "private"),  # site-local
    )
)
"""Called only by a target that allows private addresses, with their kinds."""
