"""The bench of a channel: its bare ends, wires between two hosts of this process, and services placed with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, Self, TypeVar, cast

from ..cell import Cell
from ..channels.base import Channel, register_channel, unregister_channel
from ..channels.bounds import Bounds
from ..channels.carrier import Carrier
from ..channels.frames import stream_frame
from ..channels.port import Port
from ..channels.wire_client import WireClient
from ..channels.wire_server import WireServer
from ..client import Client
from ..codec import dumps
from ..errors import Broken
from ..service import Service
from ..spawners.thread import ThreadHost
from ..tree.agent import Agent
from .bench import Bench, fresh_name
from .services import find
from .verdict import NotApplicable

T = TypeVar("T")

_SENDERS, _SERVICES = 1, 2
_SPAWNERS = ("thread", "process")


class ChannelBench(Bench):
    """`channel` is registered under a name of its own, legal for the spawners that `make.spawners` names."""

    channel: Channel
    name: str

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._register()
        except BaseException:
            self.undo.close()
            raise
        return self

    def _register(self) -> None:
        self.channel = self.make()
        self.spawners: tuple[str, ...] = tuple(self.hook("spawners", self.channel, _SPAWNERS))
        self.name = self.channel.name = fresh_name(self.channel.name)
        register_channel(self.channel, self.spawners)
        self.undo.callback(unregister_channel, self.name)

    def recipe(self) -> list[str]:
        """What another process makes the channel from. Raises `NotApplicable` where it cannot."""
        if "process" not in self.spawners:
            raise NotApplicable("the channel does not cross processes (make.spawners)")
        module, qualname = getattr(self.make, "__module__", ""), getattr(self.make, "__qualname__", "")
        try:
            found = find(module, qualname)
        except (ImportError, AttributeError, ValueError):
            found = None
        if found is not self.make:
            raise NotApplicable("`make` has no import path, by which another process could find it")
        return [module, qualname, self.name]

    def notices_loss(self) -> None:
        """Raise `NotApplicable` where the channel says that its ends do not see each other go."""
        if not self.hook("notices_loss", self.channel, True):
            raise NotApplicable("the channel says that its ends do not notice each other's loss (notices_loss = False)")

    def ends(self) -> Ends:
        """A bare wire: a carrier, and the service's end on a host."""
        return Ends(self)

    def wires(self, run_dir: str = "") -> Wires:
        """Two hosts, and wires between them; with a directory, as between two processes."""
        return Wires(self, run_dir)


class Ends:
    """The sender's carrier, used by the check itself; the service's end reads on a host in a thread."""

    def __init__(self, bench: ChannelBench, host: ThreadHost | None = None) -> None:
        self.bench = bench
        if host is None:
            host = ThreadHost("conformance-services")
            bench.undo.callback(host.stop)
        self.host = host
        there, here, _ = bench.channel.link("", _SERVICES)
        self.server: WireServer = self.on_host(lambda: self._accept(there))
        self.carrier: Carrier = bench.channel.dial(here)
        bench.undo.callback(self.close)
        self._greet()

    def _greet(self) -> None:
        """Let an empty frame come through, so that the connection is up, whatever it took."""
        greeting, deadline = stream_frame(dumps([])), time.monotonic() + self.bench.patience_s
        while not self.on_host(lambda: self._said(greeting)) and time.monotonic() < deadline:
            time.sleep(0.001)
        self.carrier.receive(lambda frame: None, deadline)

    def _said(self, frame: list[bytes]) -> bool:
        try:
            self.server.carrier.send(list(frame))
        except Broken:
            return False
        return True

    def _accept(self, address: Any) -> WireServer:
        server = self.bench.channel.accept(address, self.host)
        self.host.wires.add(server)
        return server

    def on_host(self, function: Callable[[], T]) -> T:
        """Call a function on the service's host."""

        async def call() -> T:
            return function()

        result: T = self.host.submit(call()).result(self.bench.patience_s)
        return result

    def pour(self, frames: list[list[bytes]]) -> None:
        """The service sends these frames, as fast as they are taken."""

        async def pour() -> None:
            for frame in frames:
                taken = self.server.carrier.send(list(frame))
                while not taken:
                    await asyncio.sleep(0.0005)
                    taken = self.server.carrier.send_more()

        self.host.submit(pour())

    def close(self) -> None:
        """Both ends."""
        self.carrier.close()
        if not self.host.closed:
            self.on_host(self.server.close)


