"""What a link tells its node, in order, by `Session.next_event`. `Ended` is always the last.

`Proven` and `Opened` are those of the handshake (`parties`). Where a method is named, it is the session's, and is the
answer that the event waits for.
"""

from __future__ import annotations

import msgspec

from ..codec import Claim, Moving, Reply, Request
from ..errors import MdhtError
from .parties import Opened, Proven, ProvenPeer


class _Event(msgspec.Struct, frozen=True):
    pass


class Asked(_Event, frozen=True):
    """The peer asks: answer exactly once by `reply`. PING is answered by the session, STREAM_OPEN is `StreamAsked`."""

    message: Request


class Answered(_Event, frozen=True):
    """The peer answered our request `number`; the answer may be an ERROR."""

    number: int
    message: Reply


class Unanswered(_Event, frozen=True):
    """Our request `number` gets no answer: `TimedOut`, or `LinkClosed`."""

    number: int
    error: MdhtError


class Noticed(_Event, frozen=True):
    """The peer says something that needs no answer."""

    message: Moving | Claim


class Writable(_Event, frozen=True):
    """There is room again for requests, after one was refused with `LinkFull` (bytes)."""


class StreamAsked(_Event, frozen=True):
    """The peer opens a stream, for `purpose` about `about`: `accept_stream`, or `reply` with an ERROR."""

    number: int
    purpose: int
    about: bytes


class StreamOpened(_Event, frozen=True):
    """The peer accepted the stream that we opened."""

    number: int


class StreamReceived(_Event, frozen=True):
    """The next piece; call `stream_consumed` with its size once it is used, so that more may come."""

    number: int
    data: bytes


class StreamFinished(_Event, frozen=True):
    """The peer sends nothing more on this stream; all of it was received. We may."""

    number: int


class StreamWritable(_Event, frozen=True):
    """There is room again in this stream, after `stream_send` took less than it was given."""

    number: int


class StreamEnded(_Event, frozen=True):
    """The stream is over, in both directions; `error` says why, where it did not end as it should."""

    number: int
    error: MdhtError | None = None


class Ended(_Event, frozen=True):
    """The link is over: no event follows. Go on to send until `Session.finished`.

    `error` is None where we closed it without cause; `peer` is who it was with, where that was proven.
    """

    error: MdhtError | None = None
    peer: ProvenPeer | None = None


Event = (
    Proven
    | Opened
    | Asked
    | Answered
    | Unanswered
    | Noticed
    | Writable
    | StreamAsked
    | StreamOpened
    | StreamReceived
    | StreamFinished
    | StreamWritable
    | StreamEnded
    | Ended
)

__all__ = [
    "Answered",
    "Asked",
    "Ended",
    "Event",
    "Noticed",
    "Opened",
    "Proven",
    "StreamAsked",
    "StreamEnded",
    "StreamFinished",
    "StreamOpened",
    "StreamReceived",
    "StreamWritable",
    "Unanswered",
    "Writable",
]
