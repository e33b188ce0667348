"""MessagePack of registered types: what every channel between processes carries. Nothing is ever pickled.

Plain values are plain MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md): nil, bool, int of 64 bits,
float64, str, bin, array (a list) and map (a dict). Every other type is an extension. The codes are the protocol:

| code | type | body |
|---|---|---|
| 1 | tuple | packed array |
| 2 | set | packed array, ordered by the packed bytes of the items |
| 3 | frozenset | the same |
| 4 | bytearray | the bytes |
| 5 | int beyond 64 bits | two's complement, big-endian |
| 6 | complex | real, imaginary: two big-endian float64 |
| 7 | datetime | packed array: year to microsecond, fold; with a zone also its offset as timedelta, its name or nil |
| 8 | date | proleptic ordinal, 4 bytes, big-endian |
| 9 | timedelta | packed array: days, seconds, microseconds |
| 10 | UUID | 16 bytes |
| 11 | Decimal | its text |
| 12 | registered type | packed array: name, then its values (see `ipc.sendable`) |
| 13 | `Shared` | the packed value |
| 14 | `Copied` | the packed value |
| 15 | `Interned`, known to the other side | packed array: key, version |
| 16 | `Interned`, in full | packed array: key, version, bin of the packed value |
| -1 | timestamp of the MessagePack specification | read as a datetime in UTC; never written |

Strings are UTF-8, a lone surrogate as its three bytes. Containers nest at most `limits.NEST_DEPTH` deep; each of list,
dict, tuple, set, registered value and ref counts as one, and an `Interned` as one more than its value.

Speed: scalars, and lists and dicts of scalars, are packed by one call into C; anything else is put together from such
pieces. Containers are looked at before they are packed, because the C packer takes a bytearray or a memoryview for
bytes, and its own ExtType for ours. A packer belongs to one call at a time and is given back after it: packing an
object that fails allocates an exception, so the collector may run finalisers, and with them other threads, while the
packer holds half a value.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from msgpack import Packer, Unpacker, unpackb

from .errors import BadFrame, NotSendable
from .interned import Interned
from .limits import NEST_DEPTH
from .refs import Copied, Shared
from .sendable import BY_NAME, BY_TYPE, Registered

_Handles = list[Interned] | None
_Encoder = Callable[[Any, _Handles, int], bytes]
_Nested = Callable[[bytes], Any]
_Decoder = Callable[[bytes, _Nested, "set[str] | None"], Any]

(_TUPLE, _SET, _FROZENSET, _BYTEARRAY, _BIGINT, _COMPLEX, _DATETIME, _DATE, _TIMEDELTA, _UUID, _DECIMAL) = range(1, 12)
(_TYPE, _SHARED, _COPIED, _INTERNED_REF, _INTERNED) = range(12, 17)

_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
_all_scalars: Final = _SCALARS.issuperset

PACK_ERRORS: Final = (TypeError, OverflowError, ValueError)
"""What `pack_plain` raises for a value that is not plain."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands where a value of a registered type was whose `name` is not registered here."""

    name: str


class _RefusedError(Exception):
    """Inside this module: a value cannot be packed; `hint` says what to do. `dumps` finds the path to it."""

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint)
        self.hint = hint


