"""What is in a folder: its files and empty folders, sorted by path, one after another in a stream of bytes.

An entry, big-endian: form u8 (0 file, 1 executable file, 2 empty folder), size of path u16, path; of files also size
u64 and SHA-256 of the content, 32 bytes. Folders that are not empty are known by the paths in them. Entries are sorted
name by name and none is within a file, so what a reader has to remember is the entry before.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from struct import Struct
from typing import Final

from ..errors import Malformed
from .limits import DATA_BYTES, PATH_BYTES
from .names import check_path, order

_HEAD: Final = Struct(">BH")
_FILE: Final = Struct(">Q32s")

ENTRY_LEAST_BYTES: Final = _HEAD.size + 1
ENTRY_MOST_BYTES: Final = _HEAD.size + PATH_BYTES + _FILE.size


class EntryKind(enum.IntEnum):
    """What an entry is."""

    FILE = 0
    EXECUTABLE = 1
    FOLDER = 2
    """An empty one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or an empty folder."""

    kind: EntryKind
    path: bytes
    size_bytes: int = 0
    sha256: bytes = b""
    """Of a file's content, 32 bytes."""


def entry_bytes(kind: EntryKind, path: bytes) -> int:
    """How long such an entry is."""
    return _HEAD.size + len(path) + (0 if kind is EntryKind.FOLDER else _FILE.size)


def pack_entry(entry: Entry) -> bytes:
    """Its bytes. Raises Malformed for a path that no share may have."""
    check_path(entry.path)
    head = _HEAD.pack(entry.kind, len(entry.path))
    if entry.kind is EntryKind.FOLDER:
        return head + entry.path
    return head + entry.path + _FILE.pack(entry.size_bytes, entry.sha256)


class IndexReader:
    """Reads an index as it comes; holds no more than one entry. After an error it is of no use."""

    def __init__(self, entries: int, data_bytes: int) -> None:
        """`entries` and the sum of the files' sizes are what the root record says."""
        self._entries_left = entries
        self._data_left = data_bytes
        self._kept = b""
        self._last = b""

    def feed_untrusted(self, data: bytes) -> list[Entry]:
        """The entries that are complete now. Raises Malformed."""
        data = self._kept + data
        entries: list[Entry] = []
        at = 0
        while True:
            if len(data) - at < _HEAD.size:
                break
            form, path_bytes = _HEAD.unpack_from(data, at)
            if form > EntryKind.FOLDER or not 0 < path_bytes <= PATH_BYTES:
                raise Malformed("index", f"an entry of form {form} with a path of {path_bytes} bytes")
            kind = EntryKind(form)
            end = at + entry_bytes(kind, b"") + path_bytes
            if end > len(data):
                break
            path_at = at + _HEAD.size
            path = data[path_at : path_at + path_bytes]
            size, sha256 = (0, b"") if kind is EntryKind.FOLDER else _FILE.unpack_from(data, path_at + path_bytes)
            entry = Entry(kind, path, size, sha256)
            self._check(entry)
            entries.append(entry)
            at = end
        self._kept = data[at:]
        return entries

    def finish(self) -> None:
        """All of it came. Raises Malformed where that cannot be."""
        if self._kept or self._entries_left or self._data_left:
            raise Malformed(
                "index",
                f"it ends {self._entries_left} entries and {self._data_left:,} bytes of files too early",
            )

    def _check(self, entry: Entry) -> None:
        check_path(entry.path)
        if self._last:
            if order(entry.path) <= order(self._last):
                raise Malformed("index", "its paths are not in order, or one is there twice")
            if entry.path.startswith(self._last + b"/"):
                raise Malformed("index", "a path leads through a file, or an empty folder")
        self._last = entry.path
        self._entries_left -= 1
        self._data_left -= entry.size_bytes
        if self._entries_left < 0 or self._data_left < 0 or entry.size_bytes > DATA_BYTES:
            raise Malformed("index", "more entries, or more bytes, than the share says")
