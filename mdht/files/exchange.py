"""Records on streams: many over one stream, without a request for each. All numbers are big-endian.

*Putting* (purpose PUT_RECORDS). The opener sends records, each after its length u32 and a lease u32 (seconds, 0: as
long as may be). The other side answers each, in order: refused u8 (0 or 1), code u8 (a `Verdict`, or where refused an
`ErrorCode`), lease u32, size of text u16, text. A verdict of `STORED` says that it is synced.

*Getting* (purpose GET_RECORDS). The opener sends addresses, 32 bytes each. The other side answers each, in order: size
u32, record; 0: it is not there.

*Renewing* (purpose RENEW_RECORDS). The opener sends addresses of content, 32 bytes each and a lease u32 as above. The
other side keeps what is there as if it had been put again, and answers each, in order, as a put; refused with
NOT_FOUND: it is not there. A peer that does not know the purpose is put to.

Either side ends its direction when it has no more; the reader of a stream bounds what waits by its credit. What is not
of this form raises Malformed, and the stream is reset: it cannot be read on.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, Generic, NamedTuple, TypeVar

from ..codec import ErrorCode, Verdict
from ..errors import Malformed
from ..limits import CONTENT_LEASE_S, HASH_BYTES, RECORD_BYTES, TEXT_CHARS

_PUT: Final = Struct(">II")
_REPLY: Final = Struct(">BBIH")
_FOUND: Final = Struct(">I")
_RENEW: Final = Struct(f">{HASH_BYTES}sI")

RENEWAL_BYTES: Final = _RENEW.size
"""One record to be renewed."""

TEXT_BYTES: Final = 4 * TEXT_CHARS
"""Text of a refusal, in UTF-8."""

T = TypeVar("T")


class PutRecord(NamedTuple):
    """A record to be stored."""

    record: bytes
    lease_s: int


class Renewal(NamedTuple):
    """Content to be kept for longer."""

    address: bytes
    lease_s: int


class Reply(NamedTuple):
    """What became of a put: a `codec.Verdict`, or where `refused` a `codec.ErrorCode` and why."""

    refused: bool
    code: int
    lease_s: int = 0
    text: str = ""

    @property
    def stored(self) -> bool:
        """Whether it is there now."""
        return not self.refused and self.code in (Verdict.STORED, Verdict.HELD)


def pack_put(record: bytes, lease_s: int = 0) -> bytes:
    """A record to be put."""
    return _PUT.pack(len(record), lease_s) + record


def pack_renewal(address: bytes, lease_s: int = 0) -> bytes:
    """Content to be renewed. Raises Malformed for what is no address."""
    return _RENEW.pack(pack_address(address), lease_s)


def pack_verdict(reply: Reply) -> bytes:
    """What became of it."""
    text = reply.text.encode("utf-8", "replace")[:TEXT_BYTES]
    return _REPLY.pack(reply.refused, reply.code, reply.lease_s, len(text)) + text


def pack_address(address: bytes) -> bytes:
    """A record to be got. Raises Malformed for what is no address."""
    if len(address) != HASH_BYTES:
        raise Malformed("address", f"{len(address)} bytes, where {HASH_BYTES} are needed")
    return address


def pack_reply(record: bytes | None) -> bytes:
    """A record that was asked for; None: it is not here."""
    return _FOUND.pack(0) if record is None else _FOUND.pack(len(record)) + record


class _Reader(Generic[T]):
    """Collects pieces until something is complete. Holds less than one item, at most `RECORD_BYTES` and a head."""

    head_bytes = 0

    def __init__(self) -> None:
        self._kept = bytearray()

    @property
    def waiting_bytes(self) -> int:
        """Of an item that is not complete."""
        return len(self._kept)

    def feed_untrusted(self, data: bytes) -> list[T]:
        """Items that are complete now. Raises Malformed; then the stream is of no use any more."""
        kept = self._kept
        kept += data
        items: list[T] = []
        at = 0
        while len(kept) - at >= self.head_bytes:
            end = at + self.head_bytes + self._body_bytes(kept, at)
            if end > len(kept):
                break
            items.append(self._item(kept, at, end))
            at = end
        if at:
            del kept[:at]
        return items

    def finish(self) -> None:
        """The stream ended. Raises Malformed within an item."""
        if self._kept:
            raise Malformed("stream of records", f"it ends within one, after {len(self._kept)} bytes of it")

    def _body_bytes(self, kept: bytearray, at: int) -> int:
        raise NotImplementedError

    def _item(self, kept: bytearray, at: int, end: int) -> T:
        raise NotImplementedError


class PutReader(_Reader[PutRecord]):
    """Records to be put."""

    head_bytes = _PUT.size

    def _body_bytes(self, kept: bytearray, at: int) -> int:
        size, lease_s = _PUT.unpack_from(kept, at)
        if not 0 < size <= RECORD_BYTES or lease_s > CONTENT_LEASE_S:
            raise Malformed("record on a stream", f"{size:,} bytes with a lease of {lease_s:,} s")
        return int(size)

    def _item(self, kept: bytearray, at: int, end: int) -> PutRecord:
        _, lease_s = _PUT.unpack_from(kept, at)
        return PutRecord(bytes(memoryview(kept)[at + _PUT.size : end]), lease_s)


class VerdictReader(_Reader[Reply]):
    """What became of them."""

    head_bytes = _REPLY.size

    def _body_bytes(self, kept: bytearray, at: int) -> int:
        refused, _, _, size = _REPLY.unpack_from(kept, at)
        if refused > 1 or size > TEXT_BYTES:
            raise Malformed("verdict on a stream", f"refused is {refused}, with a text of {size} bytes")
        return int(size)

    def _item(self, kept: bytearray, at: int, end: int) -> Reply:
        refused, code, lease_s, _ = _REPLY.unpack_from(kept, at)
        text = bytes(kept[at + _REPLY.size : end]).decode("utf-8", "replace")
        return Reply(bool(refused), code, lease_s, text)


class AddressReader:
    """Addresses of records to be got. They are taken out one by one, so what waits takes no more than it took to send.

    How much waits is bounded by the credit of the stream.
    """

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed_untrusted(self, data: bytes) -> None:
        """More of them."""
        self._kept += data

    def next(self) -> bytes | None:
        """The next one; None where none is complete."""
        if len(self._kept) < HASH_BYTES:
            return None
        address = bytes(memoryview(self._kept)[:HASH_BYTES])
        del self._kept[:HASH_BYTES]
        return address

    def finish(self) -> None:
        """The stream ended, and all were taken. Raises Malformed within an address."""
        if self._kept:
            raise Malformed("stream of records", f"it ends within an address, after {len(self._kept)} bytes of it")


class RenewalReader:
    """Content to be renewed, taken out in groups. How much waits is bounded by the credit of the stream."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed_untrusted(self, data: bytes) -> None:
        """More of them."""
        self._kept += data

    def take(self, count: int) -> list[Renewal]:
        """The next ones, at most so many; none where none is complete. Raises Malformed."""
        size = min(len(self._kept) // RENEWAL_BYTES, count) * RENEWAL_BYTES
        found = [Renewal(*one) for one in _RENEW.iter_unpack(bytes(memoryview(self._kept)[:size]))]
        del self._kept[:size]
        if any(one.lease_s > CONTENT_LEASE_S for one in found):
            raise Malformed("renewal on a stream", f"a lease of more than {CONTENT_LEASE_S:,} s")
        return found

    def finish(self) -> None:
        """The stream ended, and all were taken. Raises Malformed within one."""
        if self._kept:
            raise Malformed("stream of renewals", f"it ends within one, after {len(self._kept)} bytes of it")


class ReplyReader(_Reader["bytes | None"]):
    """The records, not verified; None for each that is not there."""

    head_bytes = _FOUND.size

    def _body_bytes(self, kept: bytearray, at: int) -> int:
        (size,) = _FOUND.unpack_from(kept, at)
        if size > RECORD_BYTES:
            raise Malformed("record on a stream", f"{size:,} bytes, where {RECORD_BYTES:,} are allowed")
        return int(size)

    def _item(self, kept: bytearray, at: int, end: int) -> bytes | None:
        return bytes(memoryview(kept)[at + _FOUND.size : end]) or None


def refusal(code: ErrorCode, text: str) -> Reply:
    """A put that was not taken."""
    return Reply(True, int(code), 0, text)
