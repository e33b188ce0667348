"""The api service: what our own user asks, each with a deadline; drives lookups, and asks peers over their links.

A request is answered once, in time: with its result, or with the error that says why not. Peers that are not linked are
connected on the way. When the service moves to another place, what was asked and not answered yet is begun again there:
asking twice for the same is harmless, and the deadline stays.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Final

from ipc import Answer, Closed, Service, Token

from ...errors import Rejected, TimedOut
from ...limits import K
from ...routing import End, Result
from ..commands import Find
from ..errors import TooBusy
from ..own import OwnIdentity
from ..peers.commands import Connect, WhoIsThere
from ..store.commands import StoreNumbers
from ..store.parts import ask_all
from ..surroundings import Surroundings
from .commands import ApiNumbers, ApiStats, DoConnect, DoFind, DoForget, DoGet, DoGetAll, DoPut, DoRefresh, FoundPeers
from .desk import ApiSettings, Desk
from .getting import Getting
from .operation import Operation
from .placing import Placing
from .search import Search

_ARRIVED: Final = "arrived"
"""What the service tells itself where it goes on."""

_AGAIN_S: Final = 0.1
"""Seconds before the peers service is asked again, where it did not answer."""

_log: Final = logging.getLogger(__name__)

_Waiting = tuple[Token, Any, float]
"""Who waits, what for, and until when (the loop's clock, which all processes of a machine share)."""


class Api(Service):
    """See the module. Outlets: `links`, `peers`, `store`."""

    def __init__(self, own: OwnIdentity, settings: ApiSettings, around: Surroundings) -> None:
        self._own = own
        self._settings = settings
        self._around = around

    # -- life ----------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self._operations: set[Operation] = set()
        self._desk = Desk(self, self._next_tag, self._own.identity, self._settings, self._around)
        self._getting = Getting(self._desk)
        self._placing = Placing(self._desk)
        if hasattr(self, "_waiting"):
            self.after(0.0, _ARRIVED)

    def start(self) -> None:
        self._waiting: dict[int, _Waiting] = {}
        self._counting: list[Token] = []
        self._begun = self._puts = self._gets = self._failed = 0
        self._tags = 0
        self._arrive()

    def close(self) -> None:
        for operation in list(self._operations):
            operation.cancel()

    def _arrive(self) -> None:
        """Here, or at a new place: what waits, and what comes, begins once we know whom we know."""
        self._desk.request("peers", WhoIsThere(), self._introduced)
        if self._counting:
            self._count()

    def _next_tag(self) -> int:
        self._tags += 1
        return self._tags

    def _introduced(self, handle: Any, error: Exception | None) -> None:
        if error is not None:
            _log.warning("the api does not know the peers yet: %s", error)
            if not isinstance(error, Closed):
                self.after(_AGAIN_S, _ARRIVED)
        elif self._desk.handle is None:
            self._desk.handle = handle
            for number, (token, command, until_s) in list(self._waiting.items()):
                self._serve(Operation(self.loop, number, token, until_s, self._end), command)

    # -- commands ------------------------------------------------------------------------------------------------------

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is Answer:
            self._desk.answered(command)
        elif kind is DoGet or kind is DoGetAll:
            self._gets += 1
            self._begin(command)
        elif kind is DoPut:
            self._placing.check(command)
            self._puts += 1
            fixed = command.expect is not None and not command.at_s
            self._begin(replace(command, at_s=int(self._around.wall_s())) if fixed else command)
        elif kind is DoConnect or kind is DoRefresh or kind is DoFind or kind is DoForget:
            self._begin(command)
        elif kind is ApiNumbers:
            return ApiStats(
                self._puts, self._gets, self._failed, len(self._waiting), self._desk.asked, self._desk.forged
            )
        elif kind is StoreNumbers:
            self._counting.append(self.later())
            if len(self._counting) == 1:
                self._count()
        elif command == _ARRIVED:
            self._arrive()
        else:
            raise TypeError(f"the api service knows no {command!r}")
        return None

    def _count(self) -> None:
        """The store in numbers, all its parts together, for everybody who has asked by then."""

        def counted(value: Any, error: Exception | None) -> None:
            tokens, self._counting = self._counting, []
            for token in tokens:
                self.reply(token, value, error=error)

        ask_all(lambda command, then: self._desk.request("store", command, then), counted)

    def _begin(self, command: Any) -> None:
        if len(self._waiting) >= self._settings.requests:
            raise TooBusy(self._settings.requests)
        until_s = self.loop.time() + command.timeout_s
        self._begun = number = self._begun + 1
        token = self.later()
        self._waiting[number] = (token, command, until_s)
        if self._desk.handle is not None:
            self._serve(Operation(self.loop, number, token, until_s, self._end), command)

    def _serve(self, operation: Operation, command: Any) -> None:
        self._operations.add(operation)
        operation.late = lambda: operation.end(error=TimedOut(_NAMES[type(command)], command.timeout_s))
        try:
            match command:
                case DoGet():
                    self._getting.get(operation, command)
                case DoPut():
                    self._placing.put(operation, command)
                case DoGetAll():
                    self._getting.get_all(operation, command)
                case DoConnect():
                    self._connect(operation, command)
                case DoRefresh():
                    self._refresh(operation, command)
                case DoFind():
                    self._find(operation, command)
                case DoForget():
                    self._placing.forget(operation, command)
        except Exception as error:
            operation.end(error=error)

    def _end(self, operation: Operation, value: Any, error: Exception | None) -> None:
        self._operations.discard(operation)
        del self._waiting[operation.number]
        if error is not None:
            self._failed += 1
            self.reply(operation.token, error=error)
        else:
            self.reply(operation.token, value)

    # -- peers ---------------------------------------------------------------------------------------------------------

    def _connect(self, operation: Operation, command: DoConnect) -> None:
        def then(value: Any, error: Exception | None) -> None:
            operation.end(value, error)

        self._desk.request("peers", Connect(seed=command.seed), then)

    def _refresh(self, operation: Operation, command: DoRefresh) -> None:
        def found(result: Result[Any, Any], search: Search) -> None:
            operation.end(len(result.closest))

        self._desk.search(operation, command.target, Find(command.target, K), _no_value, found, values=0, wanted=K)

    def _find(self, operation: Operation, command: DoFind) -> None:
        def found(result: Result[Any, Any], search: Search) -> None:
            converged = result.end in (End.CONVERGED, End.EXHAUSTED)
            peers = result.closest
            operation.end(FoundPeers(tuple(one.id for one in peers), tuple(one.record for one in peers), converged))

        self._desk.search(operation, command.target, Find(command.target, K), _no_value, found, values=0, wanted=K)


def _no_value(packed: tuple[bytes, ...]) -> None:
    raise Rejected("a record where peers were asked for")


_NAMES: Final[dict[type[Any], str]] = {
    DoGet: "get",
    DoGetAll: "get_all",
    DoPut: "put",
    DoConnect: "connecting",
    DoRefresh: "a refresh",
    DoFind: "a lookup",
    DoForget: "forgetting",
}
