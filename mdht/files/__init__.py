"""Files and folders as trees of content records, and the streams by which those records travel. No I/O.

| file | what |
|---|---|
| `root` | the root record of a share: what it is, and the tops of its trees |
| `tree` | a stream of bytes as chunks, and lists of their hashes in as many levels as it takes |
| `index` | what is in a folder: paths, sizes, hashes |
| `names` | which paths and names a share may have |
| `exchange` | records on streams: put one way, asked for the other way |
| `regions` | which known peers are the closest to an address, without a lookup for each |

A share is *content*: every part of it is a content record (`model.record`), found by its hash. Folders are one stream,
the contents of all their files one after another, so small files share chunks; the index says where each begins.
"""

from __future__ import annotations

from .exchange import (
    RENEWAL_BYTES,
    AddressReader,
    PutReader,
    RenewalReader,
    Reply,
    ReplyReader,
    VerdictReader,
    pack_address,
    pack_put,
    pack_renewal,
    pack_reply,
    pack_verdict,
)
from .index import Entry, EntryKind, IndexReader, pack_entry
from .names import check_name, check_path
from .regions import Regions
from .root import Root, ShareKind, pack_root, read_root
from .tree import Builder, Leaf, Need, Walk, chunk_count, top_of

__all__ = [
    "AddressReader",
    "Builder",
    "Entry",
    "EntryKind",
    "IndexReader",
    "Leaf",
    "Need",
    "PutReader",
    "RENEWAL_BYTES",
    "Regions",
    "RenewalReader",
    "Reply",
    "ReplyReader",
    "Root",
    "ShareKind",
    "VerdictReader",
    "Walk",
    "check_name",
    "check_path",
    "chunk_count",
    "pack_address",
    "pack_entry",
    "pack_put",
    "pack_renewal",
    "pack_reply",
    "pack_root",
    "pack_verdict",
    "read_root",
    "top_of",
]
