"""The root record of a share: what it is, and the tops of its trees. Its hash is the share's id.

Value, big-endian: `mdhs`, version u8, kind u8 (1 file, 2 folder), flags u8 (1: executable), size of name u8, name,
chunk size u32, entries u64, size of the data u64, digest 32 bytes, size of the index u64, hashes at the top of the
data's tree, hashes at the top of the index's. How many there are follows from the sizes, see `tree`.

A file has one entry, no index, and as digest the SHA-256 of its content; a folder's digest is that of its index.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Final

from ..errors import Malformed
from ..limits import HASH_BYTES, VALUE_BYTES
from .index import ENTRY_LEAST_BYTES, ENTRY_MOST_BYTES
from .limits import CHUNK_LEAST_BYTES, DATA_BYTES, ENTRIES
from .names import check_name
from .tree import chunk_count, top_of

_HEAD: Final = Struct(">4sBBBB")
_BODY: Final = Struct(">IQQ32sQ")
_MAGIC: Final = b"mdhs"
_VERSION: Final = 1
_EXECUTABLE: Final = 1


class ShareKind(enum.IntEnum):
    """What a share is."""

    FILE = 1
    FOLDER = 2


@dataclass(frozen=True, slots=True)
class Root:
    """A share. Hashes are SHA-256, 32 bytes each."""

    kind: ShareKind
    name: bytes
    """What the file or folder is called."""
    executable: bool
    """Of a file."""
    chunk_bytes: int
    entries: int
    """Files and empty folders."""
    data_bytes: int
    digest: bytes
    """Of a file's content, or of a folder's index."""
    index_bytes: int
    data_top: tuple[bytes, ...]
    index_top: tuple[bytes, ...]


def pack_root(root: Root) -> bytes:
    """The value of the root record. Raises Malformed for what `read_root` would refuse."""
    flags = _EXECUTABLE if root.executable else 0
    head = _HEAD.pack(_MAGIC, _VERSION, root.kind, flags, min(len(root.name), 255))
    body = _BODY.pack(root.chunk_bytes, root.entries, root.data_bytes, root.digest, root.index_bytes)
    value = b"".join((head, root.name, body, *root.data_top, *root.index_top))
    if read_root(value) != root:
        raise Malformed("share", "it does not read as it was written")
    return value


def read_root(value: bytes) -> Root:
    """The share of that value. Raises Malformed: nothing of it is allocated before its sizes are known to fit."""
    if len(value) > VALUE_BYTES:
        raise Malformed("share", f"{len(value):,} bytes, where {VALUE_BYTES:,} are allowed")
    try:
        magic, version, kind_number, flags, name_bytes = _HEAD.unpack_from(value)
        at = _HEAD.size + name_bytes
        chunk_bytes, entries, data_bytes, digest, index_bytes = _BODY.unpack_from(value, at)
    except StructError:
        raise Malformed("share", f"{len(value)} bytes are too few") from None
    if magic != _MAGIC:
        raise Malformed("share", "it does not begin as one: this id is of something else")
    if version != _VERSION:
        raise Malformed("share", f"its version is {version}, where {_VERSION} is known: upgrade this node")
    if kind_number not in (ShareKind.FILE, ShareKind.FOLDER):
        raise Malformed("share", f"its kind is {kind_number}")
    kind = ShareKind(kind_number)
    is_file = kind is ShareKind.FILE
    if flags & ~_EXECUTABLE or (flags and not is_file):
        raise Malformed("share", f"its flags are {flags}")
    name = value[_HEAD.size : at]
    check_name(name)
    if not CHUNK_LEAST_BYTES <= chunk_bytes <= VALUE_BYTES:
        raise Malformed("share", f"chunks of {chunk_bytes} bytes, where {CHUNK_LEAST_BYTES} to {VALUE_BYTES} fit")
    if max(data_bytes, index_bytes) > DATA_BYTES or entries > ENTRIES:
        raise Malformed("share", f"{entries:,} entries and {max(data_bytes, index_bytes):,} bytes are too many")
    if is_file and (entries, index_bytes) != (1, 0):
        raise Malformed("share", "a file has one entry and no index")
    if not is_file and not entries * ENTRY_LEAST_BYTES <= index_bytes <= entries * ENTRY_MOST_BYTES:
        raise Malformed("share", f"an index of {index_bytes:,} bytes cannot have {entries:,} entries")
    data_count = top_of(chunk_count(data_bytes, chunk_bytes))[1]
    index_count = top_of(chunk_count(index_bytes, chunk_bytes))[1]
    start = at + _BODY.size
    if len(value) != start + (data_count + index_count) * HASH_BYTES:
        raise Malformed("share", f"{len(value):,} bytes do not fit its {data_count} and {index_count} hashes")
    hashes = [value[one : one + HASH_BYTES] for one in range(start, len(value), HASH_BYTES)]
    return Root(
        kind,
        name,
        bool(flags),
        chunk_bytes,
        entries,
        data_bytes,
        digest,
        index_bytes,
        tuple(hashes[:data_count]),
        tuple(hashes[data_count:]),
    )
