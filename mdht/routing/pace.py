"""A steady pace for work in the background: so many items and so many bytes a second, whichever is less.

A debt that is worked off by time, as a leaky bucket has (Turner 1986): what was done is charged after the fact, and the
next waits until the debt is gone. A burst is at most one item, so the peers at the other end are never flooded.
"""

from __future__ import annotations


class Pace:
    """`items_s` and `bytes_s` are a second's worth, each above 0. Times are of a clock that does not jump."""

    __slots__ = ("_bytes_s", "_free_s", "_items_s")

    def __init__(self, items_s: float, bytes_s: float) -> None:
        """Raises ValueError."""
        if not (items_s > 0 and bytes_s > 0):
            raise ValueError(f"a pace needs more than 0 items and bytes a second, not {items_s} and {bytes_s}")
        self._items_s = items_s
        self._bytes_s = bytes_s
        self._free_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next may begin; 0: now."""
        return max(0.0, self._free_s - now_s)

    def spend(self, size_bytes: int, now_s: float) -> None:
        """An item of that size was begun."""
        took_s = max(1 / self._items_s, size_bytes / self._bytes_s)
        self._free_s = max(self._free_s, now_s) + took_s
