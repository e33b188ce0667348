"""Bounds of shares, each with its unit and its reason. All are protocol: who makes one and who reads it must agree."""

from __future__ import annotations

from typing import Final

from ..limits import VALUE_BYTES

CHUNK_BYTES: Final = VALUE_BYTES - 256
"""Bytes of a chunk: with what a store adds it fits 16 pages of 4 KiB, where a full 64 KiB value would take 17."""

CHUNK_LEAST_BYTES: Final = 8 << 10
"""Least bytes of a chunk in a share made by others: smaller ones would be more list than content."""

LIST_HASHES: Final = 2_000
"""Hashes in one list: 64,006 bytes of a record. One list describes 124 MiB."""

TOP_HASHES: Final = 1_000
"""Hashes of one tree in the root record: two trees and a name fit one record. Up to 62 MiB need no list."""

TREE_LEVELS: Final = 2
"""Levels of lists between root and chunks: enough for `DATA_BYTES`."""

DATA_BYTES: Final = 1 << 44
"""Bytes of a share, 16 TiB: what its trees can describe with chunks of the least size. Of an index likewise."""

ENTRIES: Final = 1 << 24
"""Files and empty folders of a share: 16 million. Nobody holds them in memory at once."""

PATH_BYTES: Final = 4_095
"""A path within a share: Linux's PATH_MAX without its zero byte."""

PATH_NAMES: Final = 256
"""Names in a path: deeper than what anybody makes by hand, and within what recursive functions of the system bear."""

NAME_BYTES: Final = 255
"""A name in it: what nearly all file systems allow."""
