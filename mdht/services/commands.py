"""What the services of a node say to each other. Plain immutable values, so they cross every channel.

| to | commands |
|---|---|
| `store`, `local` | `Serve`, whose question is answered by `Have`, `HaveAll`, `Nearest` or `Kept` |
| `links` | `Ask`, `Dial`, `Decide` |
| `peers` | `Claimed`, `Link…`, `Connect`, `WhoIsThere`, `Silent`, `Begin` |
| `api` | `Do…` |
| any | `…Numbers`, for statistics |
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable

# -- questions, of peers and of our own user ---------------------------------------------------------------------------


@sendable("mdht.get")
@dataclass(frozen=True, slots=True)
class Get:
    """The record at an address. `Have`, or `Nearest`."""

    address: bytes
    peers: int = 0


@sendable("mdht.get_all")
@dataclass(frozen=True, slots=True)
class GetAll:
    """All owners' records of an open name but the first `skip`. `HaveAll`, or `Nearest`."""

    address: bytes
    skip: int = 0


@sendable("mdht.find")
@dataclass(frozen=True, slots=True)
class Find:
    """The closest peers. `Nearest`."""

    target: bytes
    peers: int


@sendable("mdht.put")
@dataclass(frozen=True, slots=True)
class Put:
    """Store this packed record. `Kept`. `chosen`: who else is asked, as `codec.Put` has it."""

    record: bytes
    expect: int | None = None
    lease_s: int = 0
    chosen: bytes = b""


Question = Get | GetAll | Find | Put


@sendable("mdht.have")
@dataclass(frozen=True, slots=True)
class Have:
    """A packed record, how many other owners there are, and the closest peers where asked for."""

    record: bytes
    others: int = 0
    peers: tuple[bytes, ...] = ()


@sendable("mdht.have_all")
@dataclass(frozen=True, slots=True)
class HaveAll:
    """Packed records of an open name, of `total`."""

    records: tuple[bytes, ...]
    total: int


@sendable("mdht.nearest")
@dataclass(frozen=True, slots=True)
class Nearest:
    """Packed peer records, the closest first; the record asked for is not here."""

    peers: tuple[bytes, ...]


@sendable("mdht.kept")
@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a put: a `codec.Verdict`, the sequence held, the lease in seconds, and who is closer."""

    verdict: int
    held: int = 0
    lease_s: int = 0
    peers: tuple[bytes, ...] = ()


Reply = Have | HaveAll | Nearest | Kept


@sendable("mdht.serve")
@dataclass(frozen=True, slots=True)
class Serve:
    """Answer a question; a put is charged to `peer` (an id; empty: our own user) and its `subnet`."""

    question: Question
    peer: bytes = b""
    subnet: str = ""


# -- to the links ------------------------------------------------------------------------------------------------------


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


@sendable("mdht.link_uses")
@dataclass(frozen=True, slots=True)
class LinkUses:
    """How much each claimed link carries; answered by tuples of its number and `Session.traffic`."""

    place: int = 0


# -- to the peers ------------------------------------------------------------------------------------------------------


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


@sendable("mdht.linked_peers")
@dataclass(frozen=True, slots=True)
class LinkedPeers:
    """Who is linked now; answered by a list of `PeerInfo`."""


@sendable("mdht.peer_numbers")
@dataclass(frozen=True, slots=True)
class PeerNumbers:
    """How many peers are known and linked."""


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


@sendable("mdht.begin")
@dataclass(frozen=True, slots=True)
class Begin:
    """All services are there: dial the seeds."""


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


@sendable("mdht.store_numbers")
@dataclass(frozen=True, slots=True)
class StoreNumbers:
    """One part of the store in numbers; answered by `store.StoreStats`. Asked of `api`: the whole store."""

    part: int = 0


@sendable("mdht.address")
@dataclass(frozen=True, slots=True)
class WhereAmI:
    """The addresses at which this node listens, as text: to whoever listens, `links` or `listener`."""


# -- to the listener, and what it says to links ------------------------------------------------------------------------


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


# -- to the api --------------------------------------------------------------------------------------------------------


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
