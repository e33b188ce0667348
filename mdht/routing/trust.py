"""How trust, where there is some, ranks peers and the owners of records. Without it everybody is equal.

Only the interface and its neutral form live here: a web of signed statements can be put behind it later, and neither
the table nor lookups nor the choice between records change. `model.best_of` takes `Trust.owner` as it is.
"""

from __future__ import annotations

from typing import Final, Protocol


class Trust(Protocol):
    """Numbers to rank by: 0 is unknown, more is better, below 0 is to be shunned. Asked often, so it must be fast."""

    def peer(self, peer_id: bytes) -> float:
        """How far this peer (its id) is trusted to route and to store. Below 0 it gets no place, and is not asked."""
        ...

    def owner(self, owner: bytes) -> float:
        """How far the writer of a record (its public key) is trusted to be whom the record's name stands for."""
        ...


class NeutralTrust:
    """Everybody is unknown."""

    def peer(self, peer_id: bytes) -> float:
        """0 for all."""
        return 0.0

    def owner(self, owner: bytes) -> float:
        """0 for all."""
        return 0.0


NEUTRAL: Final = NeutralTrust()
