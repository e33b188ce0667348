"""How nodes are spread over processes, and which of them are lost half-way."""

from __future__ import annotations

from dataclasses import dataclass

KILLED, FROZEN = "killed", "frozen"
"""SIGKILL: the kernel closes what was open, and refuses what comes later. SIGSTOP: silence, as of a machine that is
gone."""


@dataclass(frozen=True)
class Layout:
    """How many nodes each process holds; the first drives alone what is done one at a time."""

    spread: tuple[int, ...]
    loss: str = ""
    """What befalls the last process before the gets: `killed`, `frozen`, or nothing."""

    @property
    def nodes(self) -> int:
        return sum(self.spread)

    @property
    def staying(self) -> int:
        """Processes that are not lost."""
        return len(self.spread) - bool(self.loss)

    @property
    def name(self) -> str:
        text = f"{self.nodes} nodes, {self.staying} process{'es' * (self.staying > 1)}"
        return f"{text}, {self.spread[-1]} nodes {self.loss}" if self.loss else text


def even(nodes: int, processes: int) -> Layout:
    """As many nodes in each process, the first ones taking the rest."""
    return Layout(tuple(nodes // processes + (number < nodes % processes) for number in range(processes)))


def quarter_lost(nodes: int, processes: int, loss: str) -> Layout:
    """The last quarter in a process of its own, to be lost."""
    losing = nodes // 4
    return Layout((*even(nodes - losing, processes).spread, losing), loss)
