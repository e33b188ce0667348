"""The store in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable


@sendable("mdht.store_numbers")
@dataclass(frozen=True, slots=True)
class StoreNumbers:
    """One part of the store in numbers; answered by `store.StoreStats`. Asked of `api`: the whole store."""

    part: int = 0
