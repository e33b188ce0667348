"""What is said to `peers`, and what it answers. Plain immutable values, so they cross every channel.

| by | commands |
|---|---|
| `links` | `Claimed`, `LinkOpened`, `LinkEnded`, `LinkMoves`, `LinkAnswered` |
| whoever asks peers | `Connect`, `Silent`, `WhoIsThere` |
| the node and its operator | `Begin`, `Permit`, `LinkedPeers`, `PeerNumbers` |
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable


@sendable("mdht.begin")
@dataclass(frozen=True, slots=True)
class Begin:
    """All services are there: dial the seeds."""


@sendable("mdht.claimed")
@dataclass(frozen=True, slots=True)
class Claimed:
    """A link's peer is proven: decide. `record` is its packed peer record; host and port were really seen."""

    link: int
    peer: bytes
    record: bytes
    dialled: bool
    host: str
    port: int
    clock_offset_s: float = 0.0
    """Seconds that its clock is ahead of ours, uncorrected."""


@sendable("mdht.link_opened")
@dataclass(frozen=True, slots=True)
class LinkOpened:
    """Both sides want it."""

    link: int


@sendable("mdht.link_ended")
@dataclass(frozen=True, slots=True)
class LinkEnded:
    """A link that was claimed is over. `why`: `Session.ended_by`."""

    link: int
    why: str = ""


@sendable("mdht.link_moves")
@dataclass(frozen=True, slots=True)
class LinkMoves:
    """The peer said that this link will end: dial again."""

    link: int


@sendable("mdht.link_answered")
@dataclass(frozen=True, slots=True)
class LinkAnswered:
    """A link that was pinged for a claim is alive."""

    link: int


@sendable("mdht.connect")
@dataclass(frozen=True, slots=True)
class Connect:
    """Have a link to the peer of a packed peer record, or to whoever is at a seed; answered by its id once open."""

    record: bytes = b""
    seed: str = ""


@sendable("mdht.silent")
@dataclass(frozen=True, slots=True)
class Silent:
    """A linked peer left a question unanswered."""

    peer: bytes


@sendable("mdht.who_is_there")
@dataclass(frozen=True, slots=True)
class WhoIsThere:
    """Answered by an `ipc.Interned` whose value is always the newest `Roster`."""


@sendable("mdht.permit")
@dataclass(frozen=True, slots=True)
class Permit:
    """The operator has decided anew: ids that alone may link (empty: all), ids that may not, most links, and seeds as
    text. Links that are not allowed any more are closed. Answered by how many were.
    """

    allow: tuple[bytes, ...]
    deny: tuple[bytes, ...]
    most_links: int
    seeds: tuple[str, ...]


@sendable("mdht.linked_peers")
@dataclass(frozen=True, slots=True)
class LinkedPeers:
    """Who is linked now; answered by a list of `PeerInfo`."""


@sendable("mdht.peer")
@dataclass(frozen=True, slots=True)
class PeerInfo:
    """A peer that is linked."""

    id: bytes
    host: str
    """Where it was really seen."""
    port: int
    dialled: bool
    """By us."""
    addresses: tuple[str, ...]
    """What it says of itself."""


@sendable("mdht.peer_numbers")
@dataclass(frozen=True, slots=True)
class PeerNumbers:
    """How many peers are known and linked."""


@sendable("mdht.peer_stats")
@dataclass(frozen=True, slots=True)
class PeerStats:
    """Peers in numbers."""

    known: int = 0
    linked: int = 0
    dialling: int = 0
    refused: int = 0
    """Links, since the start."""
    replaced: int = 0
    """Links closed for one that is of more use, since the start."""
    idle: int = 0
    """Links closed because they were not used, since the start."""
    lost: int = 0
    """Contacts whose link broke, that are tried again."""
    twins: int = 0
    """Peers that refuse this node because they are linked to another one with its identity: stop one of the two."""
    clock_offset_s: float = 0.0
    """Seconds by which this machine's clock is corrected, as its peers have it."""
    clock_votes: int = 0
    """Peers whose clocks are known."""
