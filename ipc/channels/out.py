"""A run of commands that has not left its sender, and how commands are packed."""

from __future__ import annotations

from typing import Any

from ..codec import PACK_ERRORS, dumps, join_array, loads, pack_plain
from ..limits import FRAME_DEPTH
from .waiters import Waiter


class Out:
    """A run that has not left: `body` is a list of commands, or (packed) a list of their bytes, the joined array, or,
    of one `bare` command, its bytes alone.
    """

    __slots__ = ("bare", "body", "chain", "count", "deadline", "handles", "nbytes", "offset", "packed", "run", "waiter")

    def __init__(
        self,
        run: int,
        offset: int,
        deadline: float,
        chain: tuple[int, ...],
        body: Any,
        count: int,
        nbytes: int,
        packed: bool,
        waiter: Waiter | None,
        handles: list[Any] | None = None,
        bare: bool = False,
    ) -> None:
        self.run = run
        self.offset = offset
        self.deadline = deadline
        self.chain = chain
        self.body = body
        self.count = count
        self.nbytes = nbytes
        self.packed = packed
        self.waiter = waiter
        self.handles = handles
        self.bare = bare

    def close_batch(self) -> None:
        """A batch of casts takes no more: settle its count and bytes."""
        if type(self.body) is list and self.packed:
            self.count = len(self.body)
            self.nbytes = sum(map(len, self.body))
            self.body = join_array(self.body)

    def commands(self) -> list[Any]:
        """The commands as objects."""
        self.close_batch()
        if self.bare:
            return [loads(self.body)]
        return list(loads(self.body)) if self.packed else list(self.body)


def pack_commands(commands: list[Any]) -> tuple[bytes, list[Any]]:
    """The packed array of these commands, and the interned handles in it. Raises `NotSendable` with the command's
    path.
    """
    try:
        return pack_plain(commands), []
    except PACK_ERRORS:
        handles: list[Any] = []
        return join_array([dumps(command, handles, FRAME_DEPTH) for command in commands]), handles
