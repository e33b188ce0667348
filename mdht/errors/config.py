"""A configuration or a data directory that a node cannot use."""

from __future__ import annotations

from collections.abc import Sequence

from .branches import LocalError


class ConfigError(LocalError, ValueError):
    """All faults of a configuration at once. Each is (key, what is wrong, what would be right)."""

    def __init__(self, faults: Sequence[tuple[str, str, str]] = ()) -> None:
        super().__init__(tuple(faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        count = len(self.faults)
        lines = [f"  {key}: {wrong}; {right}" for key, wrong, right in self.faults]
        return "\n".join([f"{count} fault{'' if count == 1 else 's'} in the configuration", *lines])


class DataDirInUse(LocalError):
    """Another node has the data directory `path`: that of process `pid` (0: unknown), which took it at `since_s`
    (seconds since 1970 UTC; 0: unknown).
    """

    def __init__(self, path: str = "", pid: int = 0, since_s: float = 0.0) -> None:
        super().__init__(path, pid, since_s)
        self.path = path
        self.pid = pid
        self.since_s = since_s

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"the data directory {self.path} is in use by {who}: stop that node, or give this one another directory"


class DataDirUnusable(LocalError):
    """The data directory `path`, or a file in it, cannot be used: `reason` is what the system says of it."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot use {self.path} ({self.reason}): correct that, or give another data directory"
