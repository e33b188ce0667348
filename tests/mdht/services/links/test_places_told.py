"""A place of links makes none before it knows where the node listens: its first record would say nowhere."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from ipc import Service, Supervisor
from mdht.model import Identity
from mdht.services import Surroundings
from mdht.services.links.commands import Advertise, Dial, WhereAmI
from mdht.services.links.service import Links
from mdht.services.own import OwnIdentity
from mdht.transport.passing import Outlet, Passed, inlet_name, new_inlets


class Sink(Service):
    """Takes everything."""

    def call(self, command: Any) -> None:
        return None


def test_dials_and_connections_wait_for_it() -> None:
    async def main() -> None:
        inlets = new_inlets()
        own = OwnIdentity.of(Identity.from_seed(bytes(32)))
        links = Links(own, "mdht", b"", [], [], 8, Surroundings(), inlets)
        async with asyncio.timeout(20), Supervisor() as tree:
            await tree.aadd("sink", Sink())
            outlets = dict.fromkeys(("peers", "local", "files", "listener"), "sink")
            await tree.aadd("links", links, outlets=outlets)
            client = await tree.aclient("links")
            outlet, name = Outlet(), inlet_name(inlets, 0)
            loop = asyncio.get_running_loop()
            with socket.create_server(("127.0.0.1", 0)) as peer:
                peer.setblocking(False)
                client.cast(Dial("tcp", "127.0.0.1", peer.getsockname()[1], None))
                assert await client.acall(WhereAmI()) == []
                with socket.create_connection(peer.getsockname(), 5) as ours:
                    first, who = await loop.sock_accept(peer)
                    first.close()
                    assert who == ours.getsockname(), "it has not dialled"
                    assert outlet.pass_on(ours, name) is Passed.NOBODY
                    await client.acall(Advertise(0, ("127.0.0.1:7000",), False))
                    assert outlet.pass_on(ours, name) is Passed.TAKEN
                (await loop.sock_accept(peer))[0].close()
            assert await client.acall(WhereAmI()) == ["127.0.0.1:7000"]
            await tree.amove("links", "thread")
            one, other = socket.socketpair()
            with one, other:
                assert outlet.pass_on(one, name) is Passed.TAKEN, "it remembers where it moves"
            outlet.close()

    asyncio.run(main())
