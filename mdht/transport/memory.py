"""A network in one process, on the clock of the running loop: with a virtual one, a network in virtual time.

A stream loses nothing, so what is lost on the way is sent again: a lost piece arrives later by `retry_s`, doubled each
time it is lost again, and so does everything behind it, as with TCP (RFC 6298). While two hosts are parted, nothing
passes between them and dialling fails; what was written goes on when they are joined, if nobody gave up meanwhile.

The same seed and the same order of calls give the same delays.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass

from ..model.address import MEMORY
from .base import CLOSE_S, CONNECT_S, HIGH_BYTES, LOW_BYTES, Begin, Listening, Receiver, Transport, Wire, spelled
from .errors import CannotDial, CannotListen

_FIRST_PORT = 49_152
"""Ports given to who dials, or listens at port 0: the range that IANA leaves free."""

_DOUBLINGS = 6
"""Most doublings of `retry_s`."""


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """Totals since the network was made."""

    dialled: int
    delivered: int
    """Pieces, each what one `write` gave."""
    lost: int
    """Pieces that had to be sent again, each time counted."""


class MemoryNetwork:
    """Hosts by name, and what lies between them. Give each node its `host(name)` as its transport."""

    def __init__(
        self, seed: int = 0, *, delay_s: float = 0.0, jitter_s: float = 0.0, loss: float = 0.0, retry_s: float = 0.2
    ) -> None:
        """`delay_s` one way, and up to `jitter_s` more; `loss` is the share of pieces lost, 0 to below 1.

        Raises ValueError.
        """
        if not 0 <= loss < 1 or min(delay_s, jitter_s) < 0 or retry_s <= 0:
            raise ValueError("0 <= loss < 1, delays of 0 or more and retry_s above 0 are needed")
        self.delay_s, self.jitter_s, self.loss, self.retry_s = delay_s, jitter_s, loss, retry_s
        self._random = random.Random(seed)
        self._listening: dict[tuple[str, int], _MemoryListening] = {}
        self._parted: set[frozenset[str]] = set()
        self._port = _FIRST_PORT
        self._dialled = self._delivered = self._lost = 0

    def host(self, name: str) -> MemoryTransport:
        """The transport of a host of that name."""
        return MemoryTransport(self, name)

    def part(self, a: str, b: str) -> None:
        """Nothing passes between two hosts from now on."""
        self._parted.add(frozenset((a, b)))

    def join(self, a: str, b: str) -> None:
        """It does again."""
        self._parted.discard(frozenset((a, b)))

    def parted(self, a: str, b: str) -> bool:
        """Whether nothing passes."""
        return frozenset((a, b)) in self._parted

    def stats(self) -> MemoryStats:
        """The totals."""
        return MemoryStats(self._dialled, self._delivered, self._lost)

    # -- for its parts -------------------------------------------------------------------------------------------------

    def took_s(self) -> float:
        """How long the next piece takes."""
        took = self.delay_s
        if self.jitter_s:
            took += self._random.random() * self.jitter_s
        if self.loss:
            for again in range(_DOUBLINGS):
                if self._random.random() >= self.loss:
                    break
                self._lost += 1
                took += self.retry_s * (1 << again)
        return took

    def delivered(self) -> None:
        """One more piece has arrived."""
        self._delivered += 1

    def free_port(self) -> int:
        """A port that nobody has."""
        self._port = self._port + 1 if self._port < 65_535 else _FIRST_PORT
        return self._port

    def bind(self, listening: _MemoryListening) -> bool:
        """False where the place is taken."""
        return self._listening.setdefault((listening.host, listening.port), listening) is listening

    def unbind(self, listening: _MemoryListening) -> None:
        """It is free again."""
        if self._listening.get((listening.host, listening.port)) is listening:
            del self._listening[listening.host, listening.port]

    def connect(self, name: str, host: str, port: int) -> tuple[_MemoryWire, _MemoryWire, Begin] | None:
        """Both ends of a new wire; None where nobody listens."""
        listening = self._listening.get((host, port))
        if listening is None:
            return None
        self._dialled += 1
        ours, theirs = _MemoryWire(self, name, host, port), _MemoryWire(self, host, name, self.free_port())
        ours.other, theirs.other = theirs, ours
        return ours, theirs, listening.begin


class MemoryTransport(Transport):
    """What one host can do: it dials from its name, and listens at its name only."""

    kind = MEMORY

    def __init__(self, network: MemoryNetwork, name: str) -> None:
        self.network = network
        self.name = name

    async def dial(self, host: str, port: int, begin: Begin) -> Wire:
        network, where = self.network, spelled(host, port)
        if network.parted(self.name, host):
            await asyncio.sleep(CONNECT_S)
            raise CannotDial(where, f"no answer in {CONNECT_S:g} s")
        await asyncio.sleep(network.took_s())  # there …
        ends = network.connect(self.name, host, port)
        if ends is None:
            await asyncio.sleep(network.took_s())
            raise CannotDial(where, "nobody listens there")
        ours, theirs, answer = ends
        theirs.start(answer)
        await asyncio.sleep(network.took_s())  # … and back
        if ours.over:
            raise CannotDial(where, "it was closed at once")
        ours.start(begin)
        return ours

    async def listen(self, host: str, port: int, begin: Begin) -> Listening:
        if host != self.name:
            raise CannotListen(spelled(host, port), f"this host is {self.name}")
        listening = _MemoryListening(self.network, host, port or self.network.free_port(), begin)
        if not self.network.bind(listening):
            raise CannotListen(spelled(host, port), "it is taken")
        return listening


class _MemoryListening(Listening):
    def __init__(self, network: MemoryNetwork, host: str, port: int, begin: Begin) -> None:
        self._network = network
        self.host, self.port, self.begin = host, port, begin

    def close(self) -> None:
        self._network.unbind(self)


class _MemoryWire(Wire):
    """One end. What the other end wrote waits in `_coming`, each piece with its time; None is the end of the stream."""

    other: _MemoryWire

    def __init__(self, network: MemoryNetwork, name: str, host: str, port: int) -> None:
        self.host, self.port, self.writable = host, port, True
        self.over = False
        self._network = network
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._receiver: Receiver | None = None
        self._coming: deque[tuple[float, bytes | None]] = deque()
        self._coming_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._paused = self._closing = False

    def start(self, begin: Begin) -> None:
        """There is a receiver now."""
        self._receiver = begin(self)
        self._arm()

    def write(self, data: bytes) -> None:
        if data and not (self.over or self._closing):
            self._send(bytes(data))

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._arm()

    def close(self) -> None:
        if not (self.over or self._closing):
            self._closing = True
            self._send(None)
            self._cut = self._loop.call_later(CLOSE_S, self._end)

    def abort(self) -> None:
        if not self.over:
            self._send(None)
            self._end()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _send(self, data: bytes | None) -> None:
        other = self.other
        if other.over:
            return
        last_s = other._coming[-1][0] if other._coming else 0.0
        other._coming.append((max(last_s, self._loop.time() + self._network.took_s()), data))
        if data is not None:
            other._coming_bytes += len(data)
            if other._coming_bytes > HIGH_BYTES:
                self.writable = False
        other._arm()

    def _arm(self) -> None:
        if self._timer is None and self._coming and self._receiver is not None and not self.over:
            at_s, data = self._coming[0]
            if data is None or not self._paused:
                self._timer = self._loop.call_at(at_s, self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        while self._coming and self._coming[0][0] <= now_s and not self.over:
            if self._network.parted(self._name, self.host):
                self._timer = self._loop.call_at(now_s + self._network.retry_s, self._arrive)
                return
            data = self._coming[0][1]
            if data is None:
                self._coming.popleft()
                if not self.other.over:
                    self.other._send_back_end()
                self._end()
                return
            if self._paused:
                return
            self._coming.popleft()
            self._coming_bytes -= len(data)
            self._network.delivered()
            other = self.other
            if not other.writable and self._coming_bytes < LOW_BYTES and not other.over:
                other.writable = True
                self._loop.call_soon(other._tell_writable)
            assert self._receiver is not None, "started"
            self._receiver.received(data)
        self._arm()

    def _tell_writable(self) -> None:
        if not self.over and self._receiver is not None:
            self._receiver.writable()

    def _send_back_end(self) -> None:
        """The other end is closed: so is this one, once that is known here."""
        self._coming.append((self._loop.time() + self._network.took_s(), None))
        self._arm()

    def _end(self) -> None:
        self.over = True
        for timer in (self._timer, self._cut):
            if timer is not None:
                timer.cancel()
        self._coming.clear()
        if self._receiver is not None:
            self._loop.call_soon(self._receiver.ended)
