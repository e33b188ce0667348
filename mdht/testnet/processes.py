"""Several nodes of this machine, each a process of its own, each knowing the others.

    with ProcessNet(8, Config(store="lmdb")) as net:
        key = net[0].put(b"hello").key          # net[0] is a `RemoteNode`: the methods of `Node`
        net.kill(0)                             # SIGKILL
        net[5].get(key).value
        net.restart(0)                          # the same identity and records

    async with ProcessNet(8) as net:
        await net[0].aput(b"hello")

They are started at once, as `mdht run` on a directory each, and are ready when each has said so and is linked to the
first. Nothing of them is left, however this process ends: their stdin is a pipe from it, at whose end they stop, and a
janitor removes the directory after the last of them (see `process` and `janitor`).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Final

from ipc import WouldDeadlock

from ..config import Config
from ..errors import WrongState
from ..remote import RemoteNode
from .janitor import Janitor
from .process import NodeProcess
from .settings import to_toml

PREFIX: Final = "mdht-net-"
"""Of directories that are made for a network, and removed with it."""

_AT_ONCE: Final = 32
"""Nodes that start at a time: each has a fair share of the machine, and so is ready within its bound."""


class ProcessNet:
    """`count` nodes, started together, each linked to the first, and stopped in reverse order.

    Its methods block, and may be called from any thread but that of an event loop; there, use `asyncio.to_thread`.
    """

    def __init__(
        self,
        count: int,
        config: Config | None = None,
        *,
        directory: str | os.PathLike[str] | None = None,
        started: Callable[[int], None] | None = None,
    ) -> None:
        """
        Arguments:
            count: nodes.
            config: what they have in common: any placement, store and bounds. It names no `data_dir`, has a door, and
                listens.
            directory: where `node0`, `node1`, … are kept afterwards. Without: a temporary one, removed at the end.
            started: called with the number of each node that is ready, on any thread.

        Raises ConfigError and ValueError.
        """
        self._config = Config() if config is None else config
        if self._config.data_dir:
            raise ValueError("data_dir: nodes of one test network cannot share one; name a `directory` instead")
        if not self._config.door or not self._config.listen:
            raise ValueError("nodes of a test network need a door, to be asked, and an address, to be dialled")
        replace(self._config, data_dir=os.path.abspath("node")).check()
        if count < 1:
            raise ValueError(f"{count} nodes: a network has one at least")
        self.directory = "" if directory is None else os.path.abspath(directory)
        """Where the nodes' directories are; empty before it is started, where none was named."""
        self._count = count
        self._started = started
        self._janitor: Janitor | None = None
        self._processes: list[NodeProcess] = []
        self._spawning = threading.Lock()
        self._entered = self._closing = False

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> ProcessNet:
        """Enter without `with`. Raises NodeNotStarted with the end of its log, OSError, and what `connect` raises."""
        _check_no_loop("start", "async with")
        self._start()
        return self

    def _start(self) -> None:
        if self._entered:
            raise WrongState("a test network", "entered before", "be entered again (make a new one)")
        self._entered = True
        try:
            self._prepare()
            self._at_once(self._launch, self._processes)
            others = self._processes[1:]
            first = self[0].address
            self._at_once(lambda one: one.node.connect(first), others)
            self._at_once(lambda one: one.node.refresh(), others)
        except BaseException:
            self._close()
            raise

    def _prepare(self) -> None:
        held: tuple[int, ...] = ()
        if not self.directory:
            self.directory = tempfile.mkdtemp(prefix=PREFIX)
            self._janitor = Janitor(self.directory)
            held = (self._janitor.held,)
        toml = to_toml(self._config)
        for number in range(self._count):
            place = os.path.join(self.directory, f"node{number}")
            self._processes.append(NodeProcess(number, place, toml, held))

    def _launch(self, one: NodeProcess) -> None:
        with self._spawning:
            if self._closing:
                raise WrongState("a test network", "closing", "start nodes")
            one.spawn()
        one.ready()
        if self._started is not None:
            self._started(one.number)

    def _at_once(self, do: Callable[[NodeProcess], object], processes: Sequence[NodeProcess]) -> None:
        """For each of them, some at a time. Raises the first error; then all are killed, and nothing runs on."""
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mdht-net")
        try:
            for future in [pool.submit(do, one) for one in processes]:
                future.result()
        except BaseException:
            self._abandon()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _abandon(self) -> None:
        """Nobody wants it any more: whoever waits for a node hears that it has ended."""
        with self._spawning:
            self._closing = True
        for one in self._processes:
            one.abandon()

    def close(self) -> None:
        """Stop all, the last one first; remove the directory unless it was named. Idempotent."""
        _check_no_loop("close", "await net.aclose()")
        self._close()

    def _close(self) -> None:
        with self._spawning:
            self._closing = True
        try:
            for one in reversed(self._processes):
                one.stop()
        finally:
            if self._janitor is not None:
                self._janitor.close()

    def __enter__(self) -> ProcessNet:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def astart(self) -> ProcessNet:
        """`start`, awaited; being cancelled ends what was started."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._abandon()
            await asyncio.wait([starting])
            starting.exception()  # it says that we abandoned it
            await asyncio.to_thread(self._close)
            raise
        return self

    async def aclose(self) -> None:
        """`close`, awaited."""
        for one in self._processes:
            await one.node.aclose()
        await asyncio.to_thread(self._close)

    async def __aenter__(self) -> ProcessNet:
        return await self.astart()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- one of them ---------------------------------------------------------------------------------------------------

    def kill(self, number: int) -> None:
        """End a node by SIGKILL, at once, and wait until it is gone. Nothing where it does not run."""
        self._processes[number].kill()

    def stop(self, number: int) -> None:
        """End a node by SIGTERM: it says goodbye. Nothing where it does not run."""
        self._processes[number].stop()

    def restart(self, number: int) -> RemoteNode:
        """Start a node again in its directory, and link it to one that runs; stopped first where it runs itself.

        It has its identity, and what an LMDB store kept; with port 0, another port. Raises as `start`, for it alone.
        """
        _check_no_loop("restart", "await asyncio.to_thread(net.restart, number)")
        one = self._processes[number]
        one.stop()
        try:
            self._launch(one)
            if (other := next((each for each in self._processes if each.pid and each is not one), None)) is not None:
                one.node.connect(other.node.address)
                one.node.refresh()
        except BaseException:
            one.kill()
            raise
        return one.node

    def running(self) -> list[int]:
        """Numbers of the nodes whose process runs."""
        return [one.number for one in self._processes if one.pid]

    def pid(self, number: int) -> int:
        """Of a node's process; 0 where it does not run."""
        return self._processes[number].pid

    def log(self, number: int) -> str:
        """The last lines that a node wrote to stderr."""
        return self._processes[number].tail()

    @property
    def nodes(self) -> list[RemoteNode]:
        """By which they are asked; those that do not run raise NoNode. Each is another one after its end."""
        return [one.node for one in self._processes]

    def __getitem__(self, number: int) -> RemoteNode:
        return self._processes[number].node

    def __len__(self) -> int:
        return len(self._processes)

    def __iter__(self) -> Iterator[RemoteNode]:
        return iter(self.nodes)


def _check_no_loop(method: str, twin: str) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise WouldDeadlock(f"{method}() would block this thread's event loop: use `{twin}`")
