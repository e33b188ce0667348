"""Bytes from a terminal as keys. Pure.

Special keys come as escape sequences: CSI and SS3 of ECMA-48, as xterm sends them.
"""

from __future__ import annotations

import re
from typing import Final

_SPECIAL: Final = {
    b"A": "up",
    b"B": "down",
    b"H": "home",
    b"F": "end",
    b"1~": "home",
    b"4~": "end",
    b"5~": "page up",
    b"6~": "page down",
    b"7~": "home",
    b"8~": "end",
}

_KEY: Final = re.compile(rb"\x1b(?:\[|O)([0-9;]*[@-~])|\x1b|([^\x1b])", re.DOTALL)

KEYS_BYTES: Final = 1_024
"""Read at a time: more than somebody types, or pastes by mistake, between two looks."""


def keys_of(data: bytes) -> list[str]:
    """Keys in the order in which they were pressed; special ones that are not known are left out."""
    found = []
    for match in _KEY.finditer(data):
        special, plain = match.groups()
        if plain is not None:
            found.append(plain.decode("latin-1"))
        elif special is not None and special in _SPECIAL:
            found.append(_SPECIAL[special])
    return found
