"""What a node takes from outside besides its configuration: networks, the time, randomness. Tests give their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..transport import TcpTransport, Transport


def _tcp() -> tuple[Transport, ...]:
    return (TcpTransport(),)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """By default: TCP, the system's clock, the system's randomness."""

    transports: tuple[Transport, ...] = field(default_factory=_tcp)
    """One of each kind of address that this node dials and listens at."""
    wall_s: Callable[[], float] = time.time
    """Seconds since 1970 UTC."""
    random: Callable[[int], bytes] = os.urandom
    """So many random bytes: challenges, targets of refreshes."""
    without_tls: bool = False
    """Only for a network within one process: links are proven, but neither secret nor bound to a TLS session."""

    def transport(self, kind: str) -> Transport | None:
        """The one that dials addresses of that kind."""
        return next((one for one in self.transports if one.kind == kind), None)
