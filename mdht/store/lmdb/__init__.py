"""The store in an LMDB file: durable, one process writes, any number read beside it. The only part of `store` with I/O.

| file | what |
|---|---|
| `store` | `LmdbStore` |
| `batch` | a write transaction that grows the map and begins again |
| `shelf` | the primitive operations of `rules` in it |
| `environment` | the one handle that a process has of a file |
| `gate` | who may be inside while the map changes |
| `writer_lock` | one writing process |
| `layout` | how many parts a store is in |
| `reshard` | dividing it anew |
| `reader` | reading it, whatever number of parts it is in |
"""

from __future__ import annotations

from .environment import Environment
from .layout import Layout, data_paths, read_layout
from .reader import PartsReader
from .reshard import division_s, numbers_of, settle
from .store import FIRST_MAP_BYTES, LmdbStore

__all__ = [
    "Environment",
    "FIRST_MAP_BYTES",
    "Layout",
    "LmdbStore",
    "PartsReader",
    "data_paths",
    "division_s",
    "numbers_of",
    "read_layout",
    "settle",
]
