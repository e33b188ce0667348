"""`forget` of a node, in its three forms: what its user has put is put again no more."""

from __future__ import annotations

from concurrent.futures import Future

from ..model import Kind
from ..services.api.commands import DoForget
from .asking import Asking, Request


class UpkeepCalls(Asking):
    """What a node puts again by itself. Thread-safe."""

    def forget(self, key: bytes, *, kind: Kind = Kind.CONTENT, timeout: float | None = None) -> bool:
        """Put a record of our own again no more; whether it was remembered. For content, the key is its hash.

        A node puts what its user has put again until its expiry, content as long as the node lives; it remembers that
        on its disk. Forgotten, content is gone from the network after 24 hours, other records at their expiry: to take
        one of those back at once, `delete` it.

        Raises TimedOut, and what the store raises.
        """
        return self._call(self._forgetting(key, kind, timeout))

    def forget_future(self, key: bytes, *, kind: Kind = Kind.CONTENT, timeout: float | None = None) -> Future[bool]:
        """`forget`, as a future."""
        return self._future(self._forgetting(key, kind, timeout))

    async def aforget(self, key: bytes, *, kind: Kind = Kind.CONTENT, timeout: float | None = None) -> bool:
        """`forget`, awaited."""
        return await self._acall(self._forgetting(key, kind, timeout))

    def _forgetting(self, key: bytes, kind: Kind, timeout: float | None) -> Request[bool]:
        return Request("api", DoForget(int(kind), bytes(key), self._s(timeout)), timeout)
