"""What a node takes from outside besides its configuration: networks, the time, randomness. Tests give their own.

What is not given is the machine's, in whatever process a service lives; what is given cannot leave its process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ipc import Interned, sendable

from ..limits import KEEPALIVE_S
from ..transport import TcpTransport, Transport

_TCP: Final = (TcpTransport(),)


@sendable("mdht.surroundings")
@dataclass(frozen=True, slots=True)
class Surroundings:
    """By default: TCP, the system's clock, the system's randomness."""

    networks: tuple[Transport, ...] | None = None
    """One transport of each kind of address that this node dials and listens at."""
    clock: Callable[[], float] | None = None
    """Seconds since 1970 UTC."""
    chance: Callable[[int], bytes] | None = None
    """So many random bytes: challenges, targets of refreshes."""
    without_tls: bool = False
    """Only for a network within one process: links are proven, but neither secret nor bound to a TLS session."""
    keepalive_s: float = KEEPALIVE_S
    """Seconds of silence on a link before a ping; three times as long, and it counts as dead. A simulation of days
    takes longer ones: there are no NATs in it, and pings would be most of its work."""
    offset: Interned | None = None
    """By how many seconds the clock is corrected; `peers` publishes it (see `services.clock`)."""

    def clock_s(self) -> float:
        """Seconds since 1970 UTC, not corrected: what is told to peers, and compared with what they tell."""
        return time.time() if self.clock is None else self.clock()

    def wall_s(self) -> float:
        """Seconds since 1970 UTC, corrected by what peers say."""
        now_s = time.time() if self.clock is None else self.clock()
        return now_s if self.offset is None else now_s + float(self.offset.value)

    def random(self, size: int) -> bytes:
        """So many random bytes."""
        return os.urandom(size) if self.chance is None else self.chance(size)

    @property
    def transports(self) -> tuple[Transport, ...]:
        """One of each kind of address that this node dials and listens at."""
        return _TCP if self.networks is None else self.networks

    def transport(self, kind: str) -> Transport | None:
        """The one that dials addresses of that kind."""
        return next((one for one in self.transports if one.kind == kind), None)
