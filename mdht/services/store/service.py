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

import logging
from dataclasses import replace
from typing import Any, Final

from ...limits import REPUBLISH_S
from ...model import Kind, address_in
from ...routing import is_local
from ...store import Region, slot_of
from ...store.base import EXPIRE
from ...store.recent import Recent
from ..commands import Get, GetAll, Put, Serve
from ..upkeep.commands import Forget, Remember, Renew, Scan, Scanned, Stocked
from .commands import StoreNumbers
from .dividing import divided_states
from .parts import part_for, scanned_on
from .reading import have, have_all
from .writing import LOOK_S, StoreWriting

_log: Final = logging.getLogger(__name__)


class StoreService(StoreWriting):
    """See the module. `path` is the directory of an LMDB store; empty: memory. `bounds`: shares, not only the size.

    `parts` is for memory only: one on disk has as many as its files say, and is divided by `settled` before.
    """

    shard_key = staticmethod(part_for)

    def reshard(self, states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        """See `divided_states`. Raises CannotReshard."""
        return divided_states(self._path, states, count)

    def start(self) -> None:
        salt = int.from_bytes(self._around.random(16), "big")
        self._recent = Recent(REPUBLISH_S, self._around.wall_s(), salt)
        self._expire()

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

    # -- forgetting ----------------------------------------------------------------------------------------------------

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
            self._arm(int(now_s + LOOK_S))
        else:
            self._arm_next(now_s)
        self._write()

    def _arm_next(self, now_s: float) -> None:
        due_s = self._store.next_expiry_s()
        if due_s is not None:
            self._arm(due_s)


def charged_subnet(host: str, subnet: str) -> str:
    """The subnet that pays for a put; hosts of one's own network do not share a bill."""
    return "" if is_local(host) else subnet
