"""What goes wrong with shares: what cannot be shared, fetched or written."""

from __future__ import annotations

from collections.abc import Sequence

from .branches import LocalError, NotDone
from .store import TooFewReplicas
from .text import shown


class BadShare(LocalError, ValueError):
    """What was to be shared cannot be. `faults` has everything that is wrong, each as text; at most 1,000 of them."""

    def __init__(self, path: str = "", faults: Sequence[str] = ()) -> None:
        super().__init__(path, tuple(faults))
        self.path = path
        self.faults = tuple(faults)

    def __str__(self) -> str:
        lines = [f"  {shown(str(fault), quotes=False, most=5_000)}" for fault in self.faults]
        return "\n".join([f"cannot share {shown(self.path, most=500)}; nothing was sent", *lines])


class BadTarget(LocalError, ValueError):
    """A share cannot be put at `path`. What is there is left as it is."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot fetch to {shown(self.path, most=500)}: {self.reason}"


class ChunkNotStored(TooFewReplicas):
    """A part of `file` was stored by too few peers; `chunk` is its hash (32 bytes). What was stored stays."""

    def __init__(self, stored: int = 0, wanted: int = 0, reason: str = "", file: str = "", chunk: bytes = b"") -> None:
        super().__init__(stored, wanted, reason)
        self.args = (stored, wanted, reason, file, chunk)
        self.file = file
        self.chunk = chunk

    def __str__(self) -> str:
        return f"{shown(self.file)}, chunk {self.chunk.hex()[:16]}…: {super().__str__()}"


class ChunksMissing(NotDone):
    """Parts of a share that nobody has: at least `missing` of those looked for so far, the first one in `file`.

    `chunk` is its hash (32 bytes); `asked` peers were asked for it.
    """

    def __init__(self, file: str = "", missing: int = 0, chunk: bytes = b"", asked: int = 0) -> None:
        super().__init__(file, missing, chunk, asked)
        self.file = file
        self.missing = missing
        self.chunk = chunk
        self.asked = asked

    def __str__(self) -> str:
        return (
            f"{shown(self.file)}: {self.missing} or more chunks are missing, the first {self.chunk.hex()[:16]}… "
            f"({self.asked} peers asked): have it shared again, or try when more of its peers are there"
        )


class FileChanged(NotDone):
    """A file changed while it was shared; what was stored of it is of no use."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{shown(self.path, most=500)} changed while it was shared ({self.reason}): share it when it is at rest"


class CannotWrite(NotDone, OSError):
    """What was fetched cannot be written to `path`; what was made for it is removed."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot write {shown(self.path, most=500)}: {self.reason}; make room or choose another place"
