"""One link of the link service: a wire, a session, and what waits on it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from ipc import Token

from ...session import Role, Session
from ...transport import Wire


class Owner(Protocol):
    """What a link tells its service."""

    def touched(self, link: Link) -> None:
        """Something happened to the session: look at it before the turn ends."""

    def heard(self, link: Link, data: bytes) -> None:
        """Bytes came."""

    def over(self, link: Link) -> None:
        """The wire is gone."""


class Link:
    """A receiver of its wire. `number` is its name among the services."""

    __slots__ = (
        "asks",
        "claimed",
        "dialler",
        "dirty",
        "number",
        "owner",
        "peer",
        "ping",
        "session",
        "subnet",
        "timer",
        "timer_s",
        "wire",
    )

    def __init__(self, owner: Owner, number: int, wire: Wire, session: Session, subnet: str) -> None:
        self.owner = owner
        self.number = number
        self.wire = wire
        self.session = session
        self.subnet = subnet
        self.peer = b""
        """Its id, once proven."""
        self.claimed = False
        self.dialler: int | None = None
        """Of the dial that waits for it to open, its number."""
        self.asks: dict[int, Token] = {}
        """Who waits for the answer to our request of that number."""
        self.ping = 0
        """Number of the ping for a claim."""
        self.dirty = False
        self.timer: asyncio.TimerHandle | None = None
        self.timer_s = 0.0

    @property
    def dialled(self) -> bool:
        """By us."""
        return self.session.role is Role.DIAL

    # -- what the wire tells -------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """See `transport.Receiver`."""
        self.owner.heard(self, data)

    def writable(self) -> None:
        """See `transport.Receiver`."""
        self.owner.touched(self)

    def ended(self) -> None:
        """See `transport.Receiver`."""
        self.owner.over(self)
