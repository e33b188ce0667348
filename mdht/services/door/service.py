"""The door: a Unix socket in the data directory at which other programs of the node's user ask it.

It reads requests, hands them to the services that know, and writes their answers as they come; it waits for nothing. A
client that leaves is forgotten: what it asked is answered to nobody, and what it shared or fetched is given up. What is
said is in `mdht.control`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Final

from ipc import Answer, IpcError, Service, ServiceDied, UnknownService

from ...control import (
    About,
    AboutCall,
    Call,
    ProgressCall,
    Request,
    StatsCall,
    StopCall,
    pack_error,
    pack_reply,
    read_call,
    read_request,
)
from ...control.limits import CLIENTS, REQUESTS
from ...errors import DoorClosed, MdhtError, NotARequest, RemoteError
from ..api.again import Again
from ..errors import TooBusy
from ..files.commands import FileCancel
from ..links.commands import WhereAmI
from ..operate import Operator
from .client import Clients, DoorClient
from .commands import DoorNumbers, DoorStats
from .operations import OPERATIONS, work_of
from .requests import NUMBERS, command_of
from .socket import DoorSocket, peer_user

_log: Final = logging.getLogger(__name__)

_ASK_S: Final = 10.0
"""Seconds for what is answered without the network."""

_GOODBYE_S: Final = 1.0
"""Seconds at the end for replies to leave, before clients are cut off."""


@dataclass(slots=True)
class _Waiting:
    """A request whose answer is to come, in `parts` by name where several services have one each."""

    client: DoorClient
    number: int
    parts: dict[str, Any] | None = None
    missing: int = 1
    about: bool = False
    ticket: bytes = b""
    error: BaseException | None = None


@dataclass(slots=True)
class _Asked:
    """A command to a service, and its part of the answer; asked again where the service dies over it."""

    outlet: str
    command: Any
    again: Again
    part: str


class Door(Service, Clients):
    """See the module. Outlets: `api`, `peers`, `links`, `store`, `upkeep`, and `files` where there is one.

    `about` is what is said of the node, but for what changes. `stop` is called, on the door's thread, when a client
    wants the node to end; the `operator` does what changes it.
    """

    def __init__(self, path: str, about: About, stop: Callable[[], None], operator: Operator) -> None:
        self._path = path
        self._about = about
        self._stop = stop
        self._operator = operator

    # -- life ----------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        self._clients: set[DoorClient] = set()
        self._waiting: dict[int, tuple[_Waiting, _Asked]] = {}
        self._operating = 0
        self._last = 0
        self._requests = self._failed = self._refused = 0
        self._closing = False
        self._idle: asyncio.Event | None = None
        self._socket = DoorSocket(self._path)
        try:
            self._server = await self.loop.create_unix_server(self._client, sock=self._socket.socket)
        except BaseException:
            self._socket.close()
            raise

    async def close(self) -> None:
        self._closing = True
        self._server.close()
        self._socket.close()
        for client in list(self._clients):
            client.close()
        if self._clients:
            self._idle = asyncio.Event()
            try:
                async with asyncio.timeout(_GOODBYE_S):
                    await self._idle.wait()
            except TimeoutError:
                for client in list(self._clients):
                    client.abort()
                async with asyncio.timeout(_GOODBYE_S):
                    await self._idle.wait()
        self._waiting.clear()
        await asyncio.sleep(0)  # the server's own last callback

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is Answer:
            self._answer(command)
        elif kind is DoorNumbers:
            return self._stats()
        else:
            raise TypeError(f"the door service knows no {command!r}")
        return None

    def _stats(self) -> DoorStats:
        waiting = len(self._waiting) + self._operating
        return DoorStats(len(self._clients), waiting, self._requests, self._failed, self._refused)

    def _client(self) -> DoorClient:
        self._last += 1
        return DoorClient(self, b"%d:" % self._last)

    # -- clients -------------------------------------------------------------------------------------------------------

    def entered(self, client: DoorClient) -> bool:
        reason = self._objection(client)
        if reason:
            self._refused += 1
            client.end(DoorClosed(reason))
            return False
        self._clients.add(client)
        return True

    def _objection(self, client: DoorClient) -> str:
        """Why this one is not let in; empty: it is."""
        if self._closing:
            return "the node stops"
        if len(self._clients) >= CLIENTS:
            return f"{CLIENTS} programs ask it already; try again when one of them has ended"
        user, own = peer_user(client.transport), os.geteuid()
        if user not in (-1, 0, own):  # nobody else could open the socket: this is the second lock on that door
            _log.warning("%s: user %d may not ask this node of user %d", self._path, user, own)
            return f"it belongs to user {own}, and you are user {user}"
        return ""

    def misspoke(self, client: DoorClient, error: MdhtError) -> None:
        self._refused += 1
        client.end(error)

    def left(self, client: DoorClient) -> None:
        self._clients.discard(client)
        for waiting, _ in self._waiting.values():
            if waiting.client is client and waiting.ticket:
                try:
                    self.outlets.files.cast(FileCancel(waiting.ticket))
                except IpcError as error:
                    _log.warning("what a client that left was sharing or fetching goes on: %s", error)
        if not self._clients and self._idle is not None:
            self._idle.set()

    # -- requests ------------------------------------------------------------------------------------------------------

    def asked(self, client: DoorClient, body: bytes) -> None:
        try:
            request = read_request(body)
        except RemoteError as error:
            self.misspoke(client, error)
            return
        self._requests += 1
        client.waiting += 1
        try:
            self._begin(client, request)
        except UnknownService:
            self._reply(client, request.number, None, NotARequest(request.method, "it has no such service"))
        except (MdhtError, IpcError) as error:
            self._reply(client, request.number, None, error)

    def _begin(self, client: DoorClient, request: Request) -> None:
        call = read_call(request)
        if type(call) is StopCall:
            self._reply(client, request.number, os.getpid(), None)
            self._stop()
            return
        if len(self._waiting) + self._operating >= REQUESTS:
            raise TooBusy(REQUESTS)
        if type(call) is StatsCall:
            waiting = _Waiting(client, request.number, {"door": self._stats()}, len(NUMBERS))
            for part, (outlet, numbers) in NUMBERS.items():
                self._ask(waiting, outlet, numbers, part)
        elif type(call) is AboutCall:
            self._ask(_Waiting(client, request.number, about=True), "peers", WhereAmI())
        elif isinstance(call, OPERATIONS):
            self._operate(client, request.number, call)
        else:
            outlet, command = command_of(call, self._present(), client.name)
            ticket = getattr(command, "ticket", b"") if type(call) is not ProgressCall else b""
            self._ask(_Waiting(client, request.number, ticket=ticket), outlet, command)

    def _present(self) -> About:
        """What is said of the node now, but for its addresses."""
        places = {name: text for name, text in self._operator.placements.items() if text != "inline"}
        return replace(self._about, timeout_s=self._operator.config.timeout_s, placements=places)

    def _operate(self, client: DoorClient, number: int, call: Call) -> None:
        loop = self.loop

        def done(future: Future[Any]) -> None:
            try:
                loop.call_soon_threadsafe(self._operated, client, number, future)
            except RuntimeError:
                return  # the loop of the door has ended, and the client with it

        work = self._operator.submit(work_of(call, self._operator))
        self._operating += 1
        work.add_done_callback(done)

    def _operated(self, client: DoorClient, number: int, future: Future[Any]) -> None:
        if self._closing:
            return
        self._operating -= 1
        if future.cancelled():
            self._reply(client, number, None, DoorClosed("the node stops"))
        else:
            error = future.exception()
            self._reply(client, number, None if error is not None else future.result(), error)

    def _ask(self, waiting: _Waiting, outlet: str, command: Any, part: str = "") -> None:
        limit_s = getattr(command, "timeout_s", _ASK_S)
        self._ask_one(waiting, _Asked(outlet, command, Again(command, limit_s), part))

    def _ask_one(self, waiting: _Waiting, asked: _Asked) -> None:
        self._last += 1
        number = self._last
        self._waiting[number] = waiting, asked
        try:
            self.outlets[asked.outlet].request(asked.command, number)
        except IpcError:
            del self._waiting[number]
            raise

    def _answer(self, answer: Answer) -> None:
        waiting, asked = self._waiting.pop(answer.tag, (None, None))
        if waiting is None or asked is None:
            return  # the door was closed meanwhile
        error = answer.error
        if isinstance(error, ServiceDied):
            try:
                asked.command, _ = asked.again.after(error)
                self._ask_one(waiting, asked)
            except IpcError as failed:
                error = failed
            else:
                return
        waiting.missing -= 1
        waiting.error = waiting.error or error
        result = answer.value
        if waiting.parts is not None:
            waiting.parts[asked.part] = result
            result = waiting.parts
        elif waiting.about:
            result = replace(self._present(), addresses=tuple(result or ()))
        if not waiting.missing:
            self._reply(waiting.client, waiting.number, result, waiting.error)

    def _reply(self, client: DoorClient, number: int, result: Any, error: BaseException | None) -> None:
        frame = b""
        if error is None:
            try:
                frame = pack_reply(number, result)
            except (MdhtError, TypeError, ValueError) as cannot:
                error = cannot
        if error is not None:
            self._failed += 1
            frame = pack_error(number, error)
        client.write(frame)
        client.answered()
