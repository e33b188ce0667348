"""Which slots are forgotten next: a heap in which what was changed or taken out is left behind and skipped later.

Adding is O(log n), taking out O(1). What was left behind is swept out when it is more than half, so the heap is never
larger than twice what is in the index, and a constant.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final

SLACK: Final = 64
"""Stale places that are not worth a sweep."""


class ExpiryIndex:
    """Slots with the time, in seconds, until which each is kept."""

    __slots__ = ("_heap", "_until")

    def __init__(self) -> None:
        self._until: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._until)

    def set(self, slot: bytes, until_s: int) -> None:
        """Keep the slot until then, whatever was said before."""
        if self._until.get(slot) == until_s:
            return
        self._until[slot] = until_s
        heappush(self._heap, (until_s, slot))
        self._sweep()

    def discard(self, slot: bytes) -> None:
        """The slot is gone."""
        self._until.pop(slot, None)
        self._sweep()

    def next_s(self) -> int | None:
        """When the next slot is due; None where there is none."""
        heap = self._heap
        while heap:
            until_s, slot = heap[0]
            if self._until.get(slot) == until_s:
                return until_s
            heappop(heap)
        return None

    def due(self, now_s: float, count: int) -> list[bytes]:
        """At most `count` slots kept until `now_s` or earlier, the longest due first. They stay until discarded."""
        found: list[tuple[int, bytes]] = []
        seen: set[bytes] = set()
        while len(found) < count and (next_s := self.next_s()) is not None and next_s <= now_s:
            place = heappop(self._heap)
            if place[1] not in seen:
                seen.add(place[1])
                found.append(place)
        for place in found:
            heappush(self._heap, place)
        return [slot for _, slot in found]

    def _sweep(self) -> None:
        if len(self._heap) > 2 * len(self._until) + SLACK:
            self._heap = [(until_s, slot) for slot, until_s in self._until.items()]
            heapify(self._heap)
