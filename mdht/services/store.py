"""The store service: verifies what is put, decides, keeps, and forgets in time.

A store in memory answers at once. One with a disk is written by a helper thread, one batch at a time: what comes while
a batch is being synced goes into the next one (group commit), and nothing is acknowledged before its sync. Reads do not
wait for it.

Answers `Serve` of Get and GetAll with `Have` and `HaveAll`, or None where nothing is held; of Put with `Kept`, or
raises what `verify` raises, QuotaExceeded, TooManyOwners or StoreFull.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ipc import Service, Token

from ..codec import Verdict as Code
from ..errors import NotDone
from ..limits import BATCH_RECORD_BYTES
from ..model import Content, Kind, Record, unpack
from ..model.record import Signed
from ..routing import is_local
from ..store import (
    CompareFailed,
    MemoryStore,
    NotNewer,
    Putter,
    Store,
    Stored,
    StoreLimits,
    Superseded,
    Verdict,
)
from .commands import Get, GetAll, Have, HaveAll, Kept, Put, Serve, StoreNumbers
from .surroundings import Surroundings

_EXPIRE_S = 10.0
"""Seconds between two looks for what has expired: it is not shown meanwhile, and only takes room."""

_BATCH = 256
"""Puts of one batch at most: some milliseconds of work before the sync."""

_Waiting = tuple[Token, Record, Putter | None, int | None, float | None]


class StoreService(Service):
    """See the module. `path` is the directory of an LMDB store; empty: memory."""

    def __init__(self, network: str, path: str, limit_bytes: int, around: Surroundings) -> None:
        self._network = network
        self._path = path
        self._limits = StoreLimits(total_bytes=limit_bytes)
        self._around = around

    def open(self) -> None:
        self._store: Store
        self._helper: ThreadPoolExecutor | None = None
        self._waiting: list[_Waiting] = []
        self._busy = False
        self._work: Any = None
        if not self._path:
            self._store = MemoryStore(self._limits)
            return
        from ..store.lmdb import LmdbStore

        os.makedirs(self._path, mode=0o700, exist_ok=True)
        self._store = LmdbStore(self._path, self._limits)
        self._helper = ThreadPoolExecutor(1, thread_name_prefix="mdht-store")

    def start(self) -> None:
        self.after(_EXPIRE_S, "expire")

    def close(self) -> None:
        if self._work is not None:
            self._work.cancel()  # nobody waits for its answer any more
        if self._helper is not None:
            self._helper.shutdown()  # the batch that is being synced is finished
        self._store.close()

    def call(self, command: Any) -> Any:
        if type(command) is Serve:
            question = command.question
            if type(question) is Get:
                return self._get(question.address)
            if type(question) is GetAll:
                return self._get_all(question)
            if type(question) is Put:
                return self._put(question, command.peer, command.subnet)
        elif type(command) is StoreNumbers:
            return self._store.stats()
        elif command == "expire":
            return self._expire()
        raise TypeError(f"the store service knows no {command!r}")

    # -- reading -------------------------------------------------------------------------------------------------------

    def _get(self, address: bytes) -> Have | None:
        now_s = self._around.wall_s()
        held = self._store.get(address, now_s)
        if held is None:
            return None
        if held.packed[0] != Kind.CONTENT and held.record.kind == Kind.OPEN:
            return Have(held.packed, len(self._store.get_all(address, now_s)) - 1)
        return Have(held.packed)

    def _get_all(self, question: GetAll) -> HaveAll | None:
        held = self._store.get_all(question.address, self._around.wall_s())
        if not held:
            return None
        records: list[bytes] = []
        size = 0
        for one in held[question.skip :]:
            size += len(one.packed)
            if records and size > BATCH_RECORD_BYTES:
                break
            records.append(one.packed)
        return HaveAll(tuple(records), len(held))

    # -- writing -------------------------------------------------------------------------------------------------------

    def _put(self, question: Put, peer: bytes, subnet: str) -> Kept | None:
        now_s = self._around.wall_s()
        record = unpack(question.record)
        record.verify(self._network, now_s)
        putter = Putter(peer, subnet) if peer else None
        lease_s = float(question.lease_s) if question.lease_s else None
        if self._helper is None:
            verdict = self._store.put(record, now_s, putter, compare=question.expect, lease_s=lease_s)
            return kept(record, verdict, now_s)
        self._waiting.append((self.later(), record, putter, question.expect, lease_s))
        self._write()
        return None  # not sent: the token is answered after the sync

    def _write(self) -> None:
        if self._busy or not self._waiting or self._helper is None:
            return
        self._busy = True
        batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        now_s = self._around.wall_s()
        self._work = work = self.loop.run_in_executor(self._helper, self._sync, batch, now_s)
        work.add_done_callback(lambda done: self._synced(batch, now_s, done))

    def _sync(self, batch: list[_Waiting], now_s: float) -> list[Verdict]:
        """On the helper thread."""
        writing = self._store.begin_batch()
        try:
            for _, record, putter, expect, lease_s in batch:
                writing.put(record, now_s, putter, compare=expect, lease_s=lease_s)
            return writing.commit()
        except BaseException:
            writing.abort()
            raise

    def _synced(self, batch: list[_Waiting], now_s: float, done: Any) -> None:
        if done.cancelled():
            return  # the service was closed
        self._busy = False
        error = done.exception()
        for at, (token, record, _, _, _) in enumerate(batch):
            if error is not None:
                self.reply(token, error=error)
                continue
            try:
                answer = kept(record, done.result()[at], now_s)
            except NotDone as refusal:
                self.reply(token, error=refusal)
            else:
                self.reply(token, answer)
        self._write()

    def _expire(self) -> None:
        self.after(_EXPIRE_S, "expire")
        due_s = self._store.next_expiry_s()
        now_s = self._around.wall_s()
        if due_s is None or due_s > now_s or self._busy:
            return
        if self._helper is None:
            self._store.expire(now_s)
            return
        self._busy = True
        self._work = work = self.loop.run_in_executor(self._helper, self._store.expire, now_s)
        work.add_done_callback(lambda done: self._synced([], now_s, done))


def kept(record: Record, verdict: Verdict, now_s: float) -> Kept:
    """What is told of a verdict. Raises its error where the record was not even considered."""
    sequence = record.sequence if isinstance(record, Signed) else 0
    if isinstance(verdict, Stored):
        lease_s = max(0, int(verdict.until_s - now_s)) if isinstance(record, Content) else 0
        return Kept(int(Code.HELD if verdict.renewed else Code.STORED), sequence, lease_s)
    if isinstance(verdict, NotNewer):
        lease_s = max(0, int(verdict.until_s - now_s)) if isinstance(record, Content) else 0
        return Kept(int(Code.HELD), sequence, lease_s)
    if isinstance(verdict, Superseded):
        return Kept(int(Code.SUPERSEDED), verdict.held)
    if isinstance(verdict, CompareFailed):
        return Kept(int(Code.CONFLICT), verdict.held)
    error = verdict.error()
    assert error is not None, "a refusal"
    raise error


def charged_subnet(host: str, subnet: str) -> str:
    """The subnet that pays for a put; hosts of one's own network do not share a bill."""
    return "" if is_local(host) else subnet
