"""Records: what the network stores. Three kinds, their addresses, their binary forms and their signatures.

| kind | key | who may put | replaced by |
|---|---|---|---|
| 1 content | SHA-256 of the value | anybody | nothing: it is what it is |
| 2 owned | any, with the owner's public key | its owner | its owner's higher sequence |
| 3 open | a plain name | every owner one, under the same name | the same owner's higher sequence |

*Address* (where it is stored): SHA-256 of `mdht address 1`, a zero byte, kind u8, length of the key u16, key, and for
owned ones the owner. All numbers are big endian.

*Signature* (owned and open): Ed25519 with the context `mdht record 1` (see `keys`) over network (after its length, u8),
kind u8, key (after its length, u16), owner 32 bytes, sequence u64, expires u64, and SHA-256 of the value 32 bytes. A
tombstone, which deletes, has no value; in place of the hash it has 32 bytes 0xFF, which no value hashes to.

*Binary form*, on the wire and in the store:

| kind | form |
|---|---|
| content | u8 1, value |
| others | head, network, key, value |
| head | kind u8 (+ 128: tombstone), size of network u8, of key u16, owner 32, sequence u64, expires u64, signature 64 |

A content record's key is computed, never sent, so it cannot be wrong; whoever asked for an address checks the record
against that: `verify(..., asked=address)`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from struct import Struct
from typing import Final, Literal

from .. import limits
from ..errors import (
    BadRecord,
    BadText,
    Expired,
    FarFuture,
    Malformed,
    NotAskedFor,
    OtherKind,
    OtherNetwork,
    Oversized,
    TooLarge,
)
from .identity import Identity
from .keys import verify
from .names import check_network

CONTEXT: Final = "mdht record 1"
"""What a signature of a record begins with."""

TOMBSTONE_HASH: Final = b"\xff" * limits.HASH_BYTES
"""Stands for the hash of a value where there is none. It is the greatest, so at equal sequences deletion wins."""

_TOMBSTONE: Final = 0x80
_HEAD: Final = Struct(">BBH32sQQ64s")
_KIND_KEY: Final = Struct(">BH").pack
_TAIL: Final = Struct(">32sQQ32s").pack
_ADDRESS: Final = b"mdht address 1\0"
assert _HEAD.size == limits.RECORD_HEAD_BYTES


class Kind(enum.IntEnum):
    """What a record is, and so who may replace it."""

    CONTENT = 1
    OWNED = 2
    OPEN = 3


def content_key(value: bytes) -> bytes:
    """The key of a content record, 32 bytes."""
    return sha256(value).digest()


def address_of(kind: Kind, key: bytes, owner: bytes = b"") -> bytes:
    """Where records of that kind and key are stored, 32 bytes; only for owned ones does `owner` (a public key) matter.

    Raises BadRecord where an owned one has no owner of 32 bytes.
    """
    if kind == Kind.OWNED:
        if len(owner) != limits.PUBLIC_KEY_BYTES:
            raise BadRecord("owner", f"an owned record needs its owner's public key, {limits.PUBLIC_KEY_BYTES} bytes")
        return sha256(_ADDRESS + _KIND_KEY(kind, len(key)) + key + owner).digest()
    return sha256(_ADDRESS + _KIND_KEY(kind, len(key)) + key).digest()


@dataclass(frozen=True)
class Content:
    """A content record: a value, found by its hash. No signature, and no expiry of its own (storers give a lease)."""

    value: bytes

    @property
    def kind(self) -> Literal[Kind.CONTENT]:
        return Kind.CONTENT

    @cached_property
    def key(self) -> bytes:
        """SHA-256 of the value."""
        return sha256(self.value).digest()

    @cached_property
    def address(self) -> bytes:
        """Where it is stored, 32 bytes."""
        return sha256(_CONTENT_ADDRESS + self.key).digest()

    @classmethod
    def make(cls, value: bytes) -> Content:
        """The record of that value. Raises TooLarge."""
        if len(value) > limits.VALUE_BYTES:
            raise TooLarge("value", len(value), limits.VALUE_BYTES)
        return cls(value)

    def verify(self, network: str, now_s: float, asked: bytes | None = None) -> None:
        """Check its size, and that it is what was `asked` for (an address). Network and time do not matter to it.

        Raises Oversized or NotAskedFor.
        """
        if len(self.value) > limits.VALUE_BYTES:
            raise Oversized("value", len(self.value), limits.VALUE_BYTES)
        if asked is not None and self.address != asked:
            raise NotAskedFor(asked, self.address)

    def pack(self) -> bytes:
        """The binary form."""
        return b"\x01" + self.value


_CONTENT_ADDRESS: Final = _ADDRESS + _KIND_KEY(Kind.CONTENT, limits.HASH_BYTES)


@dataclass(frozen=True)
class Signed:
    """An owned or open record, or the tombstone of one. `sign` makes one, `unpack` reads one; only `verify` verifies.

    `owner` is a public key (32 bytes); `value` is None in a tombstone; `sequence` is 1 or more; `expires_s` is in
    seconds since 1970 UTC.
    """

    kind: Kind
    network: str
    key: bytes
    owner: bytes
    value: bytes | None
    sequence: int
    expires_s: int
    signature: bytes = b""

    @cached_property
    def address(self) -> bytes:
        """Where it is stored, 32 bytes."""
        return address_of(self.kind, self.key, self.owner)

    @property
    def is_tombstone(self) -> bool:
        """Whether it says that its owner deleted what was there."""
        return self.value is None

    @cached_property
    def value_hash(self) -> bytes:
        """SHA-256 of the value, or `TOMBSTONE_HASH`."""
        return TOMBSTONE_HASH if self.value is None else sha256(self.value).digest()

    @classmethod
    def sign(
        cls,
        identity: Identity,
        network: str,
        kind: Kind,
        key: bytes,
        value: bytes | None,
        *,
        sequence: int,
        expires_s: int,
        now_s: float,
        unsigned: bool = False,
    ) -> Signed:
        """A record of `identity`, valid until `expires_s`, at most `EXPIRES_S` after `now_s`; value None deletes.

        `unsigned` leaves the signature out: to see whether it could be made.

        Raises BadText (network), BadRecord (kind, sequence, expiry) or TooLarge: whatever any peer would refuse.
        """
        check_network(network)
        if kind not in (Kind.OWNED, Kind.OPEN):
            raise BadRecord("kind", "only owned and open records are signed; use Content.make")
        if not 0 < sequence <= limits.NUMBER_MAX:
            raise BadRecord("sequence", f"{sequence} is not 1 to {limits.NUMBER_MAX}")
        if not now_s < expires_s <= now_s + limits.EXPIRES_S:
            raise BadRecord("expiry", f"it must be within {limits.EXPIRES_S} s from now, not {expires_s - now_s:.0f}")
        if len(key) > limits.KEY_BYTES:
            raise TooLarge("key", len(key), limits.KEY_BYTES)
        if value is not None and len(value) > limits.VALUE_BYTES:
            raise TooLarge("value", len(value), limits.VALUE_BYTES)
        bare = cls(kind, network, key, identity.public, value, sequence, expires_s)
        if unsigned:
            return bare
        signature = identity.sign(CONTEXT, bare._signed_bytes())
        return cls(kind, network, key, identity.public, value, sequence, expires_s, signature)

    def verify(self, network: str, now_s: float, asked: bytes | None = None) -> None:
        """Check everything: that it is what was `asked` for (an address), sizes, kind, times, and last the signature.

        Raises NotAskedFor, OtherKind, OtherNetwork, Oversized, Expired, FarFuture or BadSignature. 45 µs.
        """
        if self.kind == Kind.CONTENT:
            raise OtherKind(self.kind, "a content record is not signed")
        _check_sizes(len(self.key), 0 if self.value is None else len(self.value))
        if self.network != network:
            raise OtherNetwork(self.network, network)
        if asked is not None and self.address != asked:
            raise NotAskedFor(asked, self.address)
        if self.expires_s <= now_s:
            raise Expired(self.expires_s, now_s)
        latest_s = now_s + limits.EXPIRES_S + limits.EXPIRES_SLACK_S
        if self.expires_s > latest_s:
            raise FarFuture(self.expires_s, latest_s)
        verify(self.owner, CONTEXT, self._signed_bytes(), self.signature)

    def pack(self) -> bytes:
        """The binary form."""
        network = self.network.encode("ascii")
        form, value = (self.kind | _TOMBSTONE, b"") if self.value is None else (int(self.kind), self.value)
        head = _HEAD.pack(form, len(network), len(self.key), self.owner, self.sequence, self.expires_s, self.signature)
        return b"".join((head, network, self.key, value))

    def _signed_bytes(self) -> bytes:
        network = self.network.encode("ascii")
        return b"".join(
            (
                bytes((len(network),)),
                network,
                _KIND_KEY(self.kind, len(self.key)),
                self.key,
                _TAIL(self.owner, self.sequence, self.expires_s, self.value_hash),
            )
        )


Record = Content | Signed


def unpack(data: bytes | memoryview) -> Record:
    """The record of that binary form, not verified. Raises Malformed, OtherKind or Oversized.

    A form whose kind is not known here, from a newer version, is OtherKind. `data` is not kept.
    """
    if not data:
        raise Malformed("record", "it is empty")
    form = data[0]
    if form == Kind.CONTENT:
        if len(data) - 1 > limits.VALUE_BYTES:
            raise Oversized("value", len(data) - 1, limits.VALUE_BYTES)
        return Content(bytes(data[1:]))
    kind = _SIGNED_KINDS.get(form & ~_TOMBSTONE)
    if kind is None:
        raise OtherKind(form, "not known here; drop it, or upgrade this node")
    return _unpack_signed(bytes(data), kind, form >= _TOMBSTONE)


def address_in(data: bytes) -> bytes:
    """The address of the record of that binary form, 32 bytes. Raises as `unpack`."""
    if data and data[0] == Kind.CONTENT:
        return sha256(_CONTENT_ADDRESS + sha256(data[1:]).digest()).digest()
    return unpack(data).address


_SIGNED_KINDS: Final = {int(kind): kind for kind in (Kind.OWNED, Kind.OPEN)}


def _unpack_signed(data: bytes, kind: Kind, tombstone: bool) -> Signed:
    size = len(data)
    if size < _HEAD.size:
        raise Malformed("record", f"{size} bytes, where its head alone has {_HEAD.size}")
    _, network_size, key_size, owner, sequence, expires_s, signature = _HEAD.unpack_from(data)
    key_at = _HEAD.size + network_size
    value_at = key_at + key_size
    if size < value_at:
        raise Malformed("record", f"{size} bytes, where its network and key end after {value_at}")
    _check_sizes(key_size, size - value_at)
    if tombstone and size != value_at:
        raise Malformed("record", "a tombstone has no value")
    if not 0 < sequence <= limits.NUMBER_MAX or expires_s > limits.NUMBER_MAX:
        raise Malformed("record", f"sequence {sequence}, expiry {expires_s}: each is at most {limits.NUMBER_MAX}")
    try:
        network = check_network(str(data[_HEAD.size : key_at], "ascii"))
    except (BadText, UnicodeDecodeError):
        raise Malformed("record", "its network has no name that a network can have") from None
    value = None if tombstone else data[value_at:]
    return Signed(kind, network, data[key_at:value_at], owner, value, sequence, expires_s, signature)


def _check_sizes(key_bytes: int, value_bytes: int) -> None:
    if key_bytes > limits.KEY_BYTES:
        raise Oversized("key", key_bytes, limits.KEY_BYTES)
    if value_bytes > limits.VALUE_BYTES:
        raise Oversized("value", value_bytes, limits.VALUE_BYTES)
