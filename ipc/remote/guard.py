"""Bytes of a peer, looked at before anything is made of them: they are hostile, whoever was authenticated.

Theory. A head of MessagePack may announce more than follows, and `unpackb` makes room for what is announced, once per
nested head. `Unpacker.skip` walks a value and makes nothing: what it gets through is all there, so no list is made that
is longer than the bytes that came. The bodies of extensions are values of their own, and are walked in turn, no deeper
than the codec goes.

An `Interned` of a peer is refused, wherever it is: its definition would replace that of the same key in this process,
and its reference would read a value that nobody sent to that peer.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

from msgpack import Unpacker, unpackb

from ..codec import loads_marked
from ..errors import BadFrame
from ..limits import NEST_DEPTH

_INTERNED: Final = frozenset({15, 16})
_RAW: Final = frozenset({-1, 4, 5, 6, 8, 10, 11})
"""Extensions whose body is no packed value."""
_ERROR: Final = 17


def check_whole(data: bytes | memoryview) -> None:
    """Raises `BadFrame` where `data` is not exactly one value, all of it there. Makes nothing but a copy of `data`."""
    size = len(data)
    try:
        unpacker = Unpacker(max_buffer_size=max(size, 1), read_size=max(size, 1))
        unpacker.feed(data)
        unpacker.skip()
    except Exception as error:
        raise BadFrame(f"not one packed value: {type(error).__name__}") from None
    if unpacker.tell() != size:
        raise BadFrame("not one packed value: something follows it")


def check_value(data: bytes) -> None:
    """Raises `BadFrame` where a value of a peer must not be unpacked."""
    parts = [(data, False)]
    for _ in range(2 * NEST_DEPTH):
        deeper: list[tuple[bytes, bool]] = []
        for part, is_error in parts:
            check_whole(part)
            deeper += _extensions(part, is_error)
        if not deeper:
            return
        parts = deeper
    raise BadFrame(f"values are nested deeper than {NEST_DEPTH}")


def _extensions(data: bytes, is_error: bool) -> list[tuple[bytes, bool]]:
    """The packed values one level down in a whole value, and whether each is an exception's, whose content is a bin.

    Raises `BadFrame` for an `Interned`.
    """
    found: list[tuple[bytes, bool]] = []

    def hook(code: int, body: bytes) -> None:
        if code in _INTERNED:
            raise BadFrame("an Interned value does not cross machines: send its .value")
        if code not in _RAW:
            found.append((body, code == _ERROR))

    try:
        value = unpackb(data, raw=True, use_list=False, strict_map_key=False, ext_hook=hook)
    except BadFrame:
        raise
    except Exception as error:
        raise BadFrame(f"not one packed value: {type(error).__name__}") from None
    if is_error and type(value) is tuple and len(value) > 2 and type(value[2]) is bytes and value[2]:
        found.append((value[2], False))
    return found


def read_values(data: bytes) -> tuple[list[Any], AbstractSet[str]]:
    """The packed list of commands or replies, and the names of types in it that are not registered here.

    Raises `BadFrame`.
    """
    check_value(data)
    values, unknown = loads_marked(data)
    if type(values) is not list or not values:
        raise BadFrame("commands and replies come as a list that is not empty")
    return values, unknown


def read_items(frame: bytes | memoryview) -> list[list[Any]]:
    """The items of a frame, each a list that begins with its kind; their bodies are still packed. Raises `BadFrame`."""
    check_whole(frame)
    try:
        items = unpackb(frame, raw=False, strict_map_key=True, max_ext_len=0, max_map_len=0)
    except Exception as error:
        raise BadFrame(f"not a frame: {type(error).__name__}") from None
    if type(items) is not list or not items:
        raise BadFrame("a frame is a list of items that is not empty")
    for item in items:
        if type(item) is not list or not item or type(item[0]) is not int:
            raise BadFrame("an item is a list that begins with its kind")
    return items
