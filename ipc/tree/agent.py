"""An agent carries out, in one process, what the tree decides: it makes cells, wires and lines, and takes them down
again.

The tree has one agent in its own process and one in each child (behind `spawners.process`); the operations are the
same, and their arguments are plain values, so that each can be carried over the control descriptor. A class comes as an
import path, by that descriptor only.

    know        import a class
    place       make a cell on a host; open, start (or bring a state); it does not serve yet
    serve       serve from now on
    take        stop serving, wait for running calls, give the state (and keep it, until `drop` or `restore`)
    stop        stop, close, forget
    listen      a wire ends here: read it, for cells
    dial        a wire begins here: senders use it
    receive     commands of this line, on this wire, go to this cell
    port        make a port: a client's or an outlet's
    attach      give a port its senders, each with its way
    detach      take the way from a port's sender, having marked its end
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable
from typing import Any

from ..cell import Cell
from ..channels.base import CHANNELS
from ..channels.bounds import Bounds
from ..channels.crossing import PACK_ALL, crossing, packed
from ..channels.port import Port
from ..channels.receiver import LocalReceiver, WireReceiver
from ..channels.sender import Out, Sender
from ..channels.waiters import RequestWaiter
from ..channels.wire_client import WireClient
from ..channels.wire_server import WireServer
from ..errors import Closed, IpcError, MoveTimeout, NotSendable, ServiceDied, WouldDeadlock
from ..outlets import Outlet, Outlets
from ..remote_errors import pack_error, unpack_error
from ..service import Service
from ..spawners.inline import InlineHost, direct_call, direct_cast

HostLike = Any


class Agent:
    """All methods run on the control loop of this process; what needs a cell's host runs there."""

    def __init__(self, on_event: Callable[..., None]) -> None:
        self.on_event = on_event
        self.hosts: dict[int, HostLike] = {}
        self.cells: dict[int, Cell] = {}
        self.ports: dict[int, Port] = {}
        self.dialled: dict[int, WireClient] = {}
        self.accepted: dict[int, WireServer] = {}
        self.receivers: dict[int, WireReceiver] = {}

    # -- cells ---------------------------------------------------------------------------------------------------------

    async def know(self, path: list[str]) -> None:
        """Import a service's class, and with its module the types that are registered there."""
        find_class(*path)

    async def place(self, spec: dict[str, Any]) -> None:
        """Make a cell. Raises what its constructor, `open` or `start` raised; then nothing is left of it."""
        host = self.hosts[spec["host"]]
        await host.run(self._place(spec, host))

    async def _place(self, spec: dict[str, Any], host: HostLike) -> None:
        service = spec.get("service")
        if service is None:
            cls = find_class(*spec["class"]) if isinstance(spec["class"], list) else spec["class"]
            args, kwargs = spec["parameters"]
            service = cls(*args, **kwargs)
        if (state := spec.get("state")) is not None:
            vars(service).clear()
            vars(service).update(state)
        cell = Cell(spec["cell"], spec["name"], service, host, self._died)
        cell.nests = spec["nests"]
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
        for left_s, command in spec.get("timers", ()):
            cell.timers.after(left_s, command)
        for token in spec.get("tokens", ()):
            cell.tokens.add(token)
        self.cells[cell.id] = cell

    @staticmethod
    def _queue_out(
        port: Port, line: int, run: int, deadline: float, chain: tuple[int, ...], commands: list[Any]
    ) -> None:
        sender = next((sender for sender in port.senders if sender.line == line), None)
        waiter = port.pending.get(run)
        if waiter is not None:
            waiter.left = False
        if sender is not None:
            with sender.lock:
                sender.out.insert(0, Out(run, 0, deadline, chain, commands, len(commands), 0, False, waiter))
                sender.sent += len(commands)

    async def serve(self, cell_id: int, queued: list[Any]) -> None:
        """Begin, or go on, to serve; `queued` are the runs that came along."""
        cell = self.cells[cell_id]
        for port_id, run, offset, deadline, chain, commands, nbytes in reversed(queued):
            receiver = cell.receivers.get(port_id)
            cell.inbox.appendleft((receiver, run, offset, deadline, tuple(chain), commands, nbytes, cell.host.clock()))
        await cell.host.run(_call(cell.resume))

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
        try:
            state = cell.state()
            if pack:
                taken["state"] = pack_state(type(cell.service).__qualname__, state)
            else:
                taken["service"] = cell.service
            taken["tokens"] = list(cell.tokens)
            taken["queued"] = self._queued(cell, pack)
            taken["requests"] = self._requests(cell, pack)
            timers = cell.timers.left()
            taken["timers"] = packed(timers) if pack else timers
            taken["held"] = self._held(cell)
            taken["outs"] = self._outs(cell) if pack else []
            taken["runs"] = {outlet._port.id: next(outlet._port.runs) for outlet in vars(cell.outlets).values()}
            taken["stats"] = {**cell.stats(), "queued": 0, "queued_bytes": 0, "oldest_wait_s": 0.0, "bad_frames": 0}
            cell.timers.stop()
            await cell.close()
        except BaseException:
            await self._reopen(cell)
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
        await self._reopen(cell, serve=False)

    async def _reopen(self, cell: Cell, serve: bool = True) -> None:
        cell.service._ipc_cell = cell
        if not cell.opened or not all(hasattr(cell.service, name) for name in cell.opened):
            await cell.open()
        cell.timers.start()
        if serve:
            cell.resume()

    async def drop(self, cell_id: int) -> None:
        """The successor serves: forget the cell."""
        cell = self.cells.pop(cell_id, None)
        if cell is not None and cell.service._ipc_cell is cell:
            cell.service._ipc_cell = None

    async def salvage(self, cell_id: int) -> dict[str, Any]:
        """A service ended by itself: give what was queued, and forget the cell."""
        cell = self.cells.pop(cell_id)
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
        for token in list(cell.tokens):
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

    # -- wires ---------------------------------------------------------------------------------------------------------

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
            await server.host.run(_call(lambda: self._unreceive(line, port_id, cell_id, server)))

    def _unreceive(self, line: int, port_id: int, cell_id: int, server: WireServer) -> None:
        server.receivers.pop(line, None)
        if (cell := self.cells.get(cell_id)) is not None:
            cell.receivers.pop(port_id, None)

    # -- ports ---------------------------------------------------------------------------------------------------------

    async def port(self, port_id: int, target: str, bounds: list[Any], first_run: int, client: bool) -> None:
        """Make a port, without senders yet."""
        port = Port(port_id, target, Bounds(*bounds), client)
        for _ in range(first_run):
            next(port.runs)
        self.ports[port_id] = port

    async def forget_port(self, port_id: int) -> None:
        """The port goes on elsewhere, with what it had pending."""
        if (port := self.ports.pop(port_id, None)) is not None:
            port.pending.clear()
            for sender in port.senders:
                sender.retire()
                sender.close()

    async def drop_port(self, port_id: int, error: Any) -> None:
        """Close a port; whoever waits on it gets the error."""
        if (port := self.ports.pop(port_id, None)) is not None:
            reason = unpack_error(error) if isinstance(error, list) else error
            port.close(reason if isinstance(reason, IpcError) else Closed(f"service {port.target!r} is gone"))
            for sender in port.senders:
                if sender.rx is not None and sender.cell is not None:
                    sender.cell.receivers.pop(port_id, None)

    async def attach(self, port_id: int, lines: list[list[Any]], key_class: Any) -> None:
        """Give a port its ways: for each shard [line, cell id, concurrent, wire id, same host, [commands, bytes]].

        A wire id of 0 means that commands pass as objects; one below that the sender stays detached, but is known to
        that wire, so that replies find it.
        The last are what is already on its way to that shard, or None. With the same lines as before each sender goes
        on; otherwise there are new ones, and what waited is dealt out anew.
        """
        port = self.ports.get(port_id)
        if port is None:
            return
        old = port.senders
        if key_class is not None:
            cls = find_class(*key_class) if isinstance(key_class, list) else key_class
            port.key = cls.shard_key
        if [sender.line for sender in old] != [line[0] for line in lines]:
            port.direct = port.direct_cast = None
            with port.switching:
                entries = [entry for sender in old for entry in sender.retire()]
                port.senders = [Sender(port, line, cell_id, concurrent) for line, cell_id, concurrent, *_ in lines]
                if lines:
                    self._deal_out(port, entries, old)
                else:
                    self._abandon(port, entries)
        for sender, (_, cell_id, _, wire_id, same, outstanding) in zip(port.senders, lines, strict=True):
            if outstanding is not None:
                sender.sent += outstanding[0]
                sender.sent_bytes += outstanding[1]
            if wire_id < 0:
                if (wire := self.dialled.get(-wire_id)) is not None:
                    wire.senders[sender.line] = sender
                continue
            if wire_id:
                if (wire := self.dialled.get(wire_id)) is not None and not wire.closed:
                    sender.attach_wire(wire)
            elif (cell := self.cells.get(cell_id)) is not None:
                self._attach_local(port, sender, cell, same)

    @staticmethod
    def _abandon(port: Port, entries: list[Out]) -> None:
        """The target was removed: who waits for it is told, also where its last words were lost on their way."""
        port.lost += sum(entry.count for entry in entries if entry.waiter is None)
        for run, waiter in list(port.pending.items()):
            waiter.fail_all(Closed(f"service {port.target!r} was removed"))
            port.forget(run)

    @staticmethod
    def _deal_out(port: Port, entries: list[Out], old: list[Sender]) -> None:
        """What waited at the old senders goes by its keys to the new ones."""
        for waiter in list(port.pending.values()):
            if waiter.sender in old and waiter.left:
                waiter.sender = port.senders[0]
                waiter.shared = len(port.senders) > 1
        for entry in entries:
            Agent._deal(port, entry)

    @staticmethod
    def _deal(port: Port, entry: Out) -> None:
        for index, command in enumerate(entry.commands(), entry.offset):
            sender = port.sender_for(command)
            out = Out(entry.run, index, entry.deadline, entry.chain, [command], 1, 0, False, entry.waiter)
            with sender.lock:
                sender.out.append(out)
                sender.sent += 1
                sender.casts += not entry.run
            if entry.waiter is not None:
                entry.waiter.sender = sender
                entry.waiter.shared = entry.count > 1 and len(port.senders) > 1

    @staticmethod
    def _attach_local(port: Port, sender: Sender, cell: Cell, same: bool) -> None:
        cross = crossing(same)
        receiver = LocalReceiver(sender, cross)
        previous = cell.receivers.get(port.id)
        cell.receivers[port.id] = receiver
        if isinstance(previous, WireReceiver):
            previous.hand_over(receiver)
        sender.attach_cell(cell, receiver, cross)
        alone = len(port.senders) == 1  # of several shards the command's key decides
        if port.owned_by_client and alone and cell.nests and isinstance(cell.host, InlineHost) and not PACK_ALL:
            port.direct = direct_call(cell.host, cell, sender, receiver)
            port.direct_cast = direct_cast(cell.host, cell, sender)

    async def detach(self, port_id: int, line: int, timeout_s: float, leaving: bool = False) -> list[Any]:
        """Take the way from one sender; [ended, commands, bytes] that are at the other end or on their way back.

        Over a wire it waits until the other end has received all before the mark; `ended` is False where that did not
        happen in time, or the wire is gone: the sender stays detached all the same. `leaving` where the sender is about
        to go to another process: replies are then held at the other end.
        """
        port = self.ports.get(port_id)
        sender = next((sender for sender in port.senders if sender.line == line), None) if port else None
        if port is None or sender is None:
            return [True, 0, 0]
        port.direct = port.direct_cast = None
        cell, receiver = sender.cell, sender.rx
        if sender.wire is None:
            sender.detach()
            if leaving and cell is not None and receiver is not None:
                await cell.host.run(_hold(cell, receiver, line, port.bounds))
            return [True, *_beyond(sender)]
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        sender.ended = lambda: loop.call_soon_threadsafe(_resolve, ended)
        wire = sender.detach()
        if wire is None or wire.closed:
            return [False, 0, 0]
        wire.end(sender)
        try:
            async with asyncio.timeout(timeout_s):
                await ended
        except TimeoutError:
            return [False, *_beyond(sender)]
        finally:
            sender.ended = None
        return [not wire.closed, *_beyond(sender)]

    async def died(self, port_id: int, line: int, reason: str, exit_code: int | None) -> int:
        """The cell behind a line is gone with all that had left for it: tell who waits. Returns how many were lost."""
        port = self.ports.get(port_id)
        sender = next((sender for sender in port.senders if sender.line == line), None) if port else None
        if port is None or sender is None:
            return 0
        sender.detach()
        port.fail_left(sender, lambda: ServiceDied(port.target, reason, exit_code))
        lost = sender.forget_left()
        port.lost += lost
        return lost


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


