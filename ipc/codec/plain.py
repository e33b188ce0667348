"""Scalars, and lists and dicts of scalars, by one call into C.

Containers are looked at before they are packed, because the C packer takes a bytearray or a memoryview for bytes, and
its own ExtType for ours. A packer belongs to one call at a time and is given back after it: packing an object that
fails allocates an exception, so the collector may run finalisers, and with them other threads, while the packer holds
half a value.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import countOf
from typing import Any, Final

from msgpack import Packer

from .types import LONG, SCALARS, all_scalars

PACK_ERRORS: Final = (TypeError, OverflowError, ValueError)
"""What `pack_plain` raises for a value that is not plain."""

BIN8: Final = [bytes((0xC4, size)) for size in range(256)]
"""The heads of short bytes: put before them here, they are packed in half the time that a packer takes."""

PACKER_KEEPS: Final = 4 << 20
"""Bytes: a packer that grew for a larger value is thrown away, so that one large message does not hold memory."""

_packers: Final[list[Callable[[Any], bytes]]] = []
take_packer: Final = _packers.pop
"""Take a packer for one call. Raises IndexError where none is free: then `new_packer`."""
give_packer: Final = _packers.append
"""Give it back, if the call did not raise and packed at most `PACKER_KEEPS`."""


def new_packer() -> Callable[[Any], bytes]:
    """The `pack` of a packer of its own."""
    pack: Callable[[Any], bytes] = Packer(strict_types=True, use_bin_type=True, autoreset=True).pack
    return pack


def pack_scalars(obj: Any) -> bytes:
    """Pack a scalar, or a list or dict of scalars only. Raises OverflowError or ValueError for big int, surrogate."""
    try:
        pack = take_packer()
    except IndexError:
        pack = new_packer()
    data = pack(obj)
    if len(data) <= PACKER_KEEPS:
        give_packer(pack)
    return data


def pack_plain(obj: Any) -> bytes:
    """`dumps` of a scalar, or of a list or dict of scalars only: where that is all a caller wants to do itself.

    Raises one of `PACK_ERRORS` for anything else, including what `dumps` could pack. Does not block; any thread.
    """
    kind = type(obj)
    if kind is bytes:
        size = len(obj)
        if size < 256:
            return BIN8[size] + obj  # type: ignore[no-any-return]
    elif kind is list:
        if not (  # a list of bytes alone is known fastest: counting compares by identity
            (len(obj) >= LONG and type(obj[-1]) is bytes and countOf(map(type, obj), bytes) == len(obj))
            or all_scalars(map(type, obj))
        ):
            raise TypeError("not plain")
    elif kind not in SCALARS and not (
        kind is dict and all_scalars(map(type, obj)) and all_scalars(map(type, obj.values()))
    ):
        raise TypeError("not plain")
    try:
        pack = take_packer()
    except IndexError:
        pack = new_packer()
    data = pack(obj)
    if len(data) <= PACKER_KEEPS:
        give_packer(pack)
    return data
