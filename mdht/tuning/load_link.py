"""One link of a load maker: a session over TCP that asks again as soon as it is answered.

It is a session without the services of a node around it, so that a load maker takes less CPU than the node that it
asks: one that takes more would be measured instead.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final, Protocol

from ..codec import Closest, Found, Get, Put, Reply, Request, Stored
from ..codec.codes import Verdict
from ..errors import LinkClosed, MdhtError
from ..model import parse_seed
from ..session import (
    Answered,
    Asked,
    Ended,
    Opened,
    Proven,
    Role,
    Session,
    SessionConfig,
    TlsContexts,
    Unanswered,
)
from ..transport import Wire
from ..transport.tcp import TcpTransport

REQUEST_S: Final = 10.0
"""Seconds for an answer; a node under load that needs longer does not serve."""

OPEN_S: Final = 15.0
"""Seconds for a link to open."""

clock: Callable[[], float] = time.perf_counter


Job = tuple[bool, bytes, bytes]
"""Whether it is a put, the address, and the packed record."""


class Source(Protocol):
    """Where a link gets its requests, and who is told what became of them."""

    def next(self) -> Job | None:
        """What to ask; None: no more for now."""

    def done(self, job: Job, began_s: float, error: str) -> None:
        """One request is over; `error` is empty where it was answered as it should."""


class LoadLink:
    """See the module. For one event loop."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._waiting: dict[int, tuple[Job, float]] = {}
        self._session: Session | None = None
        self._wire: Wire | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, seed: str, config: SessionConfig, tls: TlsContexts) -> None:
        """Dial, and wait until both sides have accepted. Raises CannotDial, LinkRefused, LinkClosed, TimeoutError."""
        where = parse_seed(seed)

        def begin(wire: Wire) -> LoadLink:
            self._wire = wire
            self._session = Session(
                config,
                Role.DIAL,
                tls=tls,
                challenge=os.urandom(32),
                now_s=clock(),
                wall_s=time.time(),
                expected_id=where.peer,
                who=seed,
            )
            self._flush()
            return self

        async with asyncio.timeout(OPEN_S):
            await TcpTransport().dial(where.address.host, where.address.port, begin)
            await self._opened

    @property
    def usable(self) -> bool:
        """Whether it may ask."""
        return self._opened.done() and self._session is not None and self._wire is not None

    @property
    def waiting(self) -> int:
        """Requests that are not answered yet."""
        return len(self._waiting)

    def ask(self, count: int) -> None:
        """Begin so many requests; each is followed by another once it is answered, as long as there are some."""
        for _ in range(count):
            if not self._ask():
                break
        self._flush()

    def tick(self) -> None:
        """Now and then: what is late."""
        session = self._session
        if session is not None and (at_s := session.next_deadline()) is not None and at_s <= clock():
            session.handle_timer(clock())
            self._events()
            self._flush()

    def close(self) -> None:
        """Say goodbye. Idempotent."""
        if self._session is not None and self._wire is not None:
            self._session.close(clock())
            self._flush()
            self._wire.close()

    # -- what the wire tells -------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """See `transport.Receiver`."""
        if self._session is not None:
            self._session.receive(data, clock())
            self._events()
            self._flush()

    def writable(self) -> None:
        """See `transport.Receiver`."""
        self._flush()

    def ended(self) -> None:
        """See `transport.Receiver`."""
        if self._session is not None:
            self._session.receive_eof(clock())
            self._events()
        self._session = self._wire = None
        if not self._opened.done():
            self._opened.set_exception(LinkClosed("the node under test", "the connection ended"))

    # -- inside --------------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        session, wire = self._session, self._wire
        if session is None or wire is None:
            return
        while wire.writable and session.has_data and (data := session.data_to_send(clock())):
            wire.write(data)
        if session.finished:
            wire.close()

    def _events(self) -> None:
        session = self._session
        if session is None:
            return
        while (event := session.next_event()) is not None:
            kind = type(event)
            if kind is Answered:
                assert isinstance(event, Answered)
                self._answered(event.number, event.message)
            elif isinstance(event, Unanswered):
                job, began_s = self._waiting.pop(event.number)
                self._source.done(job, began_s, type(event.error).__name__)
                self._ask()
            elif isinstance(event, Asked):
                session.reply(Closest(event.message.request, []))  # we know nobody, and keep nothing
            elif isinstance(event, Proven):
                session.accept(clock())
            elif isinstance(event, Opened):
                if not self._opened.done():
                    self._opened.set_result(None)
            elif isinstance(event, Ended):
                if not self._opened.done():
                    self._opened.set_exception(event.error or LinkClosed("the node under test", "it said goodbye"))
                self._session = None if self._wire is None else session

    def _answered(self, number: int, reply: Reply) -> None:
        job, began_s = self._waiting.pop(number)
        self._source.done(job, began_s, _wrong(job, reply))
        self._ask()

    def _ask(self) -> bool:
        session = self._session
        if session is None or (job := self._source.next()) is None:
            return False
        put, address, record = job
        try:
            number = session.next_number
            message: Request = Put(number, record) if put else Get(number, address)
            session.request(message, clock(), REQUEST_S)
        except MdhtError as error:  # the link is full, or over
            self._source.done(job, clock(), type(error).__name__)
            return False
        self._waiting[number] = (job, clock())
        return True


def _wrong(job: Job, reply: Reply) -> str:
    """What is wrong with an answer; empty where nothing is."""
    put, _, record = job
    if put:
        return "" if isinstance(reply, Stored) and reply.verdict <= Verdict.HELD else _told(reply)
    return "" if isinstance(reply, Found) and reply.record == record else _told(reply)


def _told(reply: Reply) -> str:
    text = getattr(reply, "text", "")
    return f"{type(reply).__name__} {text}".strip()[:80]