async def _hold(cell: Cell, receiver: LocalReceiver, line: int, bounds: Bounds) -> None:
    cell.receivers[receiver.port] = receiver.hold(line, bounds.commands, bounds.bytes, cell)


def _beyond(sender: Sender) -> list[int]:
    here = here_bytes = 0
    for entry in sender.out:
        entry.close_batch()
        here += entry.count
        here_bytes += entry.nbytes
    count, nbytes = sender.outstanding()
    return [max(0, count - here), max(0, nbytes - here_bytes)]


async def _call(function: Callable[[], Any]) -> None:
    function()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def class_path(cls: type[Service]) -> list[str]:
    """The import path of a service class, as `find_class` takes it in another process."""
    module = cls.__module__
    spec = getattr(sys.modules.get(module), "__spec__", None)
    if module == "__main__" and spec is not None and spec.name.endswith(".__main__"):
        module = spec.name  # `python -m package`: multiprocessing does not import that one in a child
    return [module, cls.__qualname__]


def find_class(module: str, qualname: str) -> type[Service]:
    """A service class by its import path; `__main__` and a child's `__mp_main__` are one. Raises `ImportError`,
    `TypeError`.
    """
    if module == "__main__":
        module = "__mp_main__" if "__mp_main__" in sys.modules else module
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    if not (isinstance(found, type) and issubclass(found, Service)):
        raise TypeError(f"{module}.{qualname} is not a Service")
    return found
