"""What `links` and `files` say to each other about streams. Plain immutable values, so they cross every channel.

A stream is named by its link and its number there. Everything that `links` tells of one comes by the same outlet, in
order: `StreamReady` (of ours) or `StreamOffered` (of a peer's), then `StreamCame` …, `StreamDone`, and last
`StreamOver`. What is sent to a stream that is over meanwhile is dropped; `SendOn` is answered with the error.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable

# -- to the links ------------------------------------------------------------------------------------------------------


@sendable("mdht.open_stream")
@dataclass(frozen=True, slots=True)
class OpenStream:
    """Open a stream to a linked peer: `StreamReady` or `StreamFailed` follows, with this tag."""

    tag: int
    peer: bytes
    purpose: int
    about: bytes
    timeout_s: float
    place: int = 0
    """Where the link to the peer is: `Roster.place_of`."""


@sendable("mdht.accept_stream")
@dataclass(frozen=True, slots=True)
class AcceptStream:
    """Agree to a stream that was offered."""

    link: int
    stream: int


@sendable("mdht.send_on")
@dataclass(frozen=True, slots=True)
class SendOn:
    """Send this; answered, with None, once there is room for more. Raises LinkClosed, RequestFailed, TimedOut."""

    link: int
    stream: int
    data: bytes


@sendable("mdht.finish_stream")
@dataclass(frozen=True, slots=True)
class FinishStream:
    """Nothing more will be sent from here."""

    link: int
    stream: int


@sendable("mdht.consumed")
@dataclass(frozen=True, slots=True)
class Consumed:
    """So many bytes of `StreamCame` were used: as many more may come."""

    link: int
    stream: int
    size_bytes: int


@sendable("mdht.widen_stream")
@dataclass(frozen=True, slots=True)
class WidenStream:
    """So many bytes of an open stream may wait to be used here: its peer gets that much more credit."""

    link: int
    stream: int
    window_bytes: int


@sendable("mdht.reset_stream")
@dataclass(frozen=True, slots=True)
class ResetStream:
    """Give the stream up, or refuse the one that was offered, for this `codec.ErrorCode`. Nothing more follows."""

    link: int
    stream: int
    code: int
    text: str = ""


# -- to the files ------------------------------------------------------------------------------------------------------


@sendable("mdht.stream_ready")
@dataclass(frozen=True, slots=True)
class StreamReady:
    """The peer agreed."""

    tag: int
    link: int
    stream: int


@sendable("mdht.stream_failed")
@dataclass(frozen=True, slots=True)
class StreamFailed:
    """The stream does not come about: NotLinked, LinkFull, RequestFailed, TimedOut, LinkClosed."""

    tag: int
    error: Exception


@sendable("mdht.stream_offered")
@dataclass(frozen=True, slots=True)
class StreamOffered:
    """A peer wants to open a stream, for that `codec.Purpose`: `AcceptStream`, or `ResetStream`."""

    link: int
    stream: int
    purpose: int
    about: bytes
    peer: bytes
    subnet: str


@sendable("mdht.stream_came")
@dataclass(frozen=True, slots=True)
class StreamCame:
    """The next piece."""

    link: int
    stream: int
    data: bytes


@sendable("mdht.stream_done")
@dataclass(frozen=True, slots=True)
class StreamDone:
    """The peer sends nothing more."""

    link: int
    stream: int


@sendable("mdht.stream_over")
@dataclass(frozen=True, slots=True)
class StreamOver:
    """The stream is over, in both directions; the error says why, where it did not end as it should."""

    link: int
    stream: int
    error: Exception | None = None
