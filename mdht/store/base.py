"""What every store can do. `conformance` in the tests puts each through the same suite.

Times are seconds since 1970 UTC, corrected by whoever owns the store, and come as `now_s`; what is kept until then or
earlier is not shown any more, whether or not it was removed. Records must have been verified: stores decide between
versions and count bytes, and check no signature.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Self

from ..model.record import Record
from .entry import Held, Putter
from .region import EVERYTHING, Region
from .verdicts import Verdict

PAGE: Final = 256
"""Records in a page of a scan, unless asked otherwise."""

PAGE_BYTES: Final = 4 << 20
"""A page ends after so many bytes of records, so that a scan holds little memory; one record always fits."""

EXPIRE: Final = 1024
"""Records removed by one call of `expire`, unless asked otherwise: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that was removed because its time was over."""

    address: bytes
    owner: bytes
    """Public key; empty for content."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a scan."""

    held: tuple[Held, ...]
    """In the order of addresses, then of owners."""
    after: bytes | None
    """Give this to the next call; None: there is no more."""


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Numbers of a store; from `gets` on, totals since it was opened, of this object only."""

    records: int
    """Also those whose time is over, until they are removed."""
    bytes: int
    limit_bytes: int
    gets: int = 0
    hits: int = 0
    stored: int = 0
    """Puts that changed something."""
    not_newer: int = 0
    superseded: int = 0
    compare_failed: int = 0
    quota_exceeded: int = 0
    full: int = 0
    expired: int = 0
    commits: int = 0
    map_bytes: int = 0
    """Bytes of address space of the file, where there is one; the next four likewise."""
    file_bytes: int = 0
    growths: int = 0
    """Times the map grew, or was found grown by the writer."""
    readers: int = 0
    """Most places in the table of readers that were taken at a time, by all processes."""
    dead_readers: int = 0
    """Places freed of processes that died."""
    parts: int = 1
    """Parts that the store is in, of which these may be the numbers of one."""


class Batch(ABC):
    """Puts that are made durable together. From `begin_batch` to `commit` or `abort` it belongs to one thread.

    As a context manager it commits at the end, if that was not done before, and aborts on an exception.
    """

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether it was committed or aborted."""

    @abstractmethod
    def put(
        self,
        record: Record,
        now_s: float,
        putter: Putter | None = None,
        *,
        compare: int | None = None,
        lease_s: float | None = None,
    ) -> Verdict:
        """As `Store.put`; the verdict is final once `commit` has returned it."""

    @abstractmethod
    def expire(self, now_s: float, count: int = EXPIRE) -> list[Gone]:
        """As `Store.expire`; better in a batch without puts, which finds room even where a file is full."""

    @abstractmethod
    def commit(self) -> list[Verdict]:
        """Make it durable; blocks until it is. Returns the final verdict of each put, in order.

        Raises CommitFailed where the disk does not take it, StoreCorrupt, or WrongState for a batch that has ended.
        After an exception nothing of the batch is stored.
        """

    @abstractmethod
    def abort(self) -> None:
        """As if it had never been; nothing to do for one that has ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, traceback: object) -> None:
        if kind is not None:
            self.abort()
        elif not self.ended:
            self.commit()


class Store(ABC):
    """Verified records by address, with leases, quotas and expiry. Every address is 32 bytes."""

    @abstractmethod
    def put(
        self,
        record: Record,
        now_s: float,
        putter: Putter | None = None,
        *,
        compare: int | None = None,
        lease_s: float | None = None,
    ) -> Verdict:
        """Store a verified record, durably if the store is durable.

        `putter` is charged for it; None is the node's own user, who is not. `compare` stores only if that sequence is
        held now (0: nothing is held). `lease_s` asks for less than the longest lease; only content has one, and
        putting it again renews it, at the cost of who does. A tombstone is a record like any other: what it deletes is
        gone, and it is held until it expires.

        Raises Expired or FarFuture where `verify` would have; WrongState while a batch is open, or if the store is open
        for reading only; for LMDB, CommitFailed and StoreCorrupt.
        """

    @abstractmethod
    def begin_batch(self) -> Batch:
        """Begin a batch. There is one at a time: raises WrongState while another is open."""

    @abstractmethod
    def get(self, address: bytes, now_s: float, owner: bytes | None = None) -> Held | None:
        """What is held at an address, be it a tombstone; None where nothing is.

        Of an open name: that of `owner` (a public key), else the one first seen here that is not deleted, else the one
        first seen.
        """

    @abstractmethod
    def get_all(self, address: bytes, now_s: float) -> list[Held]:
        """Everything at an address, at most `limits.OPEN_OWNERS`, the owner first seen here first."""

    @abstractmethod
    def owned_by(self, owner: bytes, count: int = PAGE, after: bytes = b"") -> list[bytes]:
        """Addresses at which an owner has records, expired or not, in their order; those behind `after`."""

    @abstractmethod
    def scan(self, now_s: float, region: Region = EVERYTHING, after: bytes | None = None, count: int = PAGE) -> Page:
        """A page of what is held in a region, for republishing and handing over.

        Between pages anything may change: what is there all the time is seen once.
        """

    @abstractmethod
    def expire(self, now_s: float, count: int = EXPIRE) -> list[Gone]:
        """Remove at most `count` records whose time is over, the longest over first; fewer: there are no more.

        Raises as `put` does.
        """

    @abstractmethod
    def remove(self, address: bytes, owner: bytes = b"") -> bool:
        """Remove a record before its time, at an open name that of `owner` (a public key); whether there was one.

        For what its own user kept here: of others' records, replicas would bring it back. Raises as `put` does.
        """

    @abstractmethod
    def next_expiry_s(self) -> int | None:
        """When `expire` has something to do next; None: never, as it is now."""

    @abstractmethod
    def stats(self) -> StoreStats:
        """Plain numbers."""

    @abstractmethod
    def close(self) -> None:
        """Release everything; an open batch is aborted. Closing twice is fine; using it afterwards is WrongState."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
