"""The form of a frame: one MessagePack array of items, each item an array that begins with its kind.

    RUN     [0, line, run, offset, deadline, chain, bytes, [command, …]]   sender → service
    REPLY   [1, line, run, offset, [value, …]]                             service → sender
    FAIL    [2, line, run, offset, error]                                  service → sender
    ACK     [3, line, commands, bytes, casts]                              service → sender: served, there is room again
    END     [4, line]                                                      sender → service: nothing more on this wire
    ENDED   [5, line]                                                      service → sender: all before END was received
    POKE    [6, line]                                                      sender → service: I wait for room
    DEFINE  [7, key, version, value]                                       both ways, in an own frame before its use

`line` names one sender's channel to one shard; `run` numbers its runs (0: no reply wanted); `offset` counts commands
inside a run; `deadline` is in seconds of the machine's monotonic clock. On a stream each frame follows its length (4
bytes, big endian). A frame is written by joining commands that were packed when they were sent; it is read by one call.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..codec import dumps

if TYPE_CHECKING:
    from .out import Out

RUN, REPLY, FAIL, ACK, END, ENDED, POKE, DEFINE = range(8)

_RUN = struct.Struct(">BBBIBQBIBd")
_ONE = struct.Struct(">BBBIBQBIBdBBIB")
_BYTES = struct.Struct(">BI")
_NO_CHAIN = b"\x90"
_ONE_COMMAND = b"\x91"
_HEAD = struct.Struct(">IBI")
HEAD_BYTES = 4
_SMALL_JOIN = 64 << 10


def pack_run(line: int, out: Out, parts: list[bytes]) -> int:
    """Append a RUN item to `parts`; returns its size in bytes."""
    if out.bare and not out.chain:
        head = _ONE.pack(
            0x98, RUN, 0xCE, line, 0xCF, out.run, 0xCE, out.offset, 0xCB, out.deadline, 0x90, 0xCE, out.nbytes, 0x91
        )
    else:
        out.close_batch()
        head = _RUN.pack(0x98, RUN, 0xCE, line, 0xCF, out.run, 0xCE, out.offset, 0xCB, out.deadline)
        head += dumps(list(out.chain)) if out.chain else _NO_CHAIN
        head += _BYTES.pack(0xCE, out.nbytes)
        if out.bare:
            head += _ONE_COMMAND
    body: bytes = out.body
    parts.append(head)
    parts.append(body)
    return len(head) + len(body)


def finish_frame(parts: list[bytes], items: int, size: int) -> list[bytes]:
    """The buffers of a whole frame for a stream: length, array header and these parts, joined where they are small."""
    head = _HEAD.pack(size + 5, 0xDD, items)
    if size <= _SMALL_JOIN:
        return [b"".join([head, *parts])]
    return [head, *parts]


def stream_frame(payload: bytes) -> list[bytes]:
    """The buffers of a frame whose payload is packed already."""
    head = len(payload).to_bytes(HEAD_BYTES, "big")
    return [head + payload] if len(payload) <= _SMALL_JOIN else [head, payload]


def pack_definitions(definitions: Sequence[tuple[str, int, bytes]]) -> bytes:
    """The payload of a frame that defines interned values."""
    return dumps([[DEFINE, key, version, value] for key, version, value in definitions])


def is_run(item: Any) -> bool:
    """Whether an item of a frame from another process has the form of a RUN."""
    return (
        len(item) == 8
        and type(item[1]) is int
        and type(item[2]) is int
        and type(item[3]) is int
        and type(item[4]) is float
        and type(item[5]) is list
        and type(item[6]) is int
        and item[6] >= 0
        and type(item[7]) is list
    )
