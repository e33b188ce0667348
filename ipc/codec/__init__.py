"""MessagePack of registered types: what every channel between processes carries. Nothing is ever pickled.

| file | what |
|---|---|
| `types` | the protocol: the table of extension codes |
| `plain` | scalars, and lists and dicts of scalars, by one call into C |
| `heads` | heads of arrays, maps and extensions |
| `encoders`, `packing` | a value of each type to bytes; `dumps` |
| `refused`, `explain` | what cannot be packed, and the path to it |
| `decoders`, `hooks`, `unpacking` | an extension to its value, at every depth; `loads` |
| `depth` | the bound on nesting |
| `unknown` | values of types not registered here |
"""

from __future__ import annotations

from .depth import height
from .heads import array_header, join_array
from .packing import dumps
from .plain import PACK_ERRORS, pack_plain
from .unknown import Unknown, find_unknown
from .unpacking import loads, loads_marked

__all__ = [
    "dumps",
    "loads",
    "loads_marked",
    "find_unknown",
    "Unknown",
    "join_array",
    "array_header",
    "height",
    "pack_plain",
    "PACK_ERRORS",
]
