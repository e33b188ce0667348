"""What can be wrong with a store's files. A put that is refused is no error here, but a verdict (`verdicts.py`)."""

from __future__ import annotations

from ..errors import LocalError, NotDone


class StoreError(LocalError):
    """The store at `path` cannot be used as it is."""


class StoreCorrupt(StoreError):
    """The files are damaged, or are no store at all. `reason` is what was found."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the store in {self.path} is damaged ({self.reason}): stop every process that uses it, move the directory "
            "away (or put a backup in its place) and start again; replicas at other peers fill it"
        )


class StoreInUse(StoreError):
    """Another process, `pid`, has the store open for writing (0 where it could not be read)."""

    def __init__(self, path: str = "", pid: int = 0) -> None:
        super().__init__(path, pid)
        self.path = path
        self.pid = pid

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{who} has the store in {self.path} open for writing: stop it, open for reading, or give another path"


class PartsUnclear(StoreError):
    """It cannot be said how the store is divided. `reason` is what was found."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"how the store in {self.path} is divided is not clear ({self.reason}): put back what was moved, or move "
            f"all of {self.path}* away and start again; replicas at other peers fill it"
        )


class ReshardNoRoom(StoreError):
    """The disk has no room for the parts beside what they are made of. `needed` and `free` are bytes."""

    def __init__(self, path: str = "", parts: int = 0, needed: int = 0, free: int = 0) -> None:
        super().__init__(path, parts, needed, free)
        self.path = path
        self.parts = parts
        self.needed = needed
        self.free = free

    def __str__(self) -> str:
        return (
            f"the store in {self.path} cannot be divided into {self.parts}: that needs {self.needed:,} bytes of disk "
            f"and {self.free:,} are free; make room, or place the store in as many parts as before"
        )


class CannotReshard(StoreError):
    """The store cannot be divided anew while the node runs; `reason` is why."""

    def __init__(self, path: str = "", parts: int = 0, reason: str = "") -> None:
        super().__init__(path, parts, reason)
        self.path = path
        self.parts = parts
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the store in {self.path} cannot be divided into {self.parts} while the node runs ({self.reason}): "
            f"place it in {self.parts} in the configuration, and restart the node"
        )


class ReshardStopped(StoreError):
    """A division was asked to stop; what is done is kept, and the next one goes on from there."""

    def __init__(self, path: str = "", parts: int = 0) -> None:
        super().__init__(path, parts)
        self.path = path
        self.parts = parts

    def __str__(self) -> str:
        return f"dividing the store in {self.path} into {self.parts} was stopped: the next start goes on with it"


class StoreUnavailable(StoreError):
    """The files cannot be opened: not there, not allowed, no space, too many readers."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"the store in {self.path} cannot be opened: {self.reason}"


class StoreTooNew(StoreError):
    """The files were written in a newer `form` than this program reads (`known`)."""

    def __init__(self, path: str = "", form: int = 0, known: int = 0) -> None:
        super().__init__(path, form, known)
        self.path = path
        self.form = form
        self.known = known

    def __str__(self) -> str:
        return (
            f"the store in {self.path} has form {self.form}, this program reads form {self.known}: "
            "upgrade this node, or give it another path"
        )


class CommitFailed(NotDone):
    """The disk did not take a batch (full, or broken): nothing of it is stored, and the store goes on."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"nothing was stored in {self.path} ({self.reason}): make room on the disk, then put again"
