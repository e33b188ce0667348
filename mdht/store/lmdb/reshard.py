"""Divides a store on disk into another number of parts, before anybody uses it.

Theory of operation. The parts that there are stay as they are, and stay what counts, until the new ones are complete:

1. note `becoming` (durable), so that whatever is found in the new directories is known to be incomplete;
2. fill each new part from its first address to its last, a page a transaction, each synced: so the last slot that is
   in a part says how far it got, and after a kill it goes on from there; taking a record twice counts once;
3. compare how many records there are on both sides, sync the directories;
4. note the new `parts`, and the old ones as `removing` (durable): from here on the new ones count;
5. tell readers, remove the old directories, note that (durable).

Killed before 4, the store is as it was; where it is then opened in yet another number of parts, what was begun is
removed first, since records may have changed. Killed after 4, only 5 is left. A part whose directory was moved away
counts as empty. The old parts are open for writing all the time, though nothing is written: nobody else can.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Sequence
from typing import Final

from ..base import StoreStats
from ..errors import CannotReshard, ReshardNoRoom, ReshardStopped, StoreCorrupt, StoreUnavailable
from ..parts import first_address, last_address, part_of, part_path, part_paths
from ..quota import StoreLimits
from ..reshard import Progress, Told
from .environment import DATA_FILE
from .layout import Layout, count_division, data_paths, dividing, has_data, read_layout, sync_directory, write_layout
from .store import MAP_TIMES, LmdbStore
from .writer_lock import FILE as WRITER_FILE
from .writer_lock import WriterLock

_log: Final = logging.getLogger(__name__)

ROOM_BYTES: Final = 16 << 20
"""Disk that a division leaves free beside what it needs: the node has more than records to write."""

FILES: Final = (DATA_FILE, "lock.mdb", WRITER_FILE)
"""What a store's directory has; nothing else is removed."""

RECORD_S: Final = 40e-6
BYTE_S: Final = 1 / (100 << 20)
"""Seconds that a record, and each of its bytes, takes to be moved over: four times what was measured, for estimates."""


def settle(
    path: str,
    parts: int,
    told: Told | None = None,
    *,
    stop: threading.Event | None = None,
    within_s: float | None = None,
) -> bool:
    """Have the store at a path in so many parts, and nothing left over; whether anything had to be moved. Blocks.

    `told` hears of progress after each page. Raises ReshardStopped after `stop` was set, and CannotReshard after
    `within_s` seconds: what was done until then is kept, and gone on with by the next call for the same number. Raises
    ReshardNoRoom before anything is written, StoreInUse, StoreCorrupt, StoreUnavailable, PartsUnclear, and CommitFailed
    for a disk that fills up meanwhile.
    """
    layout = read_layout(path)
    if layout == Layout(parts):
        return False
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        with dividing(path) as lock:
            return _settle(path, parts, _Watch(path, parts, told, stop, within_s), lock)
    except OSError as error:
        reason = f"{error.strerror or error}; check the path, its owner and its rights"
        raise StoreUnavailable(path, reason) from error


def numbers_of(path: str) -> list[StoreStats]:
    """The numbers of each part of the store at a path that is there. Raises StoreError."""
    found: list[StoreStats] = []
    for directory in data_paths(path):
        with LmdbStore(directory, readonly=True) as store:
            found.append(store.stats())
    return found


def division_s(path: str) -> float:
    """Seconds that dividing the store at a path will take at most, by what is in it. Raises StoreError."""
    return sum(one.records * RECORD_S + one.bytes * BYTE_S for one in numbers_of(path))


class _Watch:
    """Looks whether to go on, and tells how far it is."""

    def __init__(
        self, path: str, parts: int, told: Told | None, stop: threading.Event | None, within_s: float | None
    ) -> None:
        self._path = path
        self._parts = parts
        self._told = told
        self._stop = stop
        self._within_s = within_s
        self._until_s = None if within_s is None else time.monotonic() + within_s
        self.done = 0
        self.total = 0

    def moved(self, records: int) -> None:
        """So many more are in their parts."""
        self.done += records
        if self._told is not None:
            self._told(Progress(self._parts, self.done, self.total))
        if self._stop is not None and self._stop.is_set():
            raise ReshardStopped(self._path, self._parts)
        if self._until_s is not None and time.monotonic() > self._until_s:
            raise CannotReshard(self._path, self._parts, f"it was not done within {self._within_s:g} s")


