"""Who takes part in a handshake: what this node says and accepts, and what it learns of the peer."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BadText, ConfigError, LinkRefused
from ..limits import CAPABILITIES, HANDSHAKE_TIMEOUT_S, PEER_RECORD_BYTES, SECRET_BYTES
from ..model.identity import Identity
from ..model.names import check_network, check_token
from ..model.peer import PeerRecord
from .limits import ENCODINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeConfig:
    """What one node says of itself in all its handshakes, and what it accepts."""

    network: str
    """The network's name; a peer of another one is refused as `wrong network`."""
    identity: Identity
    """This node's key, and so its id."""
    record: PeerRecord
    """Its signed peer record, of the same identity and network."""
    encodings: tuple[str, ...] = ("msgpack", "json")
    """Names of encodings for messages, the best first. Who dials decides between those that both have."""
    capabilities: tuple[str, ...] = ()
    """What this node offers, in rising order."""
    secret: bytes = b""
    """32 bytes that all nodes of a private network share; empty in a public one."""
    without_tls: bool = False
    """True for a transport that needs no TLS (memory, in one process). The proofs are then bound to no session: whoever
    carries the bytes can read them, and change what comes after the handshake."""
    deadline_s: float = HANDSHAKE_TIMEOUT_S
    """Seconds for TLS, the handshake, and for either node to accept the other."""

    def validate(self) -> None:
        """Raises `ConfigError` with all faults at once."""
        faults: list[tuple[str, str, str]] = []

        def check(key: str, bad: bool, wrong: str, right: str) -> None:
            if bad:
                faults.append((key, wrong, right))

        for key, names in (("encodings", self.encodings), ("capabilities", self.capabilities)):
            for name in names:
                try:
                    check_token(name, key)
                except BadText as error:
                    faults.append((key, repr(name), error.reason))
        try:
            check_network(self.network)
        except BadText as error:
            faults.append(("network", repr(self.network), error.reason))
        check(
            "encodings",
            not 1 <= len(self.encodings) <= ENCODINGS or len(set(self.encodings)) != len(self.encodings),
            repr(self.encodings),
            f"1 to {ENCODINGS}, each once, the best first",
        )
        check(
            "capabilities",
            len(self.capabilities) > CAPABILITIES or list(self.capabilities) != sorted(set(self.capabilities)),
            repr(self.capabilities),
            f"at most {CAPABILITIES}, each once, in rising order",
        )
        check(
            "secret",
            len(self.secret) not in (0, SECRET_BYTES),
            f"{len(self.secret)} bytes",
            f"{SECRET_BYTES} random bytes as mdht makes them, or none in a public network",
        )
        check("record", self.record.id != self.identity.id, "of another identity", "sign it with this one")
        check("record", self.record.network != self.network, "of another network", "sign it for this one")
        size = len(self.record.pack())
        check("record", size > PEER_RECORD_BYTES, f"{size:,} bytes", f"at most {PEER_RECORD_BYTES:,}")
        check("deadline_s", not self.deadline_s > 0, f"{self.deadline_s}", "more than 0 seconds")
        if faults:
            raise ConfigError(faults)


@dataclass(frozen=True, slots=True)
class ProvenPeer:
    """A peer that has proven its identity within this TLS session.

    Its record's signature was verified, its times were not: whoever keeps it judges them by its corrected clock.
    """

    id: bytes
    """SHA-256 of its public key, 32 bytes."""
    record: PeerRecord
    capabilities: tuple[str, ...]
    encoding: str
    """The one chosen for messages."""
    version: int
    """The protocol version to speak: the lower of both."""
    dialled: bool
    """We dialled it; else it dialled us."""
    expected: bool
    """It is the id that was dialled. False where none was given (so whoever answered is trusted), or it dialled us."""
    clock_offset_s: float
    """Seconds that its wall clock is ahead of ours, as far as half a round trip tells."""
    rtt_s: float
    """Seconds of the one round trip that was measured, the peer's computing included."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The peer is who it says: this node decides now whether it wants the link, by `accept` or `refuse`."""

    peer: ProvenPeer


@dataclass(frozen=True, slots=True)
class Opened:
    """Both nodes want the link."""

    peer: ProvenPeer


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """There is no link. `error.by_us` says which side refused, its cause (`__cause__`) what exactly was wrong.

    `peer` is who refused, or was refused, where that was proven; else None, and the reason counts for this one dial
    only: anybody could have sent it.
    """

    error: LinkRefused
    peer: ProvenPeer | None = None


HandshakeEvent = Proven | Opened | HandshakeFailed
