"""The listener hands each connection to the place with the fewest links, and loses none that nobody can take yet."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from ipc import Service, Supervisor
from mdht.services.links.commands import Advertise, LetIn, LinkGone, PlaceBegan, PlacesAre, WhereAmI
from mdht.services.links.listener import Listener
from mdht.transport.passing import Inlet, inlet_name, new_inlets


class Places(Service):
    """Stands for `links`: knows what each place was told."""

    def start(self) -> None:
        self.told: list[Advertise] = []

    def call(self, command: Any) -> Any:
        if type(command) is Advertise:
            self.told.append(command)
            return None
        return [one.place for one in self.told]


class Door:
    """A listener with `count` places, of which those in `inlets` take connections."""

    def __init__(self, tree: Supervisor, count: int) -> None:
        self.tree, self.count = tree, count
        self.inlets_at = new_inlets()
        self.took: dict[int, list[socket.socket]] = {}
        self.inlets: dict[int, Inlet] = {}
        self.dialled: list[socket.socket] = []

    async def open(self) -> None:
        await self.tree.aadd("links", Places())
        listener = Listener([("tcp", "127.0.0.1", 0)], [], self.inlets_at, self.count)
        await self.tree.aadd("listener", listener, outlets={"links": "links"})
        self.client = await self.tree.aclient("listener")
        (text,) = await self.client.acall(WhereAmI())
        self.port = int(text.rpartition(":")[2])

    def place(self, number: int) -> None:
        took = self.took.setdefault(number, [])
        self.inlets[number] = Inlet(inlet_name(self.inlets_at, number), took.append)

    def dial(self, count: int) -> None:
        self.dialled += [socket.create_connection(("127.0.0.1", self.port), 5) for _ in range(count)]

    @property
    def counts(self) -> dict[int, int]:
        return {number: len(took) for number, took in self.took.items()}

    async def until(self, wanted: dict[int, int]) -> None:
        async with asyncio.timeout(10):
            while self.counts != wanted:
                await asyncio.sleep(0)

    def close(self) -> None:
        for inlet in self.inlets.values():
            inlet.close()
        for one in self.dialled + [one for took in self.took.values() for one in took]:
            one.close()


def run(count: int, main: Callable[[Door], Awaitable[None]]) -> None:
    async def inside() -> None:
        async with asyncio.timeout(30), Supervisor() as tree:
            door = Door(tree, count)
            try:
                await door.open()
                await main(door)
            finally:
                door.close()

    asyncio.run(inside())


def test_to_the_place_with_the_fewest() -> None:
    async def main(door: Door) -> None:
        for number in range(3):
            door.place(number)
        door.dial(6)
        await door.until({0: 2, 1: 2, 2: 2})
        for _ in range(2):
            await door.client.acall(LinkGone(1))
        door.dial(2)
        await door.until({0: 2, 1: 4, 2: 2})

    run(3, main)


def test_a_place_that_died_is_passed_over_until_it_begins_again() -> None:
    async def main(door: Door) -> None:
        door.place(0)
        door.place(1)
        door.dial(2)
        await door.until({0: 1, 1: 1})
        door.inlets[1].close()
        door.dial(3)
        await door.until({0: 4, 1: 1})
        door.place(1)
        await door.client.acall(PlaceBegan(1))
        door.dial(3)
        await door.until({0: 4, 1: 4})
        assert await (await door.tree.aclient("links")).acall("told") == [0, 1, 1]

    run(2, main)


def test_whom_nobody_takes_yet_waits() -> None:
    async def main(door: Door) -> None:
        door.dial(5)
        await door.client.acall(WhereAmI())
        door.place(0)
        await door.until({0: 5})

    run(1, main)


def test_nobody_is_let_in_while_links_move() -> None:
    async def main(door: Door) -> None:
        door.place(0)
        door.dial(1)
        await door.until({0: 1})
        await door.client.acall(LetIn(False))
        door.dial(2)
        await door.client.acall(WhereAmI())
        assert door.counts == {0: 1}
        await door.client.acall(LetIn(True))
        await door.until({0: 3})

    run(1, main)


def test_more_places_and_fewer() -> None:
    async def main(door: Door) -> None:
        door.place(0)
        door.dial(2)
        await door.until({0: 2})
        for number in (1, 2):
            door.place(number)
        await door.client.acall(PlacesAre(3))
        door.dial(4)
        await door.until({0: 2, 1: 2, 2: 2})
        await door.client.acall(PlacesAre(1))
        door.dial(2)
        await door.until({0: 4, 1: 2, 2: 2})
        await door.client.acall(LinkGone(2))
        await door.client.acall(PlaceBegan(2))
        door.dial(1)
        await door.until({0: 5, 1: 2, 2: 2})

    run(1, main)


def test_it_moves_and_listens_at_the_same_port() -> None:
    async def main(door: Door) -> None:
        door.place(0)
        for placement in ("thread", "inline"):
            await door.tree.amove("listener", placement)
            before = door.counts[0]
            door.dial(2)
            await door.until({0: before + 2})

    run(1, main)
