"""What goes wrong only in test networks."""

from __future__ import annotations

from ..errors import NotDone


class NodeNotStarted(NotDone):
    """The process of node `number` was not ready: `reason` says what became of it.

    `tail` has the last lines that it wrote to stderr, `log` the file with all of them; empty where that is not kept.
    """

    def __init__(self, number: int = 0, reason: str = "", log: str = "", tail: str = "") -> None:
        super().__init__(number, reason, log, tail)
        self.number = number
        self.reason = reason
        self.log = log
        self.tail = tail

    def __str__(self) -> str:
        said = "\n".join(f"  {line}" for line in self.tail.splitlines()) or "  (nothing)"
        where = f" (all of it in {self.log})" if self.log else ""
        return f"node {self.number} {self.reason}; the end of its stderr{where}:\n{said}"
