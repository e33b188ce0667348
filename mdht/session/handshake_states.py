"""Where a handshake stands, and everything that leads from one state to another.

The drawing of it is in `handshake`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from .binary import Accept, Frame, Ping, Pong, Proof, Refuse


class State(Enum):
    """Where a handshake stands; the value ends the sentence "it is …". All but OPEN and FAILED end at the deadline."""

    CONNECTING = "waiting for TLS"
    """At first. Left by `begin`, with the exporter."""
    PING_SENT = "waiting for the peer's pong"
    """A: PING is on its way. Left by PONG."""
    PING_AWAITED = "waiting for the peer's ping"
    """B: the channel is there. Left by PING."""
    PONG_SENT = "waiting for the peer's proof"
    """B: has said who it is. Left by PROOF."""
    PROVEN = "waiting for both nodes to accept"
    """The peer is proven; at A, PROOF is on its way. Left by our `accept`, or the peer's ACCEPT."""
    ACCEPTED = "waiting for the peer to accept"
    """We accepted, and may send messages. Left by the peer's ACCEPT."""
    WANTED = "waiting for this node to accept"
    """The peer accepted; what it sends now are messages, for later. Left by our `accept`."""
    OPEN = "open"
    """Both accepted. Frames are messages from here on, in both directions."""
    FAILED = "failed"
    """Refused by either side, or too late. Nothing leads out of it."""


class Step(Enum):
    """What moves a handshake on: what this side does, and frames of the peer."""

    BEGIN_DIAL = "begin to dial"
    BEGIN_ANSWER = "begin to answer"
    ACCEPTING = "accept the peer"
    REFUSING = "refuse the peer"

    PING = "take a PING"
    PONG = "take a PONG"
    PROOF = "take a PROOF"
    ACCEPT = "take an ACCEPT"
    REFUSE = "take a REFUSE"


_TALKING: Final = (
    State.PING_SENT,
    State.PING_AWAITED,
    State.PONG_SENT,
    State.PROVEN,
    State.ACCEPTED,
)

TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    (State.CONNECTING, Step.BEGIN_DIAL): State.PING_SENT,
    (State.PING_SENT, Step.PONG): State.PROVEN,
    (State.CONNECTING, Step.BEGIN_ANSWER): State.PING_AWAITED,
    (State.PING_AWAITED, Step.PING): State.PONG_SENT,
    (State.PONG_SENT, Step.PROOF): State.PROVEN,
    (State.PROVEN, Step.ACCEPTING): State.ACCEPTED,
    (State.PROVEN, Step.ACCEPT): State.WANTED,
    (State.ACCEPTED, Step.ACCEPT): State.OPEN,
    (State.WANTED, Step.ACCEPTING): State.OPEN,
    **{(state, Step.REFUSE): State.FAILED for state in _TALKING},
    **{(state, Step.REFUSING): State.FAILED for state in (State.CONNECTING, *_TALKING, State.WANTED)},
}
"""Every transition there is: one that is not listed is an error of whoever caused it."""

STEPS: Final[dict[type[Frame], Step]] = {
    Ping: Step.PING,
    Pong: Step.PONG,
    Proof: Step.PROOF,
    Accept: Step.ACCEPT,
    Refuse: Step.REFUSE,
}
"""What a frame of the peer means."""

DONE: Final = (State.OPEN, State.FAILED)
"""No frame of a handshake comes after these, and no deadline."""
