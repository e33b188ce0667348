"""The one LMDB environment handle that a process has of a store, whoever in it reads and writes.

Theory of operation, from LMDB's own rules (`lmdb.h`, caveats):

- A file must not be open twice in a process, so handles are shared, counted, and found by the directory's real path.
- The map may be resized only while no transaction of this process is open (`gate.py`). A writer that runs out of map
  ends its transaction, grows, and does its work again. A reader is told MDB_MAP_RESIZED when the file has outgrown its
  map; it takes the new size and begins again.
- A reader that died keeps its place in the table of readers, and the pages that it could see are not used again: the
  writer clears such places from time to time, and whoever finds the table full does.
- A map of a file that was cut off kills the process at the first look at the missing part (SIGBUS), so the size of the
  file is compared with what its head says before anything else is read.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, TypeAlias

import lmdb

from ..entry import FORM
from ..errors import StoreCorrupt, StoreError, StoreTooNew, StoreUnavailable
from .gate import Gate
from .writer_lock import writer_pid

Txn: TypeAlias = "lmdb.Transaction[memoryview]"

DATA_FILE: Final = "data.mdb"

READERS: Final = 254
"""Places for readers, of all processes: each read transaction open at the same time takes one."""

SPARE_READERS: Final = 8
"""Ended read transactions kept to be used again, which saves most of their cost; each keeps its place."""

TRIES: Final = 16
"""Attempts to begin reading while others grow the map."""

MIB: Final = 1 << 20

DAMAGE: Final = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.IncompatibleError,
)
"""What LMDB raises where a file is not, or not any more, what it should be."""


@dataclass(frozen=True, slots=True)
class Databases:
    """The sub-databases, by their handles in this process."""

    meta: Any
    """`form` → one byte."""
    records: Any
    """Slot → entry."""
    expiry: Any
    """Until (u64, seconds, big-endian) and slot → nothing."""
    owners: Any
    """Owner and slot → nothing."""
    usage: Any
    """Account → two u64."""


class Environment:
    """Made by `acquire` only. Reading and its counts are for any thread; writing for one."""

    def __init__(self, path: str, write: bool, first_map_bytes: int) -> None:
        self.path = path
        self.writable = write
        self.gate = Gate()
        self.growths = 0
        self.users = 1
        self._first_map_bytes = first_map_bytes
        self._env, self.databases = self._open()
        self.file = _file_of(path)
        """Which file it is; another one may come to lie at its path."""

    # -- reading -------------------------------------------------------------------------------------------------------

    def begin_read(self) -> Txn:
        """A read transaction; end it by `end_read` soon, in any case. Raises StoreCorrupt or StoreUnavailable."""
        for _ in range(TRIES):
            self.gate.enter()
            try:
                return self._env.begin(buffers=True)
            except lmdb.MapResizedError:
                self.gate.leave()
                self.adopt_size()
            except lmdb.ReadersFullError:
                self.gate.leave()
                if not self._env.reader_check():
                    raise StoreUnavailable(self.path, f"its {READERS} places for readers are all taken") from None
            except lmdb.Error as error:
                self.gate.leave()
                raise self.translated(error) from error
        raise StoreUnavailable(self.path, "its map grows faster than it can be followed")

    def end_read(self, txn: Txn) -> None:
        """What was read must have been copied."""
        txn.abort()
        self.gate.leave()

    # -- writing -------------------------------------------------------------------------------------------------------

    def begin_write(self) -> Txn:
        """The write transaction, which counts as one inside the gate: `end_write` when it has ended."""
        self.gate.enter()
        try:
            return self._env.begin(write=True, buffers=True)
        except BaseException:
            self.gate.leave()
            raise

    def end_write(self) -> None:
        """It was committed or aborted."""
        self.gate.leave()

    def grow(self, limit_bytes: int) -> bool:
        """Double the map, or a gibibyte more where that is less, up to a limit; False where it is reached already.

        Blocks until all transactions of this process have ended, so the writer's must have, too.
        """
        with self.gate.alone():
            now = self.map_bytes()
            wanted = min(now + min(now, 1024 * MIB), limit_bytes)
            if wanted <= now:
                return False
            self._env.set_mapsize(wanted)
            self.growths += 1
            return True

    def shrink(self, limit_bytes: int) -> None:
        """Take back what was lent beyond a limit, as far as it is not in use. Blocks like `grow`."""
        if self.map_bytes() > limit_bytes:
            with self.gate.alone():
                self._env.set_mapsize(limit_bytes)

    def nudge(self, limit_bytes: int) -> None:
        """An empty commit, which may grow the map up to a limit; nothing happens if it fails.

        What one commit has freed may be used only after the next: when a full store has removed something, there would
        never be a next one.
        """
        for _ in range(2):
            try:
                with self._env.begin(write=True) as txn:
                    txn.put(b"nudge", b"", db=self.databases.meta)
                    txn.delete(b"nudge", db=self.databases.meta)
                return
            except lmdb.MapFullError:
                if not self.grow(limit_bytes):
                    return
            except lmdb.Error:
                return

    def adopt_size(self) -> None:
        """Take the size that a writer in another process gave to the map."""
        with self.gate.alone():
            self._env.set_mapsize(0)
            self.growths += 1

    def clear_dead_readers(self) -> int:
        """Free the places of processes that died; returns how many."""
        return self._env.reader_check()

    def reopen(self, write: bool) -> None:
        """Close and open again: after a failed write, or to write where only reading was wanted before."""
        with self.gate.alone():
            self._env.close()
            self.writable = write
            self._env, self.databases = self._open()
            self.file = _file_of(self.path)

    # -- the rest ------------------------------------------------------------------------------------------------------

    def map_bytes(self) -> int:
        """Size of the map in this process."""
        return self._env.info()["map_size"]

    def readers(self) -> int:
        """Most places in the table of readers that were taken at a time."""
        return self._env.info()["num_readers"]

    def file_bytes(self) -> int:
        """Size of the file."""
        return os.stat(os.path.join(self.path, DATA_FILE)).st_size

    def translated(self, error: lmdb.Error) -> StoreError:
        """The error of ours for one of LMDB's that is none of the writer's."""
        kind = StoreCorrupt if isinstance(error, DAMAGE) else StoreUnavailable
        return kind(self.path, str(error))

    def close(self) -> None:
        """For `release`."""
        with self.gate.alone():
            self._env.close()

    def _open(self) -> tuple[lmdb.Environment, Databases]:
        env: lmdb.Environment | None = None
        try:
            env = self._open_file()
            needed = self._cut_off(env)
            if needed:
                env.close()  # reading the file by other means, and closing it, would free LMDB's locks
                self._verify()
                if self.writable:
                    os.truncate(os.path.join(self.path, DATA_FILE), needed)  # it was right, and need not be asked again
                env = self._open_file()
            databases = self._open_new(env) if self.writable else self._open_existing(env)
            self._check_form(env, databases)
            return env, databases
        except BaseException as error:
            if env is not None:
                env.close()
            if isinstance(error, lmdb.Error):
                raise self.translated(error) from error
            raise

    def _open_file(self) -> lmdb.Environment:
        return lmdb.Environment(
            self.path,
            map_size=self._first_map_bytes if self.writable and not self._has_data() else 0,
            readonly=not self.writable,
            create=self.writable,
            mode=0o600,
            readahead=False,
            max_readers=READERS,
            max_dbs=len(Databases.__slots__),
            max_spare_txns=SPARE_READERS,
        )

    def _has_data(self) -> bool:
        try:
            return self.file_bytes() > 0
        except FileNotFoundError:
            return False

    def _cut_off(self, env: lmdb.Environment) -> int:
        """The size that the file should have by its head, if it is shorter; else 0.

        It may be shorter, rightly: pages at its end that were taken and given back in one transaction are never
        written. A writer that has it open now has looked at that itself.
        """
        needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
        looked_at = not self.writable and writer_pid(self.path) is not None
        return needed if self.file_bytes() < needed and not looked_at else 0

    def _verify(self) -> None:
        """Go through the whole file without LMDB; rarely needed, and slow. Raises StoreCorrupt."""
        try:
            verify = import_module("lmdb.verify").verify
        except ImportError:
            reason = "its file is shorter than it should be, which may be right; install py-lmdb 3 or newer to find out"
            raise StoreUnavailable(self.path, reason) from None
        problems = verify(self.path)
        if problems:
            raise StoreCorrupt(self.path, f"{problems[0]}; {len(problems)} such faults")

    def _open_new(self, env: lmdb.Environment) -> Databases:
        with env.begin(write=True) as txn:
            databases = Databases(*(env.open_db(name.encode(), txn=txn) for name in Databases.__slots__))
            if txn.get(b"form", db=databases.meta) is None:
                txn.put(b"form", bytes((FORM,)), db=databases.meta)
        return databases

    def _open_existing(self, env: lmdb.Environment) -> Databases:
        try:
            return Databases(*(env.open_db(name.encode(), create=False) for name in Databases.__slots__))
        except lmdb.NotFoundError:
            raise StoreUnavailable(self.path, "no store was made in it yet; open it for writing first") from None

    def _check_form(self, env: lmdb.Environment, databases: Databases) -> None:
        with env.begin() as txn:
            form = txn.get(b"form", db=databases.meta)
        if form is None or len(form) != 1 or form[0] < 1:
            raise StoreCorrupt(self.path, f"its form is {form!r}")
        if form[0] > FORM:
            raise StoreTooNew(self.path, form[0], FORM)


_environments: dict[str, Environment] = {}
_lock = threading.Lock()


def acquire(path: str, write: bool, first_map_bytes: int) -> Environment:
    """This process's environment of a directory, opened if it is not; `release` it once for each `acquire`.

    `path` must exist if `write`. Raises StoreError in its kinds.
    """
    path = os.path.realpath(path)
    with _lock:
        environment = _environments.get(path)
        if environment is not None and environment.file != _file_of(path):
            environment = None  # that one was removed, or moved away, while some still read it
        if environment is None:
            if not write and not os.path.exists(os.path.join(path, DATA_FILE)):
                raise StoreUnavailable(path, "there is no store; open it for writing first, or correct the path")
            environment = _environments[path] = Environment(path, write, first_map_bytes)
            return environment
        if write and not environment.writable:
            environment.reopen(write=True)
        environment.users += 1
        return environment


def release(environment: Environment) -> None:
    """One user less; the last one closes it."""
    with _lock:
        environment.users -= 1
        if not environment.users:
            if _environments.get(environment.path) is environment:
                del _environments[environment.path]
            environment.close()


def _file_of(path: str) -> tuple[int, int] | None:
    """Device and number of the file in a directory; None where there is none."""
    try:
        found = os.stat(os.path.join(path, DATA_FILE))
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=lambda: _after_fork())


def _after_fork() -> None:
    """LMDB's handles are of no use in a forked child: it opens its own."""
    _environments.clear()
    _lock.release()
