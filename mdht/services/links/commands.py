"""What is said to `links`, to its places, and to the listener. Plain immutable values, so they cross every channel.

| to | commands |
|---|---|
| `links` | `Ask`, `Dial`, `Decide`, `Advertise`, `LeaveLinks`, `StayLinks`, `LinkNumbers`, `LinkUses` |
| `listener`, `peers` | `PlaceBegan`, `PlacesAre` |
| `listener` | `LetIn`, `LinkGone` |
| whoever listens | `WhereAmI` |

What `links` and `files` say to each other about streams is in `stream_commands`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable

from ..commands import Question


@sendable("mdht.ask")
@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a linked peer; answered by its reply. Raises NotLinked, RequestFailed, TimedOut, LinkClosed, LinkFull."""

    peer: bytes
    question: Question
    timeout_s: float
    place: int = 0
    """Where its link is: `Roster.place_of`."""


@sendable("mdht.dial")
@dataclass(frozen=True, slots=True)
class Dial:
    """Dial an address; answered by the id of who is there once the link is open. Raises CannotDial, LinkRefused."""

    kind: str
    host: str
    port: int
    peer: bytes | None = None
    place: int = 0
    """Where the link is to be."""


@sendable("mdht.decide")
@dataclass(frozen=True, slots=True)
class Decide:
    """What is to be done with a link: accept, refuse (for a reason), close, leave (idle, too many), retire, ping."""

    link: int
    do: str
    reason: str = ""


@sendable("mdht.links")
@dataclass(frozen=True, slots=True)
class LinkNumbers:
    """How many links there are, and what they did."""

    place: int = 0


@sendable("mdht.link_stats")
@dataclass(frozen=True, slots=True)
class LinkStats:
    """Links now, then totals."""

    links: int = 0
    half_open: int = 0
    dialled: int = 0
    answered: int = 0
    refused: int = 0
    served: int = 0
    """Requests of peers that were answered."""
    received_bytes: int = 0
    sent_bytes: int = 0
    failed: int = 0
    """Handshakes that ended without a link, whoever refused."""
    dropped: int = 0
    """Half-open links that made room for newer ones."""
    violations: int = 0
    """Links that ended for what came: not TLS, not a frame, not a message, or against a rule."""
    busy: int = 0
    """Requests of peers that were told to wait, since too many waited."""


@sendable("mdht.link_uses")
@dataclass(frozen=True, slots=True)
class LinkUses:
    """How much each claimed link carries; answered by tuples of its number and `Session.traffic`."""

    place: int = 0


@sendable("mdht.address")
@dataclass(frozen=True, slots=True)
class WhereAmI:
    """The addresses at which this node listens, as text: to whoever listens, `links` or `listener`."""


@sendable("mdht.leave_links")
@dataclass(frozen=True, slots=True)
class LeaveLinks:
    """To a place of links: it is to move. Say so to all peers, let in nobody, and end every link within `drain_s`
    seconds, after its last answer if that comes by then. Answered when none is left. It goes on where it arrives.
    """

    place: int
    drain_s: float


@sendable("mdht.stay_links")
@dataclass(frozen=True, slots=True)
class StayLinks:
    """To a place of links that has left them: it does not move after all, and takes new ones."""

    place: int


@sendable("mdht.let_in")
@dataclass(frozen=True, slots=True)
class LetIn:
    """To the listener: whether connections are accepted. Those that are not wait in the kernel."""

    wanted: bool


@sendable("mdht.places_are")
@dataclass(frozen=True, slots=True)
class PlacesAre:
    """To `peers`, which tells the listener: links live in so many places now, and are there."""

    count: int


@sendable("mdht.advertise")
@dataclass(frozen=True, slots=True)
class Advertise:
    """To a place of links: what to tell others of our addresses, and whether the configuration says so."""

    place: int
    addresses: tuple[str, ...]
    configured: bool


@sendable("mdht.link_gone")
@dataclass(frozen=True, slots=True)
class LinkGone:
    """A connection that was handed to that place is over."""

    place: int


@sendable("mdht.place_began")
@dataclass(frozen=True, slots=True)
class PlaceBegan:
    """A place of links begins, with none; whatever links it had before are gone. To `peers`, and the `listener`.

    It has moved, and its links after `last` (by `places.link_number`) are new; or it was started, then all are: None.
    """

    place: int
    last: int | None = None
