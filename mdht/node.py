"""A whole node: put and get signed records in a network of peers.

    with Node(Config(seeds=("5f1c…e0@example.org:7000",))) as node:      # a thread of its own, with an event loop
        done = node.put(b"hello")                                        # content, found by its hash
        node.get(done.key).value
        node.put(b"v1", key=b"config")                                   # ours: newer versions replace older ones
        node.get(b"config", kind=Kind.OWNED).value

    async with Node(config) as node:                                     # on the running loop, no thread between
        await node.aput(b"hello")

Every request comes in three forms: `put` blocks, `put_future` gives a `concurrent.futures.Future`, `aput` is awaited.
Each has a deadline (`timeout` in seconds, else the configuration's), and its error comes where the call was made.
Blocking ones raise `ipc.WouldDeadlock` on the thread of an event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from ipc import CallTimeout, Client, ServiceDied, Supervisor, WouldDeadlock
from ipc.loops import new_loop

from .config import Config
from .data_dir import DataDirLock, ensure_identity
from .errors import TimedOut, WrongState
from .model import Identity, Kind
from .node_control import Control
from .node_files import FileCalls
from .node_upkeep import UpkeepCalls
from .services import ApiStats, Got, LinkStats, Operator, PeerInfo, PeerStats, PutDone, Surroundings, new_tree, plant
from .services.api.again import Again, future_again
from .services.commands import (
    ApiNumbers,
    DoConnect,
    DoGet,
    DoGetAll,
    DoPut,
    DoRefresh,
    LinkedPeers,
    LinkNumbers,
    PeerNumbers,
    StoreNumbers,
    WhereAmI,
)
from .services.files.commands import FileStats, ServedNumbers
from .services.upkeep.commands import UpkeepNumbers, UpkeepStats
from .store import StoreStats

_GRACE_S: Final = 2.0
"""Seconds beyond a request's deadline in which its own, better error comes."""

_ASK_S: Final = 10.0
"""Seconds for what is answered without the network."""

_STOP_S: Final = 30.0
"""Seconds for a node's thread to end."""


@dataclass(frozen=True, slots=True)
class NodeStats:
    """A node in numbers."""

    api: ApiStats
    links: LinkStats
    peers: PeerStats
    store: StoreStats
    upkeep: UpkeepStats
    files: FileStats


