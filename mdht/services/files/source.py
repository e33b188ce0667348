"""Reads what is shared, piece by piece: chunks with their hashes, then the index, then what the root record says.

Every file is read to the end that it had when it was looked at; one that is another file, or has another size or time
by then, was changed. All of this blocks, and runs on the disk's thread; hashing large pieces, it leaves the others'
thread alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Any

from ...errors import FileChanged
from ...files import Builder, Entry, EntryKind, Root, ShareKind, pack_entry, pack_root
from ...files.limits import CHUNK_BYTES
from ...limits import FILE_BATCH_BYTES
from .scan import OPEN, Scan, Seen, spool


@dataclass(frozen=True, slots=True)
class Piece:
    """A content record of the share: its value, and its hash."""

    hash: bytes
    value: bytes
    file: str
    """The file that it begins in, for errors."""
    data_bytes: int
    """What it has of the files' contents: none, where it is a list, or of the index."""
    files_done: int
    """Files read to their ends by then."""


class Source:
    """See the module. `read` until it gives None; then `root` is the last piece. Close it."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self._pieces: list[Piece] = []
        self._name = os.fsdecode(scan.name)
        self._file = self._name
        self._files_done = 0
        self._kept = bytearray()
        self._begins_in = self._name
        self._index: IO[bytes] = spool()
        self._index_bytes = 0
        self._digest = sha256()
        self._executable = False
        self._read = self._all()
        self.root: Piece | None = None

    def read(self) -> list[Piece] | None:
        """The next pieces, about `FILE_BATCH_BYTES`, be it none; None: that was all. Raises FileChanged; blocks."""
        size = 0
        for step in self._read:
            size += step
            if size >= FILE_BATCH_BYTES:
                break
        else:
            if not self._pieces:
                return None
        pieces, self._pieces = self._pieces, []
        return pieces

    def close(self) -> None:
        """Nothing more is read."""
        self._read.close()
        self._index.close()
        self.scan.close()

    # -- inside: generators give the bytes that each step took ---------------------------------------------------------

    def _all(self) -> Any:
        data, index = Builder(self._put_list), Builder(self._put_list)
        for seen in self.scan.seen():
            yield from self._entry(seen, data)
        self._flush(data, data=True)
        if self.scan.is_folder:
            self._file = self._begins_in = f"the index of {self._name}"
            self._index.seek(0)
            while block := self._index.read(CHUNK_BYTES):
                self._cut(block, index, data=False)
                yield len(block)
            self._flush(index, data=False)
        self._make_root(data.finish(), index.finish())
        yield 0

    def _entry(self, seen: Seen, data: Builder) -> Iterator[int]:
        entry = Entry(seen.kind, seen.path)
        if seen.kind is not EntryKind.FOLDER:
            digest = sha256()
            self._file = os.fsdecode(seen.path) if seen.path else self._name
            for block in self._content(seen):
                digest.update(block)
                self._cut(block, data, data=True)
                yield len(block)
            self._files_done += 1
            self._executable = seen.kind is EntryKind.EXECUTABLE
            entry = Entry(seen.kind, seen.path, seen.size_bytes, digest.digest())
            if not self.scan.is_folder:
                self._digest = digest
        if self.scan.is_folder:
            packed = pack_entry(entry)
            self._digest.update(packed)
            self._index.write(packed)
            self._index_bytes += len(packed)
            yield len(packed)

    def _content(self, seen: Seen) -> Iterator[bytes]:
        path = os.path.join(self.scan.path, seen.path) if seen.path else self.scan.path
        try:
            descriptor = os.open(path, OPEN)
        except OSError as error:
            raise FileChanged(self._file, f"it cannot be opened any more: {error.strerror}") from error
        try:
            self._unchanged(descriptor, seen)
            left = seen.size_bytes
            while left:
                block = os.read(descriptor, min(left, CHUNK_BYTES))
                if not block:
                    raise FileChanged(self._file, "it became shorter")
                left -= len(block)
                yield block
            self._unchanged(descriptor, seen)
        except OSError as error:
            raise FileChanged(self._file, f"it cannot be read any more: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def _unchanged(self, descriptor: int, seen: Seen) -> None:
        now = os.fstat(descriptor)
        if not stat.S_ISREG(now.st_mode) or now.st_ino != seen.inode:
            raise FileChanged(self._file, "it is another file")
        if (now.st_size, now.st_mtime_ns) != (seen.size_bytes, seen.mtime_ns):
            raise FileChanged(self._file, "it was written to")

    def _cut(self, block: bytes, builder: Builder, *, data: bool) -> None:
        """Add to the stream, whose chunks are as long as chunks are."""
        if not self._kept:
            self._begins_in = self._file
            if len(block) == CHUNK_BYTES:  # a large file, from its beginning: nothing to be put together
                self._put(block, builder, data=data)
                return
        self._kept += block
        while len(self._kept) >= CHUNK_BYTES:
            chunk = bytes(memoryview(self._kept)[:CHUNK_BYTES])
            del self._kept[:CHUNK_BYTES]
            self._put(chunk, builder, data=data)
            self._begins_in = self._file

    def _flush(self, builder: Builder, *, data: bool) -> None:
        if self._kept:
            self._put(bytes(self._kept), builder, data=data)
            self._kept.clear()

    def _put(self, chunk: bytes, builder: Builder, *, data: bool) -> None:
        one = sha256(chunk).digest()
        self._pieces.append(Piece(one, chunk, self._begins_in, len(chunk) if data else 0, self._files_done))
        builder.add(one)

    def _put_list(self, value: bytes) -> bytes:
        one = sha256(value).digest()
        self._pieces.append(Piece(one, value, self._begins_in, 0, self._files_done))
        return one

    def _make_root(self, data_top: list[bytes], index_top: list[bytes]) -> None:
        folder = self.scan.is_folder
        value = pack_root(
            Root(
                kind=ShareKind.FOLDER if folder else ShareKind.FILE,
                name=self.scan.name,
                executable=self._executable and not folder,
                chunk_bytes=CHUNK_BYTES,
                entries=self.scan.entries,
                data_bytes=self.scan.size_bytes,
                digest=self._digest.digest(),
                index_bytes=self._index_bytes,
                data_top=tuple(data_top),
                index_top=tuple(index_top),
            )
        )
        self.root = Piece(sha256(value).digest(), value, self._name, 0, self._files_done)
