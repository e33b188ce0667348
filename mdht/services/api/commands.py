"""What our own user asks, and what is answered. Plain immutable values, so they cross every channel."""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable


@sendable("mdht.do_put")
@dataclass(frozen=True, slots=True)
class DoPut:
    """Put (value None: delete). Answered by `PutDone`. `sequence` 0: one more than what is held.

    `at_s`: when it was asked, seconds since 1970, 0 for now. A compare-and-set that is begun again at another place has
    to be the same record, or it would find its own first try in its way.
    """

    kind: int
    key: bytes
    value: bytes | None
    timeout_s: float
    sequence: int = 0
    expect: int | None = None
    keep_s: int = 0
    replicas: int = 0
    at_s: int = 0


@sendable("mdht.put_done")
@dataclass(frozen=True, slots=True)
class PutDone:
    """A put that was done."""

    key: bytes
    """Under which it is found; of content, the hash of the value."""
    sequence: int
    """0 for content."""
    stored: int
    """Replicas that hold it now, this node included."""
    wanted: int
    """Replicas that were asked for."""
    remembered: bool = True
    """Whether this node puts it again until its time is over; not where it had no room to write that down."""


@sendable("mdht.do_forget")
@dataclass(frozen=True, slots=True)
class DoForget:
    """Put a record of our own user's again no more; of content, the key is its hash. Answered by whether it was."""

    kind: int
    key: bytes
    timeout_s: float


@sendable("mdht.do_get")
@dataclass(frozen=True, slots=True)
class DoGet:
    """Get. Answered by `Got`."""

    kind: int
    key: bytes
    owner: bytes
    timeout_s: float


@sendable("mdht.got")
@dataclass(frozen=True, slots=True)
class Got:
    """A record that was found and verified."""

    value: bytes
    key: bytes
    owner: bytes = b""
    """Public key; empty for content."""
    sequence: int = 0
    expires_s: int = 0
    """Seconds since 1970 UTC; 0 for content."""
    others: int = 0
    """Other owners under the same open name."""


@sendable("mdht.do_get_all")
@dataclass(frozen=True, slots=True)
class DoGetAll:
    """All owners' records of an open name. Answered by a list of `Got`."""

    key: bytes
    timeout_s: float


@sendable("mdht.do_connect")
@dataclass(frozen=True, slots=True)
class DoConnect:
    """Link to a seed. Answered by its id."""

    seed: str
    timeout_s: float


@sendable("mdht.do_refresh")
@dataclass(frozen=True, slots=True)
class DoRefresh:
    """Look a target up, so that the peers around it and this node know each other. Answered by how many answered."""

    target: bytes
    timeout_s: float


@sendable("mdht.do_find")
@dataclass(frozen=True, slots=True)
class DoFind:
    """Look up the `K` peers closest to a target. Answered by `FoundPeers`."""

    target: bytes
    timeout_s: float


@sendable("mdht.found_peers")
@dataclass(frozen=True, slots=True)
class FoundPeers:
    """Ids and packed peer records, verified, side by side, the closest first.

    `converged`: all of them answered, and none knows of anybody closer.
    """

    ids: tuple[bytes, ...]
    records: tuple[bytes, ...]
    converged: bool


@sendable("mdht.api_numbers")
@dataclass(frozen=True, slots=True)
class ApiNumbers:
    """What our user asked so far."""


@sendable("mdht.api_stats")
@dataclass(frozen=True, slots=True)
class ApiStats:
    """Totals since the start, but for `waiting`."""

    puts: int = 0
    gets: int = 0
    failed: int = 0
    waiting: int = 0
    asked: int = 0
    """Questions to peers."""
    forged: int = 0
    """Answers that were not what was asked for."""
