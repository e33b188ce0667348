"""What tuning cannot do."""

from __future__ import annotations

from ..errors import LocalError, NotDone


class TuningError(NotDone):
    """What could not be measured."""


class MakerFailed(TuningError):
    """A load maker could not do what it was told."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"the load could not be made: {self.reason}"


class NotMeasured(TuningError):
    """The first placement could not be measured, so there is nothing to compare with."""

    def __init__(self, placed: str, reason: str) -> None:
        self.placed, self.reason = placed, reason
        super().__init__(placed, reason)

    def __str__(self) -> str:
        return f"{self.placed} could not be measured: {self.reason}; try a smaller load (--links, --in-flight, --value)"


class BadReport(LocalError):
    """A file is no report of an earlier run."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"{self.path} is no report that `mdht tune --save` wrote: {self.reason}"
