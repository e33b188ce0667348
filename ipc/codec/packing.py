"""`dumps`: any sendable value to bytes."""

from __future__ import annotations

from operator import countOf
from typing import Any

from ..errors import NotSendable
from ..interned import Interned
from .encoders import encode
from .explain import explain
from .plain import BIN8, PACKER_KEEPS, give_packer, new_packer, take_packer
from .refused import RefusedError
from .types import LONG, SCALARS


def dumps(obj: Any, interned: list[Interned] | None = None, around: int = 0) -> bytes:
    """Pack `obj`, which `loads` makes an equal object of the same types from.

    The `Interned` handles met are appended to `interned`, and the other side must know them when it unpacks (see
    `InternTable.outgoing`); where `interned` is None they are packed in full. The same handle may be appended twice.
    `around` is how many containers it will be put into; they count for its depth.

    Raises NotSendable, with the path to what cannot be packed; `interned` is then as it was. Does not block;
    any thread.
    """
    kind = type(obj)
    if kind is bytes and len(obj) < 256:
        return BIN8[len(obj)] + obj  # type: ignore[no-any-return]
    if kind in SCALARS or (
        kind is list and len(obj) >= LONG and type(obj[-1]) is bytes and countOf(map(type, obj), bytes) == len(obj)
    ):
        try:
            try:
                pack = take_packer()
            except IndexError:
                pack = new_packer()
            data = pack(obj)
            if len(data) <= PACKER_KEEPS:
                give_packer(pack)
            return data
        except (OverflowError, ValueError):
            pass
    mark = len(interned) if interned is not None else 0
    try:
        return encode(obj, interned, around)
    except MemoryError:
        raise
    except Exception as exc:
        if interned is not None:
            del interned[mark:]
        name = type(obj).__name__
        found = explain(obj, name, interned is None, around)
        raise found or NotSendable(name, name, "it changed while it was packed") from _reason(exc)


def _reason(exc: Exception) -> Exception | None:
    return None if isinstance(exc, RefusedError) else exc
