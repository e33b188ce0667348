"""Where records are kept: one interface, in memory or in an LMDB file. See `base` for the interface.

| file | what |
|---|---|
| `base` | `Store` and `Batch`: the interface |
| `verdicts` | what became of a put |
| `entry` | a stored record, its slot and its binary form |
| `rules` | what a put and an expiry do, for every store |
| `quota` | shares, and how they are counted |
| `expiry` | which slots are forgotten next |
| `region` | ranges of distances as ranges of addresses |
| `parts` | a store in several parts: which address is in which |
| `reshard` | taking over what another store held |
| `memory` | the store in memory |
| `lmdb/` | the store in a file |

`LmdbStore` is imported from `mdht.store.lmdb`, so that a node without a file needs no LMDB.
"""

from __future__ import annotations

from .base import Batch, Gone, Page, Store, StoreStats
from .entry import NOBODY, Held, Putter, slot_of
from .errors import (
    CannotReshard,
    CommitFailed,
    PartsUnclear,
    ReshardNoRoom,
    ReshardStopped,
    StoreCorrupt,
    StoreError,
    StoreInUse,
    StoreTooNew,
    StoreUnavailable,
)
from .expiry import ExpiryIndex
from .memory import MemoryStore
from .quota import StoreLimits, Usage
from .region import EVERYTHING, Region
from .verdicts import CompareFailed, NotNewer, QuotaExceeded, Stored, StoreFull, Superseded, Verdict

__all__ = [
    "Batch",
    "CommitFailed",
    "CompareFailed",
    "EVERYTHING",
    "ExpiryIndex",
    "Gone",
    "Held",
    "MemoryStore",
    "NOBODY",
    "NotNewer",
    "Page",
    "PartsUnclear",
    "Putter",
    "QuotaExceeded",
    "Region",
    "ReshardNoRoom",
    "ReshardStopped",
    "CannotReshard",
    "Store",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreInUse",
    "StoreLimits",
    "StoreStats",
    "StoreTooNew",
    "StoreUnavailable",
    "Stored",
    "Superseded",
    "Usage",
    "Verdict",
    "slot_of",
]
