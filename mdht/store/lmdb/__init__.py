"""The store in an LMDB file: durable, one process writes, any number read beside it. The only part of `store` with I/O.

| file | what |
|---|---|
| `store` | `LmdbStore` |
| `batch` | a write transaction that grows the map and begins again |
| `shelf` | the primitive operations of `rules` in it |
| `environment` | the one handle that a process has of a file |
| `gate` | who may be inside while the map changes |
| `writer_lock` | one writing process |
"""

from __future__ import annotations

from .environment import Environment
from .store import FIRST_MAP_BYTES, LmdbStore

__all__ = ["FIRST_MAP_BYTES", "Environment", "LmdbStore"]