class _UnknownTypeError(Exception):
    """Inside this module: the fast decoder met a type that is not registered."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


# -- packing: the fast path --------------------------------------------------------------------------------------------

_PACKER_KEEPS: Final = 4 << 20
"""Bytes: a packer that grew for a larger value is thrown away, so that one large message does not hold memory."""

_packers: Final[list[Callable[[Any], bytes]]] = []
_take = _packers.pop
_give = _packers.append


def _new_packer() -> Callable[[Any], bytes]:
    pack: Callable[[Any], bytes] = Packer(strict_types=True, use_bin_type=True, autoreset=True).pack
    return pack


def _pack_scalars(obj: Any) -> bytes:
    """Pack a scalar, or a list or dict of scalars only. Raises OverflowError or ValueError for big int, surrogate."""
    try:
        pack = _take()
    except IndexError:
        pack = _new_packer()
    data = pack(obj)
    if len(data) <= _PACKER_KEEPS:
        _give(pack)
    return data


def pack_plain(obj: Any) -> bytes:
    """`dumps` of a scalar, or of a list or dict of scalars only: where that is all a caller wants to do itself.

    Raises one of `PACK_ERRORS` for anything else, including what `dumps` could pack. Does not block; any thread.
    """
    kind = type(obj)
    if kind not in _SCALARS and not (
        (kind is list and _all_scalars(map(type, obj)))
        or (kind is dict and _all_scalars(map(type, obj)) and _all_scalars(map(type, obj.values())))
    ):
        raise TypeError("not plain")
    return _pack_scalars(obj)


def dumps(obj: Any, interned: list[Interned] | None = None) -> bytes:
    """Pack `obj`, which `loads` makes an equal object of the same types from.

    The `Interned` handles met are appended to `interned`, and the other side must know them when it unpacks (see
    `InternTable.outgoing`); where `interned` is None they are packed in full. The same handle may be appended twice.

    Raises NotSendable, with the path to what cannot be packed; `interned` is then as it was. Does not block
    Any thread.
    """
    if type(obj) in _SCALARS:
        try:
            try:
                pack = _take()
            except IndexError:
                pack = _new_packer()
            data = pack(obj)
            if len(data) <= _PACKER_KEEPS:
                _give(pack)
            return data
        except (OverflowError, ValueError):
            pass
    mark = len(interned) if interned is not None else 0
    try:
        return _encode(obj, interned, 0)
    except MemoryError:
        raise
    except Exception as exc:
        if interned is not None:
            del interned[mark:]
        name = type(obj).__name__
        found = _explain(obj, name, interned is None, 0)
        raise found or NotSendable(name, name, "it changed while it was packed") from _reason(exc)


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


_FIXARRAY: Final = [bytes((0x90 | count,)) for count in range(16)]
_EXT8: Final = [[bytes((0xC7, size, code)) for size in range(256)] for code in range(_INTERNED + 1)]
_EXT16: Final = struct.Struct(">BHB").pack
_EXT32: Final = struct.Struct(">BIB").pack


def _ext(code: int, body: bytes) -> bytes:
    size = len(body)
    if size < 1 << 8:
        return _EXT8[code][size] + body
    if size < 1 << 16:
        return _EXT16(0xC8, size, code) + body
    if size < 1 << 32:
        return _EXT32(0xC9, size, code) + body
    raise _RefusedError("it is larger than 4 GiB")


# -- packing: everything else ------------------------------------------------------------------------------------------
# An encoder is given the value, the list of handles and the number of containers around the value.


def _encode(obj: Any, handles: _Handles, depth: int) -> bytes:
    kind = type(obj)
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        entry = BY_TYPE.get(kind)
        if entry is None:
            raise _RefusedError
        encoder = _ENCODERS[kind] = _registered_encoder(entry)
    return encoder(obj, handles, depth)


_TOO_DEEP: Final = f"values are nested deeper than {NEST_DEPTH} here, or contain themselves"


def _enter(depth: int) -> int:
    if depth >= NEST_DEPTH:
        raise _RefusedError(_TOO_DEEP)
    return depth + 1


def _array(items: list[Any], handles: _Handles, depth: int) -> bytes:
    """The packed array of the items of a container; `depth` counts the containers around that one."""
    if depth >= NEST_DEPTH:
        _enter(depth)
    if _all_scalars(map(type, items)):
        try:
            return _pack_scalars(items)
        except (OverflowError, ValueError):
            pass
    depth += 1
    return join_array([_encode(item, handles, depth) for item in items])


def _ordered(items: AbstractSet[Any], handles: _Handles, depth: int) -> bytes:
    """The same for a set: in an order that does not depend on the process, so that equal keys are packed alike."""
    inner = _enter(depth)
    return join_array(sorted([_encode(item, handles, inner) for item in list(items)]))


def _encode_scalar(obj: Any, handles: _Handles, depth: int) -> bytes:
    return _pack_scalars(obj)


def _encode_int(obj: int, handles: _Handles, depth: int) -> bytes:
    try:
        return _pack_scalars(obj)
    except OverflowError:
        return _ext(_BIGINT, obj.to_bytes(obj.bit_length() // 8 + 1, "big", signed=True))


def _encode_str(obj: str, handles: _Handles, depth: int) -> bytes:
    try:
        return _pack_scalars(obj)
    except UnicodeEncodeError:
        data: bytes = Packer(strict_types=True, unicode_errors="surrogatepass").pack(obj)
        return data


def _encode_dict(obj: dict[Any, Any], handles: _Handles, depth: int) -> bytes:
    inner = _enter(depth)
    if _all_scalars(map(type, obj)) and _all_scalars(map(type, obj.values())):
        try:
            return _pack_scalars(obj)
        except (OverflowError, ValueError):
            pass
    pairs = list(obj.items())
    count = len(pairs)
    if count < 16:
        parts = [bytes((0x80 | count,))]
    elif count < 1 << 16:
        parts = [b"\xde" + count.to_bytes(2, "big")]
    else:
        parts = [b"\xdf" + count.to_bytes(4, "big")]
    for key, value in pairs:
        parts.append(_encode(key, handles, inner))
        parts.append(_encode(value, handles, inner))
    return b"".join(parts)


def _encode_tuple(obj: tuple[Any, ...], handles: _Handles, depth: int) -> bytes:
    return _ext(_TUPLE, _array(list(obj), handles, depth))


def _encode_datetime(obj: dt.datetime, handles: _Handles, depth: int) -> bytes:
    values: list[Any] = [obj.year, obj.month, obj.day, obj.hour, obj.minute, obj.second, obj.microsecond, obj.fold]
    zone = obj.tzinfo
    if zone is None:
        return _ext(_DATETIME, _pack_scalars(values))
    if type(zone) is not dt.timezone:
        raise _RefusedError("its time zone must be a datetime.timezone; convert it by astimezone()")
    offset = zone.utcoffset(None)
    name: str | None = zone.tzname(None)
    if name == dt.timezone(offset).tzname(None):
        name = None
    return _ext(_DATETIME, _array([*values, offset, name], None, 0))


def _encode_timedelta(obj: dt.timedelta, handles: _Handles, depth: int) -> bytes:
    return _ext(_TIMEDELTA, _pack_scalars([obj.days, obj.seconds, obj.microseconds]))


def _encode_interned(obj: Interned, handles: _Handles, depth: int) -> bytes:
    pair = obj.definition
    if depth + 1 + pair.height > NEST_DEPTH:
        _enter(NEST_DEPTH)
    if handles is None:
        return _ext(_INTERNED, _pack_scalars([obj.key, pair.version, pair.packed]))
    body = _pack_scalars([obj.key, pair.version])
    handles.append(obj)
    return _ext(_INTERNED_REF, body)


def _registered_encoder(entry: Registered) -> _Encoder:
    name, take, build = entry.name, entry.take, entry.build
    rebuilt_in_part = entry.fields == ("args", "__dict__")

    def encode(obj: Any, handles: _Handles, depth: int) -> bytes:
        try:
            values = [name, *take(obj)]
        except AttributeError as exc:
            raise _RefusedError(f"its field {exc.name!r} was never set") from None
        if rebuilt_in_part and str(build(values[1:])) != str(obj):
            raise _RefusedError("args and attributes do not rebuild it; give all arguments to super().__init__")
        return _ext(_TYPE, _array(values, handles, depth))

    return encode


_ENCODERS: Final[dict[type[Any], _Encoder]] = {
    type(None): _encode_scalar,
    bool: _encode_scalar,
    int: _encode_int,
    float: _encode_scalar,
    str: _encode_str,
    bytes: _encode_scalar,
    list: _array,
    dict: _encode_dict,
    tuple: _encode_tuple,
    set: lambda obj, handles, depth: _ext(_SET, _ordered(obj, handles, depth)),
    frozenset: lambda obj, handles, depth: _ext(_FROZENSET, _ordered(obj, handles, depth)),
    bytearray: lambda obj, handles, depth: _ext(_BYTEARRAY, bytes(obj)),
    complex: lambda obj, handles, depth: _ext(_COMPLEX, struct.pack(">dd", obj.real, obj.imag)),
    dt.datetime: _encode_datetime,
    dt.date: lambda obj, handles, depth: _ext(_DATE, obj.toordinal().to_bytes(4, "big")),
    dt.timedelta: _encode_timedelta,
    UUID: lambda obj, handles, depth: _ext(_UUID, obj.bytes),
    Decimal: lambda obj, handles, depth: _ext(_DECIMAL, str(obj).encode()),
    Shared: lambda obj, handles, depth: _ext(_SHARED, _encode(obj.value, handles, _enter(depth))),
    Copied: lambda obj, handles, depth: _ext(_COPIED, _encode(obj.value, handles, _enter(depth))),
    Interned: _encode_interned,
}


# -- what a refused value is called ------------------------------------------------------------------------------------


def _explain(obj: Any, path: str, in_full: bool, depth: int) -> NotSendable | None:
    """Why `obj` cannot be packed, by packing ever smaller parts of it; None where it can."""
    try:
        _encode(obj, None if in_full else [], depth)
    except Exception as exc:
        if depth >= NEST_DEPTH:
            return NotSendable(path, type(obj).__name__, _TOO_DEEP)
        for step, child in _steps(obj):
            found = _explain(child, path + step, in_full, depth + 1)
            if found is not None:
                return found
        hint = exc.hint if isinstance(exc, _RefusedError) else f"packing it raised {type(exc).__name__}"
        return NotSendable(path, type(obj).__name__, hint)
    return None


def _steps(obj: Any) -> Iterable[tuple[str, Any]]:
    kind = type(obj)
    if kind in (list, tuple, set, frozenset):
        return [(f"[{index}]", item) for index, item in enumerate(list(obj))]
    if kind is dict:
        return [(f"[{_label(key)}]", part) for pair in list(obj.items()) for key, part in ((pair[0], pair[0]), pair)]
    if kind in (Shared, Copied):
        return [(".value", obj.value)]
    entry = BY_TYPE.get(kind)
    if entry is not None:
        return [(f".{name}", getattr(obj, name)) for name in entry.fields if hasattr(obj, name)]
    return []


def _label(key: Any) -> str:
    if type(key) in _SCALARS:
        text = repr(key)
        return text if len(text) <= 40 else f"{text[:37]}..."
    return type(key).__name__


def _reason(exc: Exception) -> Exception | None:
    return None if isinstance(exc, _RefusedError) else exc


# -- unpacking ---------------------------------------------------------------------------------------------------------


def loads(data: bytes | memoryview) -> Any:
    """The object packed in `data`.

    Raises BadFrame where `data` is anything but one packed value, nested at most `limits.NEST_DEPTH` deep, of types
    registered here; a type that is not is named. Never raises another Exception. Does not block; any thread.
    """
    try:
        obj = unpackb(
            data,
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            timestamp=3,
            ext_hook=_hook,
        )
        if type(obj) not in _SCALARS and len(data) > NEST_DEPTH:
            _check_depth(obj, data)
        return obj
    except BadFrame:
        raise
    except _UnknownTypeError as exc:
        raise BadFrame(f"a value of the type {exc.name!r}, unknown here; import the module that registers it") from None
    except Exception as exc:
        raise _bad(exc) from exc


def loads_marked(data: bytes | memoryview) -> tuple[Any, AbstractSet[str]]:
    """As `loads`, but a value of a type not registered here does not condemn the rest of `data`.

    Returns the object, with an `Unknown` for each such value or registered value that contains one, and the names of
    those types. Raises BadFrame as `loads` does otherwise. Does not block; any thread.
    """
    try:
        obj = unpackb(
            data,
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            timestamp=3,
            ext_hook=_hook,
        )
        if type(obj) not in _SCALARS and len(data) > NEST_DEPTH:
            _check_depth(obj, data)
        return obj, _NO_NAMES
    except BadFrame:
        raise
    except _UnknownTypeError:
        return _loads_with_unknown(data)
    except Exception as exc:
        raise _bad(exc) from exc


_NO_NAMES: Final[AbstractSet[str]] = frozenset()


def _loads_with_unknown(data: bytes | memoryview) -> tuple[Any, set[str]]:
    """Once more from the start, with hooks that collect the names; what was rebuilt before is thrown away."""
    names: set[str] = set()
    try:
        obj = _nested_by_call(_hooks(names))(bytes(data))
        _check_depth(obj, b"")
    except BadFrame:
        raise
    except Exception as exc:
        raise _bad(exc) from exc
    return obj, names


def find_unknown(obj: Any) -> str | None:
    """The name in the first `Unknown` in `obj`, found through lists, tuples, dicts, sets and refs; None without one."""
    stack = [obj]
    while stack:
        value = stack.pop()
        kind = type(value)
        if kind is Unknown:
            return str(value.name)
        if kind is dict:
            stack.extend(value)
            stack.extend(value.values())
        elif kind in (list, tuple, set, frozenset):
            stack.extend(value)
        elif kind is Copied:
            stack.append(value.value)
    return None


def _bad(exc: Exception) -> BadFrame:
    try:
        text = str(exc)
    except Exception:
        text = ""
    return BadFrame(f"not one packed value: {type(exc).__name__}: {text}")


# -- unpacking: depth --------------------------------------------------------------------------------------------------

_OPENERS: Final = bytes((*range(0x80, 0xA0), 0xC7, 0xC8, 0xC9, *range(0xD4, 0xD9), 0xDC, 0xDD, 0xDE, 0xDF))
_NO_OPENERS: Final = bytes(set(range(256)) - set(_OPENERS))
_COUNT_OPENERS_BELOW: Final = 1024
"""Bytes: shorter values are shown to be shallow by counting the bytes that could open a container."""


def _check_depth(obj: Any, data: bytes | memoryview) -> None:
    """Raises BadFrame where `obj`, unpacked from `data`, is nested too deep. An `Interned` is not looked into."""
    short = isinstance(data, bytes) and 0 < len(data) < _COUNT_OPENERS_BELOW
    if short and len(bytes(data).translate(None, _NO_OPENERS)) <= NEST_DEPTH:
        return
    if height(obj, interned=False) > NEST_DEPTH:
        raise BadFrame(f"values are nested deeper than {NEST_DEPTH}")


def height(obj: Any, *, interned: bool = True) -> int:
    """How many containers deep `obj` is nested: 0 for a scalar, at most `limits.NEST_DEPTH` + 1.

    An `Interned` counts as one more than its value where `interned` is true, else as a scalar.
    """
    level = [obj]
    tallest = 0
    for depth in range(NEST_DEPTH + 1):
        if _all_scalars(map(type, level)):
            return max(depth, tallest)
        items: list[Any] = []
        leaves = True
        for value in level:
            kind = type(value)
            if kind in _LEAVES:
                continue
            if kind is Interned:
                tallest = max(tallest, depth + 1 + value.definition.height) if interned else tallest
                continue
            leaves = False
            if kind is dict:
                items.extend(value)
                items.extend(value.values())
            elif kind in (list, tuple, set, frozenset):
                items.extend(value)
            elif kind in (Shared, Copied):
                items.append(value.value)
            else:
                entry = BY_TYPE.get(kind)
                items.extend(entry.take(value) if entry is not None else ())
        if leaves:
            return max(depth, tallest)
        level = items
    return NEST_DEPTH + 1


# -- unpacking: extensions ---------------------------------------------------------------------------------------------
# A decoder is given the body, a function that unpacks nested values, and the set that collects unknown names or None.


def _list_of(nested: _Nested, body: bytes) -> list[Any]:
    values = nested(body)
    if type(values) is not list:
        raise BadFrame(f"an extension holds {type(values).__name__} where a list belongs")
    return values


def _decode_tuple(body: bytes, nested: _Nested, unknown: set[str] | None) -> Any:
    return tuple(_list_of(nested, body))


def _decode_registered(body: bytes, nested: _Nested, unknown: set[str] | None) -> Any:
    values = nested(body)
    if type(values) is not list or not values or type(values[0]) is not str:
        raise BadFrame("a registered value without the name of its type")
    name = values[0]
    entry = BY_NAME.get(name)
    if entry is None:
        if unknown is None:
            raise _UnknownTypeError(name)
        unknown.add(name)
        return Unknown(name)
    if len(values) != len(entry.fields) + 1:
        raise BadFrame(f"{name!r} has {len(entry.fields)} fields, not {len(values) - 1}")
    if unknown:
        inside = find_unknown(values)
        if inside is not None:
            return Unknown(inside)
    return entry.build(values[1:])


def _decode_shared(body: bytes, nested: _Nested, unknown: set[str] | None) -> Any:
    value = nested(body)
    return value if type(value) is Unknown else Shared(value)


def _decode_datetime(body: bytes, nested: _Nested, unknown: set[str] | None) -> Any:
    year, month, day, hour, minute, second, microsecond, fold, *zone = _list_of(nested, body)
    tzinfo = None
    if zone:
        offset, name = zone
        tzinfo = dt.timezone(offset) if name is None else dt.timezone(offset, name)
    return dt.datetime(year, month, day, hour, minute, second, microsecond, tzinfo, fold=fold)


def _decode_interned_ref(body: bytes, nested: _Nested, unknown: set[str] | None) -> Any:
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
            raise _UnknownTypeError(value.name)
        unknown.add(value.name)
        return value
    return handle


def _decode_interned(body: bytes, nested: _Nested, unknown: set[str] | None) -> Any:
    key, version, packed = _list_of(nested, body)

    def decode(data: bytes) -> Any:
        value = nested(data)
        inside = find_unknown(value) if unknown else None
        if inside is not None:
            raise _UnknownTypeError(inside)
        return value

    try:
        return Interned.learn(key, version, packed, decode)[0]
    except _UnknownTypeError as exc:
        if unknown is None:
            raise
        return Unknown(exc.name)


def _decode_fixed(size: int, make: Callable[[bytes], Any]) -> _Decoder:
    def decode(body: bytes, nested: _Nested, unknown: set[str] | None) -> Any:
        if len(body) != size:
            raise BadFrame(f"an extension of {len(body)} bytes where {size} belong")
        return make(body)

    return decode


_DECODERS: Final[dict[int, _Decoder]] = {
    _TUPLE: _decode_tuple,
    _SET: lambda body, nested, unknown: set(_list_of(nested, body)),
    _FROZENSET: lambda body, nested, unknown: frozenset(_list_of(nested, body)),
    _BYTEARRAY: lambda body, nested, unknown: bytearray(body),
    _BIGINT: lambda body, nested, unknown: int.from_bytes(body, "big", signed=True),
    _COMPLEX: _decode_fixed(16, lambda body: complex(*struct.unpack(">dd", body))),
    _DATETIME: _decode_datetime,
    _DATE: _decode_fixed(4, lambda body: dt.date.fromordinal(int.from_bytes(body, "big"))),
    _TIMEDELTA: lambda body, nested, unknown: dt.timedelta(*_list_of(nested, body)),
    _UUID: _decode_fixed(16, lambda body: UUID(bytes=body)),
    _DECIMAL: lambda body, nested, unknown: Decimal(body.decode()),
    _TYPE: _decode_registered,
    _SHARED: _decode_shared,
    _COPIED: lambda body, nested, unknown: Copied(nested(body)),
    _INTERNED_REF: _decode_interned_ref,
    _INTERNED: _decode_interned,
}

_LEAVES: Final = _SCALARS | {bytearray, complex, dt.datetime, dt.date, dt.timedelta, UUID, Decimal, Unknown}

_NESTED_ON_STACK: Final = 5
"""Nested extensions that `unpackb` unpacks, with 40 KiB of C stack each; deeper ones take `Unpacker`, on the heap."""

_Hook = Callable[[int, bytes], Any]


def _hooks(unknown: set[str] | None) -> _Hook:
    """The hook for extensions at the top of a value: one hook a level, so that a level needs no count and no lock."""

    def too_deep(code: int, body: bytes) -> Any:
        raise BadFrame(f"values are nested deeper than {NEST_DEPTH}")

    hook: _Hook = too_deep
    for level in reversed(range(NEST_DEPTH + 2)):  # in the deepest container, a datetime with the offset inside
        nested = _nested_by_call(hook) if level < _NESTED_ON_STACK else _nested_on_heap(hook)
        hook = _level(nested, unknown)
    return hook


def _level(nested: _Nested, unknown: set[str] | None) -> _Hook:
    def hook(code: int, body: bytes) -> Any:
        decode = _DECODERS.get(code)
        if decode is None:
            raise BadFrame(f"extension {code} is not of this protocol")
        return decode(body, nested, unknown)

    return hook


def _nested_by_call(hook: _Hook) -> _Nested:
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


def _nested_on_heap(hook: _Hook) -> _Nested:
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


_hook: Final = _hooks(None)
