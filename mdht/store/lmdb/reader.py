"""Reads a store on disk whatever number of parts it is in, and goes on when that changes. For one thread.

Each part is opened when something in it is asked for first.
"""

from __future__ import annotations

from ..entry import Held
from ..errors import StoreUnavailable
from ..parts import part_of, part_path
from .layout import DivisionCount, read_layout
from .store import LmdbStore


class PartsReader:
    """`get` and `get_all` are those of `Store`. Nothing is opened before the first."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._count: DivisionCount | None = None
        self._stores: list[LmdbStore | None] = []

    def get(self, address: bytes, now_s: float) -> Held | None:
        """See `Store.get`; raises as it does."""
        return self._of(address).get(address, now_s)

    def get_all(self, address: bytes, now_s: float) -> list[Held]:
        """See `Store.get_all`; raises as it does."""
        return self._of(address).get_all(address, now_s)

    def close(self) -> None:
        """Release everything; what is asked afterwards opens it again."""
        self._drop()
        if self._count is not None:
            self._count.close()
            self._count = None

    def _of(self, address: bytes) -> LmdbStore:
        """The part that keeps an address."""
        count = self._count
        if count is None:
            count = self._count = DivisionCount(self._path)
        while True:
            if not self._stores or count.changed:
                self._drop()
                count.look()
                self._stores = [None] * read_layout(self._path).parts
            parts = len(self._stores)
            part = part_of(address, parts) if parts > 1 else 0
            store = self._stores[part]
            if store is not None:
                return store
            try:
                opened = self._stores[part] = LmdbStore(part_path(self._path, part, parts), readonly=True)
                return opened
            except StoreUnavailable:
                if not count.changed:
                    raise

    def _drop(self) -> None:
        stores, self._stores = self._stores, []
        for store in stores:
            if store is not None:
                store.close()
