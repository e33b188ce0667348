"""Operations on wires: their two ends, and the receivers of lines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any

from ...cell import Cell
from ...channels.base import CHANNELS
from ...channels.receiver import WireReceiver
from ...channels.wire_client import WireClient
from ...errors import Closed
from ...limits import BUSY_S
from ...remote_errors import unpack_error
from .base import AgentBase, HostLike, call_there


class WireAgent(AgentBase):
    """Both ends of wires."""

    def __init__(self, on_event: Callable[..., None], aside: Callable[[], HostLike] | None = None) -> None:
        super().__init__(on_event, aside)
        self.accepting = threading.Lock()
        self.listening: dict[int, HostLike] = {}
        self.early: dict[int, list[tuple[int, WireReceiver, Cell]]] = {}

    async def listen(self, wire_id: int, host_id: int, kind: str, address: Any) -> None:
        """The service's end of a wire."""
        host: Any = self.hosts[host_id]
        host = getattr(host, "reader", host)
        self.listening[wire_id] = host
        await self._there(wire_id, host, self._listen(wire_id, host, kind, address))

    async def _listen(self, wire_id: int, host: HostLike, kind: str, address: Any) -> None:
        if host.closed:  # it came to it only now, after a call that had outlived the host
            if CHANNELS[kind].descriptors:
                os.close(address)
            return
        server = CHANNELS[kind].accept(address, host)
        host.wires.add(server)
        with self.accepting:
            self.accepted[wire_id] = server
            for line, receiver, cell in self.early.pop(wire_id, ()):
                server.receivers[line] = (receiver, cell)
                receiver.attach(server)

    async def _there(self, wire_id: int, host: HostLike, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it on that host. Where a blocking service is in a long call there, its end is not awaited: it comes
        before all that is asked of that host later, and what it raises ends the wire.
        """
        if not host.blocks or host.is_current():
            await host.run(coroutine)
            return
        future = host.submit(coroutine)
        done, _ = await asyncio.wait([asyncio.wrap_future(future)], timeout=BUSY_S)
        if done:
            future.result()
        else:
            future.add_done_callback(partial(self._was_there, wire_id))

    def _was_there(self, wire_id: int, future: Future[None]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self.on_event("lost", wire_id, f"{type(error).__name__}: {error}")

    async def dial(self, wire_id: int, host_id: int, kind: str, address: Any, hosted: bool) -> None:
        """The sender's end of a wire."""
        host = self.hosts[host_id]
        reader: Any = getattr(host, "reader", host)
        carrier = CHANNELS[kind].dial(address)
        self.dialled[wire_id] = wire = WireClient(
            carrier, reader, hosted, lambda _, reason: self.on_event("lost", wire_id, reason)
        )
        reader.wires.add(wire)

    async def hang_up(self, wire_id: int) -> None:
        """Close this process's end of a wire."""
        if (wire := self.dialled.pop(wire_id, None)) is not None:
            wire.host.wires.discard(wire)
            wire.close()
        host = self.listening.pop(wire_id, None)
        self.early.pop(wire_id, None)
        if (server := self.accepted.pop(wire_id, None)) is not None:
            server.host.soon(server.close)  # not awaited: that host may be in a long call
        elif host is not None:
            with contextlib.suppress(Closed):  # then its wires are closed, too
                host.submit(self._close(wire_id))

    async def _close(self, wire_id: int) -> None:
        if (server := self.accepted.pop(wire_id, None)) is not None:
            server.close()

    async def receive(self, line: int, port_id: int, cell_id: int, wire_id: int, bounds: list[int], held: Any) -> None:
        """Commands of this line that come by this wire go to this cell; `held` replies go back first."""
        cell, host = self.cells[cell_id], self.listening[wire_id]
        if host.blocks and not held and port_id not in cell.receivers:  # nothing to be said yet: it need not come in
            with self.accepting:
                cell.receivers[port_id] = receiver = WireReceiver(port_id, line, bounds[0], bounds[1], cell)
                if (server := self.accepted.get(wire_id)) is not None:
                    receiver.attach(server)
                    server.receivers[line] = (receiver, cell)
                else:
                    self.early.setdefault(wire_id, []).append((line, receiver, cell))
            return
        await host.run(self._receive(line, port_id, cell, wire_id, bounds, held))

    async def _receive(self, line: int, port_id: int, cell: Cell, wire_id: int, bounds: list[int], held: Any) -> None:
        server = self.accepted[wire_id]
        receiver = cell.receivers.get(port_id)
        if not isinstance(receiver, WireReceiver):
            receiver = WireReceiver(port_id, line, bounds[0], bounds[1], cell)
            cell.receivers[port_id] = receiver
        receiver.line = line
        if held:
            replies, receiver.served_count, receiver.nbytes, receiver.casts = held
            receiver.held = [
                (run, offset, values, unpack_error(error) if error else None) for run, offset, values, error in replies
            ]
        server.receivers[line] = (receiver, cell)
        receiver.attach(server)

    async def unreceive(self, line: int, port_id: int, cell_id: int, wire_id: int) -> None:
        """The sender behind this line is gone for good."""
        host = self.listening.get(wire_id)
        if host is not None:
            await host.run(call_there(lambda: self._unreceive(line, port_id, cell_id, wire_id)))

    def _unreceive(self, line: int, port_id: int, cell_id: int, wire_id: int) -> None:
        if (server := self.accepted.get(wire_id)) is not None:
            server.receivers.pop(line, None)
        if (cell := self.cells.get(cell_id)) is not None:
            cell.receivers.pop(port_id, None)
