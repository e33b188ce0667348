"""The protocol: MessagePack of registered types, and the codes of its extensions.

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
| 17 | exception that is not registered | packed array, see `ipc.remote_errors` |
| -1 | timestamp of the MessagePack specification | read as a datetime in UTC; never written |

Strings are UTF-8, a lone surrogate as its three bytes. Containers nest at most `limits.NEST_DEPTH` deep; each of list,
dict, tuple, set, registered value, ref and exception (with its arguments) counts as one, and an `Interned` as one more
than its value.
"""

from __future__ import annotations

from typing import Final

(TUPLE, SET, FROZENSET, BYTEARRAY, BIGINT, COMPLEX, DATETIME, DATE, TIMEDELTA, UUID, DECIMAL) = range(1, 12)
(TYPE, SHARED, COPIED, INTERNED_REF, INTERNED, ERROR) = range(12, 18)

SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
"""Packed as they are by the C packer; a list or dict of nothing else is *plain*."""

LONG: Final = 12
"""Items: a list from which on it pays to look at it as a whole first."""

all_scalars: Final = SCALARS.issuperset
"""Whether the types of an iterable are all of `SCALARS`."""
