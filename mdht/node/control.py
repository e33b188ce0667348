"""What an operator does to a running node, in three forms: where its services are, moves, configuration, probes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from ipc import WouldDeadlock

from ..config import Config
from ..control import Moved, Probed, Reloaded, ServiceRow, Shown
from ..errors import WrongState
from ..services.operate import MOVE_S, Operator
from ..services.probing import PROBE_S
from .blocking import check_may_block
from .life import NodeLife

T = TypeVar("T")


class Control(NodeLife):
    """Thread-safe. What blocks raises `ipc.WouldDeadlock` on the thread of an event loop; await its twin there."""

    def services(self) -> list[ServiceRow]:
        """Every service: where it is, its processes, and how it does."""
        return _wait(self, _operator(self).services())

    def services_future(self) -> Future[list[ServiceRow]]:
        """`services`, as a future."""
        return _submit(self, _operator(self).services())

    async def aservices(self) -> list[ServiceRow]:
        """`services`, awaited."""
        return await _await(self, _operator(self).services())

    def move(self, service: str, placement: str, timeout: float = MOVE_S) -> Moved:
        """Move a running service (`thread`, `process@disk`, …) with everything that waits at it.

        It serves on, but for a moment, and what was asked meanwhile is answered afterwards. Links are not moved: peers
        are asked to dial again first, and old links end after their last answer. `local` goes along with `links` where
        both were in one place. `timeout`: seconds for running calls to end.

        Raises ConfigError with what would be legal, `ipc.MoveError` where it did not happen in time, and
        `ipc.NotSendable`; then it serves on where it was.
        """
        return _wait(self, _operator(self).move(service, placement, timeout))

    def move_future(self, service: str, placement: str, timeout: float = MOVE_S) -> Future[Moved]:
        """`move`, as a future."""
        return _submit(self, _operator(self).move(service, placement, timeout))

    async def amove(self, service: str, placement: str, timeout: float = MOVE_S) -> Moved:
        """`move`, awaited."""
        return await _await(self, _operator(self).move(service, placement, timeout))

    @property
    def live_config(self) -> Config:
        """The configuration as it is now: with services where they are, and what was changed since the start."""
        return _operator(self).live()

    def show_config(self, live: bool = False) -> Shown:
        """The configuration as TOML, every key of it: what the node was started with, or (`live`) what it is now, with
        what differs.
        """
        return _operator(self).shown(live)

    async def ashow_config(self, live: bool = False) -> Shown:
        """`show_config`, awaited."""
        return _operator(self).shown(live)

    def reload(self, config: Config | None = None) -> Reloaded:
        """Take over of a configuration what a running node can: placements, `allow`, `deny`, `seeds`, `timeout_s`,
        `limits.links`. What needs a restart is listed. None: the one that is written now, see `reread`.

        Raises ConfigError with all faults of one that is faulty; then nothing has changed.
        """
        return _wait(self, _operator(self).reload(config))

    async def areload(self, config: Config | None = None) -> Reloaded:
        """`reload`, awaited."""
        return await _await(self, _operator(self).reload(config))

    def probe(self, timeout: float = PROBE_S) -> Probed:
        """Do some real work: put and get a record of its own, ask each service, all within so many seconds. What fails
        is in the answer.
        """
        return _wait(self, _operator(self).probe(timeout))

    async def aprobe(self, timeout: float = PROBE_S) -> Probed:
        """`probe`, awaited."""
        return await _await(self, _operator(self).probe(timeout))


def _operator(node: NodeLife) -> Operator:
    if node._operator is None:
        raise WrongState("a node", "not running", "be operated")
    return node._operator


def _submit(node: NodeLife, work: Coroutine[Any, Any, T]) -> Future[T]:
    return _operator(node).submit(work)


def _wait(node: NodeLife, work: Coroutine[Any, Any, T]) -> T:
    try:
        check_may_block()
    except WouldDeadlock:
        work.close()
        raise
    return _submit(node, work).result()


async def _await(node: NodeLife, work: Coroutine[Any, Any, T]) -> T:
    """On the loop of the node, or from another one."""
    if _operator(node).here:
        return await work
    return await asyncio.wrap_future(_submit(node, work))
