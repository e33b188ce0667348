"""What a node's user asks about peers, each in three forms."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Final

from ..services import PeerInfo
from ..services.api.commands import DoConnect, DoRefresh
from ..services.peers.commands import LinkedPeers
from .asking import ASK_S, Asking, Request

_LINKED: Final[Request[list[PeerInfo]]] = Request("peers", LinkedPeers(), ASK_S)


class PeerCalls(Asking):
    """Who is linked, and links to more. Thread-safe."""

    def connect(self, seed: str, *, timeout: float | None = None) -> bytes:
        """Link to the node at `[id@]host:port`; the id of who is there (empty text before @: whoever answers).

        Raises BadText, CannotDial, LinkRefused (with the reason, and who refused), TimedOut.
        """
        return self._call(self._connecting(seed, timeout))

    def connect_future(self, seed: str, *, timeout: float | None = None) -> Future[bytes]:
        """`connect`, as a future."""
        return self._future(self._connecting(seed, timeout))

    async def aconnect(self, seed: str, *, timeout: float | None = None) -> bytes:
        """`connect`, awaited."""
        return await self._acall(self._connecting(seed, timeout))

    def refresh(self, *, timeout: float | None = None) -> int:
        """Look up our own id, so that the nodes around it know this one. How many answered. Raises TimedOut."""
        return self._call(self._refreshing(timeout))

    def refresh_future(self, *, timeout: float | None = None) -> Future[int]:
        """`refresh`, as a future."""
        return self._future(self._refreshing(timeout))

    async def arefresh(self, *, timeout: float | None = None) -> int:
        """`refresh`, awaited."""
        return await self._acall(self._refreshing(timeout))

    def peers(self) -> list[PeerInfo]:
        """Who is linked now."""
        return self._call(_LINKED)

    def peers_future(self) -> Future[list[PeerInfo]]:
        """`peers`, as a future."""
        return self._future(_LINKED)

    async def apeers(self) -> list[PeerInfo]:
        """`peers`, awaited."""
        return await self._acall(_LINKED)

    def _connecting(self, seed: str, timeout: float | None) -> Request[bytes]:
        return Request("api", DoConnect(seed, self._s(timeout)), timeout)

    def _refreshing(self, timeout: float | None) -> Request[int]:
        return Request("api", DoRefresh(self.identity.id, self._s(timeout)), timeout)
