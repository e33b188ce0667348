"""Counts what became of a put at each replica, and says what that means for who asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...codec import Verdict
from ...errors import Conflict, MdhtError, Superseded, TooFewReplicas
from ..commands import Kept
from .commands import PutDone


@dataclass(slots=True)
class Tally:
    """One put: `wanted` replicas are asked, `least` of them must hold it."""

    key: bytes
    sequence: int
    expect: int | None
    wanted: int
    least: int
    own: int = 0
    """Of `stored`, that by this node."""
    stored: int = 0
    conflicts: int = 0
    superseded: int = 0
    held: int = 0
    """The highest sequence that a replica has instead."""
    errors: list[Exception] = field(default_factory=list)

    def count(self, kept: Kept, own: bool = False) -> None:
        """A replica's answer."""
        if kept.verdict in (Verdict.STORED, Verdict.HELD):
            self.stored += 1
            self.own += own
            return
        self.conflicts += kept.verdict == Verdict.CONFLICT
        self.superseded += kept.verdict == Verdict.SUPERSEDED
        self.held = max(self.held, kept.held)

    def result(self) -> PutDone:
        """What is told to who asked.

        Raises Conflict or Superseded where as many replicas said so as stored it, TooFewReplicas where too few stored
        it, or none but this node although others were wanted.
        """
        if self.conflicts and self.conflicts >= self.stored:
            raise Conflict(self.expect or 0, self.held)
        if self.superseded and self.superseded >= self.stored:
            raise Superseded(self.sequence, self.held)
        alone = self.wanted > 1 and self.stored == self.own
        if self.stored < self.least or alone:
            raise TooFewReplicas(self.stored - (self.own if alone else 0), self.wanted, self._reason(alone))
        return PutDone(self.key, self.sequence, self.stored, self.wanted)

    def _reason(self, alone: bool) -> str:
        if self.errors:
            error = self.errors[0]
            return str(error) if isinstance(error, MdhtError) else type(error).__name__
        return "no other peer was found: connect first" if alone else "no peer answered"
