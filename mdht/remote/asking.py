"""How a running node is asked from another process: by a connection a thread, or one a loop."""

from __future__ import annotations

import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..control import About, AboutCall, Call
from ..data_dir import default_data_dir
from ..errors import WrongState
from .pool import Pool
from .requests import Asking
from .results import about_of

if TYPE_CHECKING:
    import asyncio

    from .aio import AsyncConnection

T = TypeVar("T")

ASK_S: Final = 10.0
"""Seconds for what a node answers without the network."""

_GRACE_S: Final = 3.0
"""Seconds beyond a request's deadline in which the node's own, better error comes."""


class RemoteAsking:
    """What every group of requests stands on."""

    def __init__(self, data_dir: str | os.PathLike[str] | None = None) -> None:
        """Without a directory: `MDHT_DATA_DIR`, else `~/.local/share/mdht`."""
        self.data_dir = default_data_dir() if data_dir is None else os.path.abspath(data_dir)
        self._pool = Pool(self.data_dir)
        weakref.finalize(self, self._pool.close)  # for who forgets to close
        self._about: About | None = None
        self._loops: dict[asyncio.AbstractEventLoop, AsyncConnection] = {}
        self._closed = False

    def close(self) -> None:
        """Leave the node alone; it runs on. Of connections on event loops: use `aclose`. Idempotent."""
        self._closed = True
        self._pool.close()

    async def aclose(self) -> None:
        """`close`, and end the connection of the running loop."""
        import asyncio

        self.close()
        if one := self._loops.pop(asyncio.get_running_loop(), None):
            await one.close()

    def about(self) -> About:
        """What it says of itself now."""
        self._about = about_of(self.ask(AboutCall(), ASK_S))
        return self._about

    async def aabout(self) -> About:
        """`about`, awaited."""
        self._about = about_of(await self.aask(AboutCall(), ASK_S))
        return self._about

    def _known(self) -> About:
        return self._about or self.about()

    # -- plain values --------------------------------------------------------------------------------------------------

    def ask(self, call: Call, timeout: float | None = None) -> Any:
        """The answer to one of `mdht.control.calls` as plain values: what a program needs that only passes it on."""
        check_no_loop()
        wait_s = self._wait_s(timeout)
        with self._pool.connection(wait_s) as one:
            return one.ask(call, wait_s)

    async def aask(self, call: Call, timeout: float | None = None) -> Any:
        """`ask`, awaited."""
        wait_s = await self._await_s(timeout)
        return await (await self._on_loop()).ask(call, wait_s)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _do(self, asking: Asking[T]) -> T:
        return asking.read(self.ask(asking.call, asking.timeout))

    async def _ado(self, asking: Asking[T]) -> T:
        return asking.read(await self.aask(asking.call, asking.timeout))

    def _wait_s(self, timeout: float | None) -> float:
        return (self._known().timeout_s if timeout is None else timeout) + _GRACE_S

    async def _await_s(self, timeout: float | None) -> float:
        if timeout is None:
            timeout = (self._about or await self.aabout()).timeout_s
        return timeout + _GRACE_S

    async def _on_loop(self) -> AsyncConnection:
        import asyncio

        from .aio import AsyncConnection

        if self._closed:
            raise WrongState("a remote node", "closed", "be asked")
        loop = asyncio.get_running_loop()
        one = self._loops.get(loop)
        if one is None or not one.usable:
            opened = await AsyncConnection.open(self.data_dir)
            one = self._loops.get(loop)  # another coroutine may have been faster
            if one is None or not one.usable:
                self._loops[loop] = opened
                return opened
            await opened.close()
        return one


def check_no_loop() -> None:
    """Raises `ipc.WouldDeadlock` where a loop runs on this thread: the node may live on it."""
    try:
        running = sys.modules["asyncio"].get_running_loop()
    except (RuntimeError, KeyError):
        return
    from ipc import WouldDeadlock

    raise WouldDeadlock(f"this would block {running!r}: await its twin, the same name after an a")
