"""The sender's end of a wire: one connection between a sender's site and a host, shared by all their lines.

Theory, client side. Exactly one reader at a time: either a thread that waits for its own reply (the *leader*; other
threads that wait are followers, and one of them leads when it leaves), or a host's loop (*hosted*) while futures,
coroutines or services expect something and no thread waits. So a waiting thread reads the descriptor itself, and no
reader thread stands between. The pattern is Leader/Followers (Schmidt et al., PLoP 2000). Sending is by whoever has
something: whoever holds `send_lock` sends what everybody queued; who does not get it leaves, because the holder looks
again after it let go.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..codec import dumps, find_unknown, loads_marked
from ..errors import BadFrame, ChannelError, NotSendable
from ..interned import Interned, InternTable
from ..limits import BATCH_BYTES, LOOK_AGAIN_S
from ..remote_errors import unpack_error
from .carrier import Carrier
from .credit import Credit
from .frames import (
    ACK,
    DEFINE,
    END,
    ENDED,
    FAIL,
    POKE,
    REPLY,
    finish_frame,
    pack_definitions,
    pack_run,
    stream_frame,
)
from .sender import Sender
from .waiters import Failure, ThreadWaiter

if TYPE_CHECKING:
    from ..host import Host

log = logging.getLogger("ipc")

_FLUSH_BYTES = 16 * BATCH_BYTES


class WireClient:
    """The sending side of a wire. Thread-safe."""

    def __init__(
        self, carrier: Carrier, host: Host, always_hosted: bool, on_lost: Callable[[WireClient, str], None]
    ) -> None:
        self.carrier = carrier
        self.host = host
        self.senders: dict[int, Sender] = {}
        self.dirty: deque[Sender] = deque()
        self.control: deque[bytes] = deque()
        self.defined: deque[Interned] = deque()
        self.interned = InternTable(self)
        self.send_lock = threading.Lock()
        self.mutex = threading.Lock()
        self.leader: ThreadWaiter | None = None
        self.followers: list[ThreadWaiter] = []
        self.wanted = 1 if always_hosted else 0
        self.always_hosted = always_hosted
        self.hosted = False
        self.scheduled = False
        self.blocked = False
        self.closed = False
        self.released = False
        self.on_lost = on_lost
        self.bad_frames = 0

        if always_hosted:
            self._host_reads()

    # -- sending -------------------------------------------------------------------------------------------------------

    def kick(self) -> None:
        """Something was queued that need not leave at once: the host sends it when it has its turn."""
        if not self.scheduled:
            self.scheduled = True
            self.host.soon(self._scheduled_flush)

    def _scheduled_flush(self) -> None:
        self.scheduled = False
        self.flush()

    def flush_soon(self) -> None:
        """On the host's own thread: when its turn ends, with all else it has to say. Elsewhere: now."""
        if self.host.is_current():
            self.kick()
        else:
            self.flush()

    def flush(self, will_read: bool = False) -> None:
        """Send what is queued, as far as the carrier takes it; `will_read` where the caller then waits for a reply."""
        while (self.dirty or self.control or self.defined or self.blocked) and not self.closed:
            if not self.send_lock.acquire(blocking=False):
                return
            try:
                if self.closed:
                    return
                if self.blocked:
                    if not self.carrier.send_more():
                        break
                    self.blocked = False
                if not self._send_once():
                    self.blocked = True
                    break
            except ChannelError as error:
                self.lost(str(error))
                return
            finally:
                self.send_lock.release()
        if self.blocked and not will_read and not self.closed:
            self.host.soon(self._host_writes)

    def _send_once(self) -> bool:
        parts: list[bytes] = []
        items = size = 0
        handles: list[Interned] = []
        while self.defined:
            handles.append(self.defined.popleft())
        ends = len(self.control)
        while self.dirty and size < _FLUSH_BYTES:
            sender = self.dirty.popleft()
            with sender.lock:
                if sender.wire is not self:
                    continue
                out, sender.out = sender.out, []
                sender.tail = None
                for entry in out:
                    if entry.waiter is not None:
                        entry.waiter.left = True
            line = sender.line
            for entry in out:
                size += pack_run(line, entry, parts)
                items += 1
                if entry.handles:
                    handles.extend(entry.handles)
        for _ in range(ends):
            item = self.control.popleft()
            parts.append(item)
            size += len(item)
            items += 1
        sent = True
        if handles and (definitions := self.interned.outgoing(handles)):
            sent = self.carrier.send(stream_frame(pack_definitions(definitions)))
            self._keep_reading()
        if items:
            sent = self.carrier.send(finish_frame(parts, items, size))
        return sent

    def poke(self, sender: Credit) -> None:
        """Tell the service that this sender waits for room."""
        self.control.append(dumps([POKE, sender.line]))
        self.flush(will_read=True)

    def end(self, sender: Sender) -> None:
        """Mark the end of a detached sender's commands on this wire; its `ended` is called when all before was
        received.
        """
        self.control.append(dumps([END, sender.line]))
        self.demand(1)
        self.flush()

    def define(self, handle: Interned) -> None:
        """Send the newer version of an interned value that the other side knows."""
        self.defined.append(handle)
        self.kick()

    # -- receiving -----------------------------------------------------------------------------------------------------

    def demand(self, count: int) -> None:
        """So many more (or fewer) replies are expected that no thread reads for."""
        start = False
        with self.mutex:
            self.wanted += count
            if self.wanted > 0 and self.leader is None and not self.hosted and not self.closed:
                self.hosted = start = True
        if start:
            self.host.soon(self._start_reading)

    def _host_reads(self) -> None:
        self.hosted = True
        self.host.soon(self._start_reading)

    def _start_reading(self) -> None:
        if self.hosted and not self.closed:
            self.host.add_reader(self.carrier.fileno(), self._readable)

    def _readable(self) -> None:
        if self.closed or not self.hosted:
            return
        self._receive(None)
        if self.wanted <= 0:
            self._stop_hosting()
        self.host.turn()

    def _stop_hosting(self) -> None:
        with self.mutex:
            if self.wanted > 0 or not self.hosted:
                return
            self.hosted = False
            self._promote()
        if not self.closed:
            self.host.remove_reader(self.carrier.fileno())

    def _host_writes(self) -> None:
        if self.blocked and not self.closed:
            self.host.add_writer(self.carrier.fileno(), self._writable)

    def _writable(self) -> None:
        if self.closed:
            return
        self.host.remove_writer(self.carrier.fileno())
        self.flush()

    def _promote(self) -> None:
        """Let a follower lead; under `mutex`."""
        while self.followers:
            follower = self.followers.pop(0)
            if not follower.done:
                self.leader = follower
                follower.wake()
                return

    def wait_for(self, waiter: ThreadWaiter, deadline_s: float) -> None:
        """Wait in this thread until the waiter is done, the deadline passes, or this wire is of no more use for it."""
        with self.mutex:
            if self.closed:
                return
            lead = self.leader is None and (not self.hosted or self.host.is_current())
            if lead:
                if self.hosted:  # by the loop of this very thread, which cannot run meanwhile
                    self.hosted = False
                    self.host.remove_reader(self.carrier.fileno())
                self.leader = waiter
            else:
                self.followers.append(waiter)
        if not lead:
            if self.blocked:
                self.host.soon(self._host_writes)
            waiter.park(deadline_s)
        try:
            now = time.monotonic()
            while self.leader is waiter and not waiter.done and not self.closed:
                look_again = min(deadline_s, now + LOOK_AGAIN_S)
                if self.blocked:
                    self.carrier.wait(look_again)
                    self.flush(will_read=True)
                    self._receive(None)
                else:
                    self._receive(look_again)
                if waiter.done or (waiter.sender is not None and waiter.sender.wire is not self):
                    break
                now = time.monotonic()
                if now >= deadline_s:
                    break
        finally:
            self._leave(waiter)

    def _leave(self, waiter: ThreadWaiter) -> None:
        start = last = False
        with self.mutex:
            if self.leader is waiter:
                self.leader = None
                last = self.closed
                if self.wanted > 0 and not self.closed:
                    self.hosted = start = True
                else:
                    self._promote()
            elif waiter in self.followers:
                self.followers.remove(waiter)
        if last:
            self.host.soon(self._release)
            if self.host.closed:  # that is not run any more
                with self.send_lock:
                    self.carrier.close()
            return
        if start:
            self.host.soon(self._start_reading)
        if self.blocked:
            self.host.soon(self._host_writes)

    def _receive(self, deadline_s: float | None) -> None:
        try:
            self.carrier.receive(self._on_frame, deadline_s)
        except ChannelError as error:
            if isinstance(error, BadFrame):
                self.bad_frames += 1
            self.lost(str(error))

    def _on_frame(self, frame: memoryview | bytes) -> None:
        items, unknown = loads_marked(frame)
        try:
            for item in items:
                kind = item[0]
                if kind == REPLY:
                    if (sender := self.senders.get(item[1])) is not None:
                        values = item[4]
                        sender.port.fill(item[2], item[3], mark_unknown(values) if unknown else values)
                elif kind == ACK:
                    if (sender := self.senders.get(item[1])) is not None:
                        sender.served(item[2], item[3], item[4])
                elif kind == FAIL:
                    if (sender := self.senders.get(item[1])) is not None:
                        sender.port.fail(item[2], item[3], unpack_error(item[4]))
                elif kind == ENDED:
                    self._ended(item[1])
                elif kind == DEFINE:
                    self.interned.incoming(item[1], item[2], item[3])
                    self._keep_reading()
                else:
                    raise BadFrame(f"an item of kind {kind!r} is not for a sender")
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise BadFrame(f"not a frame of replies: {error}") from error

    def _ended(self, line: int) -> None:
        sender = self.senders.pop(line, None)
        self.demand(-1)
        if sender is not None and sender.ended is not None:
            sender.ended()

    def _keep_reading(self) -> None:
        """Interned values come this way: their newer versions must be read even while nobody waits."""
        if not self.always_hosted:
            self.always_hosted = True
            self.demand(1)

    # -- ends ----------------------------------------------------------------------------------------------------------

    def lost(self, reason: str) -> None:
        """The other end is gone: senders wait detached until the tree says how it goes on. Idempotent."""
        if not self.close():
            return
        self.on_lost(self, reason)

    def close(self) -> bool:
        """Release the connection and wake everybody who waits on it; False where that was done before."""
        with self.mutex:
            if self.closed:
                return False
            self.closed = True
            followers, self.followers = self.followers, []
            for waiter in followers:
                waiter.wake()
        self.interned.close()
        for sender in list(self.senders.values()):
            if sender.wire is self:
                sender.detach()
            elif sender.ended is not None:
                sender.ended()  # no mark comes back any more
        self.carrier.wake()
        self.host.soon(self._release)
        return True

    def _release(self) -> None:
        """On the host's thread, once, and not while another thread still reads."""
        with self.mutex:
            if self.leader is not None or self.released:
                return
            self.released = True
        fd = self.carrier.fileno()
        self.host.remove_reader(fd)
        self.host.remove_writer(fd)
        with self.send_lock:
            self.carrier.close()


def mark_unknown(values: list[Any]) -> list[Any]:
    """Replies with a type that is not registered here become the error that says so."""
    marked: list[Any] = []
    for value in values:
        name = find_unknown(value)
        hint = "it is not registered in this process: import its module here"
        marked.append(value if name is None else Failure(NotSendable(name, "sendable type", hint)))
    return marked
