"""What carries frames between two ends: the interface that a new channel implements.

A carrier is non-blocking, keeps order, loses nothing while both ends live, and says when it cannot take more. All else
(bounds, batches, replies, moves) is built on top, the same for every carrier; `ipc.conformance.check_channel` tests
one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable


class Carrier(ABC):
    """One end. `send` is called under the wire's lock, `receive` by one thread at a time; the two may run at once."""

    @abstractmethod
    def send(self, buffers: list[bytes]) -> bool:
        """Send one frame (its buffers as made by `frames`), or keep what the system does not take now.

        True when nothing is kept. Raises `Broken` where the other end is gone.
        """

    @abstractmethod
    def send_more(self) -> bool:
        """Try again to send what was kept; True when nothing is kept any more. Raises `Broken`."""

    @abstractmethod
    def receive(self, on_frame: Callable[[memoryview | bytes], None], deadline_s: float | None = None) -> bool:
        """Give each frame that is there to `on_frame`; False when there was none.

        With a deadline (monotonic seconds) it blocks for the first. The buffer is valid during `on_frame` only.
        Raises `EndOfChannel` or `Broken` when the other end is gone, `BadFrame` for what is not a frame.
        """

    @abstractmethod
    def wait(self, deadline_s: float) -> None:
        """Block until something can be received, or (where something is kept) sent, or the deadline passes."""

    @abstractmethod
    def fileno(self) -> int:
        """The descriptor that becomes readable when `receive` has something."""

    @abstractmethod
    def wake(self) -> None:
        """End a `receive` or `wait` that blocks in another thread; the carrier is of no more use."""

    @abstractmethod
    def close(self) -> None:
        """Release everything. Idempotent."""
