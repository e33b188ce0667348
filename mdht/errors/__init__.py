"""Every error that `mdht` raises, under one root and in three branches.

| branch | means | what to do |
|---|---|---|
| `LocalError` | you broke the rule: an argument, a file, an order of calls | correct it; nothing was sent |
| `RemoteError` | they broke the rule: bytes, a signature, a promise | close the link or drop the answer; count it |
| `NotDone` | nobody broke a rule; it could not be done | later, elsewhere, or with less |

The split of the first two is h11's; a full store fits neither, and closes no link.

Data lives in attributes, all of them plain values (str, int, float, bytes, tuples of these), so every error can cross a
channel as its own type. The sentence is in `str()`, and says what to do.

| file | what goes wrong |
|---|---|
| `branches` | the root and the three branches |
| `calls` | a call, whatever it asks for: its arguments, its time |
| `records` | records and identities: those made here, and those that came |
| `store` | puts and gets: no room, somebody was first, nothing there |
| `links` | bytes, messages and links of peers |
| `files` | shares and fetches |
| `config` | a configuration, a data directory |
| `door` | asking a running node |
| `text` | (text of others in messages) |

All are imported from here.
"""

from __future__ import annotations

from .branches import LocalError, MdhtError, NotDone, RemoteError
from .calls import BadText, Cancelled, TimedOut, TooLarge, WrongState
from .config import ConfigError, DataDirInUse, DataDirUnusable
from .door import DoorClosed, NodeGone, NoNode, NotARequest, UnknownFailure
from .files import BadShare, BadTarget, CannotWrite, ChunkNotStored, ChunksMissing, FileChanged
from .links import BadFrame, BadMessage, LinkClosed, LinkRefused, Malformed, Refusal, RequestFailed
from .records import (
    BadKey,
    BadRecord,
    BadSignature,
    Expired,
    FarFuture,
    NotAskedFor,
    OtherKind,
    OtherNetwork,
    Oversized,
    Rejected,
)
from .store import Conflict, NotFound, QuotaExceeded, StoreFull, Superseded, TooFewReplicas, TooManyOwners
from .text import shown

__all__ = [
    "MdhtError",
    "LocalError",
    "RemoteError",
    "NotDone",
    "BadText",
    "TooLarge",
    "WrongState",
    "TimedOut",
    "Cancelled",
    "BadKey",
    "BadRecord",
    "Rejected",
    "BadSignature",
    "OtherNetwork",
    "OtherKind",
    "Expired",
    "FarFuture",
    "Oversized",
    "NotAskedFor",
    "QuotaExceeded",
    "StoreFull",
    "Conflict",
    "Superseded",
    "TooManyOwners",
    "NotFound",
    "TooFewReplicas",
    "Malformed",
    "BadFrame",
    "BadMessage",
    "Refusal",
    "LinkRefused",
    "LinkClosed",
    "RequestFailed",
    "BadShare",
    "BadTarget",
    "ChunkNotStored",
    "ChunksMissing",
    "FileChanged",
    "CannotWrite",
    "ConfigError",
    "DataDirInUse",
    "DataDirUnusable",
    "NotARequest",
    "NoNode",
    "NodeGone",
    "DoorClosed",
    "UnknownFailure",
    "shown",
]

for _name in __all__:
    globals()[_name].__module__ = __name__  # what crosses a channel, and what a traceback shows, is `mdht.errors.…`
del _name
