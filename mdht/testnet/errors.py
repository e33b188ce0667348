"""What goes wrong only in test networks."""

from __future__ import annotations

from ..errors import NotDone


class NodeNotStarted(NotDone):
    """The process of node `number` was not ready: `reason` says what became of it.

    `log` is the file with everything that it wrote to stderr, `tail` the last lines of that.
    """

    def __init__(self, number: int = 0, reason: str = "", log: str = "", tail: str = "") -> None:
        super().__init__(number, reason, log, tail)
        self.number = number
        self.reason = reason
        self.log = log
        self.tail = tail

    def __str__(self) -> str:
        said = "\n".join(f"  {line}" for line in self.tail.splitlines()) or "  (nothing)"
        return f"node {self.number} {self.reason}; the end of what it wrote to {self.log}:\n{said}"
