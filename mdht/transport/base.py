"""What every transport can do: bytes out and in, in order, with a say in both directions when it is too much.

    dial(host, port, begin)      begin(wire) gives the receiver of a wire that is there now
    listen(host, port, begin)    the same for each wire that somebody else dials

A *wire* is written to and closed; its *receiver* is told what comes. All of it happens on the event loop that runs when
the wire is made, and nothing of it blocks. `conformance` in the tests puts each transport through the same suite.

| promise | |
|---|---|
| order | bytes arrive as they were written, none lost or twice, cut anywhere |
| `write` | takes everything; while `writable` is False the caller should wait for the receiver's `writable()` |
| `pause` | no `received` until `resume`; the other end's `writable` goes False once enough waits |
| `close` | what was written goes out first, for `CLOSE_S` at most; then both ends are told `ended`, once |
| `abort` | nothing more goes out; `ended` all the same |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, Protocol

HIGH_BYTES: Final = 256 << 10
"""Bytes that wait in a wire before it is not `writable`: a turn of a session four times, and little to lose."""

LOW_BYTES: Final = 64 << 10
"""Bytes below which it is writable again."""

CONNECT_S: Final = 10.0
"""Seconds for a connection to come about, names included: as long as a handshake may take."""

CLOSE_S: Final = 5.0
"""Seconds that the other end has to take what was written before `close`: who reads nothing cannot keep a wire."""


class Receiver(Protocol):
    """Who is told what happens on a wire. None of it may raise."""

    def received(self, data: bytes) -> None:
        """Bytes came, at least one."""

    def writable(self) -> None:
        """There is room again after `Wire.writable` was False."""

    def ended(self) -> None:
        """The wire is over, for whatever reason: nothing comes and nothing goes. Told exactly once, and last."""


class Wire(ABC):
    """One connection. For the thread of its loop."""

    host: str
    """The other end as it was really seen: an IP address, or a memory host's name."""
    port: int
    writable: bool
    """Whether more should be written now."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send; nothing happens once the wire is over."""

    @abstractmethod
    def pause(self) -> None:
        """Let nothing be received for now. Idempotent."""

    @abstractmethod
    def resume(self) -> None:
        """Go on after `pause`. Idempotent."""

    @abstractmethod
    def close(self) -> None:
        """End it when what was written is gone, or could not be sent within `CLOSE_S`. Idempotent."""

    @abstractmethod
    def abort(self) -> None:
        """End it now. Idempotent."""


Begin = Callable[[Wire], Receiver]


class Listening(ABC):
    """A place where others may dial, until it is closed."""

    host: str
    port: int
    """The real one, where port 0 asked for any."""

    @abstractmethod
    def close(self) -> None:
        """Nobody is let in any more; wires that exist stay. Idempotent."""

    async def settled(self) -> None:
        """After `close`: wait until whoever was let in before has its receiver. Here: they have it at once."""
        return None


class Transport(ABC):
    """One kind of network."""

    kind: str
    """The address kind that it dials, such as `tcp`."""

    @abstractmethod
    async def dial(self, host: str, port: int, begin: Begin) -> Wire:
        """A new wire. Raises CannotDial, within `CONNECT_S`."""

    @abstractmethod
    async def listen(self, host: str, port: int, begin: Begin) -> Listening:
        """Let others dial; port 0 takes any that is free. Raises CannotListen."""


def spelled(host: str, port: int) -> str:
    """Both as text, for messages."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
