"""Messages for the tests of `codec`: one of each, the largest of each, and any."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from mdht import limits
from mdht.codec import (
    NOTICES,
    REPLIES,
    REQUESTS,
    Claim,
    Closest,
    Error,
    Find,
    Found,
    FoundAll,
    Get,
    GetAll,
    Goodbye,
    Message,
    Moving,
    Ping,
    Pong,
    Put,
    Stored,
    StreamClose,
    StreamCredit,
    StreamData,
    StreamOpen,
    StreamOpened,
    StreamReset,
)

HASH = bytes(range(32))
TYPES: list[Any] = sorted(REQUESTS | REPLIES | NOTICES, key=lambda cls: cls.__struct_config__.tag)

SAMPLES: dict[str, Message] = {
    "ping": Ping(1, 1_800_000_000_000),
    "get": Get(3, HASH),
    "get, with peers": Get(3, HASH, 20),
    "get all": GetAll(5, HASH, 2),
    "find": Find(7, HASH, 8),
    "put": Put(9, b"\x01value"),
    "put, compare and set": Put(9, b"\x02record", 4, 0),
    "put, with lease": Put(11, b"\x01value", None, 3600),
    "put, chosen": Put(11, b"\x01value", None, 0, b"8 bytes.and more"),
    "open": StreamOpen(13, 1, b"about", 262_144),
    "error": Error(1, 6, "busy", 250),
    "pong": Pong(1, 1_800_000_000_001),
    "found": Found(3, b"\x01value"),
    "found, open": Found(3, b"\x03record", 2, [b"peer 1", b"peer 2"]),
    "found all": FoundAll(5, [b"\x03one", b"\x03two"], 5),
    "closest": Closest(7, [b"peer"]),
    "stored": Stored(9, 1, 4, 3600),
    "stored, others nearer": Stored(9, 1, 4, 0, [b"peer"]),
    "opened": StreamOpened(13, 65_536),
    "data": StreamData(13, b"data"),
    "credit": StreamCredit(13, 16_384),
    "close": StreamClose(13),
    "reset": StreamReset(13, 9, "not wanted any more"),
    "moving": Moving(60_000),
    "claim": Claim(),
    "claim, with record": Claim(b"peer"),
    "goodbye": Goodbye(0, "the node stops"),
}
"""One of each, and of what is worth telling apart. They are the vectors, too."""

_ID = limits.ID_MAX
_RECORD = bytes(limits.RECORD_BYTES)
_PEERS = [bytes(limits.PEER_RECORD_BYTES)] * limits.CLOSEST_PEERS
_TEXT = "\U0001f600" * limits.TEXT_CHARS

LARGEST: list[Message] = [
    Ping(_ID, limits.NUMBER_MAX),
    Get(_ID, HASH, 20),
    GetAll(_ID, HASH, 64),
    Find(_ID, HASH, 20),
    Put(_ID, _RECORD, limits.NUMBER_MAX, limits.LEASE_MAX_S, bytes(20 * limits.MARK_BYTES)),
    StreamOpen(_ID, 255, bytes(limits.ABOUT_BYTES), limits.STREAM_WINDOW_BYTES),
    Error(_ID, 255, _TEXT, limits.DEADLINE_MAX_MS),
    Pong(_ID, limits.NUMBER_MAX),
    Found(_ID, _RECORD, 64, _PEERS),
    FoundAll(_ID, [bytes(limits.BATCH_RECORD_BYTES // 64)] * 64, 64),
    FoundAll(_ID, [_RECORD], 64),
    Closest(_ID, _PEERS),
    Stored(_ID, 255, limits.NUMBER_MAX, limits.LEASE_MAX_S, _PEERS),
    StreamOpened(_ID, limits.STREAM_WINDOW_BYTES),
    StreamData(_ID, bytes(limits.STREAM_DATA_BYTES)),
    StreamCredit(_ID, limits.STREAM_WINDOW_BYTES),
    StreamClose(_ID),
    StreamReset(_ID, 255, _TEXT),
    Moving(limits.DEADLINE_MAX_MS),
    Claim(bytes(limits.PEER_RECORD_BYTES)),
    Goodbye(255, _TEXT),
]
"""Of each the largest that its bounds allow."""


def _field(info: Any) -> st.SearchStrategy[Any]:
    """Values of a field, by its type and bounds; a field without an upper bound fails here."""
    match info:
        case msgspec.inspect.IntType(ge=int(), le=int()):
            return st.integers(info.ge, info.le)
        case msgspec.inspect.BytesType(max_length=int()):
            return st.binary(min_size=info.min_length or 0, max_size=min(info.max_length or 0, 40))
        case msgspec.inspect.StrType(max_length=int()):
            return st.text(max_size=min(info.max_length or 0, 20))
        case msgspec.inspect.ListType(max_length=int()):
            return st.lists(_field(info.item_type), max_size=min(info.max_length or 0, 4))
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.UnionType():
            return st.one_of([_field(each) for each in info.types])
    raise AssertionError(f"no strategy for {info}")


def _of(cls: Any) -> st.SearchStrategy[Message]:
    info = msgspec.inspect.type_info(cls)
    assert isinstance(info, msgspec.inspect.StructType)
    return st.builds(cls, *[_field(field.type) for field in info.fields])


messages: st.SearchStrategy[Message] = st.one_of([_of(cls) for cls in TYPES])
"""Any message, within its bounds: so this also checks that every field has one."""
