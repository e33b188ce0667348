"""`forget` of a node, in its three forms: what its user has put is put again no more."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Protocol

from .model import Kind
from .services.commands import DoForget


class _Asked(Protocol):
    """What a node has to have."""

    def _s(self, timeout: float | None) -> float: ...

    def _call(self, name: str, command: Any, timeout: float | None) -> Any: ...

    def _future(self, name: str, command: Any, timeout: float | None) -> Future[Any]: ...

    async def _acall(self, name: str, command: Any, timeout: float | None) -> Any: ...


class UpkeepCalls:
    """What a node puts again by itself. Thread-safe."""

    def forget(self: _Asked, key: bytes, *, kind: Kind = Kind.CONTENT, timeout: float | None = None) -> bool:
        """Put a record of our own again no more; whether it was remembered. For content, the key is its hash.

        A node puts what its user has put again until its expiry, content as long as the node lives; it remembers that
        on its disk. Forgotten, content is gone from the network after 24 hours, other records at their expiry: to take
        one of those back at once, `delete` it.

        Raises TimedOut, and what the store raises.
        """
        return self._call("api", _forget(self, key, kind, timeout), timeout)  # type: ignore[no-any-return]

    def forget_future(
        self: _Asked, key: bytes, *, kind: Kind = Kind.CONTENT, timeout: float | None = None
    ) -> Future[bool]:
        """`forget`, as a future."""
        return self._future("api", _forget(self, key, kind, timeout), timeout)

    async def aforget(self: _Asked, key: bytes, *, kind: Kind = Kind.CONTENT, timeout: float | None = None) -> bool:
        """`forget`, awaited."""
        return await self._acall("api", _forget(self, key, kind, timeout), timeout)  # type: ignore[no-any-return]


def _forget(node: _Asked, key: bytes, kind: Kind, timeout: float | None) -> DoForget:
    return DoForget(int(kind), bytes(key), node._s(timeout))
