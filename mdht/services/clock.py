"""The corrected clock of a node: its own, and what `peers` has found it to be wrong by.

The offset is an `ipc.Interned` number that `peers` publishes; every service has its handle, wherever it lives, and so
sees a correction at once. What is said to peers of our time, and compared with theirs, is the clock as it is: were
corrected times told, every node would follow all others, and the whole network could drift.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from typing import Final

from ipc import Interned

from .surroundings import Surroundings

_numbers: Final = itertools.count(1)


def corrected(around: Surroundings) -> Surroundings:
    """The same surroundings with a clock that can be corrected by `offset.publish`, not corrected yet."""
    return replace(around, offset=Interned(f"mdht.clock.{os.getpid()}.{next(_numbers)}", 0.0))
