"""A port: one sender's view of one service, all its shards together.

The port numbers runs and knows who waits for which; its `Sender`s, one a shard, carry them. So a run keeps its name
when a shard moves, and a reply finds its waiter whichever way it came.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ..codec import dumps
from ..errors import CallTimeout, IpcError, UnknownService
from ..service import Point, Shard
from .bounds import Bounds
from .sender import Sender
from .waiters import AsyncWaiter, Failure, RequestWaiter, ThreadWaiter, Waiter

if TYPE_CHECKING:
    from .receiver import LocalReceiver


def shard_of(key: Any, count: int) -> int:
    """The shard of a key: the one that it names (`Shard`) or in whose range it lies (`Point`), else by BLAKE2b (RFC
    7693) of its packed form, so that every process agrees; never by `hash()`.
    """
    if type(key) is Shard:
        return key % count
    if type(key) is Point:
        return key * count >> 32
    return int.from_bytes(blake2b(dumps(key), digest_size=8).digest(), "big") % count


class Port:
    """Thread-safe. `error` is set once nothing can be sent any more, and says why.

    While the service is served inside its sender's own call, `here` is the way to it for senders on its host, and
    `direct` and `direct_cast` are what a client calls where no event loop runs.
    """

    __slots__ = (
        "__weakref__",
        "bounds",
        "direct",
        "direct_cast",
        "error",
        "here",
        "id",
        "key",
        "lost",
        "owned_by_client",
        "pending",
        "runs",
        "senders",
        "switching",
        "target",
    )

    def __init__(self, port_id: int, target: str, bounds: Bounds, owned_by_client: bool) -> None:
        self.id = port_id
        self.target = target
        self.bounds = bounds
        self.switching = threading.Lock()
        self.key: Callable[[Any], Any] | None = None
        self.owned_by_client = owned_by_client
        self.direct: Callable[[Any, float], Any] | None = None
        self.direct_cast: Callable[[Any], bool] | None = None
        self.here: LocalReceiver | None = None
        self.runs = itertools.count(1)
        self.pending: dict[int, Waiter] = {}
        self.senders: list[Sender] = []
        self.error: IpcError | None = None
        self.lost = 0

    def sender_for(self, command: Any) -> Sender:
        """The sender to the shard that serves this command. Raises what closed the port, or `NotSendable` of the
        key.
        """
        senders = self.senders
        if len(senders) == 1:
            return senders[0]
        if not senders:
            raise self.error or UnknownService(
                f"no service {self.target!r} is in the tree now; add it before it is used"
            )
        key = self.key
        return senders[shard_of(key(command) if key is not None else None, len(senders))]

    # -- calls ---------------------------------------------------------------------------------------------------------

    def send(
        self,
        sender: Sender,
        commands: list[Any],
        waiter: Waiter,
        timeout_s: float,
        deadline: float,
        chain: tuple[int, ...] = (),
    ) -> None:
        """Send a run that wants replies. Raises `Full`, `NotSendable`, or what closed the port; then nobody waits."""
        run = waiter.run = next(self.runs)
        waiter.sender = sender
        self.pending[run] = waiter
        try:
            if len(commands) != 1 or not sender.send_one(run, deadline, chain, commands[0], waiter):
                sender.push(run, deadline, chain, commands, waiter, timeout_s)
        except BaseException:
            self.forget(run)
            raise

    def wait(self, waiter: ThreadWaiter, deadline_s: float, timeout_s: float) -> None:
        """Block until the run is complete. Raises `CallTimeout`."""
        while not waiter.done:
            sender = waiter.sender
            wire = sender.wire if sender is not None else None
            if wire is not None and not wire.closed:
                wire.wait_for(waiter, deadline_s)
                if not waiter.done and time.monotonic() < deadline_s and sender is not None and sender.wire is wire:
                    continue
            if waiter.done or waiter.park(deadline_s):
                continue
            self.forget(waiter.run)
            if not waiter.done:
                raise CallTimeout(self.target, timeout_s)
        sender = waiter.sender
        if sender is not None and (wire := sender.wire) is not None and wire.blocked:
            wire.flush()

    async def wait_async(self, waiter: AsyncWaiter, timeout_s: float) -> None:
        """Await until the run is complete. Raises `CallTimeout`."""
        if waiter.done:
            return
        try:
            await waiter.wait(timeout_s)
        finally:
            self.forget(waiter.run)
        if not waiter.done:
            raise CallTimeout(self.target, timeout_s)

    def serve_elsewhere(self) -> None:
        """The service is no longer served inside its sender's call."""
        self.direct = self.direct_cast = self.here = None

    # -- replies, in the thread that brings them -----------------------------------------------------------------------

    def fill(self, run: int, offset: int, values: list[Any]) -> None:
        """Replies to a run, from the command at `offset` on."""
        waiter = self.pending.get(run)
        if waiter is not None and waiter.fill(offset, values):
            self.forget(run)

    def give(self, run: int, value: Any) -> None:
        """The only reply to a run of one, from a service of this process."""
        waiter = self.pending.get(run)
        if isinstance(waiter, RequestWaiter) and waiter.counted is None and not waiter.more:
            del self.pending[run]
            waiter.cell.answer(waiter.tag, value, None)
        elif waiter is not None and waiter.fill(0, [value]):
            self.forget(run)

    def fail(self, run: int, offset: int, error: BaseException) -> None:
        """An error instead of one reply."""
        self.fill(run, offset, [Failure(error)])

    def forget(self, run: int) -> None:
        """Nobody waits for this run any more; its replies are dropped (the service counts them `late`)."""
        waiter = self.pending.pop(run, None)
        if waiter is None:
            return
        for wire in waiter.more:
            wire.demand(-1)
        waiter.more = ()
        if (wire := waiter.counted) is not None:
            waiter.counted = None
            wire.demand(-1)

    # -- ends ----------------------------------------------------------------------------------------------------------

    def fail_left(self, sender: Sender, make: Callable[[], IpcError]) -> int:
        """The place this sender reached is gone: fail the runs that had left for it; returns how many commands."""
        count = 0
        for run, waiter in list(self.pending.items()):
            if (waiter.sender is sender or waiter.shared) and waiter.left:
                count += waiter.remaining
                waiter.fail_all(make())
                self.forget(run)
        return count

    def close(self, error: IpcError) -> None:
        """Nothing more is sent; everybody who waits gets `error`. Idempotent."""
        if self.error is None:
            self.error = error
        self.serve_elsewhere()
        for sender in self.senders:
            sender.close()
        for run, waiter in list(self.pending.items()):
            waiter.fail_all(error)
            self.forget(run)