class Node(FileCalls, UpkeepCalls, Control):
    """See the module. Thread-safe. `with` and `async with` enter it, once.

    Entering raises ConfigError, CannotListen, DataDirInUse, DataDirUnusable, and what the store raises.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        identity: Identity | None = None,
        around: Surroundings | None = None,
        reread: Callable[[], Config] | None = None,
    ) -> None:
        """Without an identity: that in `data_dir`, made if missing, else a new one. `reread` gives the configuration as
        it is written now, for who asks the node at its door to reload it. Raises ConfigError, BadKey, DataDirUnusable.
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
        self._watching: asyncio.Task[None] | None = None

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> Node:
        """Enter without `with`: blocks until the node listens. Seeds are dialled meanwhile."""
        if _on_loop():
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
        if thread is None or _on_loop():
            raise WouldDeadlock("close() would wait for a loop that must run meanwhile: use `await node.aclose()`")
        if loop is not None and stop is not None and thread.is_alive():
            try:
                loop.call_soon_threadsafe(stop.set)
            except RuntimeError:
                pass  # the loop has just been closed, by a close from another thread
        thread.join(_STOP_S)

    async def astart(self) -> Node:
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

    def wait_stopped(self, timeout: float | None = None) -> bool:
        """Block until somebody wants the node to end: it was closed, or asked to by its door (`mdht stop`).

        A node with a thread of its own closes itself when it is asked; one on a loop is to be closed by who entered it.
        False where `timeout` (seconds) passed first. Raises `ipc.TooManyRestarts` or `ipc.ServiceDied` where it ends
        because a service of it cannot be kept alive.
        """
        if _on_loop():
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
            await plant(tree, self.config, self.identity, self._around, self._ask_to_stop, operator)
            for name in ("api", "links", "peers", "store", "upkeep", "files"):
                self._clients[name] = await tree.aclient(name)
            self._here = tuple(await self._clients["peers"].acall(WhereAmI()))
        except BaseException:
            self._clients = {}
            await tree.aclose()
            raise
        self._tree, self._operator = tree, operator
        self._watching = asyncio.get_running_loop().create_task(self._watch(operator))

    async def _watch(self, operator: Operator) -> None:
        """The node ends when its services cannot be kept alive; whoever waits for its end is told why."""
        error = await operator.failed()
        try:
            self._stopped.set_exception(error)
        except InvalidStateError:
            return
        if self._stop is not None:
            self._stop.set()

    def __enter__(self) -> Node:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Node:
        return await self.astart()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- who and where -------------------------------------------------------------------------------------------------

    @property
    def id(self) -> bytes:
        """The node's id, 32 bytes."""
        return self.identity.id

    @property
    def public(self) -> bytes:
        """The node's public key, 32 bytes: the owner of its records, as `get(key, owner=…)` takes it."""
        return self.identity.public

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where others reach it: what it advertises, or where it really listens. Empty before it is entered."""
        return self._here

    @property
    def address(self) -> str:
        """The first of them with the id, as others write it into `seeds` and `connect`. Raises WrongState."""
        if not self._here:
            raise WrongState("a node", "not listening", "be dialled")
        return f"{self.id.hex()}@{self._here[0]}"

    # -- peers ---------------------------------------------------------------------------------------------------------

    def connect(self, seed: str, *, timeout: float | None = None) -> bytes:
        """Link to the node at `[id@]host:port`; the id of who is there (empty text before @: whoever answers).

        Raises BadText, CannotDial, LinkRefused (with the reason, and who refused), TimedOut.
        """
        return self._call("api", self._do_connect(seed, timeout), timeout)  # type: ignore[no-any-return]

    def connect_future(self, seed: str, *, timeout: float | None = None) -> Future[bytes]:
        """`connect`, as a future."""
        return self._future("api", self._do_connect(seed, timeout), timeout)

    async def aconnect(self, seed: str, *, timeout: float | None = None) -> bytes:
        """`connect`, awaited."""
        return await self._acall("api", self._do_connect(seed, timeout), timeout)  # type: ignore[no-any-return]

    def refresh(self, *, timeout: float | None = None) -> int:
        """Look up our own id, so that the nodes around it know this one. How many answered. Raises TimedOut."""
        return self._call("api", self._do_refresh(timeout), timeout)  # type: ignore[no-any-return]

    def refresh_future(self, *, timeout: float | None = None) -> Future[int]:
        """`refresh`, as a future."""
        return self._future("api", self._do_refresh(timeout), timeout)

    async def arefresh(self, *, timeout: float | None = None) -> int:
        """`refresh`, awaited."""
        return await self._acall("api", self._do_refresh(timeout), timeout)  # type: ignore[no-any-return]

    def peers(self) -> list[PeerInfo]:
        """Who is linked now."""
        return self._call("peers", LinkedPeers(), _ASK_S)  # type: ignore[no-any-return]

    def peers_future(self) -> Future[list[PeerInfo]]:
        """`peers`, as a future."""
        return self._future("peers", LinkedPeers(), _ASK_S)

    async def apeers(self) -> list[PeerInfo]:
        """`peers`, awaited."""
        return await self._acall("peers", LinkedPeers(), _ASK_S)  # type: ignore[no-any-return]

    # -- records -------------------------------------------------------------------------------------------------------

    def put(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> PutDone:
        """Store a value at the nodes closest to its address; says under which key, and how many hold it.

        Without a key it is content, found by its hash. With one it is this node's own record of that key, or with
        `kind=Kind.OPEN` its record under a name that others may use, too.

        `sequence` 0 takes one more than what is held; `expect` (compare-and-set) puts only where that sequence is held,
        0 for nothing. `keep_s`: how long, 0 for as long as may be (30 days; content 24 hours). `replicas` 0: the
        configuration's.

        Raises TooLarge, BadRecord, Conflict, Superseded, TooFewReplicas (nobody, or fewer than `min_replicas`, stored
        it), TimedOut.
        """
        command = self._do_put(value, key, kind, sequence, expect, keep_s, replicas, timeout)
        return self._call("api", command, timeout)  # type: ignore[no-any-return]

    def put_future(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> Future[PutDone]:
        """`put`, as a future."""
        command = self._do_put(value, key, kind, sequence, expect, keep_s, replicas, timeout)
        return self._future("api", command, timeout)

    async def aput(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> PutDone:
        """`put`, awaited."""
        command = self._do_put(value, key, kind, sequence, expect, keep_s, replicas, timeout)
        return await self._acall("api", command, timeout)  # type: ignore[no-any-return]

    def get(
        self, key: bytes, *, kind: Kind = Kind.CONTENT, owner: bytes | None = None, timeout: float | None = None
    ) -> Got:
        """The record of that key, verified. `owner` (a public key) is whose, of owned ones; None: our own.

        Raises NotFound (nobody has it, or it was deleted), TimedOut.
        """
        return self._call("api", self._do_get(key, kind, owner, timeout), timeout)  # type: ignore[no-any-return]

    def get_future(
        self, key: bytes, *, kind: Kind = Kind.CONTENT, owner: bytes | None = None, timeout: float | None = None
    ) -> Future[Got]:
        """`get`, as a future."""
        return self._future("api", self._do_get(key, kind, owner, timeout), timeout)

    async def aget(
        self, key: bytes, *, kind: Kind = Kind.CONTENT, owner: bytes | None = None, timeout: float | None = None
    ) -> Got:
        """`get`, awaited."""
        return await self._acall("api", self._do_get(key, kind, owner, timeout), timeout)  # type: ignore[no-any-return]

    def get_all(self, key: bytes, *, timeout: float | None = None) -> list[Got]:
        """The records of all owners under an open name, each verified. Raises NotFound, TimedOut."""
        return self._call("api", self._do_get_all(key, timeout), timeout)  # type: ignore[no-any-return]

    def get_all_future(self, key: bytes, *, timeout: float | None = None) -> Future[list[Got]]:
        """`get_all`, as a future."""
        return self._future("api", self._do_get_all(key, timeout), timeout)

    async def aget_all(self, key: bytes, *, timeout: float | None = None) -> list[Got]:
        """`get_all`, awaited."""
        return await self._acall("api", self._do_get_all(key, timeout), timeout)  # type: ignore[no-any-return]

    def delete(
        self,
        key: bytes,
        *,
        kind: Kind = Kind.OWNED,
        expect: int | None = None,
        timeout: float | None = None,
    ) -> PutDone:
        """Put a signed tombstone over our own record, owned or under an open name. Raises as `put`."""
        return self._call("api", self._do_delete(key, kind, expect, timeout), timeout)  # type: ignore[no-any-return]

    def delete_future(
        self, key: bytes, *, kind: Kind = Kind.OWNED, expect: int | None = None, timeout: float | None = None
    ) -> Future[PutDone]:
        """`delete`, as a future."""
        return self._future("api", self._do_delete(key, kind, expect, timeout), timeout)

    async def adelete(
        self, key: bytes, *, kind: Kind = Kind.OWNED, expect: int | None = None, timeout: float | None = None
    ) -> PutDone:
        """`delete`, awaited."""
        command = self._do_delete(key, kind, expect, timeout)
        return await self._acall("api", command, timeout)  # type: ignore[no-any-return]

    # -- numbers -------------------------------------------------------------------------------------------------------

    def stats(self) -> NodeStats:
        """The node in numbers."""
        return NodeStats(*(self._call(name, command, _ASK_S) for name, command in _NUMBERS))

    async def astats(self) -> NodeStats:
        """`stats`, awaited."""
        return NodeStats(*[await self._acall(name, command, _ASK_S) for name, command in _NUMBERS])

    # -- inside --------------------------------------------------------------------------------------------------------

    def _s(self, timeout: float | None) -> float:
        if timeout is not None:
            return timeout
        return self.config.timeout_s if self._operator is None else self._operator.config.timeout_s

    def _do_connect(self, seed: str, timeout: float | None) -> DoConnect:
        return DoConnect(seed, self._s(timeout))

    def _do_refresh(self, timeout: float | None) -> DoRefresh:
        return DoRefresh(self.id, self._s(timeout))

    def _do_put(
        self,
        value: bytes | None,
        key: bytes | None,
        kind: Kind | None,
        sequence: int,
        expect: int | None,
        keep_s: int,
        replicas: int,
        timeout: float | None,
    ) -> DoPut:
        if kind is None:
            kind = Kind.CONTENT if key is None else Kind.OWNED
        if (kind is Kind.CONTENT) != (key is None):
            raise ValueError("content has no key but its hash: give either a key, or kind=Kind.CONTENT")
        data = None if value is None else bytes(value)
        return DoPut(int(kind), key or b"", data, self._s(timeout), sequence, expect, keep_s, replicas)

    def _do_get(self, key: bytes, kind: Kind, owner: bytes | None, timeout: float | None) -> DoGet:
        whose = self.identity.public if owner is None else owner
        return DoGet(int(kind), key, whose if kind is Kind.OWNED else b"", self._s(timeout))

    def _do_get_all(self, key: bytes, timeout: float | None) -> DoGetAll:
        return DoGetAll(key, self._s(timeout))

    def _do_delete(self, key: bytes, kind: Kind, expect: int | None, timeout: float | None) -> DoPut:
        return self._do_put(None, key, kind, 0, expect, 0, 0, timeout)

    def _client(self, name: str) -> Client:
        client = self._clients.get(name)
        if client is None:
            raise WrongState("a node", "closed" if self._entered else "not entered", "be asked")
        return client

    def _call(self, name: str, command: Any, timeout: float | None) -> Any:
        if _on_loop():
            raise WouldDeadlock("this would block an event loop's thread: await its twin, the same name after an a")
        client, wait_s = self._client(name), self._s(timeout)
        again: Again | None = None
        left_s = wait_s + _GRACE_S
        while True:
            try:
                return client.call(command, left_s)
            except CallTimeout:
                raise TimedOut(f"the {name} service", wait_s) from None
            except ServiceDied as error:
                again = again or Again(command, left_s)
                command, left_s = again.after(error)

    def _future(self, name: str, command: Any, timeout: float | None) -> Future[Any]:
        client, wait_s = self._client(name), self._s(timeout) + _GRACE_S
        if self._operator is None or not self._operator.is_apart(name):
            return client.future(command, wait_s)
        return future_again(client.future, command, wait_s)

    async def _acall(self, name: str, command: Any, timeout: float | None) -> Any:
        client, wait_s = self._client(name), self._s(timeout)
        if self._thread is not None:
            return await asyncio.wrap_future(self._future(name, command, timeout))
        again: Again | None = None
        left_s = wait_s + _GRACE_S
        while True:
            try:
                return await client.acall(command, left_s)
            except CallTimeout:
                raise TimedOut(f"the {name} service", wait_s) from None
            except ServiceDied as error:
                again = again or Again(command, left_s)
                command, left_s = again.after(error)

    def __repr__(self) -> str:
        return f"<node {self.id[:4].hex()} at {', '.join(self._here) or 'nowhere yet'}>"


_NUMBERS: Final = (
    ("api", ApiNumbers()),
    ("peers", LinkNumbers()),
    ("peers", PeerNumbers()),
    ("api", StoreNumbers()),
    ("upkeep", UpkeepNumbers()),
    ("files", ServedNumbers()),
)


def _on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
