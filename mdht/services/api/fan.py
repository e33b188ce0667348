"""One question to several peers at once, who are known to be the right ones.

As long as all of them answer as usual, that is all. As soon as one fails, is slower than usual, or names peers that are
nearer, a search takes over with what was asked and answered so far: it asks others instead, and the nearer ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ...routing import Lookup
from ..commands import Kept
from ..roster import Known
from .operation import Operation
from .search import Search

Ask = Callable[[Known, Callable[[Any, Exception | None], None]], None]
"""Asks a peer the question; the second argument is told what came of it."""


class Fan:
    """Asks `peers` at once. `done(closest, errors)` is called once, unless the operation ends before.

    `patience_s`: how long all of them may take together before others are asked as well. `begin_search`
    makes the search that takes over, and tells what it finds; its lookup has `peers` as its nearest candidates, and
    room for all of them at once.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        operation: Operation,
        peers: Sequence[Known],
        ask: Ask,
        begin_search: Callable[[], tuple[Search, Lookup[Known, Any]]],
        patience_s: float,
        done: Callable[[tuple[Known, ...], list[Exception]], None],
    ) -> None:
        self._loop = loop
        self._operation = operation
        self._peers = peers
        self._begin_search = begin_search
        self._done = done
        self._left = len(peers)
        self._told: list[tuple[Known, Any, Exception | None]] = []
        self._search: Search | None = None
        self._timer = loop.call_later(patience_s, self._take_over)
        operation.running = self
        for peer in peers:
            ask(peer, self._teller(peer))

    def cancel(self) -> None:
        """The operation is over."""
        self._timer.cancel()
        if self._search is not None:
            self._search.cancel()

    def _teller(self, peer: Known) -> Callable[[Any, Exception | None], None]:
        def told(value: Any, error: Exception | None) -> None:
            if self._operation.over:
                return
            if self._search is not None:
                self._pass_on(self._search, peer, value, error)
                return
            self._told.append((peer, value, error))
            self._left -= 1
            if error is not None or not _as_usual(value):
                self._take_over()
            elif not self._left:
                self._timer.cancel()
                self._done(tuple(self._peers), [])

        return told

    def _take_over(self) -> None:
        self._timer.cancel()
        search, lookup = self._begin_search()
        for _ in self._peers:
            lookup.next(self._loop.time())  # they were asked already
        self._search = search
        search.hold()
        for peer, value, error in self._told:
            self._pass_on(search, peer, value, error)
        search.release()

    def _pass_on(self, search: Search, peer: Known, value: Any, error: Exception | None) -> None:
        if error is None:
            search.answered(peer, value)
        else:
            search.failed(peer, error)


def _as_usual(value: Any) -> bool:
    return isinstance(value, Kept) and not value.peers
