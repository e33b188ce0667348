"""The fixed binary form of the handshake's frames, whatever encoding is chosen for later.

All numbers are unsigned and big-endian. A `name` is a length (u8) and as many bytes of ASCII.

| frame | fields, in this order |
|---|---|
| PING | kind u8 = 1, *hello*, *mac* |
| PONG | kind u8 = 2, *hello*, encoding chosen (name), signature (64), *mac* |
| PROOF | kind u8 = 3, signature (64), *mac* |
| ACCEPT | kind u8 = 4 |
| REFUSE | kind u8 = 5, reason (u8 length, UTF-8) |

*hello*: version u16, network (name), id (32), signed peer record (u16 length, bytes), capabilities (u8 count, names,
ascending), encodings (u8 count, names, the best first), time (u64, milliseconds since 1970), challenge (32).

*mac*: u8 = 0, or u8 = 1 and 32 bytes.

PROOF is the second pong of ping – pong – pong. It is answered by ACCEPT or REFUSE, which prove nothing. These forms are
the same in all versions of the protocol: the lower version of the two hellos is spoken afterwards.

One content has one form: what is parsed and packed again gives the same bytes, so a hash over a frame is a hash over
its meaning. Every length is checked against its limit, and against what is there, before anything is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ..errors import BadText, Malformed
from ..limits import (
    CAPABILITIES,
    CHALLENGE_BYTES,
    HANDSHAKE_FRAME_BYTES,
    HASH_BYTES,
    PEER_RECORD_BYTES,
    SIGNATURE_BYTES,
    TEXT_CHARS,
)
from ..model.binary import Reader
from ..model.names import check_network, check_token
from .limits import ENCODINGS

MAC_BYTES: Final = 32
"""HMAC-SHA256."""


class Kind(IntEnum):
    """What a frame of the handshake is: its first byte."""

    PING = 1
    PONG = 2
    PROOF = 3
    ACCEPT = 4
    REFUSE = 5


@dataclass(frozen=True, slots=True)
class Hello:
    """What either side says of itself. Nothing in it is proven until its signature was verified."""

    version: int
    network: str
    peer: bytes
    record: bytes
    capabilities: tuple[str, ...]
    encodings: tuple[str, ...]
    time_ms: int
    challenge: bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """1, A → B. `mac` is empty in a public network."""

    hello: Hello
    mac: bytes = b""


@dataclass(frozen=True, slots=True)
class Pong:
    """2, B → A. `encoding` is the one chosen."""

    hello: Hello
    encoding: str
    signature: bytes
    mac: bytes = b""


@dataclass(frozen=True, slots=True)
class Proof:
    """3, A → B: the second pong."""

    signature: bytes
    mac: bytes = b""


@dataclass(frozen=True, slots=True)
class Accept:
    """B's node wants the link."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Either side does not want the link, for this reason."""

    reason: str


Frame = Ping | Pong | Proof | Accept | Refuse


# -- writing -----------------------------------------------------------------------------------------------------------


def pack(frame: Frame) -> bytes:
    """The bytes of a frame. Its fields are ours and were checked before: `HandshakeConfig.validate`."""
    match frame:
        case Ping(hello, mac):
            return ping_body(hello) + pack_mac(mac)
        case Pong(hello, encoding, signature, mac):
            return pong_body(hello, encoding) + signature + pack_mac(mac)
        case Proof(signature, mac):
            return proof_body() + signature + pack_mac(mac)
        case Accept():
            return bytes([Kind.ACCEPT])
        case Refuse(reason):
            text = reason.encode(errors="replace")[:_REASON_BYTES].decode(errors="ignore").encode()
            return bytes([Kind.REFUSE, len(text)]) + text


def ping_body(hello: Hello) -> bytes:
    """A PING up to its mac."""
    return bytes([Kind.PING]) + _pack_hello(hello)


def pong_body(hello: Hello, encoding: str) -> bytes:
    """A PONG up to its signature: what the signature is over."""
    return bytes([Kind.PONG]) + _pack_hello(hello) + _pack_name(encoding)


def proof_body() -> bytes:
    """A PROOF up to its signature: what the signature is over."""
    return bytes([Kind.PROOF])


