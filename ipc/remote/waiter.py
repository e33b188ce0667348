"""Who waits in the tree for a remote caller's run: replies go on as they come, in whichever pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..channels.waiters import ThreadWaiter, Waiter

if TYPE_CHECKING:
    from .peer import Peer


class PeerWaiter(Waiter):
    """A run, or the part of it for one shard. `positions` are the places of its commands in the caller's run."""

    __slots__ = ("answered", "deadline_s", "peer", "positions", "theirs")

    def __init__(
        self, peer: Peer, theirs: int, count: int, deadline_s: float, positions: list[int] | None = None
    ) -> None:
        Waiter.__init__(self, count)
        self.peer = peer
        self.theirs = theirs
        self.deadline_s = deadline_s
        self.positions = positions
        self.answered = bytearray(count) if count > 1 else None

    def fill(self, offset: int, values: list[Any]) -> bool:
        size = len(values)
        if (answered := self.answered) is not None:
            answered[offset : offset + size] = b"\x01" * size
        if (positions := self.positions) is None:
            self.peer.reply(self.theirs, offset, values)
        else:
            for index, value in enumerate(values, offset):
                self.peer.reply(self.theirs, positions[index], [value])
        self.remaining -= size
        if self.remaining <= 0:
            self.done = True
        return self.done

    def fail_all(self, error: BaseException) -> None:
        if self.done:
            return
        self.done = True
        for offset in range(self.count):
            if self.answered is None or not self.answered[offset]:
                self.peer.fail(self.theirs, offset if self.positions is None else self.positions[offset], error)
        self.remaining = 0


class Room(ThreadWaiter):
    """Stands among those who wait for room in a sender: woken when the service has served something."""

    __slots__ = ("peer",)

    def __init__(self, peer: Peer) -> None:
        ThreadWaiter.__init__(self)
        self.peer = peer

    def wake(self) -> None:
        self.peer.wake()
