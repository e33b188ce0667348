"""A supervisor: named services, started in order, stopped in reverse, restarted within an intensity, moved while they
run.
"""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing.util  # noqa: F401 - joins children at exit: registered before our handler, it runs after it
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import CancelledError
from functools import partial
from types import TracebackType
from typing import Any

from .cell import run_now
from .channels.bounds import Bounds
from .client import Client
from .errors import Closed, UnknownService, WouldDeadlock
from .host import Host
from .limits import CALL_TIMEOUT_S, MAX_RESTARTS, MOVE_TIMEOUT_S, REMOTE_PEERS, RESTART_WINDOW_S, STOP_TIMEOUT_S
from .placement import Placement
from .remote.curve import Curve
from .remote.exposure import Exposure, Terms, close_exposures, open_exposure
from .service import Service, check_class
from .spawners.coroutine import forget_default
from .spawners.inline import InlineHost
from .stats import ServiceStats, merge
from .threads import parked_host, refuse_to_block
from .tree import death, place, shutdown
from .tree.core import Tree
from .tree.hosts import INLINE
from .tree.legal import check_placement
from .tree.records import Intensity, ServiceRecord


class Supervisor:
    """A tree of services.

        with Supervisor() as tree:                  # or: async with Supervisor() as tree, on the running loop
            tree.add("store", Store(path), "process+pipe")
            tree.add("api", Api(), outlets={"store": "store"})
            tree.client("api").call(...)

    At most `max_restarts` within `window_s` seconds, all services together; one more, and the tree gives up: everything
    is stopped, callers get `TooManyRestarts`, and so does `wait`. Thread-safe.
    """

    def __init__(self, *, max_restarts: int = MAX_RESTARTS, window_s: float = RESTART_WINDOW_S) -> None:
        self._intensity = Intensity(max_restarts, window_s)
        self._tree: Tree | None = None
        self._lock = threading.RLock()
        self._closing = threading.RLock()
        self._pending: list[ServiceRecord] = []
        self._exposures: list[Exposure] = []
        self._ended = threading.Event()

    # -- opening and closing -------------------------------------------------------------------------------------------

    def _make(self, home: Host | None) -> Tree:
        if self._tree is not None:
            raise Closed("a Supervisor is entered once; make a new one")
        self._tree = tree = Tree(home, self._intensity)
        tree.on_death = death.on_event
        tree.shut_down = self._fail
        _live.add(self)
        return tree

    def open(self) -> Supervisor:
        """Enter without `with`: start what was added so far. Raises what it raised, having stopped the others."""
        refuse_to_block("open")
        self._make(None)
        try:
            for record in self._pending:
                self._start(record)
        except BaseException:
            self.close()
            raise
        return self

    async def aopen(self) -> Supervisor:
        """Live on the running event loop: coroutine and inline services are served there, with no thread between."""
        home = Host("ipc-home", asyncio.get_running_loop())
        home.adopt_thread()
        tree = self._make(home)
        try:
            for record in self._pending:
                await self._astart(tree, record)
        except BaseException:
            await self.aclose()
            raise
        return self

    def close(self, timeout: float = STOP_TIMEOUT_S) -> None:
        """Stop every service in reverse order, each within `timeout` seconds, then all threads and processes.
        Idempotent.

        Whoever waits gets `Closed`. Blocks; raises `WouldDeadlock` on an event loop's thread.
        """
        tree = self._tree
        if tree is None:
            self._ended.set()
            return
        if os.getpid() != tree.local.pid:
            return
        if not tree.closed:
            refuse_to_block("close")
        with self._closing:  # who closes beside another returns when all is closed, too
            if not tree.closed:
                self._drive("close", lambda: self._shut_down(tree, timeout))
            tree.release_control()
        _live.discard(self)
        self._ended.set()

    async def aclose(self, timeout: float = STOP_TIMEOUT_S) -> None:
        """`close`, awaited."""
        tree = self._tree
        if tree is not None and not tree.closed:
            await self._adrive(lambda: self._shut_down(tree, timeout))
            if tree.home is not None:
                tree.home.close_wires()
                tree.home.turn()
                await asyncio.sleep(0)
            else:
                await asyncio.to_thread(tree.release_control)
        _live.discard(self)
        self._ended.set()

    async def _shut_down(self, tree: Tree, timeout: float) -> None:
        if self._exposures:  # a gather of nothing would make an event loop
            await close_exposures(self._exposures)
        await shutdown.shut_down(tree, timeout)
        if any(not exposure.closed for exposure in self._exposures):  # made while the others were closed
            await close_exposures(self._exposures)

    async def _fail(self) -> None:
        tree = self.tree
        await self._shut_down(tree, STOP_TIMEOUT_S)
        threading.Thread(target=tree.release_control, name="ipc-close", daemon=True).start()
        _live.discard(self)
        self._ended.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the tree is closed; False where `timeout` seconds passed first. Raises `TooManyRestarts` where it
        gave up.
        """
        refuse_to_block("wait", "await asyncio.to_thread(tree.wait)")
        ended = self._ended.wait(timeout)
        if self._tree is not None and self._tree.failed is not None:
            raise self._tree.failed
        return ended

    def __enter__(self) -> Supervisor:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Supervisor:
        return await self.aopen()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

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
    ) -> None:
        """Add a service and start it; before the tree is entered it is started then, in the order of adding.

        `outlets` are the service's names for others of this tree, which may be added later; `bounds` are those of its
        channels. Returns once `start` has succeeded, or raises what it raised. Raises `PlacementError`, `TypeError`,
        `ValueError` for a name that is taken, `WouldDeadlock`.
        """
        record = self._record(name, service, placement, outlets, bounds, restart)
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
    ) -> None:
        """`add`, awaited."""
        await self._astart(self.tree, self._record(name, service, placement, outlets, bounds, restart))

    def _record(
        self,
        name: str,
        service: Service,
        placement: str | Placement,
        outlets: Any,
        bounds: Bounds | None,
        restart: bool,
    ) -> ServiceRecord:
        cls = type(service)
        check_class(cls)
        where = Placement.parse(placement)
        check_placement(cls, where)
        if not name or not isinstance(name, str):
            raise ValueError(f"a service needs a name, not {name!r}")
        known = {record.name for record in self._pending} if self._tree is None else set(self._tree.services)
        if name in known:
            raise ValueError(f"a service {name!r} is in the tree already; choose another name")
        if service._ipc_cell is not None:
            raise ValueError(f"this {cls.__qualname__} object is placed already; make another one")
        return ServiceRecord(
            name, cls, service._ipc_parameters, service, where, dict(outlets or {}), bounds or Bounds(), restart
        )

    def _start(self, record: ServiceRecord) -> None:
        tree = self.tree
        tree.refuse_closed()
        tree.services[record.name] = record
        try:
            self._drive("add", lambda: tree.operate(place.start(tree, record)), record.placement)
        except BaseException:
            tree.services.pop(record.name, None)
            raise

    async def _astart(self, tree: Tree, record: ServiceRecord) -> None:
        tree.refuse_closed()
        tree.services[record.name] = record
        try:
            await self._adrive(lambda: tree.operate(place.start(tree, record)))
        except BaseException:
            tree.services.pop(record.name, None)
            raise

    def remove(self, name: str, timeout: float = STOP_TIMEOUT_S) -> None:
        """Stop one service and take it out of the tree; its clients get `Closed`."""
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
        """A client of a service; close it when it is no longer needed. Raises `UnknownService`."""
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
        given), of at most `max_peers` callers. It is closed with the tree. Raises `UnknownService`, `ChannelError`
        where the endpoint cannot be had, `WouldDeadlock`.
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
        self._drive("move", lambda: tree.operate(place.move(tree, record, where, timeout)), where)

    async def amove(self, name: str, placement: str | Placement, timeout: float = MOVE_TIMEOUT_S) -> None:
        """`move`, awaited."""
        tree, record, where = self.tree, self._known(name), Placement.parse(placement)
        await self._adrive(lambda: tree.operate(place.move(tree, record, where, timeout)))

    def placement(self, name: str) -> str:
        """Where a service is now."""
        return str(self._known(name).placement)

    def names(self) -> list[str]:
        """The services, in the order they were started."""
        return list(self.tree.services)

    def stats(self) -> dict[str, ServiceStats]:
        """The numbers of every service. Blocks while child processes answer."""
        tree = self.tree
        tree.refuse_closed()
        result: dict[str, ServiceStats] = self._drive("stats", lambda: tree.operate(_stats(tree)))
        return result

    async def astats(self) -> dict[str, ServiceStats]:
        """`stats`, awaited."""
        tree = self.tree
        tree.refuse_closed()
        result: dict[str, ServiceStats] = await self._adrive(lambda: tree.operate(_stats(tree)))
        return result

    # -- driving -------------------------------------------------------------------------------------------------------

    @property
    def tree(self) -> Tree:
        """The tree's state. Raises `Closed` before it is entered."""
        if self._tree is None:
            raise Closed("enter the Supervisor first: with Supervisor() as tree")
        return self._tree

    @property
    def clock(self) -> Callable[[], float]:
        """The clock of deadlines, in seconds."""
        return self.tree.clock

    def _known(self, name: str) -> ServiceRecord:
        self.tree.refuse_closed()
        record = self.tree.services.get(name)
        if record is None:
            raise UnknownService(f"no service {name!r} in the tree; it has: {', '.join(self.tree.services) or 'none'}")
        return record

    def _drive(self, method: str, make: Callable[[], Coroutine[Any, Any, Any]], wanted: Placement | None = None) -> Any:
        refuse_to_block(method)
        tree = self.tree
        inline = tree.hosts[INLINE].host
        if isinstance(inline, InlineHost) and inline.is_current():
            raise WouldDeadlock(
                f"{method}() was called from inside an inline service of the same tree, which it would wait for"
            )
        with self._lock:
            if tree.control is None and (wanted is None or wanted.spawner == "inline"):
                return run_now(make())
            control = tree.reader()
        if control.is_current():
            raise WouldDeadlock(f"{method}() would wait for its own thread: use `await ….a{method}(…)` instead")
        try:
            return control.submit(make()).result()
        except CancelledError:
            raise Closed("the tree was closed meanwhile") from None

    async def _adrive(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        control = self.tree.reader()
        return await control.run(make())


async def _client_port(tree: Tree, record: ServiceRecord) -> int:
    async with tree.lock:
        return (await tree.new_port(record.name, None, record.bounds)).id


async def _close_port(tree: Tree, port_id: int) -> None:
    async with tree.lock:
        for ports in tree.ports.values():
            if (port := ports.get(port_id)) is not None:
                await tree.drop_port(port, Closed("the client is closed"))
                return


async def _stats(tree: Tree) -> dict[str, ServiceStats]:
    result = {}
    for record in list(tree.services.values()):
        shards = []
        for cell in list(record.cells):
            try:
                shards.extend(await cell.host.agent.do("stats", [cell.id], timeout_s=CALL_TIMEOUT_S))
            except Exception as error:
                if not cell.host.gone and not isinstance(error, (OSError, LookupError)) and not _is_death(error):
                    raise
        result[record.name] = merge(record.name, str(record.placement), shards, record.kept)
    return result


def _is_death(error: Exception) -> bool:
    from .errors import ServiceDied

    return isinstance(error, ServiceDied)


_live: weakref.WeakSet[Supervisor] = weakref.WeakSet()


def _close_all() -> None:
    for supervisor in list(_live):
        tree = supervisor._tree
        if tree is None or tree.closed:
            continue
        if tree.home is None:
            supervisor.close()
        elif os.getpid() == tree.local.pid:
            for exposure in supervisor._exposures:
                exposure.abandon()
            tree.abandon()


def _forked() -> None:
    """In a forked child: neither the default host nor any connection is ours; without locks, which the parent may
    hold.
    """
    forget_default()
    for supervisor in list(_live):
        if supervisor._tree is not None:
            for port in supervisor._tree.local.agent.ports.values():
                port.error = Closed("this process was forked: its parent's services are not its own; launch others")
                port.serve_elsewhere()
                port.senders = []
    _live.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forked)
