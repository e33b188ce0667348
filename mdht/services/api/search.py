"""Drives one pure lookup: asks whom it names, tells it what came, wakes it in time, and hands on its result.

The answers of peers are read here, and nothing of them is believed unread: peer records are verified once, records of
the address asked for are verified by whoever began the search.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from ...errors import Expired, RemoteError
from ...model import VerifiedPeers
from ...routing import Ask, Done, Lookup, Result, Verdict, Wait
from ..commands import GetAll, Have, HaveAll, Kept, Nearest, Question
from ..roster import Known

Value = Any
"""What a search finds: a record, or the list of them that one replica holds."""

Read = Callable[[tuple[bytes, ...]], Value]
"""Packed records to the value that they are. Raises RemoteError where one is not what was asked for."""


class Search:
    """One lookup that runs. `ask(peer, question, search)` sends; `done(result)` is called once."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lookup: Lookup[Known, Value],
        question: Question,
        ask: Callable[[Known, Question, Search], None],
        read: Read,
        known: Callable[[Iterable[bytes]], list[Known]],
        done: Callable[[Result[Known, Value]], None],
    ) -> None:
        self.lookup = lookup
        self.forged = 0
        self.errors: list[Exception] = []
        """What peers said instead of an answer."""
        self._loop = loop
        self._question = question
        self._ask = ask
        self._read = read
        self._known = known
        self._done = done
        self._stepping = self._again = self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self._parts: dict[bytes, list[bytes]] = {}

    def step(self) -> None:
        """Go as far as it goes now."""
        if self._over:
            return
        if self._stepping:
            self._again = True
            return
        self._stepping = True
        try:
            while not self._over:
                self._again = False
                match self.lookup.next(self._loop.time()):
                    case Ask(peer):
                        self._ask(peer, self._question, self)
                    case Wait(until_s):
                        if not self._again:
                            self._wake_at(until_s)
                            return
                    case Done(result):
                        done = self._done
                        self.cancel()
                        done(result)
                        return
        finally:
            self._stepping = False

    def hold(self) -> None:
        """Take answers, and go no further before `release`."""
        self._stepping = True

    def release(self) -> None:
        """Go as far as it goes now, after `hold`."""
        self._stepping = False
        self.step()

    def cancel(self) -> None:
        """It is over; what still comes is ignored."""
        self._over = True
        self._done = _ignored  # what is told of the end mostly holds the search: no cycle is left behind
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def answered(self, peer: Known, reply: Any) -> None:
        """What a peer answered."""
        if self._over:
            return
        now_s = self._loop.time()
        closer: list[Known] = []
        value: Value = None
        verdict = Verdict.NOTHING
        try:
            match reply:
                case Nearest(peers) | Kept(_, _, _, peers):
                    closer = self._known(peers)
                case Have(record, _, peers):
                    closer = self._known(peers)
                    value, verdict = self._read((record,)), Verdict.GOOD
                case HaveAll(records, total):
                    held = self._parts.setdefault(peer.id, [])
                    held.extend(records)
                    if len(held) < total and records:
                        self._ask(peer, GetAll(self.lookup.target, len(held)), self)
                        return
                    value, verdict = self._read(tuple(held)), Verdict.GOOD
                case _:
                    verdict = Verdict.FORGED
        except Expired:
            verdict = Verdict.NOTHING  # or the clocks differ
        except RemoteError as error:
            self.forged += 1
            self.errors.append(error)
            verdict = Verdict.FORGED
        self.lookup.on_success(peer.id, closer, now_s, value if verdict is Verdict.GOOD else None, verdict)
        self.step()

    def failed(self, peer: Known, error: Exception) -> None:
        """A peer could not be asked, or did not answer."""
        if not self._over:
            self.errors.append(error)
            self.lookup.on_failure(peer.id, self._loop.time())
            self.step()

    def _wake_at(self, until_s: float) -> None:
        if self._timer is not None:
            if self._timer_s <= until_s:
                return  # it looks early, and waits again
            self._timer.cancel()
        self._timer_s = until_s
        self._timer = self._loop.call_at(until_s, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self.step()


def _ignored(result: Result[Known, Value]) -> None:
    """Of a search that was over before."""


class Book:
    """Packed peer records as verified peers, remembered. `own_id` is left out."""

    def __init__(self, network: str, own_id: bytes, most: int, wall_s: Callable[[], float]) -> None:
        self._verified = VerifiedPeers(network, most)
        self._own_id = own_id
        self._most = most
        self._wall_s = wall_s
        self._ids: dict[bytes, tuple[Known, int]] = {}

    def known(self, packed: Iterable[bytes]) -> list[Known]:
        """Those that are what they claim to be."""
        now_s = self._wall_s()
        found: list[Known] = []
        for one in packed:
            there = self._ids.get(one)
            if there is None or there[1] <= now_s:
                try:
                    record = self._verified.read(one, now_s)
                except RemoteError:
                    continue
                if len(self._ids) >= self._most:
                    self._ids.clear()
                there = self._ids[one] = (Known(record.id, one), record.expires_s)
            if there[0].id != self._own_id:
                found.append(there[0])
        return found
