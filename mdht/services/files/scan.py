"""Looks at what is to be shared before anything is sent: all files of a folder, sorted, and everything wrong with them.

Symbolic links are not followed, so nothing outside the folder is shared by mistake; they, sockets, pipes and devices
are skipped and reported. A file or folder that cannot be read is a fault. The one exception is the path itself: a link
that the user named is followed.

The list lies in a temporary file once it is long: a folder with a million files takes a few megabytes of memory. All of
this blocks, and runs on the disk's thread.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from struct import Struct
from typing import IO, Final

from ...errors import BadShare, Malformed
from ...files import EntryKind, check_name, check_path
from ...files.limits import DATA_BYTES, ENTRIES, PATH_NAMES

_FORM: Final = Struct(">BHQqQ")
_SPOOL_BYTES: Final = 4 << 20
"""Bytes of a list in memory before it goes to a temporary file."""

_FAULTS: Final = 1_000
"""Faults that are told at once: more than anybody reads."""

_SKIPPED: Final = 100
"""The same of what is skipped; all of them are counted."""

OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file is opened that may have become something else meanwhile: no link is followed, no pipe waited for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A file, or an empty folder, as it was when it was looked at. `path` is relative; empty: what was named itself."""

    kind: EntryKind
    path: bytes
    size_bytes: int = 0
    mtime_ns: int = 0
    inode: int = 0


def spool() -> IO[bytes]:
    """A temporary file, in memory until it is long."""
    return tempfile.SpooledTemporaryFile(_SPOOL_BYTES)


@dataclass(slots=True)
class Scan:
    """What there is to share."""

    path: bytes
    name: bytes
    is_folder: bool
    entries: int = 0
    files: int = 0
    size_bytes: int = 0
    skipped: list[str] = field(default_factory=list)
    """At most 100, each as `path: why`."""
    skipped_total: int = 0
    faults: list[str] = field(default_factory=list)
    listed: IO[bytes] = field(default_factory=spool)

    def add(self, seen: Seen) -> None:
        """One more, in order."""
        self.entries += 1
        self.files += seen.kind is not EntryKind.FOLDER
        self.size_bytes += seen.size_bytes
        self.listed.write(_FORM.pack(seen.kind, len(seen.path), seen.size_bytes, seen.mtime_ns, seen.inode) + seen.path)

    def seen(self) -> Iterator[Seen]:
        """All of them again, in order."""
        self.listed.seek(0)
        while head := self.listed.read(_FORM.size):
            kind, path_bytes, size, mtime_ns, inode = _FORM.unpack(head)
            yield Seen(EntryKind(kind), self.listed.read(path_bytes), size, mtime_ns, inode)

    def fingerprint(self) -> bytes:
        """Of all that was seen, sizes and times included, 32 bytes: while it is the same, so is what would be read."""
        digest = sha256(_FORM.pack(self.is_folder, len(self.name), self.size_bytes, 0, self.entries) + self.name)
        self.listed.seek(0)
        while block := self.listed.read(_SPOOL_BYTES):
            digest.update(block)
        return digest.digest()

    def fault(self, path: bytes, why: str) -> None:
        """Something is wrong."""
        if len(self.faults) < _FAULTS:
            self.faults.append(f"{os.fsdecode(path)}: {why}")

    def skip(self, path: bytes, why: str) -> None:
        """Something is no part of it."""
        self.skipped_total += 1
        if len(self.skipped) < _SKIPPED:
            self.skipped.append(f"{os.fsdecode(path)}: {why}")

    def close(self) -> None:
        """The list is not needed any more."""
        self.listed.close()


def scan(path: str) -> Scan:
    """Look at it. Raises BadShare with everything that is wrong; blocks."""
    where = os.fsencode(path)
    real = os.path.realpath(where)
    found = Scan(real, os.path.basename(where.rstrip(b"/")) or os.path.basename(real), False)
    try:
        try:
            check_name(found.name)
        except Malformed:
            raise BadShare(path, ["it has no name that a share could have: share a folder in it"]) from None
        _look(found, path, real)
        if found.entries > ENTRIES or found.size_bytes > DATA_BYTES:
            raise BadShare(path, [f"{found.entries:,} entries, {found.size_bytes:,} bytes: share parts of it"])
        if found.faults:
            raise BadShare(path, found.faults)
    except BaseException:
        found.close()
        raise
    return found


def _look(found: Scan, path: str, real: bytes) -> None:
    try:
        status = os.stat(real)
    except OSError as error:
        raise BadShare(path, [_why(error)]) from None
    if stat.S_ISDIR(status.st_mode):
        found.is_folder = True
        _folder(found, real)
    elif stat.S_ISREG(status.st_mode):
        _file(found, real, b"", status)
    else:
        raise BadShare(path, [f"it is {_kind(status.st_mode)}, neither a file nor a folder"])


def _folder(found: Scan, top: bytes) -> None:
    """Depth first, name by name, which is the order of an index. No recursion: folders may be thousands deep."""
    stack: list[tuple[bytes, Iterator[os.DirEntry[bytes]], int]] = []
    _enter(found, stack, top, b"")
    while stack:
        folder, entries, before = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
            if found.entries == before and folder:
                _checked(found, Seen(EntryKind.FOLDER, folder))
            continue
        path = folder + b"/" + entry.name if folder else entry.name
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            found.fault(path, _why(error))
            continue
        if stat.S_ISDIR(status.st_mode):
            if len(stack) > PATH_NAMES:
                found.fault(path, f"more than {PATH_NAMES} folders deep")
            else:
                _enter(found, stack, entry.path, path)
        elif stat.S_ISREG(status.st_mode):
            _file(found, entry.path, path, status)
        else:
            found.skip(path, _kind(status.st_mode))


def _enter(found: Scan, stack: list[tuple[bytes, Iterator[os.DirEntry[bytes]], int]], real: bytes, path: bytes) -> None:
    try:
        with os.scandir(real) as entries:
            here = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        found.fault(path or b".", _why(error))
        return
    stack.append((path, iter(here), found.entries))


def _file(found: Scan, real: bytes, path: bytes, status: os.stat_result) -> None:
    try:
        os.close(os.open(real, OPEN))
    except OSError as error:
        found.fault(path or real, _why(error))
        return
    kind = EntryKind.EXECUTABLE if status.st_mode & stat.S_IXUSR else EntryKind.FILE
    _checked(found, Seen(kind, path, status.st_size, status.st_mtime_ns, status.st_ino))


def _checked(found: Scan, seen: Seen) -> None:
    try:
        if found.is_folder:
            check_path(seen.path)
    except Malformed as error:
        found.fault(seen.path, error.reason)
    else:
        found.add(seen)


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device"


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
