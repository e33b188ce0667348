"""Taking a service from its place: its state and everything that goes with it, as an object or as plain values."""

from __future__ import annotations

from typing import Any

from ...cell import Cell
from ...channels.crossing import packed
from ...channels.receiver import WireReceiver
from ...channels.waiters import RequestWaiter
from ...errors import IpcError, NotSendable
from ...remote_errors import pack_error
from .ports import PortAgent


class TakingAgent(PortAgent):
    """Takes paused cells, and gives them back."""

    async def take(self, cell_id: int, timeout_s: float, pack: bool) -> dict[str, Any]:
        """Stop serving and give what a successor needs: the object itself, or (`pack`) its state as plain values.

        The cell stays, closed, until `drop` or `restore`. Raises `MoveTimeout` or `NotSendable`; then it serves on.
        """
        cell = self.cells[cell_id]
        result: dict[str, Any] = await cell.host.run(self._take(cell, timeout_s, pack))
        return result

    async def _take(self, cell: Cell, timeout_s: float, pack: bool) -> dict[str, Any]:
        await cell.pause(timeout_s)
        taken: dict[str, Any] = {}
        closing = False
        try:
            state = cell.state()
            if pack:
                taken["state"] = pack_state(type(cell.service).__qualname__, state)
            else:
                taken["service"] = cell.service
            taken["tokens"] = list(cell.tokens.values())
            taken["queued"] = self._queued(cell, pack)
            taken["requests"] = self._requests(cell, pack)
            taken["timers"] = packed(cell.timers.left()) if pack else cell.timers.left()
            taken["held"] = self._held(cell)
            taken["outs"] = self._outs(cell) if pack else []
            taken["runs"] = {outlet._port.id: next(outlet._port.runs) for outlet in vars(cell.outlets).values()}
            taken["stats"] = {**cell.stats(), "queued": 0, "queued_bytes": 0, "oldest_wait_s": 0.0, "bad_frames": 0}
            cell.timers.stop()
            closing = True
            await cell.close()
        except BaseException:
            if closing:
                await cell.open()
            cell.timers.start()
            cell.resume()
            raise
        return taken

    def _queued(self, cell: Cell, pack: bool) -> list[Any]:
        queued = []
        entries = list(cell.inbox)
        cell.took = len(entries)
        for receiver, run, offset, deadline, chain, commands, nbytes, _ in entries:
            kept = []
            start = offset
            for index, command in enumerate(commands, offset):
                if pack:
                    try:
                        kept.append(packed(command))
                        continue
                    except IpcError as error:
                        if receiver is not None and run:
                            receiver.fail(run, index, error)
                        else:
                            cell.note_error(error, None)
                        if receiver is not None:
                            receiver.served(1, 0, run)
                        if kept:
                            queued.append(
                                [receiver.port if receiver else 0, run, start, deadline, list(chain), kept, 0]
                            )
                        kept, start = [], index + 1
                else:
                    kept.append(command)
            if kept:
                queued.append([receiver.port if receiver else 0, run, start, deadline, list(chain), kept, nbytes])
            elif receiver is not None:
                receiver.served(0, nbytes, run)
        return queued

    def _requests(self, cell: Cell, pack: bool) -> list[Any]:
        requests = []
        for outlet in vars(cell.outlets).values():
            port = outlet._port
            for run, waiter in list(port.pending.items()):
                if isinstance(waiter, RequestWaiter):
                    line = waiter.sender.line if waiter.sender is not None else 0
                    requests.append([port.id, run, packed(waiter.tag) if pack else waiter.tag, line])
        return requests

    @staticmethod
    def _outs(cell: Cell) -> list[Any]:
        outs = []
        for outlet in vars(cell.outlets).values():
            for sender in outlet._port.senders:
                for entry in reversed(list(sender.out)):
                    outs.append(
                        [
                            outlet._port.id,
                            sender.line,
                            entry.run,
                            entry.deadline,
                            list(entry.chain),
                            packed(entry.commands()),
                        ]
                    )
        return outs

    @staticmethod
    def _held(cell: Cell) -> dict[int, Any]:
        held = {}
        for port_id, receiver in cell.receivers.items():
            if isinstance(receiver, WireReceiver):
                replies = [
                    [run, offset, values, pack_error(error) if error else None]
                    for run, offset, values, error in receiver.held
                ]
                held[port_id] = [replies, receiver.served_count, receiver.nbytes, receiver.casts]
        return held

    async def restore(self, cell_id: int, lost: bool = False) -> None:
        """The successor could not come up: open again here; `serve` follows. Raises what `open` raised.

        `lost` where the senders were told that all that had come is lost.
        """
        cell = self.cells[cell_id]
        await cell.host.run(self._restore(cell, lost))

    async def _restore(self, cell: Cell, lost: bool) -> None:
        if lost:
            cell.inbox.clear()
            for receiver in cell.receivers.values():
                if isinstance(receiver, WireReceiver):
                    receiver.held.clear()
                    receiver.served_count = receiver.nbytes = 0
        cell.service._ipc_cell = cell
        await cell.open()
        cell.timers.start()


def pack_state(name: str, state: dict[str, Any]) -> dict[str, Any]:
    """What another process would get of a state. Raises `NotSendable` with the attribute's path."""
    result = {}
    for attribute, value in state.items():
        try:
            result[attribute] = packed(value)
        except NotSendable as error:
            inner = error.path.removeprefix(type(value).__name__)
            raise NotSendable(f"{name}.{attribute}{inner}", error.type_name, error.hint) from None
    return result
