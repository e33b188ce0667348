"""A folder as a list of files: what is in it before it is shared, and how what was fetched differs."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

Step = Callable[[int], object]
"""Is told how many bytes more are done."""

_SHOWN: Final = 5
"""Names of files in one message."""


class Unusable(Exception):
    """The folder cannot be shared; the text says why, and what to do."""


@dataclass(slots=True)
class Listing:
    """The regular files below `root`: their size by their path from there, in the bytes of the file system."""

    root: str
    sizes: dict[bytes, int] = field(default_factory=dict)
    skipped: int = 0
    """Links, sockets, pipes and devices, which are no part of a share."""

    @property
    def total_bytes(self) -> int:
        return sum(self.sizes.values())

    def path(self, name: bytes) -> bytes:
        return os.path.join(os.fsencode(self.root), name)


def listing(root: str, without: frozenset[bytes] = frozenset()) -> Listing:
    """All files below, but those in folders of the names `without`; links are not followed.

    Raises Unusable where the folder is missing, empty, or not all of it may be read.
    """
    if not os.path.isdir(root):
        raise Unusable(f"{root} {'is not a folder' if os.path.lexists(root) else 'does not exist'}: name a folder")
    found, unreadable = Listing(root), list[str]()
    try:
        _walk(found, without, unreadable)
    except RecursionError:
        raise Unusable(f"{root} has folders in folders too deep for this program: name another one") from None
    if unreadable:
        raise Unusable(f"{_some(unreadable)} cannot be read by this user: change that, or name another folder")
    if not found.sizes:
        raise Unusable(f"there are no files in {root}: name a folder with some")
    return found


def _walk(found: Listing, without: frozenset[bytes], unreadable: list[str]) -> None:
    def failed(error: OSError) -> None:
        unreadable.append(os.fsdecode(error.filename or found.root))

    top = os.fsencode(found.root)
    for here, folders, files in os.walk(top, onerror=failed):
        folders[:] = sorted(name for name in folders if name not in without)
        found.skipped += sum(os.path.islink(os.path.join(here, name)) for name in folders)
        for name in sorted(files):
            path = os.path.join(here, name)
            about = os.lstat(path)
            if not stat.S_ISREG(about.st_mode):
                found.skipped += 1
            elif not os.access(path, os.R_OK):
                unreadable.append(os.fsdecode(path))
            else:
                found.sizes[os.path.relpath(path, top)] = about.st_size


def copied(source: Listing, target: str, step: Step) -> Listing:
    """Copy them to another folder. Raises OSError."""
    copy = Listing(target, dict(source.sizes))
    for name, size in source.sizes.items():
        path = copy.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(source.path(name), path)
        step(size)
    return copy


def digests(files: Listing, step: Step) -> dict[bytes, bytes]:
    """The SHA-256 of each. Raises OSError."""
    found = {}
    for name, size in files.sizes.items():
        with open(files.path(name), "rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").digest()
        step(size)
    return found


@dataclass(frozen=True, slots=True)
class Differences:
    """What is not the same as in the original."""

    missing: tuple[bytes, ...]
    other: tuple[bytes, ...]
    extra: tuple[bytes, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.other or self.extra)

    def __str__(self) -> str:
        parts = {"missing": self.missing, "with another SHA-256": self.other, "not in the original": self.extra}
        return "; ".join(f"{what}: {_some(map(os.fsdecode, names))}" for what, names in parts.items() if names)


def compared(original: dict[bytes, bytes], fetched: str, step: Step) -> Differences:
    """How the folder that was fetched differs from what was shared. Raises OSError and Unusable."""
    there = digests(listing(fetched), step)
    return Differences(
        tuple(name for name in original if name not in there),
        tuple(name for name, digest in original.items() if there.get(name, digest) != digest),
        tuple(name for name in there if name not in original),
    )


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{', '.join(map(repr, names[:_SHOWN]))}{more}"
