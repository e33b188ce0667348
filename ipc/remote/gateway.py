"""The door of one exposed service: a ROUTER on the tree's control host, and the callers who came in by it.

Theory. ZeroMQ shakes hands and asks the desk (`zap`); who was let in is a routing id that this socket gave, with its
key and the descriptor of its connection as properties of its messages. An id that a caller chose itself is refused: it
could be one that somebody else had, whose connection has just ended. HELLO makes a `Peer`.

The monitor's events come by another socket than the messages. ZeroMQ queues an event before what follows it, so: before
a HELLO is looked at, all events are read, and the connection must be among those that stand; when a connection has
ended, what came by it is read before the peer is forgotten. A ROUTER cannot close one connection: to cut it, its
descriptor is shut down (never closed), after a look whether it still leads to that peer.

Whatever a caller does wrong is counted here, and it is said goodbye; nothing that it sends raises out of `readable`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import TYPE_CHECKING, Any

import zmq

from ..channels.bounds import Bounds
from ..channels.zeromq import release_socket
from ..errors import BadFrame, Broken, ChannelError, Closed, IpcError
from ..limits import FAREWELL_S, HEARTBEAT_S, STALL_TIMEOUT_S
from . import zap
from .descriptors import peer_address, shut_down
from .guard import read_items
from .messages import VERSION, Code, pack_goodbye, pack_welcome, read_hello
from .monitor import Monitor
from .options import server_socket
from .peer import Overrun, Peer, State

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..host import Host
    from ..tree.core import Tree
    from .exposure import Terms

log = logging.getLogger("ipc")

_FRAMES_A_TURN = 256
_LINGER_MS = 250
_UNBOUNDED_BYTES = 1 << 40
_ROUTING_ID_BYTES = 5
_FAILED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL


class Gateway:
    """On the control host's thread, all of it. Made bound; raises `ChannelError` where it cannot be."""

    def __init__(self, tree: Tree, host: Host, terms: Terms) -> None:
        self.tree = tree
        self.host = host
        self.name = terms.name
        self.allowed = terms.allowed
        self.bounds = terms.bounds
        self.max_peers = terms.max_peers
        self.domain = f"ipc-{secrets.token_hex(8)}".encode()
        self.peers: dict[bytes, Peer] = {}
        self.retiring: set[Peer] = set()
        self.blocked: set[Peer] = set()
        self.connections: dict[int, Any] = {}
        self.by_fd: dict[int, Peer] = {}
        self.idle = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.refused = self.bad_frames = self.dropped = self.lost = 0
        self.closed = self.looking = False
        self.socket = server_socket(terms.curve, self.domain, terms.bounds.bytes, "[" in terms.endpoint)
        try:
            zap.join(self.domain, terms.allowed, host)
            events = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | _FAILED
            self.monitor = Monitor(self.socket, host, events, self._event)
            try:
                self.socket.bind(terms.endpoint)
            except BaseException:
                self.socket.monitor(None, 0)
                self.monitor.close()
                raise
        except BaseException as error:
            zap.leave(self.domain, host)
            release_socket(self.socket)
            if isinstance(error, zmq.ZMQError):
                raise ChannelError(
                    f"cannot listen at {terms.endpoint}: {error}; choose another port, or 0 for any"
                ) from error
            raise
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
        self.fd = int(self.socket.getsockopt(zmq.FD))
        host.add_reader(self.fd, self.readable)
        host.soon(self.readable)
        self.timer = host.loop.call_later(HEARTBEAT_S, self._sweep)

    # -- what comes ----------------------------------------------------------------------------------------------------

    def readable(self) -> None:
        """Take what has come, say what could not be said before, then let the host run what it brought."""
        self.looking = False
        if self.closed:
            return
        if self._take():
            self._look_again()
        for peer in list(self.blocked):
            peer.wake()
        self.host.turn()

    def _take(self) -> bool:
        """Take messages; True when there may be more."""
        for _ in range(_FRAMES_A_TURN):
            try:
                routing_id = self.socket.recv(zmq.NOBLOCK)
                peer = self.peers.get(routing_id)
                if peer is None:
                    self._stranger(routing_id)
                    continue
                frame = self.socket.recv(zmq.NOBLOCK)
                many = self._drop_rest()
            except zmq.Again:
                return False
            if peer.state is State.LEAVING:
                continue
            try:
                if many or peer.state is not State.OPEN:
                    raise BadFrame("one message is one frame" if many else "wait for WELCOME")
                peer.on_frame(frame)
            except BadFrame as error:
                self.bad_frames += 1
                self.drop(peer, Code.BROKEN_RULE, f"what came is not of the protocol: {error}")
            except Overrun:
                self.drop(peer, Code.BROKEN_RULE, "more came than there were credits for")
            except Exception as error:
                log.exception("ipc: a frame of a remote caller")
                self.bad_frames += 1
                self.drop(peer, Code.BROKEN_RULE, f"its frame could not be taken: {type(error).__name__}")
            if peer.port is not None and peer.port.error is not None:
                self.drop(peer, Code.CLOSED, str(peer.port.error), counted=False)
        return True

    def _drop_rest(self) -> bool:
        """Throw away what follows in this message; True when there was something."""
        many = False
        while self.socket.getsockopt(zmq.RCVMORE):
            self.socket.recv(zmq.NOBLOCK)
            many = True
        return many

    def _stranger(self, routing_id: bytes) -> None:
        """The first message of a connection."""
        message = self.socket.recv(zmq.NOBLOCK, copy=False)
        many = self._drop_rest()
        try:
            key, fd = str(message.get("User-Id")), int(message.get(zmq.SRCFD))
        except (zmq.ZMQError, TypeError, ValueError):
            return
        self.monitor.drain()
        if fd not in self.connections:
            return  # it has ended meanwhile
        peer = Peer(self, routing_id, key, fd, self.connections[fd])
        if (known := self.by_fd.get(fd)) is not None:
            self.host.soon(lambda: self._gone(known))
        self.peers[routing_id] = self.by_fd[fd] = peer
        try:
            if len(routing_id) != _ROUTING_ID_BYTES or routing_id[0]:
                raise BadFrame("a caller does not choose its routing id")
            items = read_items(bytes(message.buffer))
            hello = read_hello(items[0])
            if many or len(items) != 1:
                raise BadFrame("a connection begins with HELLO alone")
        except BadFrame as error:
            self.bad_frames += 1
            self.drop(peer, Code.BROKEN_RULE, f"what came is not of the protocol: {error}")
            return
        if hello.version != VERSION:
            self.drop(peer, Code.VERSION, f"version {hello.version} of the protocol; this side speaks {VERSION}")
        elif key not in self.allowed.keys:
            self.drop(peer, Code.DENIED, "this key is not allowed any more")
        elif hello.service != self.name or self.name not in self.tree.services:
            self.drop(peer, Code.UNKNOWN, f"no service {hello.service!r} is exposed at this endpoint", counted=False)
        elif self._admitted() > self.max_peers:
            self.drop(peer, Code.BUSY, f"{self.max_peers} callers are connected, and no more are taken", counted=False)
        else:
            self._start(self._open(peer))

    def _admitted(self) -> int:
        return sum(peer.state is not State.LEAVING for peer in self.peers.values()) + len(self.retiring)

    async def _open(self, peer: Peer) -> None:
        try:
            tree = self.tree
            inner = Bounds(self.bounds.commands, _UNBOUNDED_BYTES, "fail")
            async with tree.lock:
                tree.refuse_closed()
                record = peer.record = await tree.new_port(self.name, None, inner)
            peer.port = tree.local.agent.ports[record.id]
            if peer.state is not State.OPENING:
                await self._drop_port(peer)
                return
            if not peer.port.senders:
                raise Closed(f"service {self.name!r} is gone")
            peer.state = State.OPEN
            if not self.send(peer.id, pack_welcome(self.bounds.commands, self.bounds.bytes)):
                raise Broken("it does not read")
        except IpcError as error:
            self.drop(peer, Code.CLOSED, str(error), counted=False)

    # -- what goes -----------------------------------------------------------------------------------------------------

    def send(self, routing_id: bytes, frame: bytes) -> bool:
        """Send a frame; False where ZeroMQ does not take it now. Raises `Broken` where that connection has ended."""
        if self.closed:
            raise Broken("the exposure is closed")
        sent = False
        try:
            self.socket.send(routing_id, zmq.NOBLOCK | zmq.SNDMORE)
            self.socket.send(frame, zmq.NOBLOCK)  # a copy: pyzmq keeps a thread for those without
            sent = True
        except zmq.Again:
            pass
        except zmq.ZMQError as error:
            raise Broken(f"ZeroMQ cannot send to that caller: {error}") from error
        finally:  # the send may have swallowed the edge of a message that came, or of room for a blocked caller
            if int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN or (sent and self.blocked):
                self._look_again()
        return sent

    def _look_again(self) -> None:
        if not self.looking:
            self.looking = True
            self.host.soon(self.readable)

    # -- ends ----------------------------------------------------------------------------------------------------------

    def drop(self, peer: Peer, code: Code, reason: str, counted: bool = True) -> None:
        """Say goodbye to a caller and cut its connection soon; `counted` where it is to blame. Idempotent."""
        if peer.state in (State.LEAVING, State.GONE):
            return
        self.dropped += counted
        with contextlib.suppress(Broken):
            if peer.kept is None:
                self.send(peer.id, pack_goodbye(code, reason))
        peer.state = State.LEAVING
        peer.silence()
        self.host.loop.call_later(FAREWELL_S, self._cut, peer)

    def _cut(self, peer: Peer) -> None:
        if not self.closed and self.peers.get(peer.id) is peer:
            shut_down(peer.fd, peer.address)

    def deny(self, key: str) -> None:
        """Say goodbye to everybody with this key."""
        for peer in list(self.peers.values()):
            if peer.key == key:
                self.drop(peer, Code.DENIED, "this key is not allowed any more", counted=False)

    def _event(self, event: int, value: int) -> None:
        if event == zmq.EVENT_ACCEPTED:
            address = peer_address(value)
            self.connections[value] = address
            if len(self.connections) > 2 * self.max_peers:
                self.refused += 1
                shut_down(value, address)
        elif event == zmq.EVENT_DISCONNECTED:
            self.connections.pop(value, None)
            if (peer := self.by_fd.pop(value, None)) is not None:
                self.host.soon(lambda: self._gone(peer))
        else:
            self.refused += 1

    def _gone(self, peer: Peer) -> None:
        """Its connection has ended: what came by it is taken first."""
        if self.closed or peer.state is State.GONE:
            return
        if peer.state is State.OPEN and self._take():
            self.host.soon(lambda: self._gone(peer))
            return
        self._forget(peer)
        self.host.turn()

    def _forget(self, peer: Peer) -> None:
        self.peers.pop(peer.id, None)
        peer.state = State.GONE
        peer.gone_since = self.host.clock()
        peer.silence()
        if peer.port is not None:
            self.retiring.add(peer)
            self.retire(peer)

    def retire(self, peer: Peer) -> None:
        """Give a vanished caller's port back, when what it had sent is served or has had its time."""
        if peer not in self.retiring:
            return
        if peer.served() or self.host.clock() > peer.gone_since + STALL_TIMEOUT_S:
            self._give_back(peer)
            if not self.retiring:
                self.idle.set()

    def _give_back(self, peer: Peer) -> None:
        self.retiring.discard(peer)
        peer.release()
        self._start(self._drop_port(peer))

    async def _drop_port(self, peer: Peer) -> None:
        record, peer.record = peer.record, None
        if record is not None:
            async with self.tree.lock:
                await self.tree.drop_port(record, Closed("the remote caller is gone"))

    def _sweep(self) -> None:
        now = self.host.clock()
        for peer in list(self.peers.values()):
            try:
                peer.sweep(now)
            except Overrun:
                self.drop(peer, Code.BROKEN_RULE, f"replies were not read for {STALL_TIMEOUT_S:g} s")
            if peer.port is not None and peer.port.error is not None:
                self.drop(peer, Code.CLOSED, str(peer.port.error), counted=False)
        for peer in list(self.retiring):
            self.retire(peer)
        self.timer = self.host.loop.call_later(HEARTBEAT_S, self._sweep)
        self.readable()

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self.host.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("ipc: %s", error, exc_info=error)

    def abandon(self) -> None:
        """The loop that it lived on has ended, and nobody had closed it: let go of its sockets. Idempotent."""
        if not self.closed:
            self._hang_up()

    def _hang_up(self) -> None:
        self.closed = True
        self.host.remove_reader(self.fd)
        zap.leave(self.domain, self.host)
        self.socket.monitor(None, 0)
        self.monitor.close()
        self.socket.setsockopt(zmq.LINGER, _LINGER_MS)
        release_socket(self.socket)
        self.connections.clear()

    async def close(self, reason: str, drain_s: float | None = None) -> None:
        """Say goodbye to everybody and let nobody in; what had come has `drain_s` seconds to be served.

        None where the tree ends: it takes the ports back itself. Idempotent.
        """
        if self.closed:
            return
        self.timer.cancel()
        for peer in list(self.peers.values()):
            peer.flush()
            self.drop(peer, Code.CLOSED, reason, counted=False)
        self._hang_up()
        for peer in list(self.peers.values()):
            self._forget(peer)
        if drain_s is None:
            for peer in self.retiring:
                peer.release()
            self.retiring.clear()
            for task in self.tasks:
                task.cancel()
        elif self.retiring:
            self.idle.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain_s):
                    await self.idle.wait()
        for peer in list(self.retiring):
            self._give_back(peer)
        while self.tasks:
            await asyncio.gather(*self.tasks, return_exceptions=True)
