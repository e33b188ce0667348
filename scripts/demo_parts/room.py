"""How much disk or memory the demonstration needs, and whether it is there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import psutil

from .options import Options
from .units import size

_STORE_FACTOR = 1.3
"""Bytes of an LMDB file per byte of records of 64 KiB: whole pages, and half-filled ones."""

_NODE_DISK = 16 << 20
"""Bytes of disk of a node without any records."""

_NODE_MEMORY = 80 << 20
"""Bytes of memory of a node without any records, with what a share or fetch takes."""


class NoRoom(Exception):
    """The text says what is missing."""


@dataclass(frozen=True, slots=True)
class Need:
    """In bytes."""

    disk: int
    memory: int


def need(options: Options, folder_bytes: int, copied: bool) -> Need:
    """Of a folder of that size; `copied`: it is copied first, and the copy shared."""
    kept = folder_bytes * options.replicas
    copies = 2 + copied  # fetched twice
    on_disk = int(kept * _STORE_FACTOR) if options.store == "lmdb" else 0
    in_memory = kept if options.store == "memory" else 0
    return Need(folder_bytes * copies + on_disk + options.nodes * _NODE_DISK, in_memory + options.nodes * _NODE_MEMORY)


def check(wanted: Need, directory: str) -> None:
    """Raises NoRoom where the disk of `directory`, or the machine's memory, has less."""
    free = shutil.disk_usage(directory).free
    if free < wanted.disk:
        raise NoRoom(
            f"it needs {size(wanted.disk)} of disk, and {directory} has {size(free)} free: "
            "name a smaller folder, or another disk by TMPDIR=/path"
        )
    available = psutil.virtual_memory().available
    if available < wanted.memory:
        raise NoRoom(
            f"it needs {size(wanted.memory)} of memory, and {size(available)} are available: "
            "name a smaller folder, fewer --nodes, or --store lmdb"
        )
