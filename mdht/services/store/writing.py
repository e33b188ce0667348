"""How the store service writes: at once in memory; on a disk by a helper thread, one batch at a time (group commit).

Nothing is acknowledged before its sync. What comes while a batch is being synced goes into the next one, which begins
at the end of a turn of the loop, or a little later (`grouping`).
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ipc import Service, Token
from ipc.timers import Timer

from ...errors import MdhtError, NotDone
from ...model import Content, Kind, unpack
from ...store import MemoryStore, NotNewer, Putter, Store, Stored, StoreLimits, Superseded, Verdict
from ...store.parts import share_of
from ...store.recent import Recent
from ..commands import Kept, Put, Serve
from ..surroundings import Surroundings
from ..upkeep.commands import Forget, Remember, Renew
from .dividing import open_part
from .grouping import Grouping
from .verdicts import kept
from .writes import Outcome, Write, write_all

_log: Final = logging.getLogger(__name__)

LOOK_S: Final = 3_600.0
"""Seconds after which the next expiry is looked at again in any case: the clock may have been corrected meanwhile."""

_BATCH: Final = 256
"""Puts of one batch at most: some milliseconds of work before the sync."""

FOR_EVER_S: Final = 100 * 365 * 86_400
"""Seconds that `published` keeps content which its user wants kept for as long as the node lives."""


class StoreWriting(Service):
    """The lower half of `StoreService`, whose arguments it takes: all that it holds, and what is written to it."""

    _recent: Recent

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
        self._memory: MemoryStore | None = None
        """The store, where it is in memory: it moves along."""
        self._puts: dict[int, tuple[Token, Serve | Remember]] = {}
        self._forgets: dict[int, tuple[Token, Forget]] = {}
        self._last_put = 0
        self._timer: Timer | None = None
        self._timer_s = 0

    async def open(self) -> None:
        self._store: Store
        self._helper: ThreadPoolExecutor | None = None
        self._waiting: list[Write] = []
        self._busy = False
        self._work: Any = None
        self._beginning: asyncio.Handle | None = None
        self._full_told = False
        self._again = bool(self._puts or self._forgets)
        if not self._path:
            self._parts = self.shards
            self._store = self._memory = self._memory or MemoryStore()
            self._memory.bounds = share_of(self._limits, self._parts)
        else:
            self._store, self._helper, self._parts = await open_part(
                self._path, self.shard, self._parts, self._limits, self.loop
            )
        self._grouping = Grouping(self._parts)
        if self._again:
            self.after(0.0, "again")
        if self._timer_s < 0:
            self._arm(int(self._around.wall_s()))

    def close(self) -> None:
        if self._beginning is not None:
            self._beginning.cancel()
        if self._work is not None:
            self._work.cancel()  # who waits for it is answered where the service goes on, or told of the end
        if self._helper is not None:
            self._helper.shutdown()  # the batch that is being synced is finished
            self._helper = None
            self._finish()
        if self._memory is None:
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

    # -- what is asked -------------------------------------------------------------------------------------------------

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

    def _forget(self, command: Forget, token: Token | None = None) -> bool | None:
        if self._helper is None:
            return self._store.remove(command.address, command.owner)
        token, helper = token or self.later(), self._helper
        self._last_put = number = self._last_put + 1
        self._forgets[number] = (token, command)
        work = self.loop.run_in_executor(helper, self._store.remove, command.address, command.owner)

        def removed(done: asyncio.Future[bool]) -> None:
            if done.cancelled() or vars(self).get("_helper") is not helper:
                return  # the service was closed, and does it again where it goes on
            del self._forgets[number]
            error = done.exception()
            self.reply(token, None if error else done.result(), error=error)

        work.add_done_callback(removed)
        return None  # not sent: the token is answered after the sync

    def _put_again(self) -> None:
        """What was put, or to be forgotten, and not acknowledged where the service was before."""
        self._again = False
        forgets, self._forgets = self._forgets, {}
        for token, forget in forgets.values():
            self._forget(forget, token)
        puts, self._puts = self._puts, {}
        for token, command in puts.values():
            try:
                if isinstance(command, Remember):
                    self._remember(command, token)
                else:
                    self._put(command, token)
            except MdhtError as error:
                self.reply(token, error=error)

    # -- batches -------------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Soon, with all that comes in this turn."""
        if self._beginning is None and not self._busy and self._waiting and self._helper is not None:
            self._beginning = self.loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._beginning = None
        if self._busy or not self._waiting:
            return
        loop = self.loop
        began_s = loop.time()
        delay_s = self._grouping.delay_s(began_s, min(len(self._waiting), _BATCH))
        if delay_s > 0:
            self._beginning = loop.call_later(delay_s, self._begin)
            return
        self._busy = True
        batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        now_s = self._around.wall_s()
        self._work = work = loop.run_in_executor(self._helper, write_all, self._store, batch, now_s)
        work.add_done_callback(lambda done: self._synced(batch, began_s, now_s, done))

    def _synced(self, batch: list[Write], began_s: float, now_s: float, done: Any) -> None:
        if self._is_past(done):
            return
        self._busy = False
        self._grouping.synced(began_s, self.loop.time(), len(batch), min(len(self._waiting), _BATCH - len(batch)))
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

    def _is_past(self, done: Any) -> bool:
        """Whether the service was closed since that was begun: then it goes on elsewhere, and puts it again."""
        return done.cancelled() or vars(self).get("_work") is not done

    # -- what became of it ---------------------------------------------------------------------------------------------

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

    def _arm(self, until_s: int) -> None:
        """Look when the next is to be forgotten; it is not shown from then on in any case."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = until_s
        delay_s = min(max(1.0, until_s - self._around.wall_s()), LOOK_S)
        self._timer = self.after(delay_s, "expire")
