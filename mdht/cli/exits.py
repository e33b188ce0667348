"""Exit codes: what became of a command, for scripts. They are part of the interface and do not change."""

from __future__ import annotations

import errno
from typing import Final

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
NO_NODE: Final = 4
REFUSED: Final = 5
TIMED_OUT: Final = 6
TOO_FEW: Final = 7
CONFLICT: Final = 8
IN_USE: Final = 9
WORN_OUT: Final = 10
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

MEANINGS: Final = {
    DONE: "done",
    FAILED: "failed, for a reason of no other number",
    USAGE: "wrong usage: an option, an argument or the configuration",
    NOT_FOUND: "not found: no record, share or file of that name",
    NO_NODE: "no node runs in the data directory, or it ended meanwhile",
    REFUSED: "refused: not allowed, or a quota is used up",
    TIMED_OUT: "timed out",
    TOO_FEW: "stored by too few replicas",
    CONFLICT: "somebody else was first: another sequence is held",
    IN_USE: "in use by another process: the data directory, store or port",
    WORN_OUT: "the node has ended: one of its services died too often",
    INTERRUPTED: "interrupted",
    BROKEN_PIPE: "whoever read the output has left",
}
"""The last two are those of a process that SIGINT and SIGPIPE ended (128 and the signal's number)."""

_CODES: Final = {
    "BadKey": FAILED,
    "BadRecord": USAGE,
    "BadShare": USAGE,
    "BadTarget": USAGE,
    "BadText": USAGE,
    "ConfigError": USAGE,
    "NotARequest": USAGE,
    "TooLarge": USAGE,
    "ChunksMissing": NOT_FOUND,
    "NotFound": NOT_FOUND,
    "NoNode": NO_NODE,
    "NodeGone": NO_NODE,
    "DoorClosed": REFUSED,
    "LinkRefused": REFUSED,
    "QuotaExceeded": REFUSED,
    "TooManyOwners": REFUSED,
    "TimedOut": TIMED_OUT,
    "TooFewReplicas": TOO_FEW,
    "Conflict": CONFLICT,
    "Superseded": CONFLICT,
    "CannotListen": IN_USE,
    "PlacementError": USAGE,
    "ServiceDied": WORN_OUT,
    "TooManyRestarts": WORN_OUT,
    "DataDirInUse": IN_USE,
    "StoreInUse": IN_USE,
    "FileNotFoundError": NOT_FOUND,
    "PermissionError": REFUSED,
    "FileExistsError": FAILED,
    "TimeoutError": TIMED_OUT,
}
"""By the name of a class, so that none has to be imported; the nearest base that is named counts."""


def code_of(error: BaseException) -> int:
    """The exit code that tells of this error."""
    if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS):
        return REFUSED
    return next((_CODES[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _CODES), FAILED)
