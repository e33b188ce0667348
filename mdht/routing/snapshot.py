"""The table's contacts as an immutable value: for readers in other processes, and for the file they are saved in.

The packed form (version 1, big-endian):

    1 byte version, 32 own id, 8 table version, 4 number of rows; each row:
    32 id, 8 + 8 first and last seen (IEEE 754, seconds), 2 failures, 2 port, 1 + n host (UTF-8), 2 + n data
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from .contact import Contact, Known
from .errors import BadSnapshot
from .keys import to_int
from .nearest import nearest

FORM: Final = 1
ROWS: Final = 1 << 16
"""Most rows of a packed snapshot; a table with the usual settings holds some hundred."""

_HEAD = struct.Struct(">B32sQI")
_ROW = struct.Struct(">32sddHHB")
_SIZE = struct.Struct(">H")


@dataclass(frozen=True)
class Snapshot:
    """Contacts of one table at one moment, in the order of their ids."""

    own_id: bytes
    version: int
    """The table's version; a higher one is newer."""
    rows: tuple[Known, ...]
    """Failing contacts are among them."""

    @cached_property
    def _live(self) -> tuple[list[int], list[Contact]]:
        """Ids of the contacts that do not fail (of all, where all do), sorted, and the contacts."""
        rows = [row for row in self.rows if not row.failed] or list(self.rows)
        return [to_int(row.contact.id) for row in rows], [row.contact for row in rows]

    @cached_property
    def _by_number(self) -> dict[int, Contact]:
        return dict(zip(*self._live, strict=True))

    def closest(self, target: bytes, count: int) -> list[Contact]:
        """At most `count` contacts that do not fail, nearest to `target` first."""
        return [self._by_number[number] for number in nearest(self._live[0], to_int(target), count)]

    def __len__(self) -> int:
        return len(self.rows)

    def to_bytes(self) -> bytes:
        """The packed form."""
        parts = [_HEAD.pack(FORM, self.own_id, self.version, len(self.rows))]
        for row in self.rows:
            contact, host = row.contact, row.contact.host.encode()
            failed = min(row.failed, 0xFFFF)
            parts += (
                _ROW.pack(contact.id, row.first_seen_s, row.last_seen_s, failed, contact.port, len(host)),
                host,
                _SIZE.pack(len(contact.data)),
                contact.data,
            )
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, packed: bytes) -> Snapshot:
        """The snapshot that was packed. Raises BadSnapshot, which says what is wrong, for anything else."""
        try:
            form, own_id, version, count = _HEAD.unpack_from(packed)
            if form != FORM:
                raise BadSnapshot(f"it has form {form}, and this program reads form {FORM}")
            if count > ROWS:
                raise BadSnapshot(f"it claims {count} contacts, more than {ROWS}")
            rows = tuple(_rows(packed, count))
        except (struct.error, UnicodeDecodeError, ValueError) as error:
            raise BadSnapshot(str(error)) from error
        numbers = [row.contact.id for row in rows]
        if any(one >= other for one, other in pairwise(numbers)):
            raise BadSnapshot("its contacts are not in the order of their ids")
        return cls(own_id, version, rows)


def _rows(packed: bytes, count: int) -> Iterator[Known]:
    at = _HEAD.size
    for _ in range(count):
        peer_id, first_s, last_s, failed, port, host_bytes = _ROW.unpack_from(packed, at)
        at += _ROW.size
        host = packed[at : at + host_bytes].decode()
        at += host_bytes
        (data_bytes,) = _SIZE.unpack_from(packed, at)
        at += _SIZE.size
        data = packed[at : at + data_bytes]
        at += data_bytes
        if at > len(packed):
            raise BadSnapshot("it ends in the middle of a contact")
        if not (math.isfinite(first_s) and math.isfinite(last_s)):
            raise BadSnapshot("a contact's time is not a number")
        yield Known(Contact(peer_id, host, port, data), first_s, last_s, failed)
    if at != len(packed):
        raise BadSnapshot(f"{len(packed) - at} bytes follow its last contact")
