"""The store in an LMDB file: durable, one process writes, any number read beside it.

`LmdbStore(path)` writes; `LmdbStore(path, readonly=True)`, in this process or others, reads what was committed. Reads
may come from any thread and never wait for the writer. A batch, from `begin_batch` to `commit`, belongs to one thread,
which is blocked by the fsync: the service that owns the store keeps a helper thread for it.

The directory has `data.mdb` and `lock.mdb` (LMDB's) and `writer.lock` (see `writer_lock`). It must be on a local file
system: LMDB's locks and maps do not work over a network.
"""

from __future__ import annotations

import os
import threading
from typing import Final

import lmdb

from ...errors import WrongState
from ...limits import HASH_BYTES
from ...model.record import Record
from ..base import EXPIRE, PAGE, PAGE_BYTES, Gone, Page, Store, StoreStats
from ..counts import Counts
from ..entry import Held, Putter, decode, first_of_name
from ..errors import StoreCorrupt, StoreUnavailable
from ..quota import TOTAL, StoreLimits
from ..region import EVERYTHING, Region
from ..verdicts import Verdict
from .batch import UNREADABLE, LmdbBatch
from .environment import MIB, Environment, Txn, acquire, release
from .shelf import UNTIL, read_usage
from .writer_lock import WriterLock

FIRST_MAP_BYTES: Final = 64 * MIB
"""Map of a new store: address space, not memory, and the file grows only as it is filled."""

MAP_TIMES: Final = 3
"""The map may grow to so many times `total_bytes`, and `FIRST_MAP_BYTES` more: pages are half empty at worst, and those
of the last two commits are not used again. So the store is full by its own count long before its map is.
"""

RAW_PAGE: Final = 4096
"""Slots of a page of `raw_page`: what is written by one commit, some tens of milliseconds of work for one sync."""

READER_CHECK: Final = 64
"""Commits after which places of dead readers are cleared again."""


