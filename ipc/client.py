"""A client: how a program outside reaches a service. Thread-safe, all of it."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from .channels.bounds import Bounds
from .channels.port import Port
from .commands import Commands
from .limits import MOVE_TIMEOUT_S, REMOTE_PEERS
from .stats import ServiceStats

if TYPE_CHECKING:
    from .remote.curve import Curve
    from .remote.exposure import Exposure
    from .supervisor import Supervisor


class Client(Commands):
    """Commands for one service. Order is kept among the commands of one client.

    `call`, `call_many`, `move`, `stats` and `close` block; each has an `a…` twin to await, and raises `WouldDeadlock`
    on a thread whose event loop must run. `cast` and `future` do not block while there is room.
    """

    def __init__(self, name: str, port: Port, tree: Supervisor, owns_tree: bool = False) -> None:
        super().__init__(name, port, tree.clock)
        self._tree = tree
        self._owns_tree = owns_tree

    # -- the service ---------------------------------------------------------------------------------------------------

    def move(self, placement: str, timeout: float = MOVE_TIMEOUT_S) -> None:
        """Move the service, with its state and everything queued; running calls have `timeout` seconds to end.

        Raises `MoveTimeout`, `NotSendable`, `PlacementError`, or what `open` raised at the new place; then it stays
        where it was.
        """
        self._tree.move(self.name, placement, timeout)

    async def amove(self, placement: str, timeout: float = MOVE_TIMEOUT_S) -> None:
        """`move`, awaited."""
        await self._tree.amove(self.name, placement, timeout)

    def stats(self) -> ServiceStats:
        """The service's numbers: counts since it was added, over all its shards, restarts and moves; times in seconds,
        sizes in bytes. `queued` is what has arrived and waits; what its senders still have is not in it.

        Blocks while its processes answer, at most `STATS_TIMEOUT_S` seconds: of one that does not, there is what it
        said last, and `silent_s`. Raises `UnknownService` where it was removed, `Closed`, `WouldDeadlock`.
        """
        return self._tree.stats()[self.name]

    async def astats(self) -> ServiceStats:
        """`stats`, awaited."""
        return (await self._tree.astats())[self.name]

    @property
    def placement(self) -> str:
        """Where the service is now."""
        return self._tree.placement(self.name)

    def expose(
        self,
        endpoint: str,
        curve: Curve | None = None,
        allow: Iterable[str] = (),
        *,
        bounds: Bounds | None = None,
        max_peers: int = REMOTE_PEERS,
    ) -> Exposure:
        """Let other machines reach the service; see `Supervisor.expose`."""
        return self._tree.expose(self.name, endpoint, curve, allow, bounds=bounds, max_peers=max_peers)

    async def aexpose(
        self,
        endpoint: str,
        curve: Curve | None = None,
        allow: Iterable[str] = (),
        *,
        bounds: Bounds | None = None,
        max_peers: int = REMOTE_PEERS,
    ) -> Exposure:
        """`expose`, awaited."""
        return await self._tree.aexpose(self.name, endpoint, curve, allow, bounds=bounds, max_peers=max_peers)

    def close(self) -> None:
        """Close this client; the one that `launch` returned stops the service, too. Whoever waits gets `Closed`.
        Idempotent.
        """
        if self._owns_tree:
            self._tree.close()
        else:
            self._tree.close_client(self._port.id)

    async def aclose(self) -> None:
        """`close`, awaited."""
        if self._owns_tree:
            await self._tree.aclose()
        else:
            await self._tree.aclose_client(self._port.id)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<client of {self.name!r}>"
