"""The api service: what our own user asks, each with a deadline; drives lookups, and asks peers over their links.

A request is answered once, in time: with its result, or with the error that says why not. Peers that are not linked are
connected on the way.
"""

from __future__ import annotations

from typing import Any

from ipc import Answer, Service

from ..errors import Rejected, TimedOut
from ..limits import K
from ..model import Identity
from ..routing import End, Result
from .commands import (
    ApiNumbers,
    ApiStats,
    Connect,
    DoConnect,
    DoFind,
    DoGet,
    DoGetAll,
    DoPut,
    DoRefresh,
    Find,
    FoundPeers,
    WhoIsThere,
)
from .desk import ApiSettings, Desk
from .errors import TooBusy
from .getting import Getting
from .operation import Operation
from .placing import Placing
from .search import Search
from .surroundings import Surroundings


class Api(Service):
    """See the module. Outlets: `links`, `peers`, `store`."""

    def __init__(self, identity: Identity, settings: ApiSettings, around: Surroundings) -> None:
        self._identity = identity
        self._settings = settings
        self._around = around

    def start(self) -> None:
        self._operations: set[Operation] = set()
        self._puts = self._gets = self._failed = 0
        self._desk = Desk(self, self._identity, self._settings, self._around)
        self._getting = Getting(self._desk)
        self._placing = Placing(self._desk)
        self._desk.request("peers", WhoIsThere(), self._introduced)

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is Answer:
            self._desk.answered(command)
        elif kind is DoGet:
            operation = self._begin(command.timeout_s, "get")
            self._gets += 1
            self._getting.get(operation, command)
        elif kind is DoPut:
            self._placing.put(lambda: self._begin_put(command.timeout_s), command)
        elif kind is DoGetAll:
            operation = self._begin(command.timeout_s, "get_all")
            self._gets += 1
            self._getting.get_all(operation, command)
        elif kind is DoConnect:
            self._connect(command)
        elif kind is DoRefresh:
            self._refresh(command)
        elif kind is DoFind:
            self._find(command)
        elif kind is ApiNumbers:
            desk = self._desk
            return ApiStats(self._puts, self._gets, self._failed, len(self._operations), desk.asked, desk.forged)
        else:
            raise TypeError(f"the api service knows no {command!r}")
        return None

    def close(self) -> None:
        for operation in list(self._operations):
            operation.cancel()

    def _introduced(self, handle: Any, error: Exception | None) -> None:
        if error is not None:
            raise error
        self._desk.handle = handle

    # -- operations ----------------------------------------------------------------------------------------------------

    def _begin(self, timeout_s: float, what: str) -> Operation:
        if len(self._operations) >= self._settings.requests:
            raise TooBusy(self._settings.requests)
        operation = Operation(self.loop, self.later(), timeout_s, self._end)
        operation.late = lambda: operation.end(error=TimedOut(what, timeout_s))
        self._operations.add(operation)
        return operation

    def _begin_put(self, timeout_s: float) -> Operation:
        operation = self._begin(timeout_s, "put")
        self._puts += 1
        return operation

    def _end(self, operation: Operation, value: Any, error: Exception | None) -> None:
        self._operations.discard(operation)
        if error is not None:
            self._failed += 1
            self.reply(operation.token, error=error)
        else:
            self.reply(operation.token, value)

    # -- peers ---------------------------------------------------------------------------------------------------------

    def _connect(self, command: DoConnect) -> None:
        operation = self._begin(command.timeout_s, f"connecting to {command.seed}")

        def then(value: Any, error: Exception | None) -> None:
            operation.end(value, error)

        self._desk.request("peers", Connect(seed=command.seed), then)

    def _refresh(self, command: DoRefresh) -> None:
        operation = self._begin(command.timeout_s, "a refresh")

        def found(result: Result[Any, Any], search: Search) -> None:
            operation.end(len(result.closest))

        self._desk.search(operation, command.target, Find(command.target, K), _no_value, found, values=0, wanted=K)

    def _find(self, command: DoFind) -> None:
        operation = self._begin(command.timeout_s, "a lookup")

        def found(result: Result[Any, Any], search: Search) -> None:
            converged = result.end in (End.CONVERGED, End.EXHAUSTED)
            operation.end(FoundPeers(tuple(peer.record for peer in result.closest), converged))

        self._desk.search(operation, command.target, Find(command.target, K), _no_value, found, values=0, wanted=K)


def _no_value(packed: tuple[bytes, ...]) -> None:
    raise Rejected("a record where peers were asked for")
