"""One service by itself: `with launch(Counter(), "process+pipe") as counter: counter.call(5)`."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any

from .channels.bounds import Bounds
from .client import Client
from .limits import MAX_RESTARTS, RESTART_WINDOW_S
from .placement import Placement
from .service import Service
from .supervisor import Supervisor
from .threads import refuse_to_block


def launch(
    service: Service,
    placement: str | Placement = "inline",
    *,
    name: str | None = None,
    bounds: Bounds | None = None,
    restart: bool = True,
    max_restarts: int = MAX_RESTARTS,
    window_s: float = RESTART_WINDOW_S,
) -> Client:
    """Start one service and return its client; closing the client stops the service.

    Returns once `start` has succeeded, or raises what it raised. Raises `PlacementError` (with the legal ones),
    `TypeError`, and `WouldDeadlock` on an event loop's thread: use `alaunch` there.
    """
    refuse_to_block("launch")
    name = name or type(service).__name__.lower()
    tree = Supervisor(max_restarts=max_restarts, window_s=window_s)
    tree.add(name, service, placement, bounds=bounds, restart=restart)
    tree.open()
    try:
        client = tree.client(name)
    except BaseException:
        tree.close()
        raise
    client._owns_tree = True
    return client


class alaunch:
    """`launch` on the running event loop: `client = await alaunch(…)`, or `async with alaunch(…) as client`.

    A coroutine or inline service then lives on this loop, with no thread between.
    """

    def __init__(
        self,
        service: Service,
        placement: str | Placement = "inline",
        *,
        name: str | None = None,
        bounds: Bounds | None = None,
        restart: bool = True,
        max_restarts: int = MAX_RESTARTS,
        window_s: float = RESTART_WINDOW_S,
    ) -> None:
        self._name = name or type(service).__name__.lower()
        self._tree = Supervisor(max_restarts=max_restarts, window_s=window_s)
        self._tree.add(self._name, service, placement, bounds=bounds, restart=restart)
        self._client: Client | None = None

    async def _launch(self) -> Client:
        await self._tree.aopen()
        try:
            client = await self._tree.aclient(self._name)
        except BaseException:
            await self._tree.aclose()
            raise
        client._owns_tree = True
        return client

    def __await__(self) -> Generator[Any, None, Client]:
        return self._launch().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._launch()
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()
