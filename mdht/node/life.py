"""A node's life: its identity, its thread or loop, the tree of its services, from start to close."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from types import TracebackType
from typing import Final, Self

from ipc import Client, Supervisor, WouldDeadlock
from ipc.loops import new_loop

from ..config import Config
from ..config.written import Written
from ..data_dir import DataDirLock, ensure_identity
from ..errors import WrongState
from ..model import Identity
from ..services import Operator, Surroundings, new_tree, plant
from ..services.links.commands import WhereAmI
from .blocking import on_loop

_STOP_S: Final = 30.0
"""Seconds for a node's thread to end."""


class NodeLife:
    """The lowest layer of `Node`: all that it holds."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        identity: Identity | None = None,
        around: Surroundings | None = None,
        reread: Callable[[], Config | Written] | None = None,
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        """Without an identity: that in `data_dir`, made if missing, else a new one. `reread` gives the configuration as
        it is written now, for who asks the node at its door to reload it. `inherited`: TCP sockets that listen already,
        used in place of binding where `listen` names their port; they stay the caller's. Raises ConfigError, BadKey,
        DataDirUnusable.
        """
        self.config = Config() if config is None else config
        self.config.check()
        self._around = Surroundings() if around is None else around
        if identity is None and self.config.data_dir:
            identity = ensure_identity(self.config.data_dir, self._around.random)
        self.identity = Identity.from_seed(self._around.random(32)) if identity is None else identity
        self._tree: Supervisor | None = None
        self._clients: dict[str, Client] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._stopped: Future[None] = Future()
        self._lock: DataDirLock | None = None
        self._entered = False
        self._here: tuple[str, ...] = ()
        self._operator: Operator | None = None
        self._reread = reread
        self._inherited = tuple(inherited)
        self._watching: asyncio.Task[None] | None = None

    # -- entered and closed --------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Enter without `with`: blocks until the node listens. Seeds are dialled meanwhile."""
        if on_loop():
            raise WouldDeadlock("start() would block this thread's event loop: use `async with Node(…)`")
        self._enter()
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, args=(ready,), name="mdht-node", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self._thread.join(_STOP_S)
            raise
        return self

    def close(self) -> None:
        """Say goodbye and stop; blocks until that is done. Idempotent. Whoever waits gets `ipc.Closed`."""
        thread, loop, stop = self._thread, self._loop, self._stop
        if thread is None and self._tree is None:
            return
        if thread is None or on_loop():
            raise WouldDeadlock("close() would wait for a loop that must run meanwhile: use `await node.aclose()`")
        if loop is not None and stop is not None and thread.is_alive():
            try:
                loop.call_soon_threadsafe(stop.set)
            except RuntimeError:
                pass  # the loop has just been closed, by a close from another thread
        thread.join(_STOP_S)

    async def astart(self) -> Self:
        """Enter on the running loop without `async with`."""
        self._enter()
        await self._open()
        return self

    async def aclose(self) -> None:
        """`close`, awaited; where the node was entered on a loop, on that one. Idempotent."""
        if self._thread is not None:
            await asyncio.to_thread(self.close)
        else:
            await self._shut()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await self.astart()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- until it ends -------------------------------------------------------------------------------------------------

    def wait_stopped(self, timeout: float | None = None) -> bool:
        """Block until somebody wants the node to end: it was closed, or asked to by its door (`mdht stop`).

        A node with a thread of its own closes itself when it is asked; one on a loop is to be closed by who entered it.
        False where `timeout` (seconds) passed first. Raises `ipc.TooManyRestarts` or `ipc.ServiceDied` where it ends
        because a service of it cannot be kept alive.
        """
        if on_loop():
            raise WouldDeadlock("wait_stopped() would block an event loop's thread: `await node.await_stopped()`")
        try:
            self._stopped.result(timeout)
        except TimeoutError:
            return False
        return True

    async def await_stopped(self) -> None:
        """`wait_stopped`, awaited, without a bound."""
        await asyncio.wrap_future(self._waiting_for_stop())

    def _waiting_for_stop(self) -> Future[None]:
        """A future of its own for one who waits: cancelling it disturbs nobody else."""
        mine: Future[None] = Future()

        def stopped(done: Future[None]) -> None:
            if mine.set_running_or_notify_cancel():
                error = done.exception()
                if error is not None:
                    mine.set_exception(error)
                else:
                    mine.set_result(None)

        self._stopped.add_done_callback(stopped)
        return mine

    def _ask_to_stop(self) -> None:
        """By the door, from whatever thread it has."""
        try:
            self._stopped.set_result(None)
        except InvalidStateError:
            return
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            loop.call_soon_threadsafe(stop.set)

    async def _watch(self, operator: Operator) -> None:
        """The node ends when its services cannot be kept alive; whoever waits for its end is told why."""
        error = await operator.failed()
        try:
            self._stopped.set_exception(error)
        except InvalidStateError:
            return
        if self._stop is not None:
            self._stop.set()

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _shut(self) -> None:
        tree, self._tree, self._operator = self._tree, None, None
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.wait([watching])
        clients, self._clients = self._clients, {}
        try:
            for client in clients.values():
                await client.aclose()  # whoever waits is told that we close, and not what that does to the services
            if tree is not None:
                await tree.aclose()
        finally:
            self._unlock()

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()
        try:
            self._stopped.set_result(None)
        except InvalidStateError:
            pass

    def _enter(self) -> None:
        if self._entered:
            raise WrongState("a node", "entered before", "be entered again (make a new one)")
        self._entered = True

    def _main(self, ready: Future[None]) -> None:
        """The node's own thread."""
        loop = new_loop()
        try:
            loop.run_until_complete(self._run(loop, ready))
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            else:
                raise
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def _run(self, loop: asyncio.AbstractEventLoop, ready: Future[None]) -> None:
        self._loop, self._stop = loop, asyncio.Event()
        await self._open()
        try:
            ready.set_result(None)
            await self._stop.wait()
        finally:
            await self._shut()

    async def _open(self) -> None:
        if self.config.data_dir:
            self._lock = DataDirLock(self.config.data_dir)
        try:
            await self._plant()
        except BaseException:
            self._unlock()
            raise

    async def _plant(self) -> None:
        tree = new_tree()
        await tree.aopen()
        try:
            operator = Operator(tree, self.config, self._reread)
            await plant(tree, self.config, self.identity, self._around, self._ask_to_stop, operator, self._inherited)
            for name in ("api", "links", "peers", "store", "upkeep", "files"):
                self._clients[name] = await tree.aclient(name)
            self._here = tuple(await self._clients["peers"].acall(WhereAmI()))
        except BaseException:
            self._clients = {}
            await tree.aclose()
            raise
        self._tree, self._operator = tree, operator
        self._watching = asyncio.get_running_loop().create_task(self._watch(operator))
