"""A client of a service on another machine: the commands of a local one, over a connection that may end.

When the connection ends (closed there, or no heartbeat within `limits.HEARTBEAT_S + HEARTBEAT_TIMEOUT_S`), calls that
had left fail with `ServiceDied`: they may have run, and are never sent again. From then on every command raises
`Broken` at once. A client does not connect again by itself, so that nothing is lost without a word: `connect` makes
another one.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from types import TracebackType
from typing import TYPE_CHECKING

from ..channels.bounds import Bounds
from ..channels.port import Port
from ..commands import Commands
from ..errors import Broken, Closed, Insecure, ServiceDied, WouldDeadlock
from ..limits import CONNECT_TIMEOUT_S, KILL_TIMEOUT_S
from ..spawners.coroutine import release_default, take_default
from ..threads import refuse_to_block
from .curve import Curve, check_endpoint, check_key
from .dial import Dial, dial
from .messages import POKE_ITEM, Welcome
from .wire import RemoteSender, RemoteWire

if TYPE_CHECKING:
    from ..channels.wire_client import WireClient
    from ..host import Host


class RemoteClient(Commands):
    """Made by `connect`. Thread-safe. Order is kept among its commands, also while the service is moved there."""

    def __init__(self, name: str, attempt: Dial, welcome: Welcome, bounds: Bounds | None) -> None:
        """On the host's thread."""
        host = attempt.host
        commands, nbytes = welcome.commands, welcome.nbytes
        if bounds is not None:
            commands, nbytes = min(commands, bounds.commands), min(nbytes, bounds.bytes)
        port = Port(0, name, Bounds(commands, nbytes, bounds.when_full if bounds is not None else "block"), True)
        super().__init__(name, port, host.clock)
        self.endpoint = attempt.endpoint
        self._host: Host | None = host
        self._lock = threading.Lock()
        self._ended: asyncio.Future[None] = host.loop.create_future()
        self._sender = RemoteSender(port, 1, 0, False)
        port.senders = [self._sender]
        self._wire = RemoteWire(attempt.carrier, host, False, self._lost)
        self._carrier = attempt.carrier
        self._sender.attach_wire(self._wire)
        host.wires.add(self._wire)
        if bounds is not None:
            self._wire.control.append(POKE_ITEM)  # room comes back at once, not by quarters of what the exposure gives
            self._wire.flush()
            if bounds.when_full == "fail":
                self._wire.demand(1)  # nobody waits for room, so the host reads that there is some
        attempt.hand_over(self._disconnected)
        _live.add(self)

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return not self._wire.closed

    # -- the connection ------------------------------------------------------------------------------------------------

    def _disconnected(self, reason: str) -> None:
        self._carrier.end(reason)
        self._wire.demand(1)  # somebody must read what came before the end, and then the end

    def _lost(self, wire: WireClient, reason: str) -> None:
        port = self._port
        died = f"{reason}; the command may have run"
        port.fail_left(self._sender, lambda: ServiceDied(self.name, died))
        port.close(Broken(f"service {self.name!r}: {reason}; connect again"))
        wire.host.soon(self._resolve_ended)

    def _resolve_ended(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    async def _leave(self, host: Host) -> None:
        """Let what was sent arrive, then go. On the host."""
        wire = self._wire
        if not wire.closed:
            self._sender.ended = lambda: host.soon(self._resolve_ended)
            wire.end(self._sender)
            await asyncio.wait([self._ended], timeout=KILL_TIMEOUT_S)
        self._port.close(Closed(f"the client of {self.name!r} is closed"))
        wire.close()
        host.wires.discard(wire)

    def _take_host(self) -> Host | None:
        with self._lock:
            host, self._host = self._host, None
        return host

    def close(self) -> None:
        """Wait until what was sent has arrived there (2 s at most), and disconnect; whoever waits gets `Closed`.

        Blocks; raises `WouldDeadlock` on an event loop's thread. Idempotent.
        """
        refuse_to_block("close")
        if self._host is not None and self._host.is_current():
            raise WouldDeadlock("close() would wait for its own thread: use `await ….aclose()` instead")
        if (host := self._take_host()) is None:
            return
        _live.discard(self)
        host.submit(self._leave(host)).result()
        self._release()

    async def aclose(self) -> None:
        """`close`, awaited."""
        if (host := self._take_host()) is None:
            return
        _live.discard(self)
        await host.run(self._leave(host))
        await asyncio.to_thread(self._release)

    def _release(self) -> None:
        self._carrier.closed.wait(KILL_TIMEOUT_S)
        release_default()

    def __enter__(self) -> RemoteClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> RemoteClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<client of {self.name!r} at {self.endpoint}>"


# -- connecting --------------------------------------------------------------------------------------------------------


def connect(
    endpoint: str,
    name: str,
    *,
    curve: Curve | None = None,
    server_key: str | None = None,
    timeout: float = CONNECT_TIMEOUT_S,
    bounds: Bounds | None = None,
) -> RemoteClient:
    """A client of the service `name` that another machine exposes at `endpoint` (`tcp://host:port`).

    `curve` are this caller's keys, whose public one must be allowed there; `server_key` is the exposure's public key.
    Blocks until the service has accepted, at most `timeout` seconds; where nobody listens yet it tries again until
    then. `bounds` narrow those that the exposure gives, and say what happens when they are reached.

    Raises `Insecure` (no keys, no tcp), `Refused` (key not allowed, wrong server key, too many callers),
    `UnknownService`, `Unreachable`, `WouldDeadlock`.
    """
    refuse_to_block("connect")
    keys, server = _check(endpoint, curve, server_key)
    host = take_default()
    try:
        future = host.submit(_connect(host, endpoint, name, keys, server, timeout, bounds))
        try:
            client: RemoteClient = future.result()
        except BaseException:
            future.cancel()
            raise
    except BaseException:
        release_default()
        raise
    return client


async def aconnect(
    endpoint: str,
    name: str,
    *,
    curve: Curve | None = None,
    server_key: str | None = None,
    timeout: float = CONNECT_TIMEOUT_S,
    bounds: Bounds | None = None,
) -> RemoteClient:
    """`connect`, awaited."""
    keys, server = _check(endpoint, curve, server_key)
    host = take_default()
    try:
        future = host.submit(_connect(host, endpoint, name, keys, server, timeout, bounds))
        try:
            client: RemoteClient = await asyncio.wrap_future(future)
        except BaseException:
            future.cancel()
            raise
    except BaseException:
        await asyncio.shield(asyncio.to_thread(release_default))
        raise
    return client


def _check(endpoint: str, curve: Curve | None, server_key: str | None) -> tuple[Curve, str]:
    check_endpoint(endpoint)
    if not isinstance(curve, Curve):
        raise Insecure(
            "connecting to another machine takes CURVE keys: give curve=Curve.load(path), or Curve.generate()"
        )
    return curve, check_key(server_key, "server_key")


async def _connect(
    host: Host, endpoint: str, name: str, curve: Curve, server_key: str, timeout_s: float, bounds: Bounds | None
) -> RemoteClient:
    attempt, welcome = await dial(endpoint, name, curve, server_key, host, timeout_s)
    try:
        return RemoteClient(name, attempt, welcome, bounds)
    except BaseException:
        attempt.close()
        raise


_live: weakref.WeakSet[RemoteClient] = weakref.WeakSet()


def _close_all() -> None:
    for client in list(_live):
        client.close()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_live.clear)
