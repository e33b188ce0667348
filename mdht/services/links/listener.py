"""The listener: accepts connections, and hands each to the place of links that has the fewest.

Only where links live in several places; one alone listens itself. The sockets stay here when a place dies: what is
dialled meanwhile waits in the kernel, or goes to another place.
"""

from __future__ import annotations

import asyncio
import errno
import glob
import logging
import os
import shutil
import socket
import tempfile
from typing import Any, Final

from ipc import Answer, Service, Token

from ...model import Address, parse_address
from ...model.address import CONFIGURED, INTERFACE, TCP
from ...transport import CannotListen
from ...transport.passing import Outlet, bind
from ..commands import Advertise, LetIn, LinkGone, PlaceBegan, WhereAmI

_log: Final = logging.getLogger(__name__)

_TURN: Final = 64
"""Connections accepted in one turn of the loop."""

_REST_S: Final = 0.1
"""Seconds without accepting, where there are no descriptors left, or nobody takes what was accepted."""

_ARRIVED: Final = "arrived"
"""What the service tells itself where it goes on."""

_PREFIX: Final = "mdht-links-"
"""Of the directories of inlets; the process id of the node follows."""

_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def make_inlets() -> str:
    """A new directory that only this user can enter, for the inlets of the places. Raises OSError.

    Those that nodes have left which were killed are removed.
    """
    for left in glob.glob(os.path.join(tempfile.gettempdir(), f"{_PREFIX}*")):
        pid = os.path.basename(left).removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}") and os.path.isdir("/proc/self"):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")


def inlet_path(directory: str, place: int) -> str:
    """Where a place takes its connections."""
    return os.path.join(directory, str(place))


class Listener(Service):
    """See the module. Outlets: `links`. `directory` is that of `make_inlets`; it is removed at the end."""

    def __init__(self, listen: list[tuple[str, str, int]], advertise: list[str], directory: str, places: int) -> None:
        self._listen = listen
        self._advertise = [parse_address(text, CONFIGURED) for text in advertise]
        self._directory = directory
        self._places = places

    # -- life ----------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self._sockets: list[socket.socket] = []
        self._outlet = Outlet()
        self._rests = False
        self._resting: asyncio.TimerHandle | None = None
        try:
            for at, (kind, host, port) in enumerate(self._listen):
                if kind != TCP:
                    raise CannotListen(f"{kind}://{host}:{port}", "only TCP can be passed on to other processes")
                bound = bind(host, port)
                self._sockets.append(bound)
                self._listen[at] = (kind, host, bound.getsockname()[1])  # the same again, wherever it moves
        except BaseException:
            self._shut()
            raise
        if hasattr(self, "_told"):
            self.after(0.0, _ARRIVED)

    def start(self) -> None:
        self._links = [0] * self._places
        self._told = 0
        self._open = True
        self._asked: list[Token] = []
        for place in range(self._places):
            self.outlets.links.request(self._addresses(place), place)

    def close(self) -> None:
        self._shut()

    def stop(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def _shut(self) -> None:
        self._pause()
        if self._resting is not None:
            self._resting.cancel()
        for one in self._sockets:
            one.close()
        self._outlet.close()

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
        elif kind is LetIn or command == _ARRIVED:
            self._open = command.wanted if kind is LetIn else self._open
            self._pause()
            if self._told == self._places:
                self._resume()
        elif kind is WhereAmI:
            if self._told < self._places:
                self._asked.append(self.later())
            return self._here()
        else:
            raise TypeError(f"the listener knows no {command!r}")
        return None

    def _answered(self, answer: Answer) -> None:
        """A place knows what to advertise; once all do, connections are let in."""
        if answer.error is not None:
            _log.warning("the links at place %s do not begin: %s", answer.tag, answer.error)
        self._told += 1
        if self._told == self._places:
            self._resume()
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

    def _pause(self) -> None:
        for one in self._sockets:
            self.loop.remove_reader(one)

    def _resume(self) -> None:
        self._resting = None
        for one in self._sockets if self._open else ():
            self.loop.add_reader(one, self._accept, one)

    def _rest(self, why: str) -> None:
        if not self._rests:
            _log.warning("connections wait until there is room for them, with a look every %g s: %s", _REST_S, why)
        self._rests = True
        self._pause()
        if self._resting is None and self._open:
            self._resting = self.loop.call_later(_REST_S, self._resume)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_TURN):
            try:
                connection, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                self._rest(os.strerror(error.errno))
                return
            with connection:
                if not self._hand_on(connection):
                    self._rest("no process of links takes them")
                    return

    def _hand_on(self, connection: socket.socket) -> bool:
        """To the place with the fewest links, else to the next that takes it."""
        for place in sorted(range(self._places), key=self._links.__getitem__):
            if self._outlet.pass_on(connection, inlet_path(self._directory, place)):
                self._links[place] += 1
                self._rests = False
                return True
        return False
