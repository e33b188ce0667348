"""The network a host belongs to, for limits that one operator with many addresses cannot pass.

An IPv4 /24 and an IPv6 /64 are what one customer commonly gets whole, so addresses inside one cost nothing more;
go-ethereum's discovery table (p2p/discover/table.go) and libtorrent's (`restrict_routing_ips`) count in a like way.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from ..limits import SUBNET_BITS_V4

IPV4_BITS: Final = SUBNET_BITS_V4
IPV6_BITS: Final = 64
"""Leading bits that count as one subnet. IPv6: what one link has (RFC 4291), so what any single machine can fill."""

CACHED_HOSTS: Final = 4096
"""Answers remembered: parsing an address takes microseconds, and the hosts of a table come again and again."""

LOCAL_4: Final = tuple(
    map(IPv4Network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"))
)
LOCAL_6: Final = tuple(map(IPv6Network, ("::1/128", "fc00::/7", "fe80::/10")))
"""Loopback, private (RFC 1918, RFC 4193) and link-local."""


@lru_cache(CACHED_HOSTS)
def subnet_of(host: str, ipv4_bits: int = IPV4_BITS, ipv6_bits: int = IPV6_BITS) -> str:
    """The subnet of an IP address as text, such as `192.0.2.0/24` or `2001:db8::/64`.

    An IPv4 address mapped into IPv6 counts as IPv4. A host name is its own subnet, in lower case: it says nothing about
    where it leads. Never raises: what is not an address is a name.
    """
    match _parse(host):
        case IPv4Address() as address:
            return str(IPv4Network((int(address), ipv4_bits), strict=False))
        case IPv6Address() as address:
            return str(IPv6Network((int(address), ipv6_bits), strict=False))
    return host.lower()


@lru_cache(CACHED_HOSTS)
def is_local(host: str) -> bool:
    """Whether the host can only be on one's own network: loopback, private, link-local, or the name `localhost`."""
    match _parse(host):
        case IPv4Address() as address:
            return any(address in network for network in LOCAL_4)
        case IPv6Address() as address:
            return any(address in network for network in LOCAL_6)
    return host.lower() == "localhost"


def _parse(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
