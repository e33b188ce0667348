"""One stored record with what its storer knows of it, and the binary form in which stores keep it.

*Slot*, the key under which it is kept: the record's address, and for open records, of which one address has several,
the owner's public key after it. So 32 or 64 bytes; all slots of an address lie side by side.

*Form*, version 1, big-endian: u8 version, u64 first seen (milliseconds), u64 until (seconds), putting peer 32 bytes
(zeros: nobody to be charged), u8 size of subnet, subnet, and the record's own binary form (`model.record`).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, error
from typing import Final

import msgspec

from ..errors import Malformed
from ..limits import HASH_BYTES
from ..model.record import Kind, Record, Signed, unpack

FORM: Final = 1

NOBODY: Final = bytes(HASH_BYTES)
"""The putting peer of what the node's own user put: it is not charged."""

OVERHEAD_BYTES: Final = 256
"""Counted for each record beside its own size: head, slot, index entries and the halves of pages that stay empty."""

SUBNET_BYTES: Final = 255
"""Longest name of a subnet."""

_HEAD: Final = Struct(">BQQ32sB")


@dataclass(frozen=True, slots=True)
class Putter:
    """Who is charged for a put: the peer that it came from, and that peer's subnet as text (`routing.subnet_of`)."""

    peer: bytes
    subnet: str = ""
    """Empty: not charged."""

    def __post_init__(self) -> None:
        """Raises ValueError for an id that is not 32 bytes, or a subnet of more than 255."""
        if len(self.peer) != HASH_BYTES:
            raise ValueError(f"a peer id is {HASH_BYTES} bytes, not {len(self.peer)}")
        if len(self.subnet.encode()) > SUBNET_BYTES:
            raise ValueError(f"a subnet's name has at most {SUBNET_BYTES} bytes, not {len(self.subnet.encode())}")


class Held(msgspec.Struct, frozen=True, gc=False):
    """A record as a store holds it. Immutable; `packed` can be sent as it is.

    It holds nothing that could hold it, so the garbage collector need not look at it: a store in memory has as many of
    them as records, and every full pass would visit all.
    """

    packed: bytes
    """The record's binary form."""
    until_s: int
    """When it is forgotten, seconds since 1970 UTC."""
    first_seen_ms: int
    """When this store first saw this owner there (or this content), milliseconds since 1970 UTC."""
    putter: bytes = NOBODY
    """Id of the peer that is charged, or `NOBODY`."""
    subnet: str = ""

    @property
    def record(self) -> Record:
        """The record; taken apart each time, about 2 µs. Raises Malformed or OtherKind if the store is damaged."""
        return unpack(self.packed)

    @property
    def cost_bytes(self) -> int:
        """What it counts for in quotas and in the store's size."""
        return len(self.packed) + OVERHEAD_BYTES

    def encode(self) -> bytes:
        """The form in which a store keeps it."""
        subnet = self.subnet.encode()
        head = _HEAD.pack(FORM, self.first_seen_ms, self.until_s, self.putter, len(subnet))
        return b"".join((head, subnet, self.packed))


def decode(data: bytes | memoryview) -> Held:
    """The entry of that form; the record in it is not looked at. Raises Malformed."""
    try:
        form, first_seen_ms, until_s, putter, subnet_size = _HEAD.unpack_from(data)
        if form != FORM:
            raise Malformed("entry", f"its form is {form}, not {FORM}")
        at = _HEAD.size + subnet_size
        if len(data) <= at:
            raise Malformed("entry", f"{len(data)} bytes, where its record begins after {at}")
        subnet = str(data[_HEAD.size : at], "utf-8") if subnet_size else ""
    except (error, UnicodeDecodeError) as reason:
        raise Malformed("entry", str(reason)) from None
    return Held(bytes(data[at:]), until_s, first_seen_ms, putter, subnet)


def slot_of(record: Record) -> bytes:
    """Under which key a store keeps it, 32 or 64 bytes."""
    if isinstance(record, Signed) and record.kind == Kind.OPEN:
        return record.address + record.owner
    return record.address


def owner_of(record: Record) -> bytes:
    """Its owner's public key; empty for content."""
    return record.owner if isinstance(record, Signed) else b""


def first_of_name(held: list[Held]) -> Held | None:
    """Of an open name's records, the one first seen that is not deleted, else the one first seen."""
    for one in held:
        record = one.record
        if not (isinstance(record, Signed) and record.is_tombstone):
            return one
    return held[0] if held else None
