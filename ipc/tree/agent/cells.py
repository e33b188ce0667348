"""Operations on cells: placing, serving, pausing, stopping, and what is left of one that ended."""

from __future__ import annotations

import asyncio
from typing import Any

from ...cell import Cell
from ...channels.waiters import RequestWaiter
from ...errors import Closed, MoveTimeout, WouldDeadlock
from ...outlets import Outlet, Outlets
from ...scheduling import Scheduling
from .base import CLIENTS, HostLike
from .classes import find_class
from .taking import TakingAgent


class Agent(TakingAgent):
    """All methods run on the control loop of this process; what needs a cell's host runs there."""

    async def schedule(self, affinity: list[int] | None, nice: int | None) -> None:
        """Set this process's CPU affinity and nice. Raises `PermissionError`, `OSError`."""
        Scheduling(tuple(affinity) if affinity is not None else None, nice).apply()

    async def know(self, path: list[str]) -> None:
        """Import a service's class, and with its module the types that are registered there."""
        find_class(*path)

    async def place(self, spec: dict[str, Any]) -> None:
        """Make a cell. Raises what its constructor, `open` or `start` raised; then nothing is left of it."""
        service: Any = spec.get("service")
        cls: Any = type(service) if service is not None else spec["class"]
        if isinstance(cls, list):
            cls = find_class(*cls)
        host = self.hosts[spec["host"]]
        if cls.blocking and self.aside is not None and host is self.hosts[CLIENTS]:
            host = self.hosts[spec["host"]] = self.aside()
        if cls.blocking:
            host.blocks = True
        await host.run(self._place(spec, service, cls, host))

    async def _place(self, spec: dict[str, Any], service: Any, cls: Any, host: HostLike) -> None:
        if service is None:
            args, kwargs = spec["parameters"]
            service = cls(*args, **kwargs)
        if (state := spec.get("state")) is not None:
            vars(service).clear()
            vars(service).update(state)
        cell = Cell(spec["cell"], spec["name"], service, host, self._died)
        cell.nests = spec["nests"]
        cell.shard = spec["shard"]
        cell.shards = spec["shards"]
        outlets = {}
        for name, port_id in spec["outlets"].items():
            outlets[name] = Outlet(name, cell, self.ports[port_id])
        cell.outlets = Outlets(outlets)
        try:
            await cell.open()
            try:
                if spec["fresh"]:
                    await cell.start()
            except BaseException:
                await cell.close()
                raise
        except BaseException:
            service._ipc_cell = None
            raise
        for port_id, run, tag, line in spec.get("requests", ()):
            port = self.ports[port_id]
            waiter = port.pending.get(run)
            if isinstance(waiter, RequestWaiter):
                waiter.cell = cell
                continue
            waiter = RequestWaiter(cell, tag)
            waiter.run, waiter.left = run, True
            waiter.sender = next((sender for sender in port.senders if sender.line == line), None)
            port.pending[run] = waiter
        for port_id, line, run, deadline, chain, commands in spec.get("outs", ()):
            self._queue_out(self.ports[port_id], line, run, deadline, tuple(chain), commands)
        if (old := self.cells.get(cell.id)) is not None:
            cell.adopt(old)
        cell.times.extend(spec.get("stats", {}).get("times", ()))
        for timer in spec.get("timers", ()):
            cell.timers.adopt(*timer)
        for token in spec.get("tokens", ()):
            cell.tokens[token.port, token.run, token.offset] = token
        self.cells[cell.id] = cell

    async def serve(self, cell_id: int, queued: list[Any]) -> None:
        """Begin, or go on, to serve; `queued` are the runs that came along."""
        cell = self.cells[cell_id]
        await cell.host.run(self._serve(cell, queued))

    @staticmethod
    async def _serve(cell: Cell, queued: list[Any]) -> None:
        now = cell.host.clock()
        for port_id, run, offset, deadline, chain, commands, nbytes in reversed(queued):
            receiver = cell.receivers.get(port_id)
            cell.inbox.appendleft((receiver, run, offset, deadline, tuple(chain), commands, nbytes, now))
        cell.resume()

    async def pause(self, cell_id: int, timeout_s: float) -> None:
        """Serve no further command, and wait for the running ones. Raises `MoveTimeout`; then it serves on."""
        cell = self.cells[cell_id]
        await cell.host.run(self._pause(cell, timeout_s))

    @staticmethod
    async def _pause(cell: Cell, timeout_s: float) -> None:
        if cell.busy:
            raise WouldDeadlock(f"service {cell.name!r} cannot be moved from inside its own call")
        await cell.pause(timeout_s)

    async def settle(self, cell_id: int, timeout_s: float) -> None:
        """Wait until every open request of a paused cell is answered. Raises `MoveTimeout`."""
        cell = self.cells[cell_id]
        await cell.host.run(self._settle(cell, timeout_s))

    async def _settle(self, cell: Cell, timeout_s: float) -> None:
        deadline = cell.host.clock() + timeout_s
        while self._requests(cell, False):
            cell.settled = cell.host.loop.create_future()
            try:
                if self._requests(cell, False):
                    await asyncio.wait_for(cell.settled, deadline - cell.host.clock())
            except TimeoutError:
                raise MoveTimeout(
                    f"service {cell.name!r}: its open requests were not answered within {timeout_s:g} s"
                ) from None
            finally:
                cell.settled = None

    async def drop(self, cell_id: int) -> None:
        """The successor serves: forget the cell."""
        cell = self.cells.pop(cell_id, None)
        if cell is not None and cell.service._ipc_cell is cell:
            cell.service._ipc_cell = None

    async def undo(self, cell_id: int) -> None:
        """What was placed is not to be: close it, and forget it. Its timers, and what it has, go on elsewhere."""
        cell = self.cells.pop(cell_id, None)
        if cell is not None:
            await cell.host.run(self._undo(cell))

    @staticmethod
    async def _undo(cell: Cell) -> None:
        cell.paused = True
        cell.abandon()
        cell.timers.stop()
        try:
            await cell.close()
        except Exception as error:
            cell.note_error(error, error)
        if cell.service._ipc_cell is cell:
            cell.service._ipc_cell = None

    async def salvage(self, cell_id: int) -> dict[str, Any]:
        """A service ended by itself: give what was queued, and forget the cell. Nothing of one that never came here."""
        cell = self.cells.pop(cell_id, None)
        if cell is None:
            return {
                "queued": [],
                "held": {},
                "stats": dict.fromkeys(("calls", "errors", "busy_s", "expired", "late"), 0),
            }
        result: dict[str, Any] = await cell.host.run(self._salvage(cell))
        return result

    async def _salvage(self, cell: Cell) -> dict[str, Any]:
        cell.abandon()
        cell.timers.stop()
        try:
            await cell.close()
        except Exception as error:
            cell.note_error(error, error)
        return {
            "queued": [entry for entry in self._queued(cell, False) if entry[0]],
            "held": self._held(cell),
            "stats": {**cell.stats(), "queued": 0, "queued_bytes": 0, "oldest_wait_s": 0.0, "bad_frames": 0},
        }

    async def stop(self, cell_id: int, timeout_s: float) -> None:
        """Let running calls end, `stop`, `close`, forget. Queued commands are refused with `Closed`. Raises what they
        raised.
        """
        cell = self.cells.pop(cell_id, None)
        if cell is not None:
            await cell.host.run(self._stop(cell, timeout_s))

    async def _stop(self, cell: Cell, timeout_s: float) -> None:
        try:
            await cell.pause(timeout_s)
        except MoveTimeout:
            cell.paused = True
            cell.abandon()
        closed = Closed(f"service {cell.name!r} was closed")
        while cell.inbox:
            receiver, run, offset, _, _, commands, _, _ = cell.inbox.popleft()
            if run and receiver is not None:
                for index in range(offset, offset + len(commands)):
                    receiver.fail(run, index, closed)
        for token in list(cell.tokens.values()):
            cell.reply(token, None, closed)
        cell.timers.stop()
        try:
            if cell.dead is None:
                await cell.hook(cell.service.stop)
        finally:
            await cell.close()
            cell.service._ipc_cell = None

    def _died(self, cell: Cell, error: BaseException) -> None:
        self.on_event("died", cell.id, f"{type(error).__name__}: {error}")

    async def stats(self, cell_ids: list[int]) -> list[dict[str, Any]]:
        """The numbers of these cells."""
        return [self.cells[cell_id].stats() for cell_id in cell_ids if cell_id in self.cells]
