"""A peer as the routing table knows it: what it is called, where it was seen, and how it has behaved."""

from __future__ import annotations

from dataclasses import dataclass

from ..limits import HOST_CHARS, PEER_RECORD_BYTES
from .keys import ID_BYTES


@dataclass(frozen=True, slots=True)
class Contact:
    """A peer's id and the address where it was really seen.

    The limits on subnets are worth something only if `host` is the address that a handshake came from or went to, not
    one that the peer only claims.
    """

    id: bytes
    """32 bytes."""
    host: str
    """An IP address as text, or a name; at most 253 bytes in UTF-8."""
    port: int
    """0 to 65535."""
    data: bytes = b""
    """What the table carries along unread, such as the packed signed peer record; at most 2 KiB."""

    def __post_init__(self) -> None:
        """Raises ValueError, naming the field that is out of its bounds."""
        if len(self.id) != ID_BYTES:
            raise ValueError(f"id: {ID_BYTES} bytes are needed, not {len(self.id)}")
        if len(self.host.encode()) > HOST_CHARS:
            raise ValueError(f"host: at most {HOST_CHARS} bytes, not {len(self.host.encode())}")
        if not 0 <= self.port <= 0xFFFF:
            raise ValueError(f"port: 0 to 65535, not {self.port}")
        if len(self.data) > PEER_RECORD_BYTES:
            raise ValueError(f"data: at most {PEER_RECORD_BYTES} bytes, not {len(self.data)}")


@dataclass(frozen=True, slots=True)
class Known:
    """A contact with its history, as the table shows and saves it."""

    contact: Contact
    first_seen_s: float
    """When it first proved its identity."""
    last_seen_s: float
    """When it last did, or answered."""
    failed: int = 0
    """Requests it left unanswered since then."""


class Entry:
    """The table's own, changeable form of `Known`; nobody outside the table keeps one."""

    __slots__ = ("checked_s", "contact", "failed", "first_seen_s", "last_seen_s", "number", "subnet")

    def __init__(self, contact: Contact, number: int, subnet: str, first_seen_s: float, last_seen_s: float) -> None:
        self.contact = contact
        self.number = number
        """The id as an integer."""
        self.subnet = subnet
        """Empty where it is not counted."""
        self.first_seen_s = first_seen_s
        self.last_seen_s = last_seen_s
        self.failed = 0
        self.checked_s = -float("inf")
        """When somebody was last told to check whether it is still there."""

    def known(self) -> Known:
        """A copy that does not change."""
        return Known(self.contact, self.first_seen_s, self.last_seen_s, self.failed)
