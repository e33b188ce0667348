"""The listener: accepts connections, and hands each to the place of links that has the fewest.

It stays with the node, so its sockets outlive every place: what is dialled while one is started again, or while links
move, waits in the kernel, or goes to another place.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from ipc import Answer, Service, Token

from ...model import Address, parse_address
from ...model.address import CONFIGURED, INTERFACE
from ...transport.accepting import Acceptor, listeners_at
from ...transport.passing import Outlet, Passed, inlet_name, remove_inlets
from .commands import Advertise, LetIn, LinkGone, PlaceBegan, PlacesAre, WhereAmI

_log: Final = logging.getLogger(__name__)

_REST_S: Final = 0.1
"""Seconds before places are asked again whether they take a connection, where none of them says so by itself."""

_ARRIVED: Final = "arrived"
"""What the service tells itself where it goes on."""


class Listener(Service):
    """See the module. Outlets: `links`. `inlets` is of `new_inlets`; it is given back at the end.

    `places`: in how many places links live. A connection that none of them can take now is kept, and nobody else let
    in, until one can. `inherited`: sockets that listen already, used where their port is in `listen`; they stay open,
    for when the service is started again.
    """

    def __init__(
        self,
        listen: list[tuple[str, str, int]],
        advertise: list[str],
        inlets: str,
        places: int,
        inherited: tuple[socket.socket, ...] = (),
    ) -> None:
        self._listen = listen
        self._inherited = inherited
        self._advertise = [parse_address(text, CONFIGURED) for text in advertise]
        self._inlets = inlets
        self._places = places

    # -- life ----------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        self._acceptors: list[Acceptor] = []
        self._outlet = Outlet()
        self._held: socket.socket | None = None
        self._retry: asyncio.TimerHandle | None = None
        try:
            for at, (kind, host, port) in enumerate(self._listen):
                bound = await listeners_at(host, port, self._inherited)
                self._listen[at] = (kind, host, bound[0].getsockname()[1])  # the same again, wherever it moves
                acceptor = Acceptor(bound, self._took)
                acceptor.pause()
                self._acceptors.append(acceptor)
        except BaseException:
            self.close()
            raise
        if hasattr(self, "_begun"):
            self.after(0.0, _ARRIVED)

    def start(self) -> None:
        self._links: Counter[int] = Counter()
        self._begun: set[int] = set()
        self._open = True
        self._asked: list[Token] = []
        for place in range(self._places):
            self.outlets.links.request(self._addresses(place), place)

    def close(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        if self._retry is not None:
            self._retry.cancel()
        self._outlet.close()
        if self._held is not None:
            self._held.close()

    def stop(self) -> None:
        remove_inlets(self._inlets)

    # -- commands ------------------------------------------------------------------------------------------------------

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is LinkGone:
            self._links[command.place] = max(0, self._links[command.place] - 1)
        elif kind is Answer:
            self._answered(command)
        elif kind is PlaceBegan:
            self._links[command.place] = 0
            self.outlets.links.cast(self._addresses(command.place))
        elif kind is PlacesAre:
            self._places = command.count
            self._links = Counter({place: self._links[place] for place in range(command.count)})
            self._begin(range(command.count))
        elif kind is LetIn:
            self._open = command.wanted
            self._look()
        elif command == _ARRIVED:
            self._look()
        elif kind is WhereAmI:
            if self._starting:
                self._asked.append(self.later())
            return self._here()
        else:
            raise TypeError(f"the listener knows no {command!r}")
        return None

    @property
    def _starting(self) -> bool:
        return len(self._begun) < self._places

    def _answered(self, answer: Answer) -> None:
        """A place knows what to advertise; once all do, connections are let in."""
        if answer.error is not None:
            _log.warning("the links at place %s do not begin: %s", answer.tag, answer.error)
        self._begin([answer.tag])

    def _begin(self, places: Iterable[int]) -> None:
        self._begun.update(places)
        if not self._starting:
            self._look()
            for token in self._asked:
                self.reply(token, self._here())
            self._asked.clear()

    def _here(self) -> list[str]:
        return [str(address) for address in self._known()]

    def _known(self) -> list[Address]:
        return self._advertise or [Address(kind, host, port, INTERFACE) for kind, host, port in self._listen]

    def _addresses(self, place: int) -> Advertise:
        return Advertise(place, tuple(self._here()), bool(self._advertise))

    # -- accepting -----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Let in, or do not: whoever waits goes first."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._outlet.forget()
        wanted = self._open and not self._starting
        if wanted and (held := self._held) is not None:
            self._held = None
            self._took(held)
            wanted = self._held is None
        for acceptor in self._acceptors:
            if wanted:
                acceptor.resume()
            else:
                acceptor.pause()

    def _took(self, connection: socket.socket) -> None:
        """To the place with the fewest links, else to the next that takes it; else it waits, and all others."""
        behind: list[str] = []
        for place in sorted(range(self._places), key=self._links.__getitem__):
            path = inlet_name(self._inlets, place)
            passed = self._outlet.pass_on(connection, path)
            if passed is Passed.TAKEN:
                self._links[place] += 1
                connection.close()
                return
            if passed is Passed.BEHIND:
                behind.append(path)
        self._held = connection
        for acceptor in self._acceptors:
            acceptor.pause()
        self._outlet.wait(behind, self._look)
        self._retry = self.loop.call_later(_REST_S, self._look)
