"""What an encoder raises for a value that cannot be packed; `dumps` makes a NotSendable of it."""

from __future__ import annotations

from typing import Final

from ..limits import NEST_DEPTH

TOO_DEEP: Final = f"values are nested deeper than {NEST_DEPTH} here, or contain themselves"


class RefusedError(Exception):
    """Inside this package: a value cannot be packed; `hint` says what to do. `dumps` finds the path to it."""

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint)
        self.hint = hint
