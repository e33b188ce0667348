"""Into how many parts a store on disk is divided: what the files beside its directories say.

    STORE              the directory of a store in one part, as it always was
    STORE.0-of-2, …    the directories of a store in two
    STORE.parts        `parts=2 becoming=0 removing=0`, and a line end; missing: it is, or will be, in one part
    STORE.lock         held (flock) by who divides; its first 8 bytes count the divisions

`parts` is what holds the records. `becoming` names the parts that are being made, which may be incomplete, and
`removing` those that a division has left behind; nothing that is not named there is ever removed. The file is replaced
by a new one (rename), which is synced before and whose directory is synced after it.

The count is for readers in other processes: it is mapped into memory, so that to see whether the parts are still the
same costs them nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import PartsUnclear, StoreInUse, StoreUnavailable
from ..parts import MOST_PARTS, part_paths
from .environment import DATA_FILE

_FORM: Final = re.compile(rb"parts=([0-9]{1,4}) becoming=([0-9]{1,4}) removing=([0-9]{1,4})\n")

_COUNT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """See the module; 0: none."""

    parts: int
    becoming: int = 0
    removing: int = 0

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return not self.becoming and not self.removing


def read_layout(path: str) -> Layout:
    """The layout of the store at a path; of one that is not there yet, that of one part. Raises PartsUnclear."""
    try:
        with open(path + ".parts", "rb") as file:
            data = file.read(256)
    except FileNotFoundError:
        if not os.path.isdir(path) and (strays := _parts_at(path)):
            raise PartsUnclear(path, f"{path}.parts is missing, and {strays[0]} is there") from None
        return Layout(1)
    match = _FORM.fullmatch(data)
    numbers = [int(one) for one in match.groups()] if match else [0]
    if not 1 <= numbers[0] <= MOST_PARTS or max(numbers) > MOST_PARTS:
        raise PartsUnclear(path, f"{path}.parts is damaged")
    return Layout(*numbers)


def write_layout(path: str, layout: Layout) -> None:
    """Replace it, durably. Raises OSError."""
    fresh = path + ".parts.new"
    with open(fresh, "wb") as file:
        file.write(b"parts=%d becoming=%d removing=%d\n" % (layout.parts, layout.becoming, layout.removing))
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path + ".parts")
    sync_directory(os.path.dirname(os.path.abspath(path)))


def sync_directory(path: str) -> None:
    """Make the names in a directory durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def has_data(directory: str) -> bool:
    """Whether a store was made in it."""
    return os.path.exists(os.path.join(directory, DATA_FILE))


def data_paths(path: str) -> list[str]:
    """The directories of the parts that are there. Raises PartsUnclear."""
    return [one for one in part_paths(path, read_layout(path).parts) if has_data(one)]


@contextlib.contextmanager
def dividing(path: str) -> Iterator[int]:
    """Hold the lock of who divides; its descriptor. Raises StoreInUse where another does, and OSError."""
    fd = _open_lock(path)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(path, 0) from None
        yield fd
    finally:
        os.close(fd)


def count_division(fd: int) -> None:
    """Tell readers to look again. `fd` is that of `dividing`."""
    count = int.from_bytes(os.pread(fd, _COUNT_BYTES, 0), "big") + 1
    os.pwrite(fd, count.to_bytes(_COUNT_BYTES, "big"), 0)


class DivisionCount:
    """The count, as a reader sees it: `changed` since it was made, or since `look`. For one thread."""

    def __init__(self, path: str) -> None:
        """Raises StoreUnavailable."""
        try:
            fd = _open_lock(path)
            try:
                self._map = mmap.mmap(fd, _COUNT_BYTES, prot=mmap.PROT_READ)
            finally:
                os.close(fd)
        except OSError as error:
            raise StoreUnavailable(path, f"{error.strerror}; check the path, its owner and its rights") from error
        self._seen = self._map[:]

    @property
    def changed(self) -> bool:
        """Whether the store was divided since the last look."""
        return self._map[:] != self._seen

    def look(self) -> None:
        """See how it is now. Read the layout after this, not before."""
        self._seen = self._map[:]

    def close(self) -> None:
        """Release it."""
        self._map.close()


def _open_lock(path: str) -> int:
    fd = os.open(path + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(fd).st_size < _COUNT_BYTES:
            os.ftruncate(fd, _COUNT_BYTES)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _parts_at(path: str) -> list[str]:
    parent, name = os.path.split(os.path.abspath(path))
    form = re.compile(re.escape(name) + r"\.[0-9]{1,4}-of-[0-9]{1,4}")
    try:
        return sorted(one for one in os.listdir(parent) if form.fullmatch(one))
    except FileNotFoundError:
        return []
