"""Files and folders made for tests, and what is in them."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path


def put_bytes(path: Path, size: int, seed: int = 0) -> bytes:
    data = random.Random(seed).randbytes(size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def contents(folder: Path) -> dict[bytes, tuple[str, bytes]]:
    """Every path below: what it is, and the hash of what is in it. Links are not followed."""
    found: dict[bytes, tuple[str, bytes]] = {}
    top = os.fsencode(folder)
    for here, folders, files in os.walk(top):
        for name in files:
            path = os.path.join(here, name)
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).digest()
            found[os.path.relpath(path, top)] = ("x" if os.access(path, os.X_OK) else "f", digest)
        if not folders and not files:
            found[os.path.relpath(here, top)] = ("d", b"")
    return found


def left_behind(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".mdht-")]
