"""`RemoteNode`: a node that runs in another process of this user, with the methods of `mdht.Node`."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Final

from ..control import StopCall
from ..data_dir import holder_of
from ..errors import TimedOut, WrongState
from . import requests
from .asking import ASK_S
from .control import RemoteControl
from .files import RemoteFiles
from .records import RemoteRecords

if TYPE_CHECKING:
    from ..node import NodeStats
    from ..services import PeerInfo

_ENDED_S: Final = 0.02
"""Seconds between two looks whether a node that was told to stop still has its directory: a lock tells nobody."""


class RemoteNode(RemoteRecords, RemoteFiles, RemoteControl):
    """See `mdht.remote`. Thread-safe; blocking methods use a connection a thread, awaited ones share one a loop.

    Nothing is connected before the first call, or `with`. Besides what the method of `Node` raises, each raises NoNode
    (nobody runs there), DoorClosed, and NodeGone (it ended before it answered). `timeout` is in seconds, at most 600.
    """

    # -- life ----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> RemoteNode:
        self.about()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> RemoteNode:
        await self.aabout()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def stop(self, *, timeout: float = 30.0) -> int:
        """End the node itself, and wait until its directory is free. Its process id.

        Raises TimedOut where it takes longer than `timeout` seconds.
        """
        until_s = time.monotonic() + timeout
        pid: int = self.ask(StopCall(), timeout)
        while (holder := holder_of(self.data_dir)) is not None and holder[0] == pid:
            if time.monotonic() > until_s:
                raise TimedOut("the end of the node", timeout)
            time.sleep(_ENDED_S)
        return pid

    # -- who and where -------------------------------------------------------------------------------------------------

    @property
    def id(self) -> bytes:
        """The node's id, 32 bytes. This one and the next three ask it the first time, and block then."""
        return self._known().id

    @property
    def public(self) -> bytes:
        """Its public key, 32 bytes: the owner of its records."""
        return self._known().public

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where others reach it."""
        return self._known().addresses

    @property
    def address(self) -> str:
        """The first of them with the id, as others write it into `seeds` and `connect`. Raises WrongState."""
        about = self._known()
        if not about.addresses:
            raise WrongState("a node", "not listening", "be dialled")
        return f"{about.id.hex()}@{about.addresses[0]}"

    # -- peers ---------------------------------------------------------------------------------------------------------

    def connect(self, seed: str, *, timeout: float | None = None) -> bytes:
        """As `Node.connect`."""
        return self._do(requests.connect(seed, timeout))

    async def aconnect(self, seed: str, *, timeout: float | None = None) -> bytes:
        """`connect`, awaited."""
        return await self._ado(requests.connect(seed, timeout))

    def refresh(self, *, timeout: float | None = None) -> int:
        """As `Node.refresh`."""
        return self._do(requests.refresh(timeout))

    async def arefresh(self, *, timeout: float | None = None) -> int:
        """`refresh`, awaited."""
        return await self._ado(requests.refresh(timeout))

    def peers(self) -> list[PeerInfo]:
        """As `Node.peers`."""
        return self._do(requests.peers(ASK_S))

    async def apeers(self) -> list[PeerInfo]:
        """`peers`, awaited."""
        return await self._ado(requests.peers(ASK_S))

    # -- numbers -------------------------------------------------------------------------------------------------------

    def stats(self) -> NodeStats:
        """As `Node.stats`."""
        return self._do(requests.stats(ASK_S))

    async def astats(self) -> NodeStats:
        """`stats`, awaited."""
        return await self._ado(requests.stats(ASK_S))

    def __repr__(self) -> str:
        return f"<remote node in {self.data_dir}>"
