"""How a place of links leaves them before it moves, so that no request is lost on the way.

A live link cannot be sent to another process: the state of its TLS session stays with OpenSSL. So every peer is told
MOVING, and asks nothing new on the old link; what was asked before is answered on it, and then it ends. The peer dials
again meanwhile: its connection waits in the kernel until somebody accepts it at the new place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ...codec import Farewell
from ...session.life import Life
from .link import Link

_OVER = (Life.CLOSING, Life.CLOSED)


class Leaving:
    """Begins at once. `done` is called on a later turn, once no link has anything left to say.

    `drain_s`: seconds after which a link ends whatever waits on it. `unclaim` says of a link that it is of no more use.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        links: Callable[[], Iterable[Link]],
        unclaim: Callable[[Link], None],
        touched: Callable[[Link], None],
        drain_s: float,
        done: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._links = links
        self._done = done
        self._over = False
        now_s = loop.time()
        for link in list(links()):
            session = link.session
            if session.life is Life.OPEN:
                session.move(drain_s, now_s)
                unclaim(link)
                session.retire(drain_s, now_s)
            elif session.life not in _OVER:
                session.close(now_s, Farewell.MOVED)
            touched(link)
        self._timer = loop.call_later(drain_s + 0.5, self._end)  # what a session would not end by itself
        self.look()

    def look(self) -> None:
        """A link has ended: whether it was the last."""
        if not self._over and all(link.session.life in _OVER for link in self._links()):
            self._end()

    def cancel(self) -> None:
        """`done` is not called any more."""
        self._over = True
        self._timer.cancel()

    def _end(self) -> None:
        if not self._over:
            self.cancel()
            self._loop.call_soon(self._done)
