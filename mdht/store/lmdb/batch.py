"""A batch of the LMDB store: one write transaction, made durable by one fsync.

Where the map is full in the middle, LMDB's transaction is lost: it is aborted, the map grown, and everything done
again from the list of what was asked; the same in the same order, with the same outcome, since nobody else writes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, NoReturn, Protocol

import lmdb

from ...errors import Malformed, OtherKind, Oversized, WrongState
from ...model.record import Record
from .. import rules
from ..base import EXPIRE, Batch, Gone
from ..entry import Held, Putter
from ..errors import CommitFailed, StoreCorrupt
from ..quota import TOTAL, StoreLimits
from ..reshard import adopt
from ..verdicts import Stored, StoreFull, Verdict
from .environment import DAMAGE, Environment, Txn
from .shelf import LmdbShelf, read_usage

UNREADABLE: Final = (Malformed, OtherKind, Oversized)
"""What a damaged entry raises when it is taken apart."""

RESERVE_BYTES: Final = 16 << 20
"""Map lent beyond its limit to batches that only remove: a removal changes copies of pages before it frees any."""

Step = Callable[[LmdbShelf], Verdict | list[Gone]]


class Owner(Protocol):
    """The store that a batch belongs to."""

    bounds: StoreLimits
    map_limit_bytes: int

    def batch_ended(self, batch: LmdbBatch, verdicts: list[Verdict] | None, expired: int) -> None:
        """It was committed with these verdicts, or (None) aborted."""
        ...


class LmdbBatch(Batch):
    """See `Batch`. All calls from the thread that began it: LMDB's write lock belongs to a thread."""

    def __init__(self, store: Owner, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self._thread = threading.get_ident()
        self._steps: list[Step] = []
        self._verdicts: list[Verdict] = []
        self._expired = 0
        self._txn: Txn | None = None
        self._ended = False
        self._nudged = False
        self._puts = False
        self._begin()

    @property
    def ended(self) -> bool:
        return self._ended

    def put(
        self,
        record: Record,
        now_s: float,
        putter: Putter | None = None,
        *,
        compare: int | None = None,
        lease_s: float | None = None,
    ) -> Verdict:
        self._check("put")
        self._puts = True
        bounds = self._store.bounds

        def step(shelf: LmdbShelf) -> Verdict:
            return rules.put(shelf, bounds, record, now_s, putter, compare, lease_s)

        done = self._do(step)
        verdict = self._full() if done is None else done
        assert not isinstance(verdict, list)
        self._verdicts.append(verdict)
        return verdict

    def expire(self, now_s: float, count: int = EXPIRE) -> list[Gone]:
        self._check("expire")

        def step(shelf: LmdbShelf) -> list[Gone]:
            return rules.expire(shelf, now_s, count)

        gone = self._do(step)
        if gone is None:
            raise CommitFailed(
                self._environment.path, "its map is full; remove in a batch without puts, and end long reads"
            )
        assert isinstance(gone, list)
        self._expired += len(gone)
        return gone

    def remove(self, slot: bytes) -> bool:
        """What is there; whether there was anything. Raises CommitFailed where there is no room even for that."""
        self._check("remove")

        def step(shelf: LmdbShelf) -> list[Gone]:
            return rules.remove(shelf, slot)

        gone = self._do(step)
        if gone is None:
            raise CommitFailed(self._environment.path, "its map is full; end long reads of it")
        return bool(gone)

    def adopt(self, held: Held) -> None:
        """Keep what another store held, as `reshard.adopt` does. Raises CommitFailed where there is no room for it."""
        self._check("adopt")
        self._puts = True

        def step(shelf: LmdbShelf) -> list[Gone]:
            adopt(shelf, held)
            return []

        if self._do(step) is None:
            raise CommitFailed(self._environment.path, "its map is full")

    def commit(self) -> list[Verdict]:
        self._check("commit")
        while True:
            try:
                self._shelf.flush()
                self._transaction.commit()
                break
            except lmdb.MapFullError:
                if not self._begin_again():
                    full = self._full()
                    self._drop()
                    self._end([full if isinstance(verdict, Stored) else verdict for verdict in self._verdicts], 0)
                    return self._verdicts
            except lmdb.Error as error:
                self._fail(error)
        self._txn = None
        self._environment.end_write()
        self._end(self._verdicts, self._expired)
        return self._verdicts

    def abort(self) -> None:
        if not self._ended:
            self._check("abort")
            self._drop()
            self._end(None, 0)

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _transaction(self) -> Txn:
        assert self._txn is not None
        return self._txn

    @property
    def _limit_bytes(self) -> int:
        """How far the map may grow: further where nothing is put, for removals need pages, too."""
        return self._store.map_limit_bytes + (0 if self._puts else RESERVE_BYTES)

    def _do(self, step: Step) -> Verdict | list[Gone] | None:
        """Do it, and remember it; None where the map is full and may not grow. An error in it leaves the rest as is."""
        while True:
            try:
                done = step(self._shelf)
                self._steps.append(step)
                return done
            except lmdb.MapFullError:
                if not self._begin_again():
                    return None
            except lmdb.Error as error:
                self._fail(error)
            except UNREADABLE as error:
                self._drop()
                self._end(None, 0)
                raise StoreCorrupt(self._environment.path, str(error)) from error

    def _begin(self) -> None:
        try:
            self._txn = self._environment.begin_write()
        except lmdb.Error as error:
            raise self._environment.translated(error) from error
        self._shelf = LmdbShelf(self._txn, self._environment.databases)

    def _begin_again(self) -> bool:
        """Grow the map and do again what was done; False if there is no more room than before."""
        self._drop()
        more = self._environment.grow(self._limit_bytes)
        if not more and not self._nudged:
            self._nudged = more = True
            self._environment.nudge(self._limit_bytes + RESERVE_BYTES)
        while True:
            self._begin()
            try:
                for step in self._steps:
                    step(self._shelf)
                return more
            except lmdb.MapFullError:
                self._drop()
                if not self._environment.grow(self._limit_bytes):
                    self._end(None, 0)
                    raise CommitFailed(self._environment.path, "its map is full; end long reads of it") from None
            except lmdb.Error as error:
                self._fail(error)

    def _drop(self) -> None:
        """The transaction is over, in whatever state it is."""
        if self._txn is not None:
            try:
                self._txn.abort()
            except lmdb.Error:
                pass  # a failed commit has ended it
            self._txn = None
            self._environment.end_write()

    def _fail(self, error: lmdb.Error) -> NoReturn:
        """Give up, with an error of ours. LMDB refuses to go on after some; opening again is always right."""
        self._drop()
        self._end(None, 0)
        path = self._environment.path
        self._environment.reopen(write=True)
        if isinstance(error, DAMAGE):
            raise StoreCorrupt(path, str(error)) from error
        raise CommitFailed(path, str(error)) from error

    def _full(self) -> StoreFull:
        used = read_usage(self._transaction, self._environment.databases, TOTAL)
        return StoreFull(used.bytes, self._store.bounds.total_bytes)

    def _end(self, verdicts: list[Verdict] | None, expired: int) -> None:
        self._ended = True
        self._steps = []
        self._environment.shrink(self._store.map_limit_bytes)
        if verdicts is not None:
            self._verdicts = verdicts
        self._store.batch_ended(self, verdicts, expired)

    def _check(self, event: str) -> None:
        if self._ended:
            raise WrongState("batch", "ended", event)
        if threading.get_ident() != self._thread:
            raise WrongState("batch", "another thread's", event)
