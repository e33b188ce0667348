"""How extensions inside extensions are unpacked: one hook a level, and little C stack however deep they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgpack import Unpacker, unpackb

from ..errors import BadFrame
from ..limits import NEST_DEPTH
from .decoders import DECODERS, Nested

_NESTED_ON_STACK: Final = 5
"""Nested extensions that `unpackb` unpacks, with 40 KiB of C stack each; deeper ones take `Unpacker`, on the heap."""

_Hook = Callable[[int, bytes], Any]


def hooks(unknown: set[str] | None) -> _Hook:
    """The hook for extensions at the top of a value: one hook a level, so that a level needs no count and no lock."""

    def too_deep(code: int, body: bytes) -> Any:
        raise BadFrame(f"values are nested deeper than {NEST_DEPTH}")

    hook: _Hook = too_deep
    for level in reversed(range(NEST_DEPTH + 2)):  # in the deepest container, a datetime with the offset inside
        nested = unpack_with(hook) if level < _NESTED_ON_STACK else _nested_on_heap(hook)
        hook = _level(nested, unknown)
    return hook


def _level(nested: Nested, unknown: set[str] | None) -> _Hook:
    def hook(code: int, body: bytes) -> Any:
        decode = DECODERS.get(code)
        if decode is None:
            raise BadFrame(f"extension {code} is not of this protocol")
        return decode(body, nested, unknown)

    return hook


def unpack_with(hook: _Hook) -> Nested:
    def nested(body: bytes) -> Any:
        return unpackb(
            body,
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            timestamp=3,
            ext_hook=hook,
        )

    return nested


def _nested_on_heap(hook: _Hook) -> Nested:
    def nested(body: bytes) -> Any:
        size = len(body)
        unpacker = Unpacker(
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            timestamp=3,
            ext_hook=hook,
            read_size=max(size, 1),
            max_buffer_size=max(size, 1),
        )
        unpacker.feed(body)
        value = unpacker.unpack()
        if unpacker.tell() != size:
            raise BadFrame("more than one value in an extension")
        return value

    return nested
