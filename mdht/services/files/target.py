"""Where a fetched share is put together: beside its place, under a hidden name, and moved there once it is complete.

What is made is `.mdht-….part`, a file or a folder, locked while it is written (flock): one that is found unlocked was
left by a process that was killed, and is begun anew. A folder's has the index and, in `content`, the files.

What the share says of paths was checked before (`files.names`), so nothing is made outside that folder; files are made
new, never opened through a link. All of this blocks, and runs on the disk's thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Generator, Iterable
from hashlib import sha256
from typing import Final

from ...errors import BadTarget, CannotWrite, Malformed, MdhtError
from ...files import Entry, EntryKind, IndexReader, Root, ShareKind
from .text import printable

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK_BYTES: Final = 64 << 10
_TAKEN: Final = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)
"""What moving something to its place says where there is something already."""


def check_target(path: str) -> None:
    """What can be known before the share is: raises BadTarget. Blocks."""
    folder = path if path.endswith(os.sep) else os.path.dirname(path)
    if not os.path.isdir(folder):
        raise BadTarget(path, f"there is no folder {folder}: make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadTarget(path, f"nothing may be made in {folder}: take a folder of your own")
    if not path.endswith(os.sep):
        _check_free(path, may_be_folder=True)


class Target:
    """See the module. `write_index` (of folders), then `write`, in order; then `finish`. `abandon` in any case."""

    def __init__(self, path: str, root: Root, id: bytes) -> None:
        """Raises BadTarget, or CannotWrite where there is no room. Blocks."""
        self.path = os.path.join(path, os.fsdecode(root.name)) if path.endswith(os.sep) else path
        self._root = root
        self._is_folder = root.kind is ShareKind.FOLDER
        _check_free(self.path, may_be_folder=self._is_folder)
        folder, name = os.path.split(self.path)
        unique = sha256(id + os.fsencode(name)).hexdigest()[:24]
        self._part = os.path.join(folder, f".mdht-{unique}.part")
        self._content = os.path.join(self._part, "content")
        self._index = os.path.join(self._part, "index")
        self._entries: Generator[Entry, None, None] | None = None
        self._entry: Entry | None = None
        self._left_bytes = 0
        self._digest = sha256()
        self._file = -1
        self._made_in = b""
        self._lock = -1
        self.files_done = 0
        self._check_room(folder)
        try:
            self._lock = self._begin()
        except OSError as error:
            raise self._cannot(error) from error

    @property
    def next_file(self) -> str:
        """The file that the next byte belongs to, for errors."""
        if not self._is_folder:
            return os.fsdecode(self._root.name)
        if not self._left_bytes:
            try:
                self._next_entry()
            except (MdhtError, OSError):
                pass  # there is an error to tell already
        return os.fsdecode(self._root.name if self._entry is None else self._entry.path)

    # -- writing -------------------------------------------------------------------------------------------------------

    def write_index(self, blocks: Iterable[bytes]) -> None:
        """The next part of the index, as it is. Raises CannotWrite."""
        try:
            if self._file < 0:
                self._file = os.open(self._index, _NEW, 0o600)
            for block in blocks:
                self._digest.update(block)
                _write(self._file, block)
        except OSError as error:
            raise self._cannot(error) from error

    def index_finished(self) -> int:
        """All of the index came: how many files there are. Raises Malformed where it is wrong in anything."""
        self._close_file()
        if self._digest.digest() != self._root.digest:
            raise Malformed("share", "its index is not the one that it names")
        return sum(entry.kind is not EntryKind.FOLDER for entry in self._read_index())

    def write(self, blocks: Iterable[bytes]) -> None:
        """The next part of the content. Raises CannotWrite, or Malformed where it is not what the index says."""
        try:
            for block in blocks:
                if self._is_folder:
                    self._spread(block)
                else:
                    self._digest.update(block)
                    _write(self._lock, block)
        except OSError as error:
            raise self._cannot(error) from error

    def finish(self) -> None:
        """All of it came: check it, and move it to its place. Raises Malformed, BadTarget, CannotWrite."""
        try:
            if self._is_folder:
                while self._next_entry():
                    pass  # empty files and folders at the end
                if self._left_bytes:
                    raise Malformed("share", "it ends within a file")
                _move_folder(self._content, self.path)
            else:
                if self._digest.digest() != self._root.digest:
                    raise Malformed("share", "its content is not what it says")
                self.files_done = 1
                os.fsync(self._lock)
                _move_file(self._part, self.path)
        except OSError as error:
            raise self._cannot(error) from error

    def abandon(self) -> None:
        """Remove what was not moved. Raises nothing."""
        self._close_file()
        if self._entries is not None:
            self._entries.close()
        if self._lock >= 0:
            if self._is_folder:
                shutil.rmtree(self._part, ignore_errors=True)
            elif _is_at(self._lock, self._part):
                os.unlink(self._part)
            os.close(self._lock)
            self._lock = -1

    # -- inside --------------------------------------------------------------------------------------------------------

    def _begin(self) -> int:
        """Make what is written to, and lock it; the descriptor that holds the lock. Raises BadTarget, OSError."""
        while True:
            if self._is_folder:
                try:
                    os.mkdir(self._part, 0o700)
                except FileExistsError:
                    pass
                lock = os.open(self._part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            else:
                mode = 0o777 if self._root.executable else 0o666
                lock = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(lock, self._part):
                    if self._is_folder:
                        _empty(self._part)
                        os.mkdir(self._content)
                    else:
                        os.ftruncate(lock, 0)
                    return lock
            except BlockingIOError:
                os.close(lock)
                raise BadTarget(self.path, "it is being fetched there already: wait for that") from None
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)  # whoever had it has just moved or removed it

    def _check_room(self, folder: str) -> None:
        room = os.statvfs(folder)
        free = room.f_bavail * room.f_frsize
        if self._root.data_bytes > free:
            raise CannotWrite(self.path, f"{self._root.data_bytes:,} bytes are needed and {free:,} are free")

    def _read_index(self) -> Generator[Entry, None, None]:
        reader = IndexReader(self._root.entries, self._root.data_bytes)
        if self._root.index_bytes:
            with open(self._index, "rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    yield from reader.feed_untrusted(block)
        reader.finish()

    def _spread(self, block: bytes) -> None:
        """Over the files that it belongs to."""
        view = memoryview(block)
        while view:
            if not self._left_bytes and not self._next_entry():
                raise Malformed("share", "it has more bytes than its files")
            part = view[: self._left_bytes]
            self._digest.update(part)
            _write(self._file, part)
            self._left_bytes -= len(part)
            view = view[len(part) :]
            if not self._left_bytes:
                self._file_done()

    def _next_entry(self) -> bool:
        """Go on to the next file that has bytes, making what lies between; False where there is none."""
        if self._entries is None:
            self._entries = self._read_index()
        for entry in self._entries:
            self._entry = entry
            path = os.path.join(os.fsencode(self._content), entry.path)
            if entry.kind is EntryKind.FOLDER:
                os.makedirs(path, exist_ok=True)
                continue
            folder = os.path.dirname(path)
            if folder != self._made_in:
                os.makedirs(folder, exist_ok=True)
                self._made_in = folder
            self._file = os.open(path, _NEW, 0o777 if entry.kind is EntryKind.EXECUTABLE else 0o666)
            self._digest = sha256()
            self._left_bytes = entry.size_bytes
            if entry.size_bytes:
                return True
            self._file_done()
        return False

    def _file_done(self) -> None:
        self._close_file()
        entry = self._entry
        assert entry is not None, "it was written to"
        if self._digest.digest() != entry.sha256:
            raise Malformed("share", f"{os.fsdecode(entry.path)!a} is not what its index says")
        self.files_done += 1

    def _close_file(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _cannot(self, error: OSError) -> BadTarget | CannotWrite:
        if error.filename2 is not None and error.errno in _TAKEN:
            return BadTarget(self.path, "something was made there meanwhile: choose another name")
        what = self.path if self._entry is None else os.path.join(self.path, os.fsdecode(self._entry.path))
        return CannotWrite(printable(what), error.strerror or type(error).__name__)


def _check_free(path: str, may_be_folder: bool) -> None:
    if not os.path.lexists(path):
        return
    if os.path.isdir(path) and not os.path.islink(path):
        if not may_be_folder:
            raise BadTarget(path, "it is a folder: give a name in it, or end it with / to keep the file's own name")
        with os.scandir(path) as entries:
            if next(entries, None) is None:
                return
        raise BadTarget(path, "it is a folder with something in it: give a name that is free")
    raise BadTarget(path, "it exists: give a name that is free, or remove it first")


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _empty(folder: str) -> None:
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


def _write(descriptor: int, data: bytes | memoryview) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _move_folder(source: str, path: str) -> None:
    """To its place: in one step, and never over a folder that has something in it."""
    os.rename(source, path)


def _move_file(source: str, path: str) -> None:
    """To its place: in one step, and never over what is there."""
    try:
        os.link(source, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        _check_free(path, may_be_folder=False)  # a file system without links
        os.rename(source, path)
