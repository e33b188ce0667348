"""The store service: verifies what is put, decides, keeps, and forgets in time.

A store in memory answers at once. One with a disk is written by a helper thread, one batch at a time: what comes while
a batch is being synced goes into the next one (group commit), and nothing is acknowledged before its sync. Reads do not
wait for it.

Answers `Serve` of Get and GetAll with `Have` and `HaveAll`, or None where nothing is held; of Put with `Kept`, or
raises what `verify` raises, QuotaExceeded, TooManyOwners, StoreFull, CommitFailed or StoreCorrupt.

It may be in several parts, each a shard with a range of addresses, a directory and a helper thread of its own, so that
their batches are synced side by side. Each grants its fraction of every share (see `store.parts`). What was put and not
acknowledged when the service moves is put again where it goes on: storing the same version twice is storing it once.

A node has two of it: `store`, what it holds for everybody, and `published`, what its own user has put and is put again.
What a node with a disk is to remember is synced before its put is acknowledged; what is in memory only, waits for
nothing.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

from ipc import Service, Token
from ipc.timers import Timer

from ...codec import Verdict as Code
from ...errors import MdhtError, NotDone
from ...limits import REPUBLISH_S
from ...model import Content, Kind, Record, address_in, unpack
from ...model.record import Signed
from ...routing import is_local
from ...store import (
    CannotReshard,
    CompareFailed,
    MemoryStore,
    NotNewer,
    PartsUnclear,
    Putter,
    Region,
    Store,
    Stored,
    StoreLimits,
    Superseded,
    Verdict,
    slot_of,
)
from ...store.base import EXPIRE
from ...store.parts import first_address, part_of, part_path, share_of
from ...store.recent import Recent
from ..commands import Get, GetAll, Kept, Put, Serve, StoreNumbers
from ..surroundings import Surroundings
from ..upkeep.commands import Forget, Remember, Renew, Scan, Scanned, Stocked
from .parts import Log, address_of, part_for, scanned_on, when_free
from .reading import have, have_all
from .writes import Outcome, Write, write_all

_log: Final = logging.getLogger(__name__)

_LOOK_S: Final = 3_600.0
"""Seconds after which the next expiry is looked at again in any case: the clock may have been corrected meanwhile."""

_BATCH: Final = 256
"""Puts of one batch at most: some milliseconds of work before the sync."""

FOR_EVER_S: Final = 100 * 365 * 86_400
"""Seconds that `published` keeps content which its user wants kept for as long as the node lives."""


LIVE_S: Final = 5.0
"""A division that may take longer is left to the next start: what is put meanwhile waits, half a timeout at most."""

LIVE_BOUND_S: Final = 40.0
"""It is given up then, before whoever moves the service does."""


class StoreService(Service):
    """See the module. `path` is the directory of an LMDB store; empty: memory. `bounds`: shares, not only the size.

    `parts` is for memory only: one on disk has as many as its files say, and is divided by `settled` before.
    """

    shard_key = staticmethod(part_for)

    def __init__(
        self,
        network: str,
        path: str,
        limit_bytes: int,
        around: Surroundings,
        bounds: StoreLimits | None = None,
        parts: int = 1,
    ) -> None:
        self._network = network
        self._path = path
        self._around = around
        self._limits = StoreLimits(total_bytes=limit_bytes) if bounds is None else bounds
        self._parts = 0 if path else parts
        self._puts: dict[int, tuple[Token, Serve | Remember]] = {}
        self._last_put = 0
        self._timer: Timer | None = None
        self._timer_s = 0

    async def open(self) -> None:
        self._store: Store
        self._helper: ThreadPoolExecutor | None = None
        self._waiting: list[Write] = []
        self._busy = False
        self._work: Any = None
        self._full_told = False
        self._again = bool(self._puts)
        if not self._path:
            self._store = MemoryStore(share_of(self._limits, self._parts))
        else:
            await self._open_part()
        if self._again:
            self.after(0.0, "again")
        if self._timer_s < 0:
            self._arm(int(self._around.wall_s()))

    async def _open_part(self) -> None:
        """Raises what `store.lmdb.settle` and `LmdbStore` raise."""
        from ...store.lmdb import Layout, LmdbStore, read_layout, settle

        path, layout = self._path, read_layout(self._path)
        self._parts = parts = self._parts or layout.parts
        if self.shard >= parts:
            raise PartsUnclear(path, f"it has {parts} parts, and number {self.shard} is asked for")
        helper = ThreadPoolExecutor(1, thread_name_prefix="mdht-store")
        try:

            async def open_it() -> Store:
                if layout != Layout(parts):
                    await self.loop.run_in_executor(
                        helper, lambda: settle(path, parts, Log(path), within_s=LIVE_BOUND_S)
                    )
                return LmdbStore(part_path(path, self.shard, parts), share_of(self._limits, parts))

            self._store = await when_free(open_it)
        except BaseException:
            helper.shutdown()
            raise
        self._helper = helper

    def start(self) -> None:
        salt = int.from_bytes(self._around.random(16), "big")
        self._recent = Recent(REPUBLISH_S, self._around.wall_s(), salt)
        self._expire()

    def close(self) -> None:
        if self._work is not None:
            self._work.cancel()  # who waits for it is answered where the service goes on, or told of the end
        if self._helper is not None:
            self._helper.shutdown()  # the batch that is being synced is finished
            self._finish()
        self._store.close()

    def _finish(self) -> None:
        """What nobody waits for was promised all the same: it is written now. Whoever waits is told of the end."""
        left = [write for write in self._waiting if write.token is None]
        if not left:
            return
        try:
            outcomes: list[Outcome] = write_all(self._store, left, self._around.wall_s())
        except MdhtError as error:
            outcomes = [error]
        for outcome in outcomes:
            self._complain(outcome)

    def reshard(self, states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        """What waits, by its new part; the records are divided by the first of the new parts that opens.

        Raises CannotReshard.
        """
        if not self._path:
            raise CannotReshard("memory", count, "its records would be lost")
        from ...store.lmdb import division_s

        needed_s = division_s(self._path)
        if needed_s > LIVE_S:
            raise CannotReshard(self._path, count, f"it might take {needed_s:.0f} s, and what is put waits meanwhile")
        divided: list[dict[str, Any]] = [{} for _ in range(count)]
        for part, state in enumerate(divided):
            before = states[part_of(first_address(part, count), len(states))]
            state.update(_parts=count, _recent=before["_recent"], _puts={}, _timer=None, _timer_s=-1)
            state["_last_put"] = max(one["_last_put"] for one in states)
        number = 0
        for before in states:
            for token, serve in before["_puts"].values():
                number += 1
                divided[part_of(address_of(serve), count)]["_puts"][-number] = (token, serve)
        return divided

    def call(self, command: Any) -> Any:
        if self._again:
            self._put_again()
        kind = type(command)
        if kind is Serve:
            question = command.question
            if type(question) is Get:
                return have(self._store, question, self._around.wall_s())
            if type(question) is GetAll:
                return have_all(self._store, question, self._around.wall_s())
            if type(question) is Put:
                return self._put(command)
        elif kind is Scan:
            return self._scan(command)
        elif kind is Renew:
            return self._renew(command)
        elif kind is Remember:
            return self._remember(command)
        elif kind is Forget:
            return self._forget(command)
        elif kind is StoreNumbers:
            return replace(self._store.stats(), parts=max(1, self._parts))
        elif command == "expire":
            return self._expire()
        elif command == "again":
            return None
        raise TypeError(f"the store service knows no {command!r}")

    # -- reading -------------------------------------------------------------------------------------------------------

    def _scan(self, command: Scan) -> Scanned:
        now_s = self._around.wall_s()
        region = Region.sharing(command.centre, command.bits)
        page = self._store.scan(now_s, region, command.after, command.count)
        found: list[Stocked] = []
        for held in page.held:
            lease = held.packed[0] == Kind.CONTENT
            slot = address_in(held.packed) if lease else slot_of(held.record)
            recent = self._recent.has(slot, now_s)
            found.append(Stocked(slot[:32], held.packed, held.until_s, lease, recent))
        return Scanned(tuple(found), scanned_on(command, page.after, self.shard, self._parts))

    # -- writing -------------------------------------------------------------------------------------------------------

    def _put(self, serve: Serve, token: Token | None = None) -> Kept | None:
        question, now_s = serve.question, self._around.wall_s()
        assert isinstance(question, Put), "what was asked"
        record = unpack(question.record)
        record.verify(self._network, now_s)
        putter = Putter(serve.peer, serve.subnet) if serve.peer else None
        lease_s = float(question.lease_s) if question.lease_s else None
        if self._helper is None:
            verdict = self._store.put(record, now_s, putter, compare=question.expect, lease_s=lease_s)
            self._note(verdict, now_s)
            return kept(record, verdict, now_s)
        token = token or self.later()
        self._last_put = number = self._last_put + 1
        self._puts[number] = (token, serve)
        self._waiting.append(Write(token, record, putter, question.expect, lease_s, number))
        self._write()
        return None  # not sent: the token is answered after the sync

    def _renew(self, command: Renew) -> Kept | None:
        """What is there is put again, and so verified again: what is damaged is sent anew by who renews it."""
        held = self._store.get(command.address, self._around.wall_s())
        if held is None or held.packed[0] != Kind.CONTENT:
            return None
        return self._put(Serve(Put(held.packed, None, command.lease_s), command.peer, command.subnet))

    def _put_again(self) -> None:
        """What was put and not acknowledged where the service was before."""
        self._again = False
        puts, self._puts = self._puts, {}
        for token, command in puts.values():
            try:
                if isinstance(command, Remember):
                    self._remember(command, token)
                else:
                    self._put(command, token)
            except MdhtError as error:
                self.reply(token, error=error)

    def _remember(self, command: Remember, token: Token | None = None) -> bool | None:
        """What we have made ourselves is not verified again. What is wrong goes to the log, too."""
        record = unpack(command.record)
        lease_s = float(command.keep_s or FOR_EVER_S) if isinstance(record, Content) else None
        if self._helper is not None:
            number = 0
            if command.synced:
                token = token or self.later()
                self._last_put = number = self._last_put + 1
                self._puts[number] = (token, command)
            self._waiting.append(Write(token, record, None, None, lease_s, number, own=True))
            self._write()
            return True  # not sent where the token is answered
        try:
            outcome: Outcome = self._store.put(record, self._around.wall_s(), None, lease_s=lease_s)
        except MdhtError as error:
            outcome = error
        return self._tell(outcome)

    def _forget(self, command: Forget) -> bool | None:
        if self._helper is None:
            return self._store.remove(command.address, command.owner)
        token, store = self.later(), self._store
        work = self.loop.run_in_executor(self._helper, store.remove, command.address, command.owner)

        def removed(done: asyncio.Future[bool]) -> None:
            if done.cancelled() or vars(self).get("_store") is not store:
                return  # the service was closed
            error = done.exception()
            self.reply(token, None if error else done.result(), error=error)

        work.add_done_callback(removed)
        return None  # not sent: the token is answered after the sync

    def _tell(self, outcome: Outcome) -> bool:
        """What became of a record that was to be remembered: whether it, or a newer version, is."""
        if not isinstance(outcome, Exception):
            self._note(outcome, self._around.wall_s())
        self._complain(outcome)
        return isinstance(outcome, Stored | NotNewer | Superseded)

    def _complain(self, outcome: Outcome) -> None:
        """Once in a row, and not where a newer version is there."""
        error = outcome if isinstance(outcome, Exception) else outcome.error()
        if error is None or isinstance(outcome, Superseded):
            self._full_told = False
        elif not self._full_told:
            self._full_told = True
            _log.warning("what was put is not remembered, and so is not put again: %s", error)

    def _note(self, verdict: Verdict, now_s: float) -> None:
        """It is held: nobody has to put it here for a while, and it may be the next to be forgotten."""
        if isinstance(verdict, Stored | NotNewer):
            self._recent.add(verdict.slot, now_s)
            if isinstance(verdict, Stored) and (self._timer is None or verdict.until_s < self._timer_s):
                self._arm(verdict.until_s)

    def _write(self) -> None:
        if self._busy or not self._waiting or self._helper is None:
            return
        self._busy = True
        batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        now_s = self._around.wall_s()
        self._work = work = self.loop.run_in_executor(self._helper, write_all, self._store, batch, now_s)
        work.add_done_callback(lambda done: self._synced(batch, now_s, done))

    def _synced(self, batch: list[Write], now_s: float, done: Any) -> None:
        if self._is_past(done):
            return
        self._busy = False
        error = done.exception()
        outcomes: list[Outcome] = [error] * len(batch) if error is not None else done.result()
        for write, outcome in zip(batch, outcomes, strict=True):
            if write.own:
                remembered = self._tell(outcome)
            if write.token is None:
                continue
            del self._puts[write.number]
            if write.own:
                self.reply(write.token, remembered)
                continue
            if isinstance(outcome, Exception):
                self.reply(write.token, error=outcome)
            else:
                self._note(outcome, now_s)
                try:
                    answer = kept(write.record, outcome, now_s)
                except NotDone as refusal:
                    self.reply(write.token, error=refusal)
                else:
                    self.reply(write.token, answer)
        self._write()

    # -- forgetting ----------------------------------------------------------------------------------------------------

    def _arm(self, until_s: int) -> None:
        """Look when the next is to be forgotten; it is not shown from then on in any case."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = until_s
        delay_s = min(max(1.0, until_s - self._around.wall_s()), _LOOK_S)
        self._timer = self.after(delay_s, "expire")

    def _expire(self) -> None:
        now_s = self._around.wall_s()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy:
            self._arm(int(now_s))  # after the batch
            return
        due_s = self._store.next_expiry_s()
        if due_s is None or due_s > now_s:
            if due_s is not None:
                self._arm(due_s)
        elif self._helper is None:
            self._store.expire(now_s, EXPIRE)
            self._arm_next(now_s)
        else:
            self._busy = True
            self._work = work = self.loop.run_in_executor(self._helper, self._store.expire, now_s, EXPIRE)
            work.add_done_callback(lambda done: self._expired(now_s, done))

    def _expired(self, now_s: float, done: Any) -> None:
        if self._is_past(done):
            return
        self._busy = False
        if (error := done.exception()) is not None:
            _log.warning("nothing could be forgotten: %s", error)
            self._arm(int(now_s + _LOOK_S))
        else:
            self._arm_next(now_s)
        self._write()

    def _is_past(self, done: Any) -> bool:
        """Whether the service was closed since that was begun: then it goes on elsewhere, and puts it again."""
        return done.cancelled() or vars(self).get("_work") is not done

    def _arm_next(self, now_s: float) -> None:
        due_s = self._store.next_expiry_s()
        if due_s is not None:
            self._arm(due_s)


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
