"""Puts, gets and deletes of a node's user, each in three forms."""

from __future__ import annotations

from concurrent.futures import Future

from ..model import Kind
from ..services import Got, PutDone
from ..services.api.commands import DoGet, DoGetAll, DoPut
from .asking import Asking, Request


class RecordCalls(Asking):
    """Puts and gets records. Thread-safe."""

    def put(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> PutDone:
        """Store a value at the nodes closest to its address; says under which key, and how many hold it.

        Without a key it is content, found by its hash. With one it is this node's own record of that key, or with
        `kind=Kind.OPEN` its record under a name that others may use, too.

        `sequence` 0 takes one more than what is held; `expect` (compare-and-set) puts only where that sequence is held,
        0 for nothing. `keep_s`: how long, 0 for as long as may be (30 days; content 24 hours). `replicas` 0: the
        configuration's.

        Raises TooLarge, BadRecord, Conflict, Superseded, TooFewReplicas (nobody, or fewer than `min_replicas`, stored
        it), TimedOut.
        """
        request = self._putting(value, key, kind, sequence, expect, keep_s, replicas, timeout)
        return self._call(request)

    def put_future(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> Future[PutDone]:
        """`put`, as a future."""
        request = self._putting(value, key, kind, sequence, expect, keep_s, replicas, timeout)
        return self._future(request)

    async def aput(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> PutDone:
        """`put`, awaited."""
        request = self._putting(value, key, kind, sequence, expect, keep_s, replicas, timeout)
        return await self._acall(request)

    def get(
        self, key: bytes, *, kind: Kind = Kind.CONTENT, owner: bytes | None = None, timeout: float | None = None
    ) -> Got:
        """The record of that key, verified. `owner` (a public key) is whose, of owned ones; None: our own.

        Raises NotFound (nobody has it, or it was deleted), TimedOut.
        """
        return self._call(self._getting(key, kind, owner, timeout))

    def get_future(
        self, key: bytes, *, kind: Kind = Kind.CONTENT, owner: bytes | None = None, timeout: float | None = None
    ) -> Future[Got]:
        """`get`, as a future."""
        return self._future(self._getting(key, kind, owner, timeout))

    async def aget(
        self, key: bytes, *, kind: Kind = Kind.CONTENT, owner: bytes | None = None, timeout: float | None = None
    ) -> Got:
        """`get`, awaited."""
        return await self._acall(self._getting(key, kind, owner, timeout))

    def get_all(self, key: bytes, *, timeout: float | None = None) -> list[Got]:
        """The records of all owners under an open name, each verified. Raises NotFound, TimedOut."""
        return self._call(self._getting_all(key, timeout))

    def get_all_future(self, key: bytes, *, timeout: float | None = None) -> Future[list[Got]]:
        """`get_all`, as a future."""
        return self._future(self._getting_all(key, timeout))

    async def aget_all(self, key: bytes, *, timeout: float | None = None) -> list[Got]:
        """`get_all`, awaited."""
        return await self._acall(self._getting_all(key, timeout))

    def delete(
        self,
        key: bytes,
        *,
        kind: Kind = Kind.OWNED,
        expect: int | None = None,
        timeout: float | None = None,
    ) -> PutDone:
        """Put a signed tombstone over our own record, owned or under an open name. Raises as `put`."""
        return self._call(self._deleting(key, kind, expect, timeout))

    def delete_future(
        self, key: bytes, *, kind: Kind = Kind.OWNED, expect: int | None = None, timeout: float | None = None
    ) -> Future[PutDone]:
        """`delete`, as a future."""
        return self._future(self._deleting(key, kind, expect, timeout))

    async def adelete(
        self, key: bytes, *, kind: Kind = Kind.OWNED, expect: int | None = None, timeout: float | None = None
    ) -> PutDone:
        """`delete`, awaited."""
        request = self._deleting(key, kind, expect, timeout)
        return await self._acall(request)

    def _putting(
        self,
        value: bytes | None,
        key: bytes | None,
        kind: Kind | None,
        sequence: int,
        expect: int | None,
        keep_s: int,
        replicas: int,
        timeout: float | None,
    ) -> Request[PutDone]:
        if kind is None:
            kind = Kind.CONTENT if key is None else Kind.OWNED
        if (kind is Kind.CONTENT) != (key is None):
            raise ValueError("content has no key but its hash: give either a key, or kind=Kind.CONTENT")
        data = None if value is None else bytes(value)
        command = DoPut(int(kind), key or b"", data, self._s(timeout), sequence, expect, keep_s, replicas)
        return Request("api", command, timeout)

    def _getting(self, key: bytes, kind: Kind, owner: bytes | None, timeout: float | None) -> Request[Got]:
        whose = self.identity.public if owner is None else owner
        command = DoGet(int(kind), key, whose if kind is Kind.OWNED else b"", self._s(timeout))
        return Request("api", command, timeout)

    def _getting_all(self, key: bytes, timeout: float | None) -> Request[list[Got]]:
        return Request("api", DoGetAll(key, self._s(timeout)), timeout)

    def _deleting(self, key: bytes, kind: Kind, expect: int | None, timeout: float | None) -> Request[PutDone]:
        return self._putting(None, key, kind, 0, expect, 0, 0, timeout)
