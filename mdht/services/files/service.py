"""The files service: shares and fetches of our own user, which shares are kept alive, and streams of records for peers.

Everything here happens on the loop of its host, in tasks; what blocks for a disk runs on one thread, which exists while
something is shared or fetched.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from ipc import Answer, IpcError, Service, Token

from ...errors import BadTarget, LocalError, MdhtError
from ...limits import CLOSEST_PEERS, FILE_OPERATIONS, HASH_BYTES
from ...routing.pace import Pace
from ..errors import TooBusy
from ..links.stream_commands import StreamOffered
from ..surroundings import Surroundings
from .commands import (
    DoFetch,
    DoShare,
    FileCancel,
    FileNumbers,
    FileStats,
    ServedNumbers,
    Shared,
    SharesWanted,
    Unshare,
)
from .desk import Desk, Disk, FileSettings
from .fetching import Fetching
from .keeping import Keeping
from .operation import FileOperation
from .peers import Finder
from .renewing import Renewing
from .serving import Serving
from .shares import KeptShare
from .sharing import Sharing
from .streams import STREAM_NEWS, StreamPort
from .text import printable, printable_error

__all__ = ["FileSettings", "Files"]

_log: Final = logging.getLogger(__name__)

_LOOK: Final = "look"
_ARRIVED: Final = "arrived"
"""What the service tells itself."""

_LOOK_S: Final = 1.0
"""Seconds between two looks at what may be stuck."""


class Files(Service):
    """See the module. Outlets: `links`, `peers`, `store`, `api`."""

    def __init__(self, settings: FileSettings, around: Surroundings) -> None:
        self._settings = settings
        self._around = around

    def open(self) -> None:
        self._desk = Desk(self, self._next_tag)
        self._port = StreamPort(self._desk)
        self._finder = Finder(self._desk)
        self._serving = Serving(self._desk, self._port, self._settings.served_streams)
        self._disk = Disk(self.loop)
        self._operations: dict[FileOperation, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeping = Keeping(
            self._desk,
            self._disk,
            self._around,
            self._settings.shares_file,
            lambda: self._kept,
            self._renewing,
            self._operations,
        )
        self._looking = self._closing = False
        self._begun: set[int] = set()
        if hasattr(self, "_waiting"):
            self.after(0.0, _ARRIVED)

    def start(self) -> None:
        self._waiting: dict[int, tuple[Token, DoShare | DoFetch]] = {}
        self._tags = self._shares = self._fetches = self._failed = 0
        self._kept: dict[bytes, KeptShare] = {}
        self._keeping.load()
        self._keeping.begin()

    async def close(self) -> None:
        self._closing = True
        running = [one.task for one in self._operations if one.task is not None]
        tasks = [*self._serving.tasks, *running, *self._keeping.tasks, *self._finder.tasks, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._port.close()

    def _next_tag(self) -> int:
        self._tags += 1
        return self._tags

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is Answer:
            self._desk.answered(command)
        elif kind in STREAM_NEWS:
            self._port.told(command)
        elif kind is StreamOffered:
            self._serving.offered(command)
            self._look_soon()
        elif kind is DoShare:
            self._share(command)
        elif kind is DoFetch:
            self._fetch(command)
        elif kind is FileNumbers:
            operation = self._of(command.ticket)
            return None if operation is None else operation.progress
        elif kind is FileCancel:
            if (operation := self._of(command.ticket)) is not None:
                operation.cancel()
        elif kind is ServedNumbers:
            return self._stats()
        elif kind is SharesWanted:
            return self._keeping.infos()
        elif kind is Unshare:
            self._answered_by(self._keeping.forget(command.id))
        elif command == _LOOK:
            self._look()
        elif command == _ARRIVED:
            self._keeping.begin()
            for number in list(self._waiting):
                self._run_one(number)
        else:
            raise TypeError(f"the files service knows no {command!r}")
        return None

    # -- shares and fetches --------------------------------------------------------------------------------------------

    def _share(self, command: DoShare) -> None:
        if not 0 <= command.replicas <= CLOSEST_PEERS:
            raise LocalError(f"{command.replicas} replicas: 1 to {CLOSEST_PEERS} are possible, 0 for the usual number")
        self._begin(command)
        self._shares += 1

    def _fetch(self, command: DoFetch) -> None:
        if len(command.id) != HASH_BYTES:
            raise LocalError(f"an id of {len(command.id)} bytes: that of a share has {HASH_BYTES}")
        if not command.path:
            raise BadTarget("", "give a path")
        self._begin(command)
        self._fetches += 1

    def _begin(self, command: DoShare | DoFetch) -> None:
        if len(self._waiting) >= FILE_OPERATIONS:
            raise TooBusy(FILE_OPERATIONS)
        number = self._next_tag()
        self._waiting[number] = (self.later(), command)
        self._run_one(number)

    def _run_one(self, number: int) -> None:
        """Begin it; where the service has moved meanwhile, anew: what was stored by then is only put again."""
        if number in self._begun:
            return  # it came here before we knew that we had
        self._begun.add(number)
        _, command = self._waiting[number]
        what = "a share" if isinstance(command, DoShare) else "a fetch"
        operation = FileOperation(command.ticket, what, command.timeout_s, self.loop.time)
        parts = (self._desk, self._port, self._finder, self._disk, self._settings, operation)
        path = os.fsdecode(command.path)

        def begin() -> Coroutine[Any, Any, Any]:
            if isinstance(command, DoShare):
                return self._shared(command, Sharing(*parts, command.replicas).run(path))
            return Fetching(*parts).run(command.id, path)

        self._operations[operation] = None
        operation.task = self.loop.create_task(self._run(number, operation, begin))
        self._look_soon()

    async def _shared(self, command: DoShare, sharing: Coroutine[Any, Any, tuple[Shared, bytes]]) -> Shared:
        """Share it, and remember to keep it alive, before anybody hears of it."""
        shared, fingerprint = await sharing
        now_s = self._around.wall_s()
        kept = KeptShare(
            shared.id, command.path, command.replicas, shared.files, shared.size_bytes, fingerprint, now_s, now_s
        )
        return replace(shared, warning=printable(await self._keeping.remember(kept)))

    def _renewing(self, operation: FileOperation, replicas: int, pace: Pace) -> Renewing:
        self._look_soon()
        return Renewing(self._desk, self._port, self._finder, self._disk, self._settings, operation, replicas, pace)

    def _answered_by(self, work: Coroutine[Any, Any, Any]) -> None:
        """The answer to the command that is being served comes when that is done."""
        token = self.later()

        async def answer() -> None:
            value = await work
            if not self._closing:
                self.reply(token, value)

        task = self.loop.create_task(answer())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, number: int, operation: FileOperation, begin: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """The task of one; answers who asked."""
        self._disk.hold()
        try:
            value = await operation.run(begin)
        except Exception as error:
            if not isinstance(error, MdhtError | IpcError):
                _log.error("a share or fetch failed", exc_info=error)
            self._end(number, error=printable_error(error))
        else:
            self._end(number, value)
        finally:
            self._disk.release()
            del self._operations[operation]

    def _end(self, number: int, value: Any = None, *, error: Exception | None = None) -> None:
        if not self._closing:  # then it goes on at the next place, or whoever waits is told that there is none
            self._failed += error is not None
            self._begun.discard(number)
            token, _ = self._waiting.pop(number)
            self.reply(token, value, error=error)

    def _of(self, ticket: bytes) -> FileOperation | None:
        return next((one for one in self._operations if one.ticket == ticket), None)

    # -- time ----------------------------------------------------------------------------------------------------------

    def _look_soon(self) -> None:
        if not self._looking:
            self._looking = True
            self.after(_LOOK_S, _LOOK)

    def _look(self) -> None:
        """At what may be stuck; nobody looks while nothing runs."""
        self._looking = False
        now_s = self.loop.time()
        for operation in list(self._operations):
            operation.check(now_s)
        self._serving.check(now_s)
        if self._operations or len(self._serving):
            self._look_soon()

    def _stats(self) -> FileStats:
        serving, keeping = self._serving, self._keeping
        return FileStats(
            self._shares,
            self._fetches,
            self._failed,
            len(self._operations),
            len(serving),
            serving.refused,
            serving.served_records,
            serving.kept_records,
            serving.renewed_records,
            len(self._kept),
            keeping.renewals,
            keeping.failed,
            keeping.renewed_pieces,
            keeping.sent_pieces,
        )
