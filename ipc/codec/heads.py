"""The heads of arrays, maps and extensions, for values put together from packed pieces."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from .refused import RefusedError
from .types import ERROR


def join_array(parts: Sequence[bytes]) -> bytes:
    """The packed list of values that are packed already."""
    return b"".join((array_header(len(parts)), *parts))


def array_header(count: int) -> bytes:
    """The head of a packed list of `count` values; they follow it. Raises ValueError beyond 32 bits."""
    if count < 16:
        return _FIXARRAY[count]
    if count < 1 << 16:
        return b"\xdc" + count.to_bytes(2, "big")
    if count < 1 << 32:
        return b"\xdd" + count.to_bytes(4, "big")
    raise ValueError(f"a list of {count} values is too long to pack")


def map_header(count: int) -> bytes:
    """The head of a packed dict of `count` pairs; they follow it."""
    if count < 16:
        return bytes((0x80 | count,))
    if count < 1 << 16:
        return b"\xde" + count.to_bytes(2, "big")
    return b"\xdf" + count.to_bytes(4, "big")


_FIXARRAY: Final = [bytes((0x90 | count,)) for count in range(16)]
_EXT8: Final = [[bytes((0xC7, size, code)) for size in range(256)] for code in range(ERROR + 1)]
_EXT16: Final = struct.Struct(">BHB").pack
_EXT32: Final = struct.Struct(">BIB").pack


def ext(code: int, body: bytes) -> bytes:
    """The extension of this code with this body. Raises RefusedError beyond 4 GiB."""
    size = len(body)
    if size < 1 << 8:
        return _EXT8[code][size] + body
    if size < 1 << 16:
        return _EXT16(0xC8, size, code) + body
    if size < 1 << 32:
        return _EXT32(0xC9, size, code) + body
    raise RefusedError("it is larger than 4 GiB")
