"""Two nodes with one identity: what the second one learns, and tells its operator.

A peer has one link to an id. Where it has one already, and whoever is there answers, a second node with a copy of the
identity is refused as a duplicate, although it has no link to that peer. Nothing flaps: the first one keeps its links.
"""

from __future__ import annotations

import logging
from typing import Final

from ...model import short_id

_log: Final = logging.getLogger(__name__)

TWINS: Final = 64
"""Peers remembered: more prove nothing more."""


class Twins:
    """Peers that are linked to another node with our id."""

    def __init__(self, own_id: bytes) -> None:
        self._own_id = own_id
        self._peers: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._peers)

    def seen_by(self, peer: bytes) -> None:
        """A peer has refused us as a duplicate, and no other link to it came about. Logged when it is the first."""
        if not self._peers:
            _log.error(
                "%s refuses this node, since it is linked to another one with the same identity, %s: stop one of them, "
                "or give this one a data directory of its own",
                short_id(peer),
                self._own_id.hex(),
            )
        if len(self._peers) < TWINS:
            self._peers.add(peer)

    def discard(self, peer: bytes) -> None:
        """We are linked to it after all."""
        self._peers.discard(peer)
