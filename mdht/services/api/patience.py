"""When a question is asked again, because its answer was lost on the way and not because there is none.

A link may close, or its place be moved or killed, while a question is under way; what is asked again then finds the
next link. A peer may say that it is busy, or that a part of it is being started again. Both pass within a second, so
the pauses grow quickly, and there are few: a peer that is really gone is left to others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ipc import ServiceDied

from ...codec import ErrorCode
from ...errors import LinkClosed, LinkRefused, RequestFailed
from ...session import LinkFull, PeerGone
from ..errors import NotLinked

PAUSES_S: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds before each further try: 1.5 together, which is what a process of links takes to start on a busy machine."""

BUSY_PAUSES_S: Final = (0.25, 0.5, 1.0)
"""The same for a peer that says that it is busy, or a link with as many questions as it may have."""

LOOK_AGAIN_S: Final = 0.3
"""Seconds before a search is begun again that found nothing, and could not ask somebody who is there."""


_GOING: Final = ("moved", "shutdown")
"""Why a place of links that ends refuses a handshake: names of `codec.Farewell`."""


def dials_again(error: Exception) -> bool:
    """Whether a dial only came at a bad moment: to a place that ended before the link was open, there or here. A node
    that stops says the same; it does not listen when it is dialled again.
    """
    if isinstance(error, LinkRefused):
        return not error.by_us and error.reason in _GOING
    return isinstance(error, LinkClosed | PeerGone | ServiceDied)


def is_gone(error: Exception) -> bool:
    """A service of this node has died; the tree starts it again."""
    return isinstance(error, ServiceDied)


def connects_first(error: Exception) -> bool:
    """Whether there has to be a link before the question is asked again."""
    return isinstance(error, NotLinked) or dials_again(error)


def may_be_there(errors: Iterable[Exception]) -> bool:
    """Whether one of these is of a peer that would have answered at another moment."""
    return any(again_s(error, 0) is not None for error in errors)


def again_s(error: Exception, tries: int) -> float | None:
    """Seconds until a question that ended so, after so many further tries, is asked again; None: it is not."""
    if isinstance(error, NotLinked) or dials_again(error):
        return PAUSES_S[tries] if tries < len(PAUSES_S) else None
    if isinstance(error, LinkFull) or (isinstance(error, RequestFailed) and error.code == ErrorCode.BUSY):
        return BUSY_PAUSES_S[tries] if tries < len(BUSY_PAUSES_S) else None
    return None
