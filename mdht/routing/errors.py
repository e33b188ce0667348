"""What can go wrong here, beyond a wrong argument: a saved table that cannot be read, an answer nobody asked for."""

from __future__ import annotations

from ..errors import LocalError


class BadSnapshot(LocalError, ValueError):
    """Bytes that are no saved routing table of this version."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not a saved routing table: {self.reason}; delete the file, the table fills again from the seeds"


class NotAsked(LocalError, ValueError):
    """A lookup was told of a peer (32 bytes) that it never named in an `Ask`."""

    def __init__(self, peer_id: bytes = b"") -> None:
        super().__init__(peer_id)
        self.peer_id = peer_id

    def __str__(self) -> str:
        return (
            f"this lookup did not ask {self.peer_id.hex()[:8]}: report only peers that next() named, to the same lookup"
        )
