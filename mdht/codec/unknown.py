"""What a message becomes that this version does not know."""

from __future__ import annotations

from dataclasses import dataclass

from .messages import REPLY_NUMBERS, REQUEST_NUMBERS


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a newer version: its number `tag`, and the request that it makes or answers (0 in a notice).

    Where `is_request`, it is answered by `failures.answer_unknown`; any other is ignored, and counted.
    """

    tag: int
    request: int = 0

    @property
    def is_request(self) -> bool:
        """Whether its sender waits for an answer."""
        return self.tag in REQUEST_NUMBERS

    @property
    def is_reply(self) -> bool:
        """Whether it answers one of our requests (which no peer should do with a message that we never asked for)."""
        return self.tag in REPLY_NUMBERS
