"""Puts, gets, deletes and `forget` of a node in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import requests
from .asking import RemoteAsking

if TYPE_CHECKING:
    from ..model import Kind
    from ..services import Got, PutDone


class RemoteRecords(RemoteAsking):
    """See `mdht.node.records.RecordCalls`, and `UpkeepCalls`."""

    def put(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | str | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> PutDone:
        """As `Node.put`; a kind may be its word, too: `content`, `owned`, `open`."""
        return self._do(requests.put(value, key, kind, sequence, expect, keep_s, replicas, timeout))

    async def aput(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | str | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> PutDone:
        """`put`, awaited."""
        asking = requests.put(value, key, kind, sequence, expect, keep_s, replicas, timeout)
        return await self._ado(asking)

    def get(
        self, key: bytes, *, kind: Kind | str = "content", owner: bytes | None = None, timeout: float | None = None
    ) -> Got:
        """As `Node.get`."""
        return self._do(requests.get(key, kind, owner, timeout))

    async def aget(
        self, key: bytes, *, kind: Kind | str = "content", owner: bytes | None = None, timeout: float | None = None
    ) -> Got:
        """`get`, awaited."""
        return await self._ado(requests.get(key, kind, owner, timeout))

    def get_all(self, key: bytes, *, timeout: float | None = None) -> list[Got]:
        """As `Node.get_all`."""
        return self._do(requests.get_all(key, timeout))

    async def aget_all(self, key: bytes, *, timeout: float | None = None) -> list[Got]:
        """`get_all`, awaited."""
        return await self._ado(requests.get_all(key, timeout))

    def delete(
        self, key: bytes, *, kind: Kind | str = "owned", expect: int | None = None, timeout: float | None = None
    ) -> PutDone:
        """As `Node.delete`."""
        return self._do(requests.delete(key, kind, expect, timeout))

    async def adelete(
        self, key: bytes, *, kind: Kind | str = "owned", expect: int | None = None, timeout: float | None = None
    ) -> PutDone:
        """`delete`, awaited."""
        return await self._ado(requests.delete(key, kind, expect, timeout))

    def forget(self, key: bytes, *, kind: Kind | str = "content", timeout: float | None = None) -> bool:
        """As `Node.forget`."""
        return self._do(requests.forget(key, kind, timeout))

    async def aforget(self, key: bytes, *, kind: Kind | str = "content", timeout: float | None = None) -> bool:
        """`forget`, awaited."""
        return await self._ado(requests.forget(key, kind, timeout))
