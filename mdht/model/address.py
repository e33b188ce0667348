"""Where a peer can be reached: addresses, and seeds, which are addresses with the id that must answer there.

    [id@][kind://]host:port          kind is tcp where it is left out; an IPv6 host stands in brackets
    5f1c…e0@example.org:7000         5f1c…e0@[::1]:7000         memory://node1:1

Every address has one spelling (host names lower case, IPv6 as in RFC 5952, IPv4 mapped into IPv6 as IPv4), so that
equal addresses are equal values. Kinds and sources are open sets: a peer keeps and passes on those it does not know.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from ..errors import BadText
from ..limits import HOST_CHARS
from .identity import format_id, parse_id
from .names import check_token

TCP: Final = "tcp"
MEMORY: Final = "memory"
"""Kinds of address, named after the transport that dials them."""

CONFIGURED: Final = "configured"
INTERFACE: Final = "interface"
OBSERVED: Final = "observed"
MAPPED: Final = "mapped"
DISCOVERED: Final = "discovered"
SEED: Final = "seed"
"""Sources: written by the operator; read from a local interface; seen by peers; asked of a router; found in the local
network; a seed of the configuration.
"""

_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*").fullmatch
_ZONE: Final = re.compile(r"[A-Za-z0-9._-]{1,15}").fullmatch


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One way to reach a peer: transport `kind`, `host` (name or IP address), `port` 1 to 65535, and its `source`.

    Raises BadText where a part is wrong or not in its one spelling (`parse_address` brings it into that).
    """

    kind: str
    host: str
    port: int
    source: str = CONFIGURED

    def __post_init__(self) -> None:
        check_token(self.kind, "address kind")
        check_token(self.source, "address source")
        spelled = _spell(self.host)
        if spelled != self.host:
            raise BadText("host", self.host, f"it is spelled {spelled}")
        if not 0 < self.port < 65_536:
            raise BadText("port", str(self.port), "a port is 1 to 65535")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        kind = "" if self.kind == TCP else f"{self.kind}://"
        return f"{kind}{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Seed:
    """An address to begin with, and the id (32 bytes) that must answer there; None trusts whoever answers."""

    peer: bytes | None
    address: Address

    def __str__(self) -> str:
        return str(self.address) if self.peer is None else f"{format_id(self.peer)}@{self.address}"


def parse_address(text: str, source: str = CONFIGURED) -> Address:
    """The address written as `[kind://]host:port`. Raises BadText, which says what is wrong and what would be right."""
    kind, found, rest = text.rpartition("://")
    host, colon, port = rest.rpartition(":")
    if not colon or not port or rest.endswith("]"):
        raise BadText("address", text, "it needs a port: host:port, or [::1]:port for IPv6")
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise BadText("address", text, f"{port[:20]!r} is no port; a port is a number, 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            raise BadText("address", text, "only IPv6 addresses stand in brackets")
    elif ":" in host:
        raise BadText("address", text, f"an IPv6 address stands in brackets: [{host}]:{port}")
    return Address(kind if found else TCP, _spell(host), int(port), source)


def parse_seed(text: str) -> Seed:
    """The seed written as `[id@][kind://]host:port`. Raises BadText."""
    peer, found, rest = text.strip().rpartition("@")
    return Seed(parse_id(peer) if found else None, parse_address(rest, SEED))


def _spell(host: str) -> str:
    """The one spelling of a host. Raises BadText where it is none."""
    if not 0 < len(host) <= HOST_CHARS or not host.isascii():
        raise BadText("host", host, f"a host is 1 to {HOST_CHARS} ASCII characters (write other names in punycode)")
    if ":" in host:
        return _spell_v6(host)
    name = host.lower()
    last = name.rpartition(".")[2]
    if last.isdigit():  # only an IPv4 address may end in a number (WHATWG URL, 3.5), or 127.1 means two things
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise BadText("host", host, "it is no IPv4 address, and no name, since it ends in a number") from None
    if _NAME(name) is None:
        raise BadText("host", host, "it is neither an IP address nor a host name")
    return name


def _spell_v6(host: str) -> str:
    number, percent, zone = host.partition("%")
    try:
        address = ipaddress.IPv6Address(number)
    except ValueError:
        raise BadText("host", host, "it is no IPv6 address") from None
    if percent and _ZONE(zone) is None:
        raise BadText("host", host, "a zone is the name or number of an interface, as in fe80::1%eth0")
    mapped = address.ipv4_mapped
    if mapped is not None and not percent:
        return str(mapped)
    return str(address) + percent + zone
