"""What crosses between machines. A frame is one ZeroMQ message: a MessagePack array of items, each begun by its kind.

    caller → exposure                                           exposure → caller
    HELLO   [0, "ipc", version, service]                        WELCOME [8, version, commands, bytes]
    RUN     [1, run, remaining, bytes, body]                    REPLY   [9, run, offset, body]
    POKE    [2]         I wait for room                         FAIL    [10, run, offset, error]
    END     [3]         I am about to leave                     ACK     [11, commands, bytes]     served: there is room
                                                                ENDED   [12]      all before END was taken in
                                                                GOODBYE [13, code, reason]        nothing more will come

Theory. A connection is for one service. It begins with HELLO, answered by WELCOME with the bounds that the caller must
keep to, or by GOODBYE with the reason. Then the caller sends runs: `body` is the packed list of commands (bin), and
`run` names the run in its replies, 0 wants none. Credits: WELCOME gives so many commands and bytes, each run takes
some, ACK gives them back. `bytes` is what the caller counts a run for: the body, with the head of its list or without,
and so both count the same. Who sends without credits is sent away.

Time. The machines' clocks have nothing in common, so no time of either crosses: a run carries the seconds that are left
of its deadline when it is sent (infinity: no deadline), and the exposure adds them to its own clock when it comes.
A command so gains what it spent on the way, and nothing by clocks that drift or sleep.

`error` is as in `ipc.remote_errors`. Numbers are unsigned. What is not of this form ends the connection.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from ..codec import dumps
from ..errors import BadFrame
from ..remote_errors import unpack_error
from .guard import check_value

VERSION: Final = 1
HELLO, RUN, POKE, END = 0, 1, 2, 3
WELCOME, REPLY, FAIL, ACK, ENDED, GOODBYE = 8, 9, 10, 11, 12, 13

POKE_ITEM: Final = dumps([POKE])
END_ITEM: Final = dumps([END])
ENDED_ITEM: Final = dumps([ENDED])

REASON_CHARS: Final = 500
"""Most characters of a reason, or of a service's name."""

_RUN: Final = struct.Struct(">BBBQBdBIBI")
_LIST_HEAD_BYTES: Final = 5
_REPLY: Final = struct.Struct(">BBBQBIBI")
_ITEMS: Final = struct.Struct(">BI")


