"""How a value of each type is packed. What is not plain is put together from pieces that are.

An encoder is given the value, the list of handles and the number of containers around the value.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from msgpack import Packer

from ..interned import Interned
from ..limits import NEST_DEPTH
from ..refs import Copied, Shared
from ..sendable import BY_TYPE, Registered
from . import types
from .heads import ext, join_array, map_header
from .plain import pack_scalars
from .refused import TOO_DEEP, RefusedError
from .types import all_scalars

Handles = list[Interned] | None
Encoder = Callable[[Any, Handles, int], bytes]


def encode(obj: Any, handles: Handles, depth: int) -> bytes:
    """The packed value, inside `depth` containers. Raises RefusedError, or what the methods of a class raise."""
    kind = type(obj)
    encoder = ENCODERS.get(kind)
    if encoder is None:
        entry = BY_TYPE.get(kind)
        if entry is not None:
            encoder = ENCODERS[kind] = _registered_encoder(entry)
        elif issubclass(kind, BaseException):
            encoder = _encode_error  # not kept: the class may be registered later
        else:
            raise RefusedError
    return encoder(obj, handles, depth)


def _enter(depth: int) -> int:
    if depth >= NEST_DEPTH:
        raise RefusedError(TOO_DEEP)
    return depth + 1


def _array(items: list[Any], handles: Handles, depth: int) -> bytes:
    """The packed array of the items of a container; `depth` counts the containers around that one."""
    if depth >= NEST_DEPTH:
        _enter(depth)
    if all_scalars(map(type, items)):
        try:
            return pack_scalars(items)
        except (OverflowError, ValueError):
            pass
    depth += 1
    return join_array([encode(item, handles, depth) for item in items])


def _ordered(items: AbstractSet[Any], handles: Handles, depth: int) -> bytes:
    """The same for a set: in an order that does not depend on the process, so that equal keys are packed alike."""
    inner = _enter(depth)
    return join_array(sorted([encode(item, handles, inner) for item in list(items)]))


def _encode_scalar(obj: Any, handles: Handles, depth: int) -> bytes:
    return pack_scalars(obj)


def _encode_int(obj: int, handles: Handles, depth: int) -> bytes:
    try:
        return pack_scalars(obj)
    except OverflowError:
        return ext(types.BIGINT, obj.to_bytes(obj.bit_length() // 8 + 1, "big", signed=True))


def _encode_str(obj: str, handles: Handles, depth: int) -> bytes:
    try:
        return pack_scalars(obj)
    except UnicodeEncodeError:
        data: bytes = Packer(strict_types=True, unicode_errors="surrogatepass").pack(obj)
        return data


def _encode_dict(obj: dict[Any, Any], handles: Handles, depth: int) -> bytes:
    inner = _enter(depth)
    if all_scalars(map(type, obj)) and all_scalars(map(type, obj.values())):
        try:
            return pack_scalars(obj)
        except (OverflowError, ValueError):
            pass
    pairs = list(obj.items())
    parts = [map_header(len(pairs))]
    for key, value in pairs:
        parts.append(encode(key, handles, inner))
        parts.append(encode(value, handles, inner))
    return b"".join(parts)


def _encode_tuple(obj: tuple[Any, ...], handles: Handles, depth: int) -> bytes:
    return ext(types.TUPLE, _array(list(obj), handles, depth))


def _encode_datetime(obj: dt.datetime, handles: Handles, depth: int) -> bytes:
    values: list[Any] = [obj.year, obj.month, obj.day, obj.hour, obj.minute, obj.second, obj.microsecond, obj.fold]
    zone = obj.tzinfo
    if zone is None:
        return ext(types.DATETIME, pack_scalars(values))
    if type(zone) is not dt.timezone:
        raise RefusedError("its time zone must be a datetime.timezone; convert it by astimezone()")
    offset = zone.utcoffset(None)
    name: str | None = zone.tzname(None)
    if name == dt.timezone(offset).tzname(None):
        name = None
    return ext(types.DATETIME, _array([*values, offset, name], None, 0))


def _encode_timedelta(obj: dt.timedelta, handles: Handles, depth: int) -> bytes:
    return ext(types.TIMEDELTA, pack_scalars([obj.days, obj.seconds, obj.microseconds]))


def _encode_interned(obj: Interned, handles: Handles, depth: int) -> bytes:
    pair = obj.definition
    if depth + 1 + pair.height > NEST_DEPTH:
        _enter(NEST_DEPTH)
    if handles is None:
        return ext(types.INTERNED, pack_scalars([obj.key, pair.version, pair.packed]))
    body = pack_scalars([obj.key, pair.version])
    handles.append(obj)
    return ext(types.INTERNED_REF, body)


def _encode_error(obj: BaseException, handles: Handles, depth: int) -> bytes:
    from ..remote_errors import pack_error  # which imports this package

    _enter(depth)
    return ext(types.ERROR, _array(pack_error(obj, lambda content: encode(content, None, depth)), None, 0))


def _registered_encoder(entry: Registered) -> Encoder:
    name, take, build = entry.name, entry.take, entry.build
    rebuilt_in_part = entry.fields == ("args", "__dict__")

    def encode(obj: Any, handles: Handles, depth: int) -> bytes:
        try:
            values = [name, *take(obj)]
        except AttributeError as exc:
            raise RefusedError(f"its field {exc.name!r} was never set") from None
        if rebuilt_in_part and str(build(values[1:])) != str(obj):
            raise RefusedError("args and attributes do not rebuild it; give all arguments to super().__init__")
        return ext(types.TYPE, _array(values, handles, depth))

    return encode


ENCODERS: Final[dict[type[Any], Encoder]] = {
    type(None): _encode_scalar,
    bool: _encode_scalar,
    int: _encode_int,
    float: _encode_scalar,
    str: _encode_str,
    bytes: _encode_scalar,
    list: _array,
    dict: _encode_dict,
    tuple: _encode_tuple,
    set: lambda obj, handles, depth: ext(types.SET, _ordered(obj, handles, depth)),
    frozenset: lambda obj, handles, depth: ext(types.FROZENSET, _ordered(obj, handles, depth)),
    bytearray: lambda obj, handles, depth: ext(types.BYTEARRAY, bytes(obj)),
    complex: lambda obj, handles, depth: ext(types.COMPLEX, struct.pack(">dd", obj.real, obj.imag)),
    dt.datetime: _encode_datetime,
    dt.date: lambda obj, handles, depth: ext(types.DATE, obj.toordinal().to_bytes(4, "big")),
    dt.timedelta: _encode_timedelta,
    UUID: lambda obj, handles, depth: ext(types.UUID, obj.bytes),
    Decimal: lambda obj, handles, depth: ext(types.DECIMAL, str(obj).encode()),
    Shared: lambda obj, handles, depth: ext(types.SHARED, encode(obj.value, handles, _enter(depth))),
    Copied: lambda obj, handles, depth: ext(types.COPIED, encode(obj.value, handles, _enter(depth))),
    Interned: _encode_interned,
}