class Wires:
    """What a tree makes of a channel, without the tree: an agent, a host of senders, a host of services."""

    def __init__(self, bench: ChannelBench, run_dir: str = "") -> None:
        self.bench = bench
        self.run_dir = run_dir
        self.lost: list[int] = []
        self.agent = Agent(self._event)
        self.here, self.there = ThreadHost("conformance-senders"), ThreadHost("conformance-services")
        self.agent.hosts.update({_SENDERS: self.here, _SERVICES: self.there})
        self._next = 100
        bench.undo.callback(self.close)

    def _event(self, event: str, *arguments: Any) -> None:
        if event == "lost":
            self.lost.append(arguments[0])

    def _number(self) -> int:
        self._next += 1
        return self._next

    def do(self, coroutine: Coroutine[Any, Any, T], timeout_s: float = 0.0) -> T:
        """Run one operation of the agent."""
        result: T = self.here.submit(coroutine).result(timeout_s or self.bench.patience_s)
        return result

    def cell(self, service: Service, serve: bool = True) -> Cell:
        """Place a service; with `serve` False it takes no command yet."""
        number = self._number()
        spec = {
            "cell": number,
            "name": type(service).__name__.lower(),
            "host": _SERVICES,
            "service": service,
            "nests": False,
            "shards": 1,
            "shard": 0,
            "outlets": {},
            "fresh": True,
        }
        self.do(self.agent.place(spec))
        if serve:
            self.serve(number)
        return self.agent.cells[number]

    def serve(self, cell_id: int) -> None:
        """Let a cell serve."""
        self.do(self.agent.serve(cell_id, []))

    def wire(self, hosted: bool = False) -> int:
        """A new wire; with `hosted` the senders' host reads it all the time."""
        number = self._number()
        there, here, _ = self.bench.channel.link(self.run_dir, _SERVICES)
        self.do(self.agent.listen(number, _SERVICES, self.bench.name, there))
        self.do(self.agent.dial(number, _SENDERS, self.bench.name, here, hosted))
        return number

    def client_end(self, wire: int) -> WireClient:
        """The sender's end."""
        return self.agent.dialled[wire]

    def server_end(self, wire: int) -> WireServer:
        """The service's end."""
        return self.agent.accepted[wire]

    def rewire(self, port: Port, cell: Cell) -> int:
        """A new wire, for a port that was detached."""
        wire, line = self.wire(), port.senders[0].line
        limits = [port.bounds.commands, port.bounds.bytes]
        self.do(self.agent.receive(line, port.id, cell.id, wire, limits, None))
        self.do(self.agent.attach(port.id, [[line, cell.id, False, wire, False, None]], None))
        return wire

    def port(self, cell: Cell, wire: int, bounds: Bounds | None = None) -> Port:
        """A port with one sender over this wire to this cell."""
        number, line, bounds = self._number(), self._number(), bounds or Bounds()
        limits = [bounds.commands, bounds.bytes]
        self.do(self.agent.port(number, cell.name, [*limits, bounds.when_full], 0, True))
        self.do(self.agent.receive(line, number, cell.id, wire, limits, None))
        self.do(self.agent.attach(number, [[line, cell.id, False, wire, False, None]], None))
        return self.agent.ports[number]

    def client(self, port: Port) -> Client:
        """A client of a port."""
        return Client(port.target, port, cast(Any, SimpleNamespace(clock=time.monotonic)))

    def connect(self, service: Service, bounds: Bounds | None = None, hosted: bool = False) -> Client:
        """A client of a fresh service over a fresh wire."""
        return self.client(self.port(self.cell(service), self.wire(hosted), bounds))

    def hang_up(self, wire: int) -> None:
        """Close both ends of a wire."""
        self.do(self.agent.hang_up(wire))

    def close(self) -> None:
        """Stop the services, hang up, stop the hosts."""
        for wire in {*self.agent.dialled, *self.agent.accepted}:
            self.hang_up(wire)
        for cell in list(self.agent.cells):
            self.do(self.agent.stop(cell, self.bench.patience_s))
        self.here.stop(self.bench.patience_s)
        self.there.stop(self.bench.patience_s)