class Code(IntEnum):
    """Why an exposure says goodbye."""

    CLOSED = 0
    """The exposure, its tree or its service was closed."""
    UNKNOWN = 1
    """HELLO named another service."""
    BUSY = 2
    """As many callers are connected as it takes."""
    VERSION = 3
    """HELLO was of another version of this protocol."""
    DENIED = 4
    """The caller's key is not allowed any more."""
    BROKEN_RULE = 5
    """The caller sent what is no frame, sent more than its credits, or did not read its replies."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a caller says first."""

    version: int
    service: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """What it is answered: how many commands, and bytes of them, may be on their way or waiting."""

    version: int
    commands: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Why the connection ends."""

    code: int
    reason: str


# -- packing -----------------------------------------------------------------------------------------------------------


def pack_frame(items: list[bytes]) -> bytes:
    """One frame of items that are packed already."""
    return b"".join((_ITEMS.pack(0xDD, len(items)), *items))


def pack_hello(service: str) -> bytes:
    """A frame with HELLO."""
    return dumps([[HELLO, "ipc", VERSION, service]])


def pack_welcome(commands: int, nbytes: int) -> bytes:
    """A frame with WELCOME."""
    return dumps([[WELCOME, VERSION, commands, nbytes]])


def pack_goodbye(code: int, reason: str) -> bytes:
    """A frame with GOODBYE."""
    return dumps([[GOODBYE, int(code), reason[:REASON_CHARS]]])


def pack_run(run: int, remaining_s: float, nbytes: int, body_bytes: int) -> bytes:
    """The head of a RUN; the body, of so many bytes, follows it."""
    return _RUN.pack(0x95, RUN, 0xCF, run, 0xCB, remaining_s, 0xCE, nbytes, 0xC6, body_bytes)


def pack_reply(run: int, offset: int, body: bytes) -> bytes:
    """A whole REPLY."""
    return _REPLY.pack(0x94, REPLY, 0xCF, run, 0xCE, offset, 0xC6, len(body)) + body


def pack_fail(run: int, offset: int, error: list[Any]) -> bytes:
    """A whole FAIL; `error` is what `pack_error` gave."""
    return dumps([FAIL, run, offset, error])


def pack_ack(commands: int, nbytes: int) -> bytes:
    """A whole ACK."""
    return dumps([ACK, commands, nbytes])


# -- reading, of items that a peer sent --------------------------------------------------------------------------------


def read_hello(item: list[Any]) -> Hello:
    """Raises `BadFrame`. Of another version it is read as far as the version."""
    if len(item) >= 3 and item[0] == HELLO and item[1] == "ipc" and _count(item[2]):
        if item[2] != VERSION:
            return Hello(item[2], "")
        if len(item) == 4 and type(item[3]) is str and len(item[3]) <= REASON_CHARS:
            return Hello(VERSION, item[3])
    raise BadFrame("a connection begins with HELLO")


def read_welcome(item: list[Any]) -> Welcome | Goodbye:
    """What answers a HELLO. Raises `BadFrame`."""
    if item[0] == GOODBYE:
        return read_goodbye(item)
    if len(item) != 4 or item[0] != WELCOME or item[1] != VERSION or not (_count(item[2]) and _count(item[3])):
        raise BadFrame("a HELLO is answered by WELCOME or GOODBYE")
    if not (item[2] and item[3]):
        raise BadFrame("a WELCOME gives room for one command at least")
    return Welcome(*item[1:])


def read_goodbye(item: list[Any]) -> Goodbye:
    """Raises `BadFrame`."""
    if len(item) != 3 or not _count(item[1]) or type(item[2]) is not str:
        raise BadFrame("a GOODBYE has a code and a reason")
    return Goodbye(item[1], item[2][:REASON_CHARS])


def read_run(item: list[Any]) -> tuple[int, float, int, bytes]:
    """Run, remaining seconds, bytes it is counted for, packed commands. Raises `BadFrame`."""
    if len(item) == 5:
        _, run, remaining_s, nbytes, body = item
        known = _count(run) and type(remaining_s) is float and remaining_s == remaining_s and type(body) is bytes
        if known and _count(nbytes) and len(body) - _LIST_HEAD_BYTES <= nbytes <= len(body):
            return run, remaining_s, nbytes, body
    raise BadFrame("a RUN has a number, the seconds that are left, its bytes, and commands")


def read_reply(item: list[Any]) -> tuple[int, int, bytes]:
    """Run, offset, packed replies. Raises `BadFrame`."""
    if len(item) == 4 and _count(item[1]) and _count(item[2]) and type(item[3]) is bytes:
        return item[1], item[2], item[3]
    raise BadFrame("a REPLY has a run, an offset, and replies")


def read_fail(item: list[Any]) -> tuple[int, int, BaseException]:
    """Run, offset, the error. Raises `BadFrame`."""
    if len(item) == 4 and _count(item[1]) and _count(item[2]):
        error = item[3]
        if type(error) is list and len(error) == 6 and type(error[2]) is bytes:
            if error[2]:
                check_value(error[2])
            return item[1], item[2], unpack_error(error)
    raise BadFrame("a FAIL has a run, an offset, and an error")


def read_ack(item: list[Any]) -> tuple[int, int]:
    """Commands and bytes. Raises `BadFrame`."""
    if len(item) == 3 and _count(item[1]) and _count(item[2]):
        return item[1], item[2]
    raise BadFrame("an ACK has commands and bytes")


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0
