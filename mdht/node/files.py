"""`share`, `fetch`, `shares` and `unshare` of a node, in their three forms."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Final

from ipc import Client, IpcError, ServiceDied

from ..services.api.again import future_again
from ..services.files.commands import (
    DoFetch,
    DoShare,
    Fetched,
    FileCancel,
    FileNumbers,
    FileProgress,
    Shared,
    ShareInfo,
    SharesWanted,
    Unshare,
)
from .asking import ASK_S, Asking
from .blocking import check_may_block

Progress = Callable[[FileProgress], None]

_LOOK_S: Final = 0.2
"""Seconds between two calls of `progress`."""

_AGAIN_S: Final = 86_400.0
"""Seconds in which a share or fetch is begun again after a death of its service: it may take so long."""


class FileCalls(Asking):
    """Shares and fetches files and folders. Thread-safe."""

    def share(
        self,
        path: str | os.PathLike[str],
        *,
        replicas: int = 0,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Shared:
        """Store a file, or a folder with all its files, in the network; blocks until it is. Its `id` fetches it.

        Symbolic links, sockets, pipes and devices inside a folder are no part of it; they are listed in the answer. Of
        names, contents and the right to execute the share is made, and of nothing else. It is kept alive
        as long as this node lives: renewed every eight hours, while its files stay as they are, also after a restart
        where there is a `data_dir`; see `shares` and `unshare`. Without this node it is gone after a day.

        Arguments:
            path: on the machine that the node runs on.
            replicas: nodes that are to keep each part; 0: `file_replicas` of the configuration.
            timeout: seconds without any progress after which it is given up (not seconds in all).
            progress: called some times a second, on this thread. What it raises ends the share.

        Raises BadShare (with everything that cannot be read, before anything was sent), FileChanged,
        TooFewReplicas, TimedOut.
        """
        return _wait(self, _share(self, path, replicas, timeout), progress)  # type: ignore[no-any-return]

    def share_future(
        self, path: str | os.PathLike[str], *, replicas: int = 0, timeout: float | None = None
    ) -> Future[Shared]:
        """`share`, as a future; cancelling it does not end the share."""
        return _begin(self, _share(self, path, replicas, timeout))

    async def ashare(
        self,
        path: str | os.PathLike[str],
        *,
        replicas: int = 0,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Shared:
        """`share`, awaited; being cancelled ends it."""
        return await _await(self, _share(self, path, replicas, timeout), progress)  # type: ignore[no-any-return]

    def fetch(
        self,
        id: bytes,
        path: str | os.PathLike[str],
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Fetched:
        """Bring a share here, verified; blocks until it is complete.

        It is made beside `path`, under a hidden name, and renamed when all of it is there: until then, or if it fails,
        nothing is at `path`. What is there already is never changed, but an empty folder may become the share's.

        Arguments:
            id: what `share` gave, 32 bytes.
            path: where to, on the machine that the node runs on: a name that is free, or a name that ends with `/` for
                a folder that exists, in which the share gets its own name.
            timeout, progress: as of `share`.

        Raises BadTarget, NotFound (there is no such share), ChunksMissing (parts of it are gone), Malformed (it is no
        share), CannotWrite (such as a full disk), TimedOut.
        """
        return _wait(self, _fetch(self, id, path, timeout), progress)  # type: ignore[no-any-return]

    def fetch_future(self, id: bytes, path: str | os.PathLike[str], *, timeout: float | None = None) -> Future[Fetched]:
        """`fetch`, as a future; cancelling it does not end the fetch."""
        return _begin(self, _fetch(self, id, path, timeout))

    async def afetch(
        self,
        id: bytes,
        path: str | os.PathLike[str],
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Fetched:
        """`fetch`, awaited; being cancelled ends it."""
        return await _await(self, _fetch(self, id, path, timeout), progress)  # type: ignore[no-any-return]

    def shares(self) -> list[ShareInfo]:
        """The shares that this node keeps alive, the oldest first: where they are, and how their renewal went."""
        return _ask(self, SharesWanted())  # type: ignore[no-any-return]

    def shares_future(self) -> Future[list[ShareInfo]]:
        """`shares`, as a future."""
        return self._client("files").future(SharesWanted(), ASK_S)

    async def ashares(self) -> list[ShareInfo]:
        """`shares`, awaited."""
        return await asyncio.wrap_future(self._client("files").future(SharesWanted(), ASK_S))

    def unshare(self, id: bytes) -> bool:
        """Keep a share alive no more; whether it was. Nothing recalls what peers have of it: it is gone in a day."""
        return _ask(self, Unshare(bytes(id)))  # type: ignore[no-any-return]

    def unshare_future(self, id: bytes) -> Future[bool]:
        """`unshare`, as a future."""
        return self._client("files").future(Unshare(bytes(id)), ASK_S)

    async def aunshare(self, id: bytes) -> bool:
        """`unshare`, awaited."""
        return await asyncio.wrap_future(self._client("files").future(Unshare(bytes(id)), ASK_S))


def _ask(node: Asking, command: SharesWanted | Unshare) -> Any:
    check_may_block()
    return node._client("files").call(command, ASK_S)


def _s(node: Asking, timeout: float | None) -> float:
    return node.config.timeout_s if timeout is None else timeout


def _share(node: Asking, path: str | os.PathLike[str], replicas: int, timeout: float | None) -> DoShare:
    return DoShare(os.fsencode(os.path.abspath(os.fspath(path))), os.urandom(16), replicas, _s(node, timeout))


def _fetch(node: Asking, id: bytes, path: str | os.PathLike[str], timeout: float | None) -> DoFetch:
    text = os.fspath(path)
    place = os.path.abspath(text)
    if text.endswith(os.sep):
        place = os.path.join(place, "")  # in that folder
    return DoFetch(bytes(id), os.fsencode(place), os.urandom(16), _s(node, timeout))


def _begin(node: Asking, command: DoShare | DoFetch) -> Future[Any]:
    """Begun again where the service dies over it: what was stored or fetched by then is found again."""
    return future_again(node._client("files").future, command, _AGAIN_S)


def _numbers(client: Client, command: DoShare | DoFetch) -> FileProgress | None:
    try:
        return client.call(FileNumbers(command.ticket), ASK_S)  # type: ignore[no-any-return]
    except ServiceDied:
        return None  # it is started again, and so is what it was doing


def _cancel(node: Asking, command: DoShare | DoFetch) -> None:
    try:
        node._client("files").cast(FileCancel(command.ticket))
    except IpcError:
        pass  # the node is closed, and so is what ran in it


def _wait(node: Asking, command: DoShare | DoFetch, progress: Progress | None) -> Any:
    check_may_block()
    client = node._client("files")
    future = _begin(node, command)
    try:
        while True:
            try:
                return future.result(_LOOK_S if progress is not None else None)
            except NotYet:
                if future.done():
                    raise  # its own
            if progress is not None and (numbers := _numbers(client, command)) is not None:
                progress(numbers)
    except BaseException:
        if not future.done():
            _cancel(node, command)
        raise


async def _await(node: Asking, command: DoShare | DoFetch, progress: Progress | None) -> Any:
    client = node._client("files")
    future = asyncio.wrap_future(_begin(node, command))
    try:
        while not (await asyncio.wait((future,), timeout=_LOOK_S if progress is not None else None))[0]:
            try:
                numbers = await asyncio.wrap_future(client.future(FileNumbers(command.ticket), ASK_S))
            except ServiceDied:
                continue  # it is started again, and so is what it was doing
            if progress is not None and numbers is not None:
                progress(numbers)
        return future.result()
    except BaseException:
        if not future.done():
            _cancel(node, command)
            future.cancel()  # its error has nobody to hear it
        raise
