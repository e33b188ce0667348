"""The files service: shares and fetches of our own user, and streams of records for peers.

Everything here happens on the loop of its host, in tasks; what blocks for a disk runs on one thread, which exists while
something is shared or fetched.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from ipc import Answer, IpcError, Service, Token

from ..errors import BadTarget, LocalError, MdhtError
from ..limits import CLOSEST_PEERS, FILE_OPERATIONS, HASH_BYTES
from .errors import TooBusy
from .file_commands import DoFetch, DoShare, FileCancel, FileNumbers, FileStats, ServedNumbers
from .file_desk import Desk, Disk, FileSettings
from .file_fetching import Fetching
from .file_operation import FileOperation
from .file_peers import Finder
from .file_serving import Serving
from .file_sharing import Sharing
from .file_streams import STREAM_NEWS, StreamPort
from .stream_commands import StreamOffered

__all__ = ["FileSettings", "Files"]

_log: Final = logging.getLogger(__name__)

_LOOK: Final = "look"
_ARRIVED: Final = "arrived"
"""What the service tells itself."""

_LOOK_S: Final = 1.0
"""Seconds between two looks at what may be stuck."""


class Files(Service):
    """See the module. Outlets: `links`, `peers`, `store`, `api`."""

    def __init__(self, settings: FileSettings) -> None:
        self._settings = settings

    def open(self) -> None:
        self._desk = Desk(self, self._next_tag)
        self._port = StreamPort(self._desk)
        self._finder = Finder(self._desk)
        self._serving = Serving(self._desk, self._port, self._settings.served_streams)
        self._disk = Disk(self.loop)
        self._operations: dict[FileOperation, None] = {}
        self._looking = self._closing = False
        if hasattr(self, "_waiting"):
            self.after(0.0, _ARRIVED)

    def start(self) -> None:
        self._waiting: dict[int, tuple[Token, DoShare | DoFetch]] = {}
        self._tags = self._shares = self._fetches = self._failed = 0

    async def close(self) -> None:
        self._closing = True
        tasks = [*self._serving.tasks, *(one.task for one in self._operations if one.task is not None)]
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
        elif command == _LOOK:
            self._look()
        elif command == _ARRIVED:
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
        _, command = self._waiting[number]
        what = "a share" if isinstance(command, DoShare) else "a fetch"
        operation = FileOperation(command.ticket, what, command.timeout_s, self.loop.time)
        parts = (self._desk, self._port, self._finder, self._disk, self._settings, operation)

        def begin() -> Coroutine[Any, Any, Any]:
            if isinstance(command, DoShare):
                return Sharing(*parts, command.replicas).run(command.path)
            return Fetching(*parts).run(command.id, command.path)

        self._operations[operation] = None
        operation.task = self.loop.create_task(self._run(number, operation, begin))
        self._look_soon()

    async def _run(self, number: int, operation: FileOperation, begin: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """The task of one; answers who asked."""
        self._disk.hold()
        try:
            value = await operation.run(begin)
        except Exception as error:
            if not isinstance(error, MdhtError | IpcError):
                _log.error("a share or fetch failed", exc_info=error)
            self._end(number, error=error)
        else:
            self._end(number, value)
        finally:
            self._disk.release()
            del self._operations[operation]

    def _end(self, number: int, value: Any = None, *, error: Exception | None = None) -> None:
        if not self._closing:  # then it goes on at the next place, or whoever waits is told that there is none
            self._failed += error is not None
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
        serving = self._serving
        return FileStats(
            self._shares,
            self._fetches,
            self._failed,
            len(self._operations),
            len(serving),
            serving.refused,
            serving.served_records,
            serving.kept_records,
        )
