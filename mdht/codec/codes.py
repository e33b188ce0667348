"""The numbers inside messages: each set is open, so a field that holds one is a plain int, and may hold a newer one."""

from __future__ import annotations

import enum


class ErrorCode(enum.IntEnum):
    """Why a request failed (ERROR), or a stream was reset (STREAM_RESET)."""

    INTERNAL = 0
    """A fault of the one that answers."""
    UNSUPPORTED = 1
    """A message, or a purpose, that the one that answers does not know."""
    REJECTED = 2
    """The record is not valid: its signature, network, kind, size or time."""
    QUOTA = 3
    """The share of its owner, of the asking peer or of its subnet is used up."""
    FULL = 4
    """The store has no room, whoever asks."""
    OWNERS = 5
    """The open name has as many owners as it may have."""
    BUSY = 6
    """Too many requests or streams at once: wait `retry_ms`."""
    NOT_ALLOWED = 7
    """The peer may not ask for this."""
    NOT_FOUND = 8
    """What a stream was opened for is not here."""
    CANCELLED = 9
    """The one that opened or reads a stream wants no more of it."""
    FLOW = 10
    """More data than there was credit for, or more credit than a window may have."""


class Verdict(enum.IntEnum):
    """What became of a put (STORED); of what was not even considered, an ERROR tells."""

    STORED = 0
    """It is stored, and synced."""
    HELD = 1
    """That very version was here before; a content record's lease is renewed."""
    SUPERSEDED = 2
    """A version that wins is here, and stays."""
    CONFLICT = 3
    """Compare-and-set: another sequence is here than was expected."""


class Farewell(enum.IntEnum):
    """Why a link ends (GOODBYE)."""

    SHUTDOWN = 0
    """The node stops."""
    MOVED = 1
    """What was left to answer before a move is answered; dial again if you have not."""
    DUPLICATE = 2
    """Another link to the same peer stays."""
    PROTOCOL = 3
    """Something came that no peer of this protocol sends; the text says what."""
    TOO_MANY = 4
    """Other links are kept instead."""
    NOT_ALLOWED = 5
    """The allow or deny list changed."""
    IDLE = 6
    """Nobody used it."""


class Purpose(enum.IntEnum):
    """What a stream is for (STREAM_OPEN), and so the form of its `about`."""

    GET_RECORDS = 1
    """Many records, by their addresses (see `files.exchange`). About: nothing."""
    TUNNEL = 2
    """Reserved: bytes to and from a service behind the peer."""
    PUT_RECORDS = 3
    """Many records to be stored (see `files.exchange`). About: nothing."""
    RENEW_RECORDS = 4
    """Many content records that may be there already, by their addresses (see `files.exchange`). About: nothing."""
