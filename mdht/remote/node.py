"""`RemoteNode`: a node that runs in another process of this user, with the methods of `mdht.Node`."""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from ..control import About, AboutCall, Call, FetchCall, ProgressCall, ShareCall, StopCall
from ..data_dir import default_data_dir, holder_of
from ..errors import TimedOut, WrongState
from . import requests
from .connection import Connection
from .control import RemoteControl
from .pool import Pool
from .results import about_of

if TYPE_CHECKING:
    import asyncio

    from ..model import Kind
    from ..node import NodeStats
    from ..services import Got, PeerInfo, PutDone
    from ..services.files.commands import Fetched, FileProgress, Shared, ShareInfo
    from .aio import AsyncConnection

_ASK_S: Final = 10.0
"""Seconds for what a node answers without the network."""

_GRACE_S: Final = 3.0
"""Seconds beyond a request's deadline in which the node's own, better error comes."""

_PROGRESS_S: Final = 0.2
"""Seconds between two questions how far a share or fetch is."""

_ENDED_S: Final = 0.02
"""Seconds between two looks whether a node that was told to stop still has its directory: a lock tells nobody."""


class RemoteNode(RemoteControl):
    """See `mdht.remote`. Thread-safe; blocking methods use a connection a thread, awaited ones share one a loop.

    Nothing is connected before the first call, or `with`. Besides what the method of `Node` raises, each raises NoNode
    (nobody runs there), DoorClosed, and NodeGone (it ended before it answered). `timeout` is in seconds, at most 600.
    """

    def __init__(self, data_dir: str | os.PathLike[str] | None = None) -> None:
        """Without a directory: `MDHT_DATA_DIR`, else `~/.local/share/mdht`."""
        self.data_dir = default_data_dir() if data_dir is None else os.path.abspath(data_dir)
        self._pool = Pool(self.data_dir)
        weakref.finalize(self, self._pool.close)  # for who forgets to close
        self._about: About | None = None
        self._loops: dict[asyncio.AbstractEventLoop, AsyncConnection] = {}
        self._closed = False

    # -- life ----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> RemoteNode:
        self.about()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> RemoteNode:
        await self.aabout()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

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

    def stop(self, *, timeout: float = 30.0) -> int:
        """End the node itself, and wait until its directory is free. Its process id.

        Raises TimedOut where it takes longer than `timeout` seconds.
        """
        until_s = time.monotonic() + timeout
        pid: int = self.ask(StopCall(), timeout)
        while (holder := holder_of(self.data_dir)) is not None and holder[0] == pid:
            if time.monotonic() > until_s:
                raise TimedOut("the end of the node", timeout)
            time.sleep(_ENDED_S)
        return pid

    # -- who and where -------------------------------------------------------------------------------------------------

    def about(self) -> About:
        """What it says of itself now."""
        self._about = about_of(self.ask(AboutCall(), _ASK_S))
        return self._about

    async def aabout(self) -> About:
        """`about`, awaited."""
        self._about = about_of(await self.aask(AboutCall(), _ASK_S))
        return self._about

    @property
    def id(self) -> bytes:
        """The node's id, 32 bytes. This one and the next three ask it the first time, and block then."""
        return self._known().id

    @property
    def public(self) -> bytes:
        """Its public key, 32 bytes: the owner of its records."""
        return self._known().public

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where others reach it."""
        return self._known().addresses

    @property
    def address(self) -> str:
        """The first of them with the id, as others write it into `seeds` and `connect`. Raises WrongState."""
        about = self._known()
        if not about.addresses:
            raise WrongState("a node", "not listening", "be dialled")
        return f"{about.id.hex()}@{about.addresses[0]}"

    def _known(self) -> About:
        return self._about or self.about()

    # -- peers ---------------------------------------------------------------------------------------------------------

    def connect(self, seed: str, *, timeout: float | None = None) -> bytes:
        """As `Node.connect`."""
        return self._do(requests.connect(seed, timeout))  # type: ignore[no-any-return]

    async def aconnect(self, seed: str, *, timeout: float | None = None) -> bytes:
        """`connect`, awaited."""
        return await self._ado(requests.connect(seed, timeout))  # type: ignore[no-any-return]

    def refresh(self, *, timeout: float | None = None) -> int:
        """As `Node.refresh`."""
        return self._do(requests.refresh(timeout))  # type: ignore[no-any-return]

    async def arefresh(self, *, timeout: float | None = None) -> int:
        """`refresh`, awaited."""
        return await self._ado(requests.refresh(timeout))  # type: ignore[no-any-return]

    def peers(self) -> list[PeerInfo]:
        """As `Node.peers`."""
        return self._do(requests.peers(_ASK_S))  # type: ignore[no-any-return]

    async def apeers(self) -> list[PeerInfo]:
        """`peers`, awaited."""
        return await self._ado(requests.peers(_ASK_S))  # type: ignore[no-any-return]

    # -- records -------------------------------------------------------------------------------------------------------

    def put(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | str | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> PutDone:
        """As `Node.put`; a kind may be its word, too: `content`, `owned`, `open`."""
        return self._do(requests.put(value, key, kind, sequence, expect, keep_s, replicas, timeout))  # type: ignore[no-any-return]

    async def aput(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        kind: Kind | str | None = None,
        sequence: int = 0,
        expect: int | None = None,
        keep_s: int = 0,
        replicas: int = 0,
        timeout: float | None = None,
    ) -> PutDone:
        """`put`, awaited."""
        asking = requests.put(value, key, kind, sequence, expect, keep_s, replicas, timeout)
        return await self._ado(asking)  # type: ignore[no-any-return]

    def get(
        self, key: bytes, *, kind: Kind | str = "content", owner: bytes | None = None, timeout: float | None = None
    ) -> Got:
        """As `Node.get`."""
        return self._do(requests.get(key, kind, owner, timeout))  # type: ignore[no-any-return]

    async def aget(
        self, key: bytes, *, kind: Kind | str = "content", owner: bytes | None = None, timeout: float | None = None
    ) -> Got:
        """`get`, awaited."""
        return await self._ado(requests.get(key, kind, owner, timeout))  # type: ignore[no-any-return]

    def get_all(self, key: bytes, *, timeout: float | None = None) -> list[Got]:
        """As `Node.get_all`."""
        return self._do(requests.get_all(key, timeout))  # type: ignore[no-any-return]

    async def aget_all(self, key: bytes, *, timeout: float | None = None) -> list[Got]:
        """`get_all`, awaited."""
        return await self._ado(requests.get_all(key, timeout))  # type: ignore[no-any-return]

    def delete(
        self, key: bytes, *, kind: Kind | str = "owned", expect: int | None = None, timeout: float | None = None
    ) -> PutDone:
        """As `Node.delete`."""
        return self._do(requests.delete(key, kind, expect, timeout))  # type: ignore[no-any-return]

    async def adelete(
        self, key: bytes, *, kind: Kind | str = "owned", expect: int | None = None, timeout: float | None = None
    ) -> PutDone:
        """`delete`, awaited."""
        return await self._ado(requests.delete(key, kind, expect, timeout))  # type: ignore[no-any-return]

    # -- files ---------------------------------------------------------------------------------------------------------

    def share(
        self,
        path: str | os.PathLike[str],
        *,
        replicas: int = 0,
        timeout: float | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> Shared:
        """As `Node.share`; the path is of this process, and the node must be able to read it.

        `timeout` is without any progress, not in all. `progress` is called on this thread. Where this is interrupted,
        the node gives the share up.
        """
        return self._transfer(requests.share(path, replicas, timeout), progress)  # type: ignore[no-any-return]

    def fetch(
        self,
        id: bytes,
        path: str | os.PathLike[str],
        *,
        timeout: float | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> Fetched:
        """As `Node.fetch`; the path is of this process, and the node must be able to write it. See `share`."""
        return self._transfer(requests.fetch(id, path, timeout), progress)  # type: ignore[no-any-return]

    async def ashare(
        self,
        path: str | os.PathLike[str],
        *,
        replicas: int = 0,
        timeout: float | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> Shared:
        """`share`, awaited."""
        return await self._atransfer(requests.share(path, replicas, timeout), progress)  # type: ignore[no-any-return]

    async def afetch(
        self,
        id: bytes,
        path: str | os.PathLike[str],
        *,
        timeout: float | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> Fetched:
        """`fetch`, awaited."""
        return await self._atransfer(requests.fetch(id, path, timeout), progress)  # type: ignore[no-any-return]

    def shares(self) -> list[ShareInfo]:
        """As `Node.shares`."""
        return self._do(requests.shares(_ASK_S))  # type: ignore[no-any-return]

    async def ashares(self) -> list[ShareInfo]:
        """`shares`, awaited."""
        return await self._ado(requests.shares(_ASK_S))  # type: ignore[no-any-return]

    def unshare(self, id: bytes) -> bool:
        """As `Node.unshare`."""
        return self._do(requests.unshare(id, _ASK_S))  # type: ignore[no-any-return]

    async def aunshare(self, id: bytes) -> bool:
        """`unshare`, awaited."""
        return await self._ado(requests.unshare(id, _ASK_S))  # type: ignore[no-any-return]

    def forget(self, key: bytes, *, kind: Kind | str = "content", timeout: float | None = None) -> bool:
        """As `Node.forget`."""
        return self._do(requests.forget(key, kind, timeout))  # type: ignore[no-any-return]

    async def aforget(self, key: bytes, *, kind: Kind | str = "content", timeout: float | None = None) -> bool:
        """`forget`, awaited."""
        return await self._ado(requests.forget(key, kind, timeout))  # type: ignore[no-any-return]

    # -- numbers -------------------------------------------------------------------------------------------------------

    def stats(self) -> NodeStats:
        """As `Node.stats`."""
        return self._do(requests.stats(_ASK_S))  # type: ignore[no-any-return]

    async def astats(self) -> NodeStats:
        """`stats`, awaited."""
        return await self._ado(requests.stats(_ASK_S))  # type: ignore[no-any-return]

    # -- plain values --------------------------------------------------------------------------------------------------

    def ask(self, call: Call, timeout: float | None = None) -> Any:
        """The answer to one of `mdht.control.calls` as plain values: what a program needs that only passes it on."""
        _check_no_loop()
        wait_s = self._wait_s(timeout)
        with self._pool.connection(wait_s) as one:
            return one.ask(call, wait_s)

    async def aask(self, call: Call, timeout: float | None = None) -> Any:
        """`ask`, awaited."""
        wait_s = await self._await_s(timeout)
        return await (await self._on_loop()).ask(call, wait_s)

    def transfer(self, call: ShareCall | FetchCall, progress: Callable[[Any], None] | None = None) -> Any:
        """A share or fetch as plain values; `progress` is given them, too, some times a second, on this thread."""
        _check_no_loop()
        with self._pool.connection(_ASK_S) as one:
            try:
                return _transferred(one, call, progress)
            except BaseException:
                one.close()  # the node gives it up
                raise

    # -- inside --------------------------------------------------------------------------------------------------------

    def _do(self, asking: requests.Asking) -> Any:
        return asking.read(self.ask(asking.call, asking.timeout))

    async def _ado(self, asking: requests.Asking) -> Any:
        return asking.read(await self.aask(asking.call, asking.timeout))

    def _transfer(self, asking: requests.Asking, progress: Callable[[FileProgress], None] | None) -> Any:
        assert isinstance(asking.call, ShareCall | FetchCall), "of files"
        tell = None if progress is None else lambda plain: progress(requests.progress(plain))
        return asking.read(self.transfer(asking.call, tell))

    async def _atransfer(self, asking: requests.Asking, progress: Callable[[FileProgress], None] | None) -> Any:
        call = asking.call
        assert isinstance(call, ShareCall | FetchCall), "of files"
        from .aio import AsyncConnection

        one = await AsyncConnection.open(self.data_dir)  # its own: closing it gives the transfer up
        try:
            number = one.send(call)
            while not await one.wait(number, _PROGRESS_S):
                plain = await one.ask(ProgressCall(call.ticket), _ASK_S)
                if plain is not None and progress is not None:
                    progress(requests.progress(plain))
            return asking.read(one.result(number))
        finally:
            await one.close()

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

    def __repr__(self) -> str:
        return f"<remote node in {self.data_dir}>"


def _transferred(one: Connection, call: ShareCall | FetchCall, progress: Callable[[Any], None] | None) -> Any:
    number = one.send(call)
    while (reply := one.wait(number, _PROGRESS_S)) is None:
        plain = one.ask(ProgressCall(call.ticket), _ASK_S)
        if plain is not None and progress is not None:
            progress(plain)
    return one.result(reply)


def _check_no_loop() -> None:
    """Raises `ipc.WouldDeadlock` where a loop runs on this thread: the node may live on it."""
    try:
        running = sys.modules["asyncio"].get_running_loop()
    except (RuntimeError, KeyError):
        return
    from ipc import WouldDeadlock

    raise WouldDeadlock(f"this would block {running!r}: await its twin, the same name after an a")
