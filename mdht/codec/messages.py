"""The messages between two peers after their handshake.

A message is an array: its number, then its fields in the order written here. The number alone says how it is answered:

| numbers | are | second element | unknown ones |
|---|---|---|---|
| 0 – 47 | requests: answered exactly once, by a reply or ERROR | request | are answered ERROR, `unsupported` |
| 48 – 95 | replies | the request that they answer | are ignored |
| 96 – 127 | notices: not answered | theirs | are ignored |
| 128 and more | reserved for notices, with numbers of two bytes | theirs | are ignored |

So a node can say something new to an old one, and nothing breaks. Fields are only ever added at the end, with a
default: an older node ignores them, except in PUT and STREAM_OPEN, where to overlook a condition would be wrong; there
a field too many makes the message an unknown one.

Request numbers count up; the one who dialled uses odd ones, the other even ones, so a stream, which has the number of
the request that opened it, has one number for both sides.

*Streams* carry what is larger than a record. Each side may send as many bytes as it has credit for, in pieces of at
most `limits.STREAM_DATA_BYTES`, so that streams and messages interleave; whoever reads grants credit as it consumes
(HTTP/2's windows, RFC 9113, 5.2). STREAM_CLOSE ends one direction, STREAM_RESET both at once.

Records and peer records travel in their own binary form: they are signed, stored and passed on as those bytes.
"""

from __future__ import annotations

from typing import Final

import msgspec

from .fields import (
    About,
    Code,
    CreditBytes,
    Hash,
    Id,
    LeaseS,
    Marks,
    OwnerCount,
    PackedPeer,
    PackedPeers,
    PackedRecord,
    PackedRecords,
    PeerCount,
    Sequence,
    StreamBytes,
    Text,
    TimeMs,
    WaitMs,
)

REQUEST_NUMBERS: Final = range(48)
REPLY_NUMBERS: Final = range(48, 96)

RESERVED: Final = {
    "LISTEN": 16,
    "UNLISTEN": 17,
    "QUERY": 18,
    "CIRCUIT": 19,
    "LISTENING": 64,
    "QUERIED": 65,
    "EXTENDED": 66,
    "EVENT": 112,
    "FINDING": 113,
    "CELL": 114,
    "CANCEL": 115,
}
"""Numbers of messages that come later: subscriptions, carried queries, circuits."""


class _Struct(msgspec.Struct, array_like=True, frozen=True, gc=False):
    pass


# -- requests ----------------------------------------------------------------------------------------------------------


class Ping(_Struct, frozen=True, gc=False, tag=1):
    """Are you there? Answered by PONG. `time_ms` is the sender's clock."""

    request: Id
    time_ms: TimeMs = 0


class Get(_Struct, frozen=True, gc=False, tag=2):
    """What is at this address? FOUND, or else CLOSEST. `peers`: how many of the closest to name beside a record."""

    request: Id
    address: Hash
    peers: PeerCount = 0


class GetAll(_Struct, frozen=True, gc=False, tag=3):
    """All owners' records of an open name, but the first `skip`. FOUND_ALL, or CLOSEST where there are none."""

    request: Id
    address: Hash
    skip: OwnerCount = 0


class Find(_Struct, frozen=True, gc=False, tag=4):
    """The peers that you know closest to this address or id. CLOSEST."""

    request: Id
    target: Hash
    peers: PeerCount = 20


class _AnyPut(_Struct, frozen=True, gc=False, tag=5):
    request: Id
    record: PackedRecord
    expect: Sequence | None = None
    lease_s: LeaseS = 0
    chosen: Marks = b""


class Put(_AnyPut, frozen=True, gc=False, tag=5, forbid_unknown_fields=True):
    """Store this record (a tombstone deletes). STORED.

    `expect`: only if this sequence is held, 0 for nothing. `lease_s`: how long to keep content, 0 for as long as you
    would. `chosen`: whom the sender holds to be the closest, each by the beginning of its id: STORED names those who
    are closer than the farthest of them.
    """


class _AnyStreamOpen(_Struct, frozen=True, gc=False, tag=6):
    request: Id
    purpose: Code
    about: About
    credit: CreditBytes = 0


