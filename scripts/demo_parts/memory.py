"""The memory of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil


def of_process(pid: int) -> tuple[int, int]:
    """Bytes of a process and its children: their own, and all that is resident. Zeros where it is gone.

    All has the pages of mapped files, too: of the interpreter, and of the store, which the kernel drops when others
    need the room. Where the system does not tell them apart, both are the same.
    """
    try:
        process = psutil.Process(pid)
        about = [one.memory_info() for one in (process, *process.children(recursive=True))]
    except psutil.Error:
        return 0, 0
    return sum(one.rss - getattr(one, "shared", 0) for one in about), sum(one.rss for one in about)


@dataclass(slots=True)
class Memory:
    """The most that was seen of each node, in bytes."""

    own: list[int] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)

    def look(self, pids: Sequence[int]) -> None:
        """Now; 0 for a node that does not run."""
        seen = [of_process(pid) if pid else (0, 0) for pid in pids]
        self.own = list(map(max, self.own or [0] * len(pids), (own for own, _ in seen)))
        self.resident = list(map(max, self.resident or [0] * len(pids), (resident for _, resident in seen)))
