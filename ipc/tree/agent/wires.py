"""Operations on wires: their two ends, and the receivers of lines."""

from __future__ import annotations

from typing import Any

from ...cell import Cell
from ...channels.base import CHANNELS
from ...channels.receiver import WireReceiver
from ...channels.wire_client import WireClient
from ...channels.wire_server import WireServer
from ...remote_errors import unpack_error
from .base import AgentBase, HostLike, call_there


class WireAgent(AgentBase):
    """Both ends of wires."""

    async def listen(self, wire_id: int, host_id: int, kind: str, address: Any) -> None:
        """The service's end of a wire."""
        host: Any = self.hosts[host_id]
        host = getattr(host, "reader", host)
        await host.run(self._listen(wire_id, host, kind, address))

    async def _listen(self, wire_id: int, host: HostLike, kind: str, address: Any) -> None:
        self.accepted[wire_id] = server = CHANNELS[kind].accept(address, host)
        host.wires.add(server)

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
        if (server := self.accepted.pop(wire_id, None)) is not None:
            server.host.soon(server.close)  # not awaited: that host may be in a long call

    async def receive(self, line: int, port_id: int, cell_id: int, wire_id: int, bounds: list[int], held: Any) -> None:
        """Commands of this line that come by this wire go to this cell; `held` replies go back first."""
        cell = self.cells[cell_id]
        server = self.accepted[wire_id]
        await server.host.run(self._receive(line, port_id, cell, server, bounds, held))

    async def _receive(
        self, line: int, port_id: int, cell: Cell, server: WireServer, bounds: list[int], held: Any
    ) -> None:
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
        server = self.accepted.get(wire_id)
        if server is not None:
            await server.host.run(call_there(lambda: self._unreceive(line, port_id, cell_id, server)))

    def _unreceive(self, line: int, port_id: int, cell_id: int, server: WireServer) -> None:
        server.receivers.pop(line, None)
        if (cell := self.cells.get(cell_id)) is not None:
            cell.receivers.pop(port_id, None)