class StreamOpen(_AnyStreamOpen, frozen=True, gc=False, tag=6, forbid_unknown_fields=True):
    """Open a stream, whose number is `request`. STREAM_OPENED.

    `purpose` says what for, `about` about what; `credit` is what the answerer may send at once.
    """


# -- replies -----------------------------------------------------------------------------------------------------------


class Error(_Struct, frozen=True, gc=False, tag=48):
    """The request failed: a `codes.ErrorCode`, a sentence, and when to try again (0: not said)."""

    request: Id
    code: Code
    text: Text = ""
    retry_ms: WaitMs = 0


class Pong(_Struct, frozen=True, gc=False, tag=49):
    """I am. `time_ms` is the answerer's clock."""

    request: Id
    time_ms: TimeMs = 0


class Found(_Struct, frozen=True, gc=False, tag=50):
    """The record; of an open name the best, and how many `others` there are; the closest peers where asked for."""

    request: Id
    record: PackedRecord
    others: OwnerCount = 0
    peers: PackedPeers = []


class FoundAll(_Struct, frozen=True, gc=False, tag=51):
    """Records of an open name, in the order in which their owners came, together at most `limits.BATCH_RECORD_BYTES`.

    `total` is how many there are; where `skip` and these are fewer, ask again.
    """

    request: Id
    records: PackedRecords
    total: OwnerCount


class Closest(_Struct, frozen=True, gc=False, tag=52):
    """The peers closest to what was asked for, the closest first; for GET and GET_ALL also: it is not here."""

    request: Id
    peers: PackedPeers


class Stored(_Struct, frozen=True, gc=False, tag=53):
    """What became of a put: a `codes.Verdict`, the sequence now `held`, and for how long content is kept.

    `peers`: those who are closer to the record than the farthest that was `chosen`, and were not.
    """

    request: Id
    verdict: Code
    held: Sequence = 0
    lease_s: LeaseS = 0
    peers: PackedPeers = []


class StreamOpened(_Struct, frozen=True, gc=False, tag=54):
    """The stream is open; the opener may send `credit` bytes."""

    request: Id
    credit: CreditBytes = 0


# -- notices -----------------------------------------------------------------------------------------------------------


class StreamData(_Struct, frozen=True, gc=False, tag=96):
    """The next piece."""

    stream: Id
    data: StreamBytes


class StreamCredit(_Struct, frozen=True, gc=False, tag=97):
    """You may send `credit` bytes more."""

    stream: Id
    credit: CreditBytes


class StreamClose(_Struct, frozen=True, gc=False, tag=98):
    """Nothing more comes from this side; all of it was sent."""

    stream: Id


class StreamReset(_Struct, frozen=True, gc=False, tag=99):
    """The stream is given up, in both directions: a `codes.ErrorCode`, and a sentence."""

    stream: Id
    code: Code
    text: Text = ""


class Moving(_Struct, frozen=True, gc=False, tag=100):
    """This link will end: dial again; what you asked for is answered here within `drain_ms`."""

    drain_ms: WaitMs


class Claim(_Struct, frozen=True, gc=False, tag=101):
    """This link is now the one between us: others may be closed. `peer` is the sender's newest peer record."""

    peer: PackedPeer | None = None


class Goodbye(_Struct, frozen=True, gc=False, tag=102):
    """The last message of a link: a `codes.Farewell`, and a sentence."""

    reason: Code
    text: Text = ""


Request = Ping | Get | GetAll | Find | Put | StreamOpen
Reply = Error | Pong | Found | FoundAll | Closest | Stored | StreamOpened
Notice = StreamData | StreamCredit | StreamClose | StreamReset | Moving | Claim | Goodbye
Message = Request | Reply | Notice

REQUESTS: Final = frozenset({Ping, Get, GetAll, Find, Put, StreamOpen})
REPLIES: Final = frozenset({Error, Pong, Found, FoundAll, Closest, Stored, StreamOpened})
NOTICES: Final = frozenset({StreamData, StreamCredit, StreamClose, StreamReset, Moving, Claim, Goodbye})
"""The classes of each, for `type(message) in REQUESTS`."""

STRICT: Final = {5: _AnyPut, 6: _AnyStreamOpen}
"""Of the messages that allow no unknown field, what reads them all the same."""
