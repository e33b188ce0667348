"""What a peer says of itself: addresses, capabilities and an open set of attributes, signed, numbered and expiring.

The binary form, numbers big endian. `text` is ASCII after its length of one byte, a list comes after its count of one
byte:

| part | form |
|---|---|
| form | u8, 1 |
| network | text |
| public key | 32 bytes |
| sequence | u64, 1 to 2⁶³ - 1 |
| expires | u64, seconds since 1970 UTC |
| addresses | kind text, host text, port u16, source text; the preferred first |
| capabilities | text; in rising order |
| attributes | name text, value after its length as u16; in rising order of names |
| signature | 64 bytes, over the context `mdht peer 1` and everything before (see `keys`) |

The order is as in Ethereum's node records (EIP-778), the purpose as of libp2p's signed envelopes (RFC 0002 and 0003
there): an address is believed because its peer signed it, whoever passed it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct
from typing import Final

from .. import limits
from ..errors import BadRecord, BadText, Expired, FarFuture, Malformed, OtherNetwork, Oversized, TooLarge
from .address import Address
from .binary import Reader, text8
from .identity import Identity, peer_id, short_id
from .keys import verify
from .names import check_network, check_token

CONTEXT: Final = "mdht peer 1"
"""What a signature of a peer record begins with."""

_FORM: Final = 1
_NUMBERS: Final = Struct(">32sQQ").pack
_U16: Final = Struct(">H").pack


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """A signed peer record. `sign` makes one, `unpack` reads one; neither the latter nor the constructor verifies it.

    `public` is the public key (32 bytes), `sequence` rises with every change, `expires_s` is in seconds since 1970 UTC;
    `capabilities` and the names of `attributes` are in rising order.
    """

    network: str
    public: bytes
    sequence: int
    expires_s: int
    addresses: tuple[Address, ...] = ()
    capabilities: tuple[str, ...] = ()
    attributes: tuple[tuple[str, bytes], ...] = ()
    signature: bytes = b""

    @property
    def id(self) -> bytes:
        """The peer's id, 32 bytes."""
        return peer_id(self.public)

    def attribute(self, name: str) -> bytes | None:
        """The value of an attribute, or None."""
        for own, value in self.attributes:
            if own == name:
                return value
        return None

    @classmethod
    def sign(
        cls,
        identity: Identity,
        network: str,
        *,
        sequence: int,
        expires_s: int,
        now_s: float,
        addresses: Iterable[Address] = (),
        capabilities: Iterable[str] = (),
        attributes: Mapping[str, bytes] | None = None,
    ) -> PeerRecord:
        """The record of `identity`, valid until `expires_s`, at most `limits.EXPIRES_S` after `now_s`.

        Raises BadText (a name), BadRecord (a number, a count) or TooLarge: whatever any peer would refuse.
        """
        unsigned = cls(
            check_network(network),
            identity.public,
            sequence,
            expires_s,
            tuple(dict.fromkeys(addresses)),
            tuple(sorted({check_token(name, "capability") for name in capabilities})),
            tuple(sorted((check_token(name, "attribute"), value) for name, value in (attributes or {}).items())),
        )
        if not 0 < sequence <= limits.NUMBER_MAX:
            raise BadRecord("sequence", f"{sequence} is not 1 to {limits.NUMBER_MAX}")
        if not now_s < expires_s <= now_s + limits.EXPIRES_S:
            raise BadRecord("expiry", f"it must be within {limits.EXPIRES_S} s from now, not {expires_s - now_s:.0f}")
        for what, items, most in (
            ("addresses", unsigned.addresses, limits.PEER_ADDRESSES),
            ("capabilities", unsigned.capabilities, limits.CAPABILITIES),
            ("attributes", unsigned.attributes, limits.ATTRIBUTES),
        ):
            if len(items) > most:
                raise BadRecord(what, f"{len(items)} of them, where {most} are allowed")
        for name, value in unsigned.attributes:
            if len(value) > limits.ATTRIBUTE_BYTES:
                raise TooLarge(f"attribute {name}", len(value), limits.ATTRIBUTE_BYTES)
        body = unsigned._body()
        if len(body) + limits.SIGNATURE_BYTES > limits.PEER_RECORD_BYTES:
            raise TooLarge("peer record", len(body) + limits.SIGNATURE_BYTES, limits.PEER_RECORD_BYTES)
        return cls(*unsigned._fields(), identity.sign(CONTEXT, body))

    def verify(self, network: str, now_s: float) -> None:
        """Check everything: network, times, and last the signature (40 µs).

        Raises OtherNetwork, Expired, FarFuture or BadSignature.
        """
        if self.network != network:
            raise OtherNetwork(self.network, network)
        if self.expires_s <= now_s:
            raise Expired(self.expires_s, now_s)
        latest_s = now_s + limits.EXPIRES_S + limits.EXPIRES_SLACK_S
        if self.expires_s > latest_s:
            raise FarFuture(self.expires_s, latest_s)
        verify(self.public, CONTEXT, self._body(), self.signature)

    def supersedes(self, other: PeerRecord) -> bool:
        """Whether this one, of the same peer, is to replace `other`: the higher sequence; at equal ones the later
        expiry, then the greater signed bytes, so that all peers keep the same.
        """
        if self.sequence != other.sequence:
            return self.sequence > other.sequence
        if self.expires_s != other.expires_s:
            return self.expires_s > other.expires_s
        return self._body() > other._body()

    def pack(self) -> bytes:
        """The binary form."""
        return self._body() + self.signature

    @classmethod
    def unpack(cls, data: bytes | memoryview) -> PeerRecord:
        """The record of that binary form, not verified. Raises Malformed or Oversized."""
        if len(data) > limits.PEER_RECORD_BYTES:
            raise Oversized("peer record", len(data), limits.PEER_RECORD_BYTES)
        reader = Reader(bytes(data), "peer record")
        if (form := reader.u8()) != _FORM:
            reader.fail(f"form {form}, where {_FORM} is known here")
        try:
            record = cls(
                check_network(reader.text()),
                reader.take(limits.PUBLIC_KEY_BYTES),
                reader.u64(),
                reader.u64(),
                tuple([_read_address(reader) for _ in range(_count(reader, limits.PEER_ADDRESSES))]),
                tuple([check_token(reader.text(), "capability") for _ in range(_count(reader, limits.CAPABILITIES))]),
                tuple([_read_attribute(reader) for _ in range(_count(reader, limits.ATTRIBUTES))]),
                reader.take(limits.SIGNATURE_BYTES),
            )
        except BadText as exc:
            raise Malformed("peer record", str(exc)) from None
        reader.end()
        if record.sequence == 0:
            reader.fail("sequences begin at 1")
        if not _rising(record.capabilities) or not _rising([name for name, _ in record.attributes]):
            reader.fail("names are not in rising order")
        if len(set(record.addresses)) != len(record.addresses):
            reader.fail("an address comes twice")
        return record

    def _fields(
        self,
    ) -> tuple[str, bytes, int, int, tuple[Address, ...], tuple[str, ...], tuple[tuple[str, bytes], ...]]:
        return (
            self.network,
            self.public,
            self.sequence,
            self.expires_s,
            self.addresses,
            self.capabilities,
            self.attributes,
        )

    def _body(self) -> bytes:
        """Everything but the signature."""
        parts = [bytes((_FORM,)), text8(self.network), _NUMBERS(self.public, self.sequence, self.expires_s)]
        parts.append(bytes((len(self.addresses),)))
        for address in self.addresses:
            parts += (text8(address.kind), text8(address.host), _U16(address.port), text8(address.source))
        parts.append(bytes((len(self.capabilities),)))
        parts += map(text8, self.capabilities)
        parts.append(bytes((len(self.attributes),)))
        for name, value in self.attributes:
            parts += (text8(name), _U16(len(value)), value)
        return b"".join(parts)

    def __str__(self) -> str:
        where = ", ".join(map(str, self.addresses)) or "no address"
        return f"peer {short_id(self.id)} at {where}"


def _count(reader: Reader, most: int) -> int:
    count = reader.u8()
    if count > most:
        reader.fail(f"a list of {count}, where {most} are allowed")
    return count


def _read_address(reader: Reader) -> Address:
    return Address(reader.text(), reader.text(), reader.u16(), reader.text())


def _read_attribute(reader: Reader) -> tuple[str, bytes]:
    name = check_token(reader.text(), "attribute")
    size = reader.u16()
    if size > limits.ATTRIBUTE_BYTES:
        reader.fail(f"an attribute of {size} bytes, where {limits.ATTRIBUTE_BYTES} are allowed")
    return name, reader.take(size)


def _rising(names: Iterable[str]) -> bool:
    return all(a < b for a, b in pairwise(names))
