"""What a running node says of itself to a program of its user."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The first thing that a client asks."""

    version: str = ""
    """Of the program."""
    protocol: int = 0
    """Of what it speaks with other nodes."""
    pid: int = 0
    started_s: float = 0.0
    """Seconds since 1970 UTC."""
    id: bytes = b""
    public: bytes = b""
    """Public key: the owner of its records."""
    network: str = ""
    private: bool = False
    """Whether the network has a secret."""
    addresses: tuple[str, ...] = ()
    """Where others reach it."""
    data_dir: str = ""
    store: str = ""
    """`memory` or `lmdb`."""
    replicas: int = 0
    min_replicas: int = 0
    timeout_s: float = 0.0
    """Seconds for a request that names none."""
    loop: str = ""
    """The class of its event loop."""
    python: str = ""
    open_files: int = 0
    """Most files and sockets that its process may have open; 0: unknown."""
    placements: dict[str, str] | None = None
    """Those of its services that are not inline."""
    bootstrap: tuple[str, ...] = ()
    """Its seeds."""
