"""Gets leave replicas better than they found them."""

from __future__ import annotations

import asyncio

from mdht.model import Content, Kind, address_of
from mdht.node import Node
from mdht.services.api.read_repair import CACHE_S
from mdht.simulation import Simulation, upkeep_of
from mdht.store import MemoryStore

from ..networks import inside, with_network


def version(node: Node, address: bytes) -> int:
    held = inside(node, "store")._store.get(address, 0.0)
    return 0 if held is None else held.record.sequence


def by_distance(net: Simulation, address: bytes) -> list[Node]:
    return sorted(net.nodes, key=lambda node: int.from_bytes(node.id, "big") ^ int.from_bytes(address, "big"))


def test_a_replica_that_is_behind_is_mended_by_a_get() -> None:
    async def body(net: Simulation) -> None:
        owner = net.nodes[0]
        address = address_of(Kind.OWNED, b"k", owner.public)
        await owner.aput(b"one", key=b"k")
        stale = by_distance(net, address)[0]
        old = inside(stale, "store")._store.get(address, 0.0).record
        await owner.aput(b"two", key=b"k")
        inside(stale, "store")._store = MemoryStore()
        inside(stale, "store")._store.put(old, inside(stale, "store")._around.wall_s())
        assert version(stale, address) == 1
        reader = by_distance(net, address)[-1]
        assert (await reader.aget(b"k", kind=Kind.OWNED, owner=owner.public)).value == b"two"
        await asyncio.sleep(5)
        assert version(stale, address) == 2

    with_network(12, body)


def test_one_that_has_nothing_is_given_it() -> None:
    async def body(net: Simulation) -> None:
        owner = net.nodes[0]
        address = address_of(Kind.OWNED, b"k", owner.public)
        await owner.aput(b"one", key=b"k")
        empty = by_distance(net, address)[0]
        inside(empty, "store")._store = MemoryStore()
        reader = by_distance(net, address)[-1]
        assert (await reader.aget(b"k", kind=Kind.OWNED, owner=owner.public)).value == b"one"
        await asyncio.sleep(5)
        assert version(empty, address) == 1

    with_network(12, body)


def test_content_is_cached_on_the_way_for_a_while() -> None:
    async def body(net: Simulation) -> None:
        address = Content(b"famous").address
        done = await net.nodes[0].aput(b"famous", replicas=6)
        near = by_distance(net, address)
        inside(near[0], "store")._store = MemoryStore()
        assert (await near[-1].aget(done.key)).value == b"famous"
        await asyncio.sleep(5)
        store = inside(near[0], "store")
        held = store._store.get(address, store._around.wall_s())
        assert held is not None
        assert held.until_s <= store._around.wall_s() + CACHE_S

    with_network(12, body)


def test_where_all_is_well_nobody_is_told() -> None:
    async def body(net: Simulation) -> None:
        owner = net.nodes[0]
        await owner.aput(b"one", key=b"k")
        done = await owner.aput(b"content")
        for node in net.nodes[1:]:
            await node.aget(b"k", kind=Kind.OWNED, owner=owner.public)
            await node.aget(done.key)
        await asyncio.sleep(5)
        for node in net.nodes:
            assert (await upkeep_of(node)).repaired == 0

    with_network(8, body)
