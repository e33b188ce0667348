"""The bounds of one remote caller, as its exposure counts them: it must keep to them, and is not believed.

Commands are counted from their coming until the service has served them and the caller was told so. How many are still
being served is known from the channel to the service; their bytes are given back with the last command of each run, the
oldest first (with several shards that is not always the run that was served: the sum is right when all were).
"""

from __future__ import annotations

from collections import deque


class Credits:
    """Not thread-safe: used on the gateway's host."""

    def __init__(self, commands: int, nbytes: int) -> None:
        self.commands = commands
        self.nbytes = nbytes
        self.taken = self.taken_bytes = 0
        """Commands, and their bytes, that came and were not given back."""
        self._runs: deque[list[int]] = deque()

    def has_bytes(self, nbytes: int) -> bool:
        """Whether the caller may send a body of this size now."""
        return self.taken_bytes + nbytes <= self.nbytes

    def take(self, count: int, nbytes: int) -> bool:
        """A run came; False where the caller had no credits for it, and then nothing is counted."""
        if self.taken + count > self.commands or self.taken_bytes + nbytes > self.nbytes:
            return False
        self.taken += count
        self.taken_bytes += nbytes
        self._runs.append([count, nbytes])
        return True

    def due(self, outstanding: int) -> int:
        """How many commands can be given back when so many are not served yet."""
        return self.taken - outstanding

    def give(self, outstanding: int) -> tuple[int, int]:
        """Give back what is due; commands and bytes."""
        count = left = max(0, self.taken - outstanding)
        nbytes = 0
        while left:
            run = self._runs[0]
            if run[0] > left:
                run[0] -= left
                break
            left -= run[0]
            nbytes += run[1]
            self._runs.popleft()
        self.taken -= count
        self.taken_bytes -= nbytes
        return count, nbytes
