"""The clock that peers agree on, published to all services of a node, and told to its operator where it is far off."""

from __future__ import annotations

import logging
from typing import Final

from ...limits import CLOCK_LOGGED_S
from ...routing.clock import ClockVotes
from ..surroundings import Surroundings

_log: Final = logging.getLogger(__name__)


class PeerClock:
    """`now_s` is the loop's clock. Does nothing where the surroundings have no offset to publish."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._votes = ClockVotes()
        self._told_s = 0.0

    @property
    def offset_s(self) -> float:
        """Seconds by which this machine's clock is corrected now."""
        offset = self._around.offset
        return 0.0 if offset is None else float(offset.value)

    @property
    def votes(self) -> int:
        """Peers whose clocks are known."""
        return len(self._votes)

    def vote(self, peer: bytes, host: str, offset_s: float, now_s: float) -> None:
        """A handshake with a peer at `host` has shown its clock to be so far ahead of ours, uncorrected."""
        self._votes.vote(peer, host, offset_s, now_s, self._around.clock_s())
        self.correct(now_s)

    def correct(self, now_s: float) -> None:
        """Let everybody use the clock that peers agree on, as of now."""
        offset = self._around.offset
        if offset is None:
            return
        offset_s = self._votes.offset_s(now_s, self._around.clock_s())
        if offset_s != offset.value:
            offset.publish(offset_s)
        if abs(offset_s) >= CLOCK_LOGGED_S and abs(offset_s - self._told_s) >= CLOCK_LOGGED_S:
            _log.warning(
                "this machine's clock is %.0f s %s, as its peers have it: records are judged by theirs; set the clock",
                abs(offset_s),
                "behind" if offset_s > 0 else "ahead",
            )
            self._told_s = offset_s
