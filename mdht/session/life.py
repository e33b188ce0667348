"""A link's life, from the first byte to the last. Everything that affects it is in this table.

CONNECTING ──opened──> OPEN ──move──> MOVING ──retire──> RETIRING
    │                   │  └─────────retire──────────────^  │
    └───leave, left, lost┴───────────────┴──────────────────┘
                         v
              CLOSING ──done──> CLOSED
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from ..errors import WrongState


class Life(Enum):
    """Where a link is; the value ends the sentence "it is …"."""

    CONNECTING = "connecting"
    """TLS and the handshake. At first; left once both nodes accepted, or by a refusal."""
    OPEN = "open"
    """Requests and streams go both ways."""
    MOVING = "moving"
    """We said MOVING, and wait for the peer to dial again. It may still ask, we ask nothing new."""
    RETIRING = "retiring"
    """Another link has taken over: this one ends as soon as nothing waits for an answer."""
    CLOSING = "closing"
    """`Ended` was told. A goodbye is on its way, and what the peer sends is thrown away."""
    CLOSED = "closed"
    """Nothing is left to send; drop the connection."""


class Turn(Enum):
    """What moves a link on."""

    OPENED = auto()
    MOVE = auto()
    RETIRE = auto()
    LEAVE = auto()
    """It ends: by us, by the peer, or because the connection is lost."""
    DONE = auto()
    """All was sent, and the peer closed; or the time for that is over."""


_ALIVE: Final = (Life.CONNECTING, Life.OPEN, Life.MOVING, Life.RETIRING)

TRANSITIONS: Final[dict[tuple[Life, Turn], Life]] = {
    (Life.CONNECTING, Turn.OPENED): Life.OPEN,
    (Life.OPEN, Turn.MOVE): Life.MOVING,
    (Life.OPEN, Turn.RETIRE): Life.RETIRING,
    (Life.MOVING, Turn.RETIRE): Life.RETIRING,
    **{(life, Turn.LEAVE): Life.CLOSING for life in _ALIVE},
    (Life.CLOSING, Turn.DONE): Life.CLOSED,
}
"""Every transition there is: one that is not listed is a mistake of the caller's."""


def turned(life: Life, turn: Turn) -> Life:
    """The state after this turn. Raises `WrongState`."""
    after = TRANSITIONS.get((life, turn))
    if after is None:
        raise WrongState("a link", life.value, turn.name.lower())
    return after
