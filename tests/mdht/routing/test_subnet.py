"""Subnets of hosts."""

from __future__ import annotations

import pytest

from mdht.routing import is_local, subnet_of


@pytest.mark.parametrize(
    ("host", "subnet"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("Node.Example.ORG", "node.example.org"),
        ("", ""),
        ("1.2.3", "1.2.3"),
    ],
)
def test_subnet(host: str, subnet: str) -> None:
    assert subnet_of(host) == subnet


def test_other_lengths() -> None:
    assert subnet_of("192.0.2.77", ipv4_bits=16) == "192.0.0.0/16"
    assert subnet_of("2001:db8:1:2ff::1", ipv6_bits=56) == "2001:db8:1:200::/56"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.31.0.1", True),
        ("172.32.0.1", False),
        ("192.168.1.1", True),
        ("::1", True),
        ("fd00::1", True),
        ("fe80::1%eth0", True),
        ("::ffff:10.0.0.1", True),
        ("8.8.8.8", False),
        ("2001:db8::1", False),
        ("LOCALHOST", True),
        ("example.org", False),
    ],
)
def test_local(host: str, local: bool) -> None:
    assert is_local(host) is local