def _settle(path: str, parts: int, watch: _Watch, lock: int) -> bool:
    layout = read_layout(path)
    if layout.removing:
        layout = _finish(path, layout, lock)
    if layout.becoming and layout.becoming != parts:
        _remove(path, layout.becoming)
        layout = Layout(layout.parts)
        write_layout(path, layout)
    if layout.parts == parts:
        return False
    if not any(map(has_data, part_paths(path, layout.parts))):
        write_layout(path, Layout(parts))
        count_division(lock)
        return False
    _divide(path, layout, parts, watch)
    layout = Layout(parts, removing=layout.parts)
    write_layout(path, layout)
    _finish(path, layout, lock)
    return True


def _divide(path: str, layout: Layout, parts: int, watch: _Watch) -> None:
    """Steps 1 to 3."""
    new = part_paths(path, parts)
    with contextlib.ExitStack() as stack:
        sources: list[LmdbStore | None] = []
        for directory in part_paths(path, layout.parts):
            sources.append(stack.enter_context(LmdbStore(directory)) if has_data(directory) else None)
        there = [source for source in sources if source is not None]
        if not layout.becoming:
            if strays := [one for one in new if os.path.lexists(one)]:
                raise StoreUnavailable(path, f"{strays[0]} is in the way of a new part; move it away")
            _check_room(path, parts, there, 0)
            write_layout(path, Layout(layout.parts, becoming=parts))
        else:
            _check_room(path, parts, there, sum(_size(one) for one in new))
        watch.total = sum(source.entries() for source in there)
        room = MAP_TIMES * sum(source.stats().file_bytes for source in there)
        made = sum(_fill(new[part], part, parts, sources, room, watch) for part in range(parts))
        if made != watch.total:
            raise StoreCorrupt(path, f"{watch.total} records became {made} when it was divided into {parts}")
        for directory in (*new, os.path.dirname(os.path.abspath(path))):
            sync_directory(directory)


def _fill(
    directory: str, part: int, parts: int, sources: Sequence[LmdbStore | None], room_bytes: int, watch: _Watch
) -> int:
    """Step 2 for one part: everything behind its last slot that belongs to it. Returns how many records it has."""
    first, last = first_address(part, parts), last_address(part, parts)
    bounds = StoreLimits(total_bytes=max(StoreLimits().total_bytes, room_bytes))
    with LmdbStore(directory, bounds) as target:
        after = target.last_slot()
        watch.moved(target.entries())
        for source in sources[part_of(first, len(sources)) : part_of(last, len(sources)) + 1]:
            if source is None:
                continue
            while page := source.raw_page(first, last, after):
                try:
                    with target.begin_batch() as batch:
                        for _, held in page:
                            batch.adopt(held)
                except StoreCorrupt as error:  # what was to be taken over is what is damaged
                    raise StoreCorrupt(source.path, error.reason) from error
                after = page[-1][0]
                watch.moved(len(page))
        return target.entries()


def _finish(path: str, layout: Layout, lock: int) -> Layout:
    """Step 5."""
    count_division(lock)
    _remove(path, layout.removing)
    layout = Layout(layout.parts, layout.becoming)
    write_layout(path, layout)
    return layout


def _remove(path: str, parts: int) -> None:
    """The directories of so many parts, with the files that a store has."""
    for part in range(parts):
        directory = part_path(path, part, parts)
        gone = directory + ".gone"  # so that no reader finds half of one
        if os.path.isdir(directory):
            if not os.path.isdir(gone):
                WriterLock(directory).release()
                os.rename(directory, gone)
            else:
                _empty(directory)
        if os.path.isdir(gone):
            _empty(gone)
    sync_directory(os.path.dirname(os.path.abspath(path)))


def _empty(directory: str) -> None:
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    try:
        os.rmdir(directory)
    except OSError as error:
        _log.warning("%s is left behind (%s): it has files that are none of a store's", directory, error.strerror)


def _check_room(path: str, parts: int, sources: list[LmdbStore], done_bytes: int) -> None:
    """The new parts together are about as large as the old ones, whose free pages they do not have."""
    needed = ROOM_BYTES - done_bytes
    for source in sources:
        numbers = source.stats()
        needed += min(numbers.file_bytes, 2 * numbers.bytes + ROOM_BYTES)
    free = shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free
    if free < needed:
        raise ReshardNoRoom(path, parts, needed, free)


def _size(directory: str) -> int:
    try:
        return os.stat(os.path.join(directory, DATA_FILE)).st_size
    except FileNotFoundError:
        return 0
