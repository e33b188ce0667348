"""How the body of each extension becomes a value.

A decoder is given the body, a function that unpacks nested values, and the set that collects unknown names or None.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ..errors import BadFrame
from ..interned import Interned
from ..refs import Copied, Shared
from ..sendable import BY_NAME
from . import types
from .depth import check_depth
from .unknown import Unknown, UnknownTypeError, find_unknown

Nested = Callable[[bytes], Any]
Decoder = Callable[[bytes, Nested, "set[str] | None"], Any]


def _list_of(nested: Nested, body: bytes) -> list[Any]:
    values = nested(body)
    if type(values) is not list:
        raise BadFrame(f"an extension holds {type(values).__name__} where a list belongs")
    return values


def _decode_tuple(body: bytes, nested: Nested, unknown: set[str] | None) -> Any:
    return tuple(_list_of(nested, body))


def _decode_registered(body: bytes, nested: Nested, unknown: set[str] | None) -> Any:
    values = nested(body)
    if type(values) is not list or not values or type(values[0]) is not str:
        raise BadFrame("a registered value without the name of its type")
    name = values[0]
    entry = BY_NAME.get(name)
    if entry is None:
        if unknown is None:
            raise UnknownTypeError(name)
        unknown.add(name)
        return Unknown(name)
    if entry.fields is not None and len(values) != len(entry.fields) + 1:
        raise BadFrame(f"{name!r} has {len(entry.fields)} fields, not {len(values) - 1}")
    if unknown:
        inside = find_unknown(values)
        if inside is not None:
            return Unknown(inside)
    return entry.build(values[1:])


def _decode_shared(body: bytes, nested: Nested, unknown: set[str] | None) -> Any:
    value = nested(body)
    return value if type(value) is Unknown else Shared(value)


def _decode_datetime(body: bytes, nested: Nested, unknown: set[str] | None) -> Any:
    year, month, day, hour, minute, second, microsecond, fold, *zone = _list_of(nested, body)
    tzinfo = None
    if zone:
        offset, name = zone
        tzinfo = dt.timezone(offset) if name is None else dt.timezone(offset, name)
    return dt.datetime(year, month, day, hour, minute, second, microsecond, tzinfo, fold=fold)


def _decode_interned_ref(body: bytes, nested: Nested, unknown: set[str] | None) -> Any:
    key, version = _list_of(nested, body)
    try:
        handle = Interned.get(key)
    except KeyError:
        raise BadFrame(f"the interned value {key!r} was never defined on this connection") from None
    if type(version) is not int or not 0 < version <= handle.version:
        raise BadFrame(f"version {version!r} of the interned value {key!r} was never defined on this connection")
    value = handle.value
    if type(value) is Unknown:
        if unknown is None:
            raise UnknownTypeError(value.name)
        unknown.add(value.name)
        return value
    return handle


def _decode_interned(body: bytes, nested: Nested, unknown: set[str] | None) -> Any:
    key, version, packed = _list_of(nested, body)

    def decode(data: bytes) -> Any:
        value = nested(data)
        inside = find_unknown(value) if unknown else None
        if inside is not None:
            raise UnknownTypeError(inside)
        return value

    try:
        return Interned.learn(key, version, packed, decode)[0]
    except UnknownTypeError as exc:
        if unknown is None:
            raise
        return Unknown(exc.name)


def _decode_error(body: bytes, nested: Nested, unknown: set[str] | None) -> Any:
    """What the error holds of unknown types makes a ServiceError of it, so no name from inside it is collected."""
    from ..remote_errors import unpack_error  # which imports this package

    def content(data: bytes) -> tuple[Any, AbstractSet[str]]:
        before = None if unknown is None else set(unknown)
        try:
            value = nested(data)
        except UnknownTypeError as exc:
            return None, {exc.name}
        check_depth(value, b"")  # before its text is made
        if unknown is None or before is None or not unknown:
            return value, set()
        unknown.intersection_update(before)
        inside = find_unknown(value)
        return value, set() if inside is None else {inside}

    return unpack_error(_list_of(nested, body), content)


def _decode_fixed(size: int, make: Callable[[bytes], Any]) -> Decoder:
    def decode(body: bytes, nested: Nested, unknown: set[str] | None) -> Any:
        if len(body) != size:
            raise BadFrame(f"an extension of {len(body)} bytes where {size} belong")
        return make(body)

    return decode


DECODERS: Final[dict[int, Decoder]] = {
    types.TUPLE: _decode_tuple,
    types.SET: lambda body, nested, unknown: set(_list_of(nested, body)),
    types.FROZENSET: lambda body, nested, unknown: frozenset(_list_of(nested, body)),
    types.BYTEARRAY: lambda body, nested, unknown: bytearray(body),
    types.BIGINT: lambda body, nested, unknown: int.from_bytes(body, "big", signed=True),
    types.COMPLEX: _decode_fixed(16, lambda body: complex(*struct.unpack(">dd", body))),
    types.DATETIME: _decode_datetime,
    types.DATE: _decode_fixed(4, lambda body: dt.date.fromordinal(int.from_bytes(body, "big"))),
    types.TIMEDELTA: lambda body, nested, unknown: dt.timedelta(*_list_of(nested, body)),
    types.UUID: _decode_fixed(16, lambda body: UUID(bytes=body)),
    types.DECIMAL: lambda body, nested, unknown: Decimal(body.decode()),
    types.TYPE: _decode_registered,
    types.SHARED: _decode_shared,
    types.COPIED: lambda body, nested, unknown: Copied(nested(body)),
    types.INTERNED_REF: _decode_interned_ref,
    types.INTERNED: _decode_interned,
    types.ERROR: _decode_error,
}
