"""Wires, sessions and timers of the link service; what is to be sent is gathered until a turn of the loop ends."""

from __future__ import annotations

import asyncio
import logging
import socket
from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any, Final

from ipc import Service

from ...errors import Refusal
from ...routing import is_local, subnet_of
from ...session import HalfOpen, Role, Session, SessionConfig, TlsContexts
from ...transport import Wire
from ...transport.passing import adopt
from ..surroundings import Surroundings
from .commands import LinkGone, LinkStats
from .leaving import Leaving
from .link import Link
from .places import link_number

_log: Final = logging.getLogger(__name__)


class LinkWires(Service):
    """The lower half of `Links`: makes links of wires, and moves bytes between the two."""

    _around: Surroundings
    _inlets: str
    _config: SessionConfig
    _last: int

    def _begin_wires(self, half_open: int) -> None:
        """At a place, with no links yet."""
        self._time = self.loop.time
        self._links: dict[int, Link] = {}
        self._half_open: HalfOpen[int] = HalfOpen(half_open, min(16, half_open))
        self._tasks: set[asyncio.Task[None]] = set()
        self._dirty: list[Link] = []
        self._flushing = self._closing = False
        self._leaving: Leaving | None = None
        self._idle: asyncio.Event | None = None
        self._tls = None if self._around.without_tls else TlsContexts()
        self._dialled = self._answered = self._refused = self._served = 0
        self._received = self._sent = self._failed = self._violations = self._busy = 0

    @abstractmethod
    def _events(self, link: Link) -> None:
        """Take what the session says."""

    @abstractmethod
    def _forget(self, link: Link) -> None:
        """Nobody is to ask its peer over this link any more."""

    def _task(self, work: Coroutine[Any, Any, None], *sets: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        for tasks in (self._tasks, *sets):
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        return task

    # -- new links -----------------------------------------------------------------------------------------------------

    def _took(self, connection: socket.socket) -> None:
        """The listener has handed it to us."""
        adopting = self._task(self._adopt(connection))
        adopting.add_done_callback(lambda done: connection.close() if done.cancelled() else None)

    async def _adopt(self, connection: socket.socket) -> None:
        try:
            await adopt(connection, self._begin_answer)
        except OSError as error:
            _log.debug("a connection was over before it was taken: %s", error)
            connection.close()
            self.outlets.listener.cast(LinkGone(self.shard))

    def _begin_answer(self, wire: Wire) -> Link:
        link = self._new(wire, Role.ANSWER, None, wire.host)
        self._answered += 1
        place = f"{wire.host}:{wire.port}" if is_local(wire.host) else link.subnet
        drop = self._half_open.add(link.number, place)
        if drop is not None:
            old = self._links[drop]
            old.session.refuse(Refusal.TOO_MANY, self._time())
            self.touched(old)
        if self._closing or self._leaving is not None:
            wire.abort()  # it dials again
        return link

    def _new(self, wire: Wire, role: Role, peer: bytes | None, who: str) -> Link:
        now_s = self._time()
        session = Session(
            self._config,
            role,
            tls=self._tls,
            challenge=self._around.random(32),
            now_s=now_s,
            wall_s=self._around.clock_s(),
            expected_id=peer,
            who=who,
        )
        self._last += 1
        link = Link(self, link_number(self._last, self.shard), wire, session, subnet_of(wire.host))
        self._links[link.number] = link
        self._arm(link)
        return link

    # -- what links tell -----------------------------------------------------------------------------------------------

    def heard(self, link: Link, data: bytes) -> None:
        """See `Owner`."""
        link.session.receive(data, self._time())
        self._events(link)
        self.touched(link)

    def over(self, link: Link) -> None:
        """See `Owner`."""
        link.session.receive_eof(self._time())
        self._events(link)
        if link.timer is not None:
            link.timer.cancel()
        self._forget(link)
        stats = link.session.stats()
        self._received += stats.received_bytes
        self._sent += stats.sent_bytes
        self._busy += stats.busy
        gone = self._links.pop(link.number, None) is not None
        if gone and self._inlets and not link.dialled and not self._closing:
            self.outlets.listener.cast(LinkGone(self.shard))
        if gone and not self._links and self._idle is not None:
            self._idle.set()

    def touched(self, link: Link) -> None:
        """See `Owner`."""
        if not link.dirty:
            link.dirty = True
            self._dirty.append(link)
            if not self._flushing:
                self._flushing = True
                self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        """The end of a turn: everything that links have to say."""
        self._flushing = False
        dirty, self._dirty = self._dirty, []
        for link in dirty:
            link.dirty = False
            try:
                self._send(link)
            except Exception:
                _log.exception("the link to %s is cut off", link.session.who)  # and the others get their turn
                link.wire.abort()

    def _send(self, link: Link) -> None:
        session, wire = link.session, link.wire
        now_s = self._time()
        while wire.writable and session.has_data and (data := session.data_to_send(now_s)):
            wire.write(data)
        self._events(link)
        if session.finished:
            wire.close()
            return
        if session.wants_data:
            wire.resume()
        else:
            wire.pause()
        self._arm(link)

    def _arm(self, link: Link) -> None:
        """A timer that is too early costs one look; one that is too late is never left."""
        due_s = link.session.next_deadline()
        if due_s is None or (link.timer is not None and link.timer_s <= due_s):
            return
        if link.timer is not None:
            link.timer.cancel()
        link.timer_s = due_s
        link.timer = self.loop.call_at(due_s, self._due, link)

    def _due(self, link: Link) -> None:
        link.timer = None
        link.session.handle_timer(self._time())
        if link.session.finished:
            link.wire.abort()  # no time is left for what it has not sent
            self._events(link)
        else:
            self._arm(link)
            self.touched(link)

    def _numbers(self, links: int) -> LinkStats:
        """In all since it came here; `links` are those that may be asked over."""
        live = [link.session.stats() for link in self._links.values()]
        return LinkStats(
            links=links,
            half_open=len(self._half_open),
            dialled=self._dialled,
            answered=self._answered,
            refused=self._refused,
            served=self._served,
            received_bytes=self._received + sum(one.received_bytes for one in live),
            sent_bytes=self._sent + sum(one.sent_bytes for one in live),
            failed=self._failed,
            dropped=self._half_open.stats().dropped,
            violations=self._violations,
            busy=self._busy + sum(one.busy for one in live),
        )
