"""Links: TLS, the handshake that proves who is there, and what is said afterwards. Protocol logic without I/O.

| file | what |
|---|---|
| `session`, `session_life` | one link, driven by five verbs; what moves it from one state to the next |
| `tls`, `records` | TLS 1.3 over memory |
| `handshake` | ping – pong – pong: what is said, and why it holds |
| `handshake_states`, `handshake_checks` | its states; what a peer has to show |
| `parties`, `proof`, `binary` | who takes part in it; what is signed; the bytes of its frames |
| `talk` | messages of an open link; its lower layers are `talk_outgoing` and `talk_streams` |
| `requests`, `streams` | answers and deadlines; credit and turns |
| `life` | a link's states |
| `claims` | one link a pair |
| `caps` | how many half-open links |
| `events`, `stats`, `config`, `errors`, `limits` | what it tells, counts, is told, and cannot do; its own bounds |
"""

from __future__ import annotations

from .caps import CapStats, HalfOpen
from .claims import Claims, ClaimStats, Do, Verdict
from .config import SessionConfig
from .errors import LinkFull, PeerGone, PeerLeft, PeerSilent, TlsFailed, TlsTooOld, Violation
from .events import (
    Answered,
    Asked,
    Ended,
    Event,
    Noticed,
    Opened,
    Proven,
    StreamAsked,
    StreamEnded,
    StreamFinished,
    StreamOpened,
    StreamReceived,
    StreamWritable,
    Unanswered,
    Writable,
)
from .life import Life
from .parties import HandshakeConfig, ProvenPeer
from .proof import Role
from .session import Session
from .stats import SessionStats
from .tls import TlsContexts

__all__ = [
    "Answered",
    "Asked",
    "CapStats",
    "ClaimStats",
    "Claims",
    "Do",
    "Ended",
    "Event",
    "HalfOpen",
    "HandshakeConfig",
    "Life",
    "LinkFull",
    "Noticed",
    "Opened",
    "PeerGone",
    "PeerLeft",
    "PeerSilent",
    "Proven",
    "ProvenPeer",
    "Role",
    "Session",
    "SessionConfig",
    "SessionStats",
    "StreamAsked",
    "StreamEnded",
    "StreamFinished",
    "StreamOpened",
    "StreamReceived",
    "StreamWritable",
    "TlsContexts",
    "TlsFailed",
    "TlsTooOld",
    "Unanswered",
    "Verdict",
    "Violation",
    "Writable",
]
