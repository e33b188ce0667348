"""Keeps the shares of this node's user alive: remembers them, and renews each every `REPUBLISH_S`.

One at a time, whichever is due first; a third of a lease apart, so two tries may fail. After a start they wait for
`FIRST_S`, so that the node has found its peers. One whose files have changed is renewed no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ipc import Closed, IpcError

from ...errors import BadShare, FileChanged, MdhtError, shown
from ...files.limits import CHUNK_BYTES
from ...limits import REPUBLISH_S
from ...routing.backoff import Backoff, fraction, jittered_s
from ...routing.pace import Pace
from ..surroundings import Surroundings
from .commands import ShareInfo
from .desk import Desk, Disk
from .operation import FileOperation
from .renewing import BYTES_S, RECORDS_S, Changed, Renewing
from .shares import CHANGED, FAILING, KEPT, SHARES, UNREADABLE, KeptShare, ShareFile
from .text import path_text

_log: Final = logging.getLogger(__name__)

FIRST_S: Final = 60.0
"""Seconds from the start to the first renewal at least, and as many again by chance."""

AGAIN: Final = Backoff(120.0, REPUBLISH_S / 4)
"""Seconds until one that failed is tried again."""

STALL_S: Final = 60.0
"""Seconds without any progress after which a renewal is given up."""

_WHY_CHARS: Final = 500


class Keeping:
    """See the module.

    Arguments:
        path: of the file; empty: shares are remembered in memory only.
        shares: gives them by their ids; they are the caller's, move with it, and are changed in place.
        renewing: makes the renewal of one.
        operations: what runs; whoever owns it looks whether it is stuck.
    """

    def __init__(
        self,
        desk: Desk,
        disk: Disk,
        around: Surroundings,
        path: str,
        shares: Callable[[], dict[bytes, KeptShare]],
        renewing: Callable[[FileOperation, int, Pace], Renewing],
        operations: dict[FileOperation, None],
    ) -> None:
        self.renewals = self.failed = self.renewed_pieces = self.sent_pieces = 0
        self._desk = desk
        self._disk = disk
        self._around = around
        self._file = ShareFile(path)
        self._shares_now = shares
        self._renewing = renewing
        self._operations = operations
        self._due: dict[bytes, float] = {}
        self._failures: dict[bytes, int] = {}
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._current: tuple[bytes, FileOperation] | None = None

    @property
    def _shares(self) -> dict[bytes, KeptShare]:
        return self._shares_now()

    def load(self) -> None:
        """Those of an earlier run. Blocks for the file, a millisecond."""
        self._shares.update((one.id, one) for one in self._file.load())

    def begin(self) -> None:
        """Here, with the shares that there are."""
        now_s, wall_s = self._desk.now_s, self._around.wall_s()
        for share in self._shares.values():
            first_s = FIRST_S * (1 + self._chance())
            self._due[share.id] = now_s + max(first_s, self._period_s() - max(0.0, wall_s - share.renewed_s))
        self._look()

    @property
    def tasks(self) -> list[asyncio.Task[Any]]:
        """Those that run."""
        renewal = None if self._current is None else self._current[1].task
        return [task for task in (self._keeper, renewal) if task is not None]

    # -- what the user wants -------------------------------------------------------------------------------------------

    async def remember(self, share: KeptShare) -> str:
        """Keep it alive from now on, instead of what was shared of that path before.

        Gives why it is not, or not over a restart; empty: it is.
        """
        for other in [one for one in self._shares.values() if one.path == share.path and one.id != share.id]:
            self._drop(other.id)
        if share.id not in self._shares and len(self._shares) >= SHARES:
            changed = next((one for one in self._shares.values() if one.state == CHANGED), None)
            if changed is None:
                return f"{SHARES} shares are kept alive already: give one up (unshare) and share it again"
            self._drop(changed.id)
        self._shares[share.id] = share
        self._failures.pop(share.id, None)
        self._due[share.id] = self._desk.now_s + self._period_s()
        why = await self._save()
        self._look()
        return why and f"it is not kept alive over a restart: {why}"

    async def forget(self, id: bytes) -> bool:
        """Keep it alive no more; whether it was."""
        if id not in self._shares:
            return False
        self._drop(id)
        await self._save()
        self._look()
        return True

    def infos(self) -> list[ShareInfo]:
        """What the user is told."""
        return [
            ShareInfo(
                one.id,
                path_text(one.path),
                one.files,
                one.size_bytes,
                one.shared_s,
                one.renewed_s,
                one.state,
                one.why,
            )
            for one in sorted(self._shares.values(), key=lambda one: one.shared_s)
        ]

    def _drop(self, id: bytes) -> None:
        del self._shares[id]
        self._due.pop(id, None)
        self._failures.pop(id, None)
        if self._current is not None and self._current[0] == id:
            self._current[1].cancel()

    async def _save(self) -> str:
        rows = list(self._shares.values())  # now: saves come one after another
        self._disk.hold()
        try:
            return await self._disk.run(self._file.save, rows)
        finally:
            self._disk.release()

    # -- renewing ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Something is due at another time, or nothing any more."""
        self._wake.set()
        if self._next() is not None and (self._keeper is None or self._keeper.done()):
            self._keeper = self._desk.loop.create_task(self._keep())

    def _next(self) -> bytes | None:
        due = [one for one in self._due if self._shares[one].state != CHANGED]
        return min(due, key=self._due.__getitem__, default=None)

    async def _keep(self) -> None:
        """The task that renews; it ends where there is nothing to renew."""
        while (id := self._next()) is not None:
            wait_s = self._due[id] - self._desk.now_s
            if wait_s <= 0:
                await self._renew(self._shares[id])
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass  # it is time

    async def _renew(self, share: KeptShare) -> None:
        path = path_text(share.path)
        operation = FileOperation(
            b"renewal of " + share.id, f"the renewal of {path}", STALL_S, lambda: self._desk.now_s
        )
        renewing = self._renewing(operation, share.replicas, self._pace())
        self._operations[operation] = None
        self._current = (share.id, operation)
        self._disk.hold()
        operation.task = task = self._desk.loop.create_task(operation.run(lambda: renewing.renew(share)))
        try:
            await asyncio.wait((task,))
        finally:
            self._disk.release()
            self._current = None
            del self._operations[operation]
            self.renewed_pieces += renewing.renewed
            self.sent_pieces += renewing.sent
        if self._shares.get(share.id) is share and not task.cancelled():
            await self._ended(share, path, task)

    async def _ended(self, share: KeptShare, path: str, task: asyncio.Task[bytes]) -> None:
        error = task.exception()
        if error is None:
            self.renewals += 1
            self._failures.pop(share.id, None)
            self._due[share.id] = self._desk.now_s + self._period_s()
            share = replace(share, fingerprint=task.result(), renewed_s=self._around.wall_s(), state=KEPT, why="")
        elif isinstance(error, Closed):
            self._due[share.id] = self._desk.now_s + AGAIN.first_s  # the node stops: that says nothing of the share
            return
        else:
            self.failed += 1
            failures = self._failures[share.id] = self._failures.get(share.id, 0) + 1
            self._due[share.id] = self._desk.now_s + AGAIN.delay_s(failures, self._chance())
            share = replace(share, state=_state_of(error), why=shown(str(error), quotes=False, most=_WHY_CHARS))
            if not isinstance(error, MdhtError | IpcError):
                _log.error("%s is not renewed", path, exc_info=error)
            elif share.state == CHANGED:
                _log.warning("%s is shared no more: %s; share it again", path, share.why)
            else:
                _log.warning("%s is not renewed, and tried again: %s", path, share.why)
        self._shares[share.id] = share
        await self._save()

    def _pace(self) -> Pace:
        """So that all shares, one after another, take half a period at most."""
        pieces = sum(one.size_bytes // CHUNK_BYTES for one in self._shares.values() if one.state != CHANGED)
        return Pace(max(RECORDS_S, 2 * pieces / REPUBLISH_S), BYTES_S)

    def _period_s(self) -> float:
        return jittered_s(REPUBLISH_S, self._chance())

    def _chance(self) -> float:
        return fraction(self._around.random(6))


def _state_of(error: BaseException) -> str:
    if isinstance(error, Changed):
        return CHANGED
    return UNREADABLE if isinstance(error, BadShare | FileChanged) else FAILING
