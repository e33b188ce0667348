"""A supervisor: named services, started in order, stopped in reverse, restarted within an intensity, moved while they
run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from .channels.bounds import Bounds
from .client import Client
from .errors import Closed, WouldDeadlock
from .lifecycle import TreeOwner
from .limits import MOVE_TIMEOUT_S, REMOTE_PEERS, STOP_TIMEOUT_S
from .placement import Placement
from .remote.curve import Curve
from .remote.exposure import Exposure, Terms, open_exposure
from .scheduling import Scheduling
from .service import Service, check_class
from .stats import ServiceStats
from .threads import parked_host, refuse_to_block
from .tree import shutdown
from .tree.core import Tree
from .tree.legal import check_placement
from .tree.move import move
from .tree.numbers import stats_of
from .tree.records import ServiceRecord


class Supervisor(TreeOwner):
    """A tree of services.

        with Supervisor() as tree:                  # or: async with Supervisor() as tree, on the running loop
            tree.add("store", Store(path), "process+pipe")
            tree.add("api", Api(), outlets={"store": "store"})
            tree.client("api").call(...)

    At most `max_restarts` of one process, or of one service that ended by itself, within `window_s` seconds, however
    many services lived in it; one more, and the tree gives up: everything is stopped, callers get `TooManyRestarts`,
    and so does `wait`. Thread-safe.
    """

    # -- services ------------------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        service: Service,
        placement: str | Placement = "inline",
        *,
        outlets: dict[str, str] | None = None,
        bounds: Bounds | None = None,
        restart: bool = True,
        affinity: Iterable[int] | None = None,
        nice: int | None = None,
        watchdog_s: float | None = None,
    ) -> None:
        """Add a service and start it; before the tree is entered it is started then, in the order of adding. Blocks.

        `outlets` are the service's names for others of this tree, which may be added later; `bounds` are those of its
        channels. Where it dies it is restarted, unless `restart` is False: then its callers get `ServiceDied` from then
        on.

        `affinity` (numbers of processors) and `nice` (-20 to 19) are given to its processes when they start, and kept
        over restarts and moves; with them it can only be placed, or moved, in a `process`, and members of a group must
        name the same. After `watchdog_s` seconds in which it serves nothing although commands wait, or one call lasts,
        its process is killed and it is restarted; where it has none, that is logged and counted only (`stats().hangs`).
        A process that itself does not answer for as long is killed, too, with all that lives in it.

        Returns once `start` has succeeded, or raises what it raised. Raises `PlacementError`, `TypeError`,
        `ValueError` for a name that is taken or a number that cannot be, `PermissionError` for a nice that is not
        allowed, `StartTimeout`, `Closed`, `WouldDeadlock`.
        """
        scheduling = Scheduling.check(affinity, nice)
        record = self._record(name, service, placement, outlets, bounds, restart, scheduling, watchdog_s)
        if self._tree is None:
            self._pending.append(record)
            return
        refuse_to_block("add")
        self._start(record)

    async def aadd(
        self,
        name: str,
        service: Service,
        placement: str | Placement = "inline",
        *,
        outlets: dict[str, str] | None = None,
        bounds: Bounds | None = None,
        restart: bool = True,
        affinity: Iterable[int] | None = None,
        nice: int | None = None,
        watchdog_s: float | None = None,
    ) -> None:
        """`add`, awaited."""
        scheduling = Scheduling.check(affinity, nice)
        record = self._record(name, service, placement, outlets, bounds, restart, scheduling, watchdog_s)
        await self._astart(self.tree, record)

    def _record(
        self,
        name: str,
        service: Service,
        placement: str | Placement,
        outlets: Any,
        bounds: Bounds | None,
        restart: bool,
        scheduling: Scheduling | None,
        watchdog_s: float | None,
    ) -> ServiceRecord:
        cls = type(service)
        check_class(cls)
        where = Placement.parse(placement)
        check_placement(cls, where, scheduling=scheduling)
        if watchdog_s is not None and not watchdog_s > 0:
            raise ValueError(f"watchdog_s is {watchdog_s!r}; it must be more than 0 seconds")
        if not name or not isinstance(name, str):
            raise ValueError(f"a service needs a name, not {name!r}")
        known = {record.name for record in self._pending} if self._tree is None else set(self._tree.services)
        if name in known:
            raise ValueError(f"a service {name!r} is in the tree already; choose another name")
        if service._ipc_cell is not None:
            raise ValueError(f"this {cls.__qualname__} object is placed already; make another one")
        return ServiceRecord(
            name,
            cls,
            service._ipc_parameters,
            service,
            where,
            dict(outlets or {}),
            bounds or Bounds(),
            restart,
            scheduling,
            watchdog_s,
        )

    def remove(self, name: str, timeout: float = STOP_TIMEOUT_S) -> None:
        """Stop one service and take it out of the tree; its clients get `Closed`, and so do the open requests of other
        services' outlets, which may be used again once a service of that name is added.

        Running calls have half of `timeout` seconds to end, and its `stop` the rest; what `stop` raises, or that it did
        not end in time, is logged. Queued commands are refused. Blocks for at most about that long. Raises
        `UnknownService`, `Closed`, `WouldDeadlock`.
        """
        tree, record = self.tree, self._known(name)
        self._drive("remove", lambda: tree.operate(self._remove(tree, record, timeout)))

    async def aremove(self, name: str, timeout: float = STOP_TIMEOUT_S) -> None:
        """`remove`, awaited."""
        tree, record = self.tree, self._known(name)
        await self._adrive(lambda: tree.operate(self._remove(tree, record, timeout)))

    @staticmethod
    async def _remove(tree: Tree, record: ServiceRecord, timeout_s: float) -> None:
        async with record.lock:
            hosts = {cell.host for cell in record.cells}
            await shutdown.stop_service(tree, record, timeout_s)
            tree.services.pop(record.name, None)
            for port in tree.ports_to(record):
                if port.owner is None:
                    await tree.drop_port(port, Closed(f"service {record.name!r} was removed"))
                else:
                    port.lines = []
                    await tree.agent_of(port.owner).do("attach", port.id, [], None)
            for host in hosts:
                await tree.drop_if_empty(host)

    def client(self, name: str) -> Client:
        """A client of a service; close it when it is no longer needed. A client keeps the order of its own commands,
        and has the service's bounds to itself.

        Blocks for a moment, also while the service is in a long call. Raises `UnknownService`, `Closed`,
        `WouldDeadlock`.
        """
        tree, record = self.tree, self._known(name)
        port_id = self._drive("client", lambda: tree.operate(_client_port(tree, record)), record.placement)
        return Client(name, tree.local.agent.ports[port_id], self)

    async def aclient(self, name: str) -> Client:
        """`client`, awaited."""
        tree, record = self.tree, self._known(name)
        port_id = await self._adrive(lambda: tree.operate(_client_port(tree, record)))
        return Client(name, tree.local.agent.ports[port_id], self)

    def close_client(self, port_id: int) -> None:
        """What `Client.close` does."""
        tree = self.tree
        if not tree.closing:
            self._drive("close", lambda: _close_port(tree, port_id))

    async def aclose_client(self, port_id: int) -> None:
        """`close_client`, awaited."""
        tree = self.tree
        if not tree.closing:
            await self._adrive(lambda: _close_port(tree, port_id))

    def expose(
        self,
        name: str,
        endpoint: str,
        curve: Curve | None = None,
        allow: Iterable[str] = (),
        *,
        bounds: Bounds | None = None,
        max_peers: int = REMOTE_PEERS,
    ) -> Exposure:
        """Let other machines reach a service at `endpoint` (`tcp://address:port`; 0 or * for any), by `ipc.connect`.

        `curve` are this side's keys, `allow` the public keys of those who may connect: without them it raises
        `Insecure`. `bounds` are those of each caller (`limits.REMOTE_COMMANDS` and `REMOTE_BYTES` where none are
        given), of at most `max_peers` callers. It is closed with the tree, or by its own `close`. Blocks until the
        endpoint is bound. Raises `UnknownService`, `ChannelError` where the endpoint cannot be had, `ValueError` for
        one that is none, `Closed`, `WouldDeadlock`.
        """
        tree, _ = self.tree, self._known(name)
        make = partial(self._expose, tree, Terms.check(name, endpoint, curve, allow, bounds, max_peers))
        refuse_to_block("expose")
        with self._lock:
            tree.reader()
        exposure: Exposure = self._drive("expose", make)
        return exposure

    async def aexpose(
        self,
        name: str,
        endpoint: str,
        curve: Curve | None = None,
        allow: Iterable[str] = (),
        *,
        bounds: Bounds | None = None,
        max_peers: int = REMOTE_PEERS,
    ) -> Exposure:
        """`expose`, awaited."""
        tree, _ = self.tree, self._known(name)
        make = partial(self._expose, tree, Terms.check(name, endpoint, curve, allow, bounds, max_peers))
        exposure: Exposure = await self._adrive(make)
        return exposure

    async def _expose(self, tree: Tree, terms: Terms) -> Exposure:
        tree.refuse_closed()
        exposure = await open_exposure(tree, terms)
        self._exposures = [*(known for known in self._exposures if not known.closed), exposure]
        return exposure

    def move(self, name: str, placement: str | Placement, timeout: float = MOVE_TIMEOUT_S) -> None:
        """Move a running service; see `Client.move`."""
        tree, record, where = self.tree, self._known(name), Placement.parse(placement)
        parked = parked_host()
        if parked is not None and any(cell.host.host is parked for cell in record.cells):
            raise WouldDeadlock(f"service {name!r} cannot wait for its own move: let another thread move it")
        self._drive("move", lambda: tree.operate(move(tree, record, where, timeout)), where)

    async def amove(
        self,
        name: str,
        placement: str | Placement,
        timeout: float = MOVE_TIMEOUT_S,
        *,
        prepare: Callable[[], Awaitable[None]] | None = None,
        regroup: bool = False,
    ) -> None:
        """`move`, awaited. `prepare` is awaited while the service still serves, once the new place is there and only if
        it is another one; what it raises ends the move. With `regroup` the placement may name a group that is there
        with another size: a new one of that name begins, for its members to follow one by one, and the old one ends
        with its last.
        """
        tree, record, where = self.tree, self._known(name), Placement.parse(placement)
        await self._adrive(lambda: tree.operate(move(tree, record, where, timeout, prepare, regroup)))

    def placement(self, name: str) -> str:
        """Where a service is now."""
        return str(self._known(name).placement)

    def names(self) -> list[str]:
        """The services, in the order they were started."""
        return list(self.tree.services)

    def stats(self) -> dict[str, ServiceStats]:
        """The numbers of every service, by name. Blocks while child processes answer, all at once, at most
        `STATS_TIMEOUT_S` seconds: of one that does not, there is what it said last, and `silent_s`. One that has just
        died counts nothing. Raises `Closed`, `WouldDeadlock`.
        """
        tree = self.tree
        tree.refuse_closed()
        result: dict[str, ServiceStats] = self._drive("stats", lambda: tree.operate(stats_of(tree)))
        return result

    async def astats(self) -> dict[str, ServiceStats]:
        """`stats`, awaited."""
        tree = self.tree
        tree.refuse_closed()
        result: dict[str, ServiceStats] = await self._adrive(lambda: tree.operate(stats_of(tree)))
        return result


async def _client_port(tree: Tree, record: ServiceRecord) -> int:
    async with tree.lock:
        return (await tree.new_port(record.name, None, record.bounds)).id


async def _close_port(tree: Tree, port_id: int) -> None:
    async with tree.lock:
        for ports in tree.ports.values():
            if (port := ports.get(port_id)) is not None:
                await tree.drop_port(port, Closed("the client is closed"))
                return
