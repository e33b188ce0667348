"""What the tests of `model` and `codec` make their values from: fixed keys, a fixed time, strategies."""

from __future__ import annotations

import json
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from mdht import limits
from mdht.model import Address, Identity, Kind, PeerRecord, Signed

NOW_S = 1_800_000_000.0
"""2027-01-15, and no clock is read."""

NETWORK = "test.net"
ALICE = Identity.from_seed(bytes(range(32)))
BOB = Identity.from_seed(bytes(range(1, 33)))
CAROL = Identity.from_seed(bytes(range(2, 34)))

VECTORS = Path(__file__).parents[2] / "vectors"

relaxed = settings(deadline=None, max_examples=100)
"""For properties: signatures take as long as the machine lets them."""


def vectors(name: str) -> Any:
    """The content of `tests/vectors/<name>.json`."""
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


def signed(
    identity: Identity = ALICE,
    *,
    kind: Kind = Kind.OWNED,
    network: str = NETWORK,
    key: bytes = b"key",
    value: bytes | None = b"value",
    sequence: int = 1,
    expires_s: int = int(NOW_S) + 3600,
) -> Signed:
    """A valid signed record."""
    return Signed.sign(
        identity, network, kind, key, value, sequence=sequence, expires_s=expires_s, now_s=expires_s - 3600
    )


def peer(
    identity: Identity = ALICE, *, sequence: int = 1, expires_s: int = int(NOW_S) + 3600, port: int = 7000
) -> PeerRecord:
    """A valid peer record."""
    return PeerRecord.sign(
        identity,
        NETWORK,
        sequence=sequence,
        expires_s=expires_s,
        now_s=expires_s - 3600,
        addresses=[Address("tcp", "192.0.2.1", port), Address("tcp", "2001:db8::1", port, "interface")],
        capabilities=["store", "relay"],
        attributes={"name": b"alice", "agent": b"test"},
    )


networks = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
tokens = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,31}", fullmatch=True)
seeds = st.binary(min_size=32, max_size=32)
ids = st.binary(min_size=32, max_size=32)
numbers = st.integers(1, limits.NUMBER_MAX)
lifetimes_s = st.integers(1, limits.EXPIRES_S)
hosts = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.integers(1 << 64, (1 << 128) - 1).map(lambda number: str(IPv6Address(number))),
    st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z](\.[a-z]{2,8}){0,2}", fullmatch=True),
)
addresses = st.builds(Address, tokens, hosts, st.integers(1, 65_535), tokens)


@st.composite
def signed_records(draw: st.DrawFn) -> Signed:
    """Valid signed records of any kind, tombstones among them."""
    return Signed.sign(
        Identity.from_seed(draw(seeds)),
        NETWORK,
        draw(st.sampled_from([Kind.OWNED, Kind.OPEN])),
        draw(st.binary(max_size=64)),
        draw(st.none() | st.binary(max_size=200)),
        sequence=draw(numbers),
        expires_s=int(NOW_S) + draw(lifetimes_s),
        now_s=NOW_S,
    )


@st.composite
def peer_records(draw: st.DrawFn) -> PeerRecord:
    """Valid peer records."""
    return PeerRecord.sign(
        Identity.from_seed(draw(seeds)),
        NETWORK,
        sequence=draw(numbers),
        expires_s=int(NOW_S) + draw(lifetimes_s),
        now_s=NOW_S,
        addresses=draw(st.lists(addresses, max_size=3)),
        capabilities=draw(st.lists(tokens, max_size=4)),
        attributes=draw(st.dictionaries(tokens, st.binary(max_size=40), max_size=3)),
    )


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with a few bits, bytes or stretches changed, cut, repeated or put in."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(out)))
        match draw(st.integers(0, 3)):
            case 0 if at < len(out):
                out[at] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del out[at : at + draw(st.integers(1, 8))]
            case 2:
                out[at:at] = draw(st.binary(min_size=1, max_size=8))
            case _:
                out[at:at] = out[: draw(st.integers(0, 40))]
    return bytes(out)
