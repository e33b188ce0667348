"""Valid traffic to be changed: one of everything that a peer sends, always the same."""

from __future__ import annotations

import random
from typing import Any, Final

import msgspec

from mdht.codec import (
    Claim,
    Closest,
    Error,
    Find,
    Found,
    Get,
    GetAll,
    Goodbye,
    Message,
    Moving,
    Ping,
    Pong,
    Put,
    Stored,
    StreamClose,
    StreamCredit,
    StreamData,
    StreamOpen,
    StreamOpened,
    StreamReset,
    encoding,
)
from mdht.model import Address, Content, Kind, PeerRecord, Signed
from mdht.session import Role

from ..codec.making import SAMPLES
from ..session.hands import Hands, answerer, dialler
from ..session.pair import ALICE, BOB, MALLORY, NETWORK, WALL_S

EXPIRES_S: Final = int(WALL_S) + 3600
SECRET: Final = b"s" * 32


def _signed(kind: Kind, value: bytes | None, sequence: int = 1) -> Signed:
    return Signed.sign(MALLORY, NETWORK, kind, b"key", value, sequence=sequence, expires_s=EXPIRES_S, now_s=WALL_S)


RECORDS: Final = [
    record.pack()
    for record in (
        Content.make(b""),
        Content.make(b"value"),
        _signed(Kind.OWNED, b"value"),
        _signed(Kind.OPEN, b"v" * 300, 7),
        _signed(Kind.OWNED, None, 2),
    )
]
"""In their binary form."""

PEERS: Final = [
    PeerRecord.sign(who, NETWORK, sequence=1, expires_s=EXPIRES_S, now_s=WALL_S, **more).pack()
    for who, more in (
        (ALICE, {}),
        (
            BOB,
            dict[str, Any](
                addresses=[Address("tcp", "192.0.2.1", 7000), Address("tcp", "2001:db8::1", 1, "interface")],
                capabilities=["relay", "store"],
                attributes={"agent": b"test", "name": b"bob"},
            ),
        ),
    )
]

_MESSAGES: Final[list[Message]] = [
    *SAMPLES.values(),
    *[Put(odd, record) for odd, record in zip((21, 23, 25, 27, 29), RECORDS, strict=True)],
    Closest(7, PEERS),
]
MESSAGES: Final = {name: [encoding(name).encode(message) for message in _MESSAGES] for name in ("msgpack", "json")}
"""One of each and some more, by the name of their encoding."""

PLAIN: Final[dict[str, Any]] = {"msgpack": msgspec.msgpack.encode, "json": msgspec.json.encode}
"""Encoders of any value."""


def _hands(secret: bytes) -> list[tuple[Role, bytes]]:
    frames = Hands(dialler(BOB.id, secret=secret), answerer(secret=secret)).run().frames
    return [(Role.ANSWER if name == "a" else Role.DIAL, frame) for name, frame in frames]


HANDSHAKES: Final = {secret: _hands(secret) for secret in (b"", SECRET)}
"""PING, PONG, PROOF and two times ACCEPT, each with who gets it; in a public and in a private network."""


def message(draw: random.Random) -> Message:
    """One that decodes, of any kind and with numbers that clash: what is wrong with it is when it comes."""
    number = draw.randrange(1, 40)
    odd = number | 1 if draw.random() < 0.8 else number
    size = draw.choice((0, 1, 1000, 262_144, 1 << 22))
    record, target = draw.choice(RECORDS), draw.randbytes(32)
    return draw.choice(_ANY)(odd, number, size, record, target)


_ANY: Final[list[Any]] = [
    lambda odd, number, size, record, target: Ping(odd, size),
    lambda odd, number, size, record, target: Get(odd, target, number % 21),
    lambda odd, number, size, record, target: GetAll(odd, target, number % 64),
    lambda odd, number, size, record, target: Find(odd, target, number % 21),
    lambda odd, number, size, record, target: Put(odd, record, number % 3 or None, size),
    lambda odd, number, size, record, target: StreamOpen(odd, number % 4, target, size),
    lambda odd, number, size, record, target: StreamOpen(odd, 1, target, 1000),
    lambda odd, number, size, record, target: StreamData(odd, target * 500),
    lambda odd, number, size, record, target: StreamCredit(odd, size),
    lambda odd, number, size, record, target: StreamClose(odd),
    lambda odd, number, size, record, target: StreamReset(odd, number, "no more"),
    lambda odd, number, size, record, target: Pong(number, size),
    lambda odd, number, size, record, target: Found(number, record),
    lambda odd, number, size, record, target: Closest(number, PEERS),
    lambda odd, number, size, record, target: Stored(number, number % 5, number, 60),
    lambda odd, number, size, record, target: StreamOpened(number, size),
    lambda odd, number, size, record, target: Error(number, number, "no"),
    lambda odd, number, size, record, target: Moving(1000),
    lambda odd, number, size, record, target: Claim(PEERS[0]),
    lambda odd, number, size, record, target: Goodbye(number) if number % 10 == 0 else Ping(odd, 0),
]
