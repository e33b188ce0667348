"""A link in plain numbers, as `Session.stats` gives them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What a session counts as it goes, since its beginning."""

    received_bytes: int = 0
    sent_bytes: int = 0
    received_messages: int = 0
    sent_messages: int = 0
    pings: int = 0
    timeouts: int = 0
    late: int = 0
    unknown: int = 0
    busy: int = 0
    resets: int = 0


@dataclass(frozen=True, slots=True)
class SessionStats:
    """One link. Counts and bytes since its beginning, unless "now" is said."""

    life: str
    """As `Life` words it, now."""
    peer: str
    """The peer's short id, or what it was called before it was proven."""
    received_bytes: int
    """On the transport, TLS included; likewise `sent_bytes`."""
    sent_bytes: int
    received_messages: int
    sent_messages: int
    requests_out: int
    """Ours that wait for their answer now."""
    requests_in: int
    """The peer's that wait for our answer now."""
    streams: int
    """Open now, or being opened."""
    unsent_bytes: int
    """Messages that wait to be sent now."""
    unsent_stream_bytes: int
    """Pieces of streams that wait to be sent now, for their turn or for credit."""
    events: int
    """Waiting for `next_event` now."""
    timeouts: int
    """Our requests that were not answered in time."""
    late: int
    """Replies and pieces of streams that came when nobody waited for them any more."""
    unknown: int
    """Messages of a newer version."""
    busy: int
    """Requests of the peer that were answered BUSY by the session itself."""
    resets: int
    """Streams that were reset by the session for what came on them."""
    rtt_s: float
    """Of the last ping, or of the handshake; 0.0 before."""
    group: str
    """Key exchange that TLS negotiated; empty without TLS."""
    cipher: str
    """Cipher suite that TLS negotiated; empty without TLS."""