def pack_mac(mac: bytes) -> bytes:
    """A mac with its flag, as it ends a frame."""
    return b"\1" + mac if mac else b"\0"


def _pack_hello(hello: Hello) -> bytes:
    return b"".join(
        (
            hello.version.to_bytes(2, "big"),
            _pack_name(hello.network),
            hello.peer,
            len(hello.record).to_bytes(2, "big"),
            hello.record,
            _pack_names(hello.capabilities),
            _pack_names(hello.encodings),
            hello.time_ms.to_bytes(8, "big"),
            hello.challenge,
        )
    )


def _pack_name(name: str) -> bytes:
    return bytes([len(name)]) + name.encode("ascii")


def _pack_names(names: tuple[str, ...]) -> bytes:
    return bytes([len(names)]) + b"".join(map(_pack_name, names))


# -- reading -----------------------------------------------------------------------------------------------------------


def parse_untrusted(data: bytes) -> Frame:
    """The frame in `data`. Raises `Malformed`."""
    reader = Reader(data, "handshake")
    if len(data) > HANDSHAKE_FRAME_BYTES:
        reader.fail(f"a frame of {len(data):,} bytes, where {HANDSHAKE_FRAME_BYTES:,} are allowed")
    try:
        frame = _frame(reader)
    except BadText as error:
        raise Malformed("handshake", str(error)) from None
    reader.end()
    return frame


def _frame(reader: Reader) -> Frame:
    kind = reader.u8()
    if kind == Kind.PING:
        return Ping(_hello(reader), _mac(reader))
    if kind == Kind.PONG:
        return Pong(_hello(reader), _token(reader, "encoding"), reader.take(SIGNATURE_BYTES), _mac(reader))
    if kind == Kind.PROOF:
        return Proof(reader.take(SIGNATURE_BYTES), _mac(reader))
    if kind == Kind.ACCEPT:
        return Accept()
    if kind == Kind.REFUSE:
        return Refuse(_reason(reader))
    reader.fail(f"a frame of unknown kind {kind}")


def without_mac(data: bytes, frame: Ping | Pong | Proof) -> bytes:
    """The bytes of a parsed frame up to its mac's flag: what the mac is over."""
    return data[: len(data) - 1 - len(frame.mac)]


def without_signature(data: bytes, frame: Pong | Proof) -> bytes:
    """The bytes of a parsed frame up to its signature: what the signature is over."""
    return data[: len(data) - 1 - len(frame.mac) - SIGNATURE_BYTES]


_REASON_BYTES: Final = min(TEXT_CHARS, 255)


def _token(reader: Reader, what: str) -> str:
    return check_token(reader.text(), what)


def _tokens(reader: Reader, most: int, what: str) -> tuple[str, ...]:
    count = reader.u8()
    if count > most:
        reader.fail(f"{count} times {what}, where {most} are allowed")
    names = tuple([_token(reader, what) for _ in range(count)])
    if len(set(names)) != count:
        reader.fail(f"the same {what} twice")
    return names


def _hello(reader: Reader) -> Hello:
    version = reader.u16()
    network = check_network(reader.text())
    peer = reader.take(HASH_BYTES)
    size = reader.u16()
    if size > PEER_RECORD_BYTES:
        reader.fail(f"a peer record of {size:,} bytes, where {PEER_RECORD_BYTES:,} are allowed")
    record = reader.take(size)
    capabilities = _tokens(reader, CAPABILITIES, "capability")
    if list(capabilities) != sorted(capabilities):
        reader.fail("capabilities are not in rising order")
    encodings = _tokens(reader, ENCODINGS, "encoding")
    return Hello(version, network, peer, record, capabilities, encodings, reader.u64(), reader.take(CHALLENGE_BYTES))


def _mac(reader: Reader) -> bytes:
    flag = reader.u8()
    if flag > 1:
        reader.fail("the flag of a mac is neither 0 nor 1")
    return reader.take(MAC_BYTES) if flag else b""


def _reason(reader: Reader) -> str:
    try:
        return reader.take(reader.u8()).decode()
    except UnicodeDecodeError:
        reader.fail("a reason is not UTF-8")
