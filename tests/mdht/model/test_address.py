from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import BadText
from mdht.model import Address, Seed, parse_address, parse_seed
from mdht.model.address import CONFIGURED, SEED

from .making import ALICE, addresses

ID = ALICE.id.hex()


@pytest.mark.parametrize(
    ("text", "kind", "host", "port"),
    [
        ("example.org:7000", "tcp", "example.org", 7000),
        ("Example.ORG:7000", "tcp", "example.org", 7000),
        ("192.0.2.1:1", "tcp", "192.0.2.1", 1),
        ("[::1]:65535", "tcp", "::1", 65_535),
        ("[2001:DB8:0:0::1]:80", "tcp", "2001:db8::1", 80),
        ("[::ffff:192.0.2.1]:80", "tcp", "192.0.2.1", 80),
        ("[fe80::1%eth0]:80", "tcp", "fe80::1%eth0", 80),
        ("memory://node_1:7", "memory", "node_1", 7),
        ("quic://[::1]:7", "quic", "::1", 7),
        ("localhost:07", "tcp", "localhost", 7),
    ],
)
def test_parse(text: str, kind: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(kind, host, port, CONFIGURED)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs a port"),
        ("example.org", "needs a port"),
        ("example.org:", "needs a port"),
        ("example.org:http", "no port"),
        ("example.org:+1", "no port"),
        ("example.org:٣", "no port"),
        ("example.org:0", "1 to 65535"),
        ("example.org:65536", "1 to 65535"),
        (":7000", "1 to 253"),
        ("::1:7000", "in brackets: [::1]:7000"),
        ("[::1]", "needs a port"),
        ("[::1:7000", "brackets"),
        ("[example.org]:7000", "only IPv6"),
        ("[::g]:7000", "no IPv6"),
        ("[::1%]:7000", "zone"),
        ("[::1%a b]:7000", "zone"),
        ("256.0.0.1:7000", "no IPv4"),
        ("127.1:7000", "no IPv4"),
        ("01.2.3.4:7000", "no IPv4"),
        ("a..b:7000", "nor a host name"),
        ("-a:7000", "nor a host name"),
        ("a b:7000", "nor a host name"),
        ("a/b:7000", "nor a host name"),
        ("münchen:7000", "punycode"),
        ("x" * 254 + ":7000", "1 to 253"),
        ("x" * 64 + ":7000", "nor a host name"),
        ("TCP://a:1", "address kind"),
        ("://a:1", "address kind"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(BadText) as caught:
        parse_address(text)
    assert says in str(caught.value)


@given(addresses)
def test_text_round_trip(address: Address) -> None:
    assert parse_address(str(address), address.source) == address
    seed = Seed(ALICE.id, dataclasses.replace(address, source=SEED))
    assert parse_seed(str(seed)) == seed


@given(st.text(max_size=40))
def test_any_other_text_is_refused_by_name(text: str) -> None:
    try:
        parse_seed(text)
    except BadText as exc:
        assert exc.what in str(exc)


def test_an_address_has_one_spelling() -> None:
    for host in ("Example.org", "::0001", "::ffff:192.0.2.1"):
        with pytest.raises(BadText, match="spelled"):
            Address("tcp", host, 1)


def test_seeds() -> None:
    with_id = parse_seed(f" {ID}@[::1]:7000\n")
    assert with_id == Seed(ALICE.id, Address("tcp", "::1", 7000, SEED))
    assert str(with_id) == f"{ID}@[::1]:7000"
    assert parse_seed("memory://a:1") == Seed(None, Address("memory", "a", 1, SEED))
    assert parse_seed(f"{ID}@memory://a:1").peer == ALICE.id


@pytest.mark.parametrize("text", ["@a:1", "1234@a:1", f"{ID}@", f"{ID}@a", f"{ID}@{ID}@a:1"])
def test_bad_seeds(text: str) -> None:
    with pytest.raises(BadText):
        parse_seed(text)
