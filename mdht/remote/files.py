"""`share`, `fetch`, `shares` and `unshare` of a node in another process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..control import FetchCall, ProgressCall, ShareCall
from . import requests
from .asking import ASK_S, RemoteAsking, check_no_loop
from .connection import Connection
from .requests import Asking

if TYPE_CHECKING:
    from ..services.files.commands import Fetched, FileProgress, Shared, ShareInfo

T = TypeVar("T")

_PROGRESS_S: Final = 0.2
"""Seconds between two questions how far a share or fetch is."""


class RemoteFiles(RemoteAsking):
    """See `mdht.node.files.FileCalls`."""

    def share(
        self,
        path: str | os.PathLike[str],
        *,
        replicas: int = 0,
        timeout: float | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> Shared:
        """As `Node.share`; the path is of this process, and the node must be able to read it.

        `timeout` is without any progress, not in all. `progress` is called on this thread. Where this is interrupted,
        the node gives the share up.
        """
        return self._transfer(requests.share(path, replicas, timeout), progress)

    def fetch(
        self,
        id: bytes,
        path: str | os.PathLike[str],
        *,
        timeout: float | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> Fetched:
        """As `Node.fetch`; the path is of this process, and the node must be able to write it. See `share`."""
        return self._transfer(requests.fetch(id, path, timeout), progress)

    async def ashare(
        self,
        path: str | os.PathLike[str],
        *,
        replicas: int = 0,
        timeout: float | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> Shared:
        """`share`, awaited."""
        return await self._atransfer(requests.share(path, replicas, timeout), progress)

    async def afetch(
        self,
        id: bytes,
        path: str | os.PathLike[str],
        *,
        timeout: float | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> Fetched:
        """`fetch`, awaited."""
        return await self._atransfer(requests.fetch(id, path, timeout), progress)

    def shares(self) -> list[ShareInfo]:
        """As `Node.shares`."""
        return self._do(requests.shares(ASK_S))

    async def ashares(self) -> list[ShareInfo]:
        """`shares`, awaited."""
        return await self._ado(requests.shares(ASK_S))

    def unshare(self, id: bytes) -> bool:
        """As `Node.unshare`."""
        return self._do(requests.unshare(id, ASK_S))

    async def aunshare(self, id: bytes) -> bool:
        """`unshare`, awaited."""
        return await self._ado(requests.unshare(id, ASK_S))

    def transfer(self, call: ShareCall | FetchCall, progress: Callable[[Any], None] | None = None) -> Any:
        """A share or fetch as plain values; `progress` is given them, too, some times a second, on this thread."""
        check_no_loop()
        with self._pool.connection(ASK_S) as one:
            try:
                return _transferred(one, call, progress)
            except BaseException:
                one.close()  # the node gives it up
                raise

    def _transfer(self, asking: Asking[T], progress: Callable[[FileProgress], None] | None) -> T:
        assert isinstance(asking.call, ShareCall | FetchCall), "of files"
        tell = None if progress is None else lambda plain: progress(requests.progress(plain))
        return asking.read(self.transfer(asking.call, tell))

    async def _atransfer(self, asking: Asking[T], progress: Callable[[FileProgress], None] | None) -> T:
        call = asking.call
        assert isinstance(call, ShareCall | FetchCall), "of files"
        from .aio import AsyncConnection

        one = await AsyncConnection.open(self.data_dir)  # its own: closing it gives the transfer up
        try:
            number = one.send(call)
            while not await one.wait(number, _PROGRESS_S):
                plain = await one.ask(ProgressCall(call.ticket), ASK_S)
                if plain is not None and progress is not None:
                    progress(requests.progress(plain))
            return asking.read(one.result(number))
        finally:
            await one.close()


def _transferred(one: Connection, call: ShareCall | FetchCall, progress: Callable[[Any], None] | None) -> Any:
    number = one.send(call)
    while (reply := one.wait(number, _PROGRESS_S)) is None:
        plain = one.ask(ProgressCall(call.ticket), ASK_S)
        if plain is not None and progress is not None:
            progress(plain)
    return one.result(reply)
