"""A sorted list of ids that finds the nearest of them to any target.

In a sorted list the ids that share a prefix lie side by side, so the list is a binary trie without nodes. The search
goes down that trie: at each bit the half that agrees with the target holds only nearer ids than the other half, so the
near half is emptied first. A part of at most `LEAF` ids is sorted by distance outright. For n ids and c wanted this
takes about log2(n / LEAF) bisections and one or two small sorts, whatever the target and however uneven the ids are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from .keys import ID_BITS

LEAF: Final = 24
"""Ids sorted outright. A bisection costs as much as sorting about ten, and more than one a level does not pay."""


def nearest_first(ids: Sequence[int], target: int) -> Iterator[list[int]]:
    """Go through sorted `ids` by growing distance to `target`, in chunks.

    Yields lists of *distances*, each sorted and each farther than all before; an id is `distance ^ target`. Lazy: what
    is not asked for is not sorted. `ids` must not change meanwhile.
    """
    parts = [(0, len(ids), ID_BITS - 1, 0)]
    while parts:
        low, high, bit, prefix = parts.pop()
        if high - low <= LEAF or bit < 0:
            if low < high:
                yield sorted([number ^ target for number in ids[low:high]])
            continue
        boundary = prefix | (1 << bit)
        middle = bisect_left(ids, boundary, low, high)
        zeros, ones = (low, middle, bit - 1, prefix), (middle, high, bit - 1, boundary)
        if target >> bit & 1:
            parts += (zeros, ones)
        else:
            parts += (ones, zeros)


def nearest(ids: Sequence[int], target: int, count: int) -> list[int]:
    """At most `count` of the sorted `ids`, nearest to `target` first."""
    found: list[int] = []
    for chunk in nearest_first(ids, target):
        found += chunk
        if len(found) >= count:
            break
    return [number ^ target for number in found[:count]]


class Nearest:
    """A set of ids kept sorted: O(log n) to find, one short memmove to add or remove."""

    __slots__ = ("ids",)

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self.ids = sorted(set(ids))

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, number: int) -> None:
        """Add an id that is not there."""
        insort(self.ids, number)

    def remove(self, number: int) -> None:
        """Remove an id. Raises KeyError if it is not there."""
        at = bisect_left(self.ids, number)
        if at == len(self.ids) or self.ids[at] != number:
            raise KeyError(number)
        del self.ids[at]

    def nearest(self, target: int, count: int) -> list[int]:
        """At most `count` ids, nearest to `target` first."""
        return nearest(self.ids, target, count)