class LmdbStore(Store):
    """See `Store` for the methods, and the module."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        bounds: StoreLimits | None = None,
        *,
        readonly: bool = False,
        first_map_bytes: int = FIRST_MAP_BYTES,
        map_limit_bytes: int | None = None,
    ) -> None:
        """Open a store; one that writes makes the directory if it is missing.

        Raises StoreInUse (with the pid of the process that writes), StoreCorrupt, StoreTooNew or StoreUnavailable.
        """
        self.path = os.fspath(path)
        self.bounds = StoreLimits() if bounds is None else bounds
        self.readonly = readonly
        self.map_limit_bytes = map_limit_bytes or MAP_TIMES * self.bounds.total_bytes + FIRST_MAP_BYTES
        self._counts = Counts()
        self._batch: LmdbBatch | None = None
        self._begin_lock = threading.Lock()
        self._lock: WriterLock | None = None
        self._env: Environment | None = None
        try:
            if not readonly:
                os.makedirs(self.path, mode=0o700, exist_ok=True)
                self._lock = WriterLock(self.path)
            self._env = acquire(self.path, not readonly, first_map_bytes)
            if not readonly:
                self._counts.dead_readers += self._env.clear_dead_readers()
        except OSError as error:
            self.close()
            raise StoreUnavailable(self.path, f"{error.strerror}; check the path, its owner and its rights") from error
        except BaseException:
            self.close()
            raise

    # -- writing -------------------------------------------------------------------------------------------------------

    def put(
        self,
        record: Record,
        now_s: float,
        putter: Putter | None = None,
        *,
        compare: int | None = None,
        lease_s: float | None = None,
    ) -> Verdict:
        with self._begin("put") as batch:
            batch.put(record, now_s, putter, compare=compare, lease_s=lease_s)
            return batch.commit()[0]

    def begin_batch(self) -> LmdbBatch:
        return self._begin("begin a batch")

    def expire(self, now_s: float, count: int = EXPIRE) -> list[Gone]:
        with self._begin("expire") as batch:
            return batch.expire(now_s, count)

    def remove(self, address: bytes, owner: bytes = b"") -> bool:
        with self._begin("remove") as batch:
            return batch.remove(address + owner)

    def batch_ended(self, batch: LmdbBatch, verdicts: list[Verdict] | None, expired: int) -> None:
        """For the batch."""
        self._batch = None
        if verdicts is not None:
            counts = self._counts
            counts.verdicts.update(type(verdict) for verdict in verdicts)
            counts.expired += expired
            counts.commits += 1
            if counts.commits % READER_CHECK == 0:
                counts.dead_readers += self._environment.clear_dead_readers()

    # -- reading -------------------------------------------------------------------------------------------------------

    def get(self, address: bytes, now_s: float, owner: bytes | None = None) -> Held | None:
        environment = self._environment
        self._counts.gets += 1
        txn = environment.begin_read()
        try:
            records = environment.databases.records
            data = txn.get(address, db=records)
            if data is not None:
                held: Held | None = decode(data)
            elif owner is not None:
                data = txn.get(address + owner, db=records)
                held = None if data is None else decode(data)
            else:
                held = first_of_name(self._of_name(txn, address, now_s))
        except UNREADABLE as error:
            raise StoreCorrupt(self.path, str(error)) from error
        except lmdb.Error as error:
            raise environment.translated(error) from error
        finally:
            environment.end_read(txn)
        if held is None or held.until_s <= now_s:
            return None
        self._counts.hits += 1
        return held

    def get_all(self, address: bytes, now_s: float) -> list[Held]:
        self._counts.gets += 1
        with _Reading(self._environment) as txn:
            found = self._of_name(txn, address, now_s)
        self._counts.hits += bool(found)
        return found

    def owned_by(self, owner: bytes, count: int = PAGE, after: bytes = b"") -> list[bytes]:
        found: list[bytes] = []
        with _Reading(self._environment) as txn, txn.cursor(self._environment.databases.owners) as cursor:
            more = cursor.set_range(owner + after)
            while more and len(found) < count:
                key = bytes(cursor.key())
                if not key.startswith(owner):
                    break
                address = key[len(owner) : len(owner) + HASH_BYTES]
                if address > after:
                    found.append(address)
                more = cursor.next()
        return found

    def scan(self, now_s: float, region: Region = EVERYTHING, after: bytes | None = None, count: int = PAGE) -> Page:
        found: list[Held] = []
        size = 0
        with _Reading(self._environment) as txn, txn.cursor(self._environment.databases.records) as cursor:
            for first, last in region.ranges:
                if after is not None and after[:HASH_BYTES] > last:
                    continue
                more = cursor.set_range(first if after is None else max(first, after))
                while more:
                    slot = bytes(cursor.key())
                    if slot[:HASH_BYTES] > last:
                        break
                    held = decode(cursor.value())
                    if slot != after and held.until_s > now_s:
                        found.append(held)
                        size += len(held.packed)
                        if len(found) >= count or size >= PAGE_BYTES:
                            return Page(tuple(found), slot)
                    more = cursor.next()
        return Page(tuple(found), None)

    def raw_page(self, first: bytes, last: bytes, after: bytes | None = None) -> list[tuple[bytes, Held]]:
        """Slots with what they hold, expired or not, of the addresses from `first` to `last`, those behind `after`.

        As many as a page has in records or bytes; none: there are no more.
        """
        found: list[tuple[bytes, Held]] = []
        size = 0
        with _Reading(self._environment) as txn, txn.cursor(self._environment.databases.records) as cursor:
            more = cursor.set_range(first if after is None else max(first, after))
            while more and len(found) < RAW_PAGE and size < PAGE_BYTES:
                slot = bytes(cursor.key())
                if slot[:HASH_BYTES] > last:
                    break
                if slot != after:
                    held = decode(cursor.value())
                    found.append((slot, held))
                    size += len(held.packed)
                more = cursor.next()
        return found

    def last_slot(self) -> bytes | None:
        """The last slot in order; None where there is none."""
        with _Reading(self._environment) as txn, txn.cursor(self._environment.databases.records) as cursor:
            return bytes(cursor.key()) if cursor.last() else None

    def entries(self) -> int:
        """Slots that there are, as the file itself counts them."""
        with _Reading(self._environment) as txn:
            return int(txn.stat(self._environment.databases.records)["entries"])

    def next_expiry_s(self) -> int | None:
        with _Reading(self._environment) as txn, txn.cursor(self._environment.databases.expiry) as cursor:
            return UNTIL.unpack_from(cursor.key())[0] if cursor.first() else None

    def stats(self) -> StoreStats:
        environment = self._environment
        with _Reading(environment) as txn:
            total = read_usage(txn, environment.databases, TOTAL)
        counts = self._counts
        counts.growths = environment.growths
        return counts.stats(
            total, self.bounds, environment.map_bytes(), environment.file_bytes(), environment.readers()
        )

    def close(self) -> None:
        if self._batch is not None:
            self._batch.abort()
        environment, self._env = self._env, None
        if environment is not None:
            release(environment)
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _environment(self) -> Environment:
        if self._env is None:
            raise WrongState("store", "closed", "be used")
        return self._env

    def _begin(self, event: str) -> LmdbBatch:
        environment = self._environment
        if self.readonly:
            raise WrongState("store", "open for reading only", event)
        with self._begin_lock:  # LMDB would wait for ever for a thread's own write lock
            if self._batch is not None:
                raise WrongState("store", "in a batch", event)
            self._batch = batch = LmdbBatch(self, environment)
            return batch

    def _of_name(self, txn: Txn, address: bytes, now_s: float) -> list[Held]:
        found: list[tuple[int, bytes, Held]] = []
        with txn.cursor(self._environment.databases.records) as cursor:
            more = cursor.set_range(address)
            while more:
                slot = bytes(cursor.key())
                if not slot.startswith(address):
                    break
                held = decode(cursor.value())
                if held.until_s > now_s:
                    found.append((held.first_seen_ms, slot, held))
                more = cursor.next()
        found.sort(key=lambda one: one[:2])
        return [held for _, _, held in found]


class _Reading:
    """A read transaction as a context, with errors of ours. (`get` does without it, for half a microsecond.)"""

    __slots__ = ("_environment", "_txn")

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __enter__(self) -> Txn:
        self._txn = self._environment.begin_read()
        return self._txn

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._environment.end_read(self._txn)
        if isinstance(error, lmdb.Error):
            raise self._environment.translated(error) from error
        if isinstance(error, UNREADABLE):
            raise StoreCorrupt(self._environment.path, str(error)) from error
