"""A supervisor's own life: it is entered once, lives on a running loop or on none, and is closed with all in it.

Whatever changes its tree runs on the control loop, or, where all is inline and there is none, in the caller, under a
lock: `drive` and `adrive` see to that.
"""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing.util  # noqa: F401 - joins children at exit: registered before our handler, it runs after it
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, TypeVar

from .cell import run_now
from .errors import Closed, UnknownService, WouldDeadlock
from .host import Host
from .limits import MAX_RESTARTS, RESTART_WINDOW_S, STOP_TIMEOUT_S
from .placement import Placement
from .remote.exposure import Exposure, close_exposures
from .spawners.coroutine import forget_default
from .spawners.inline import InlineHost
from .threads import refuse_to_block
from .tree import death, place, shutdown
from .tree.core import Tree
from .tree.hosts import INLINE
from .tree.intensity import Intensity
from .tree.records import ServiceRecord
from .tree.watchdog import Watchdog

S = TypeVar("S", bound="TreeOwner")


class TreeOwner:
    """Enters and closes a tree, and starts services in it."""

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

    def open(self: S) -> S:
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

    async def aopen(self: S) -> S:
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

    def __enter__(self: S) -> S:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self: S) -> S:
        return await self.aopen()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- starting services -------------------------------------------------------------------------------------------

    def _start(self, record: ServiceRecord) -> None:
        tree = self.tree
        tree.refuse_closed()
        tree.services[record.name] = record
        if record.watchdog_s is not None:
            with self._lock:
                tree.reader()  # it looks from there
        try:
            self._drive("add", lambda: tree.operate(_start(tree, record)), record.placement)
        except BaseException:
            tree.services.pop(record.name, None)
            raise

    async def _astart(self, tree: Tree, record: ServiceRecord) -> None:
        tree.refuse_closed()
        tree.services[record.name] = record
        try:
            await self._adrive(lambda: tree.operate(_start(tree, record)))
        except BaseException:
            tree.services.pop(record.name, None)
            raise

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


async def _start(tree: Tree, record: ServiceRecord) -> None:
    await place.start(tree, record)
    if record.watchdog_s is not None:
        tree.background(Watchdog(tree, record, record.watchdog_s).run())


_live: weakref.WeakSet[TreeOwner] = weakref.WeakSet()


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
