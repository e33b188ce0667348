"""Records stay alive as long as they should, and no longer."""

from __future__ import annotations

import asyncio

import pytest

from mdht.errors import NotFound
from mdht.limits import CONTENT_LEASE_S, REPUBLISH_S
from mdht.model import Content, Kind, address_of
from mdht.node import Node
from mdht.services.upkeep.commands import Arrived, Repair
from mdht.services.upkeep.course import AT_ONCE
from mdht.simulation import Simulation, upkeep_of
from mdht.store import MemoryStore

from ..networks import HOUR_S, inside, service, with_network


def held(node: Node, address: bytes) -> bool:
    store = inside(node, "store")
    return store._store.get(address, store._around.wall_s()) is not None


def holders(net: Simulation, address: bytes) -> list[Node]:
    return [node for node in net.nodes if held(node, address)]


def forget_all(node: Node) -> None:
    """As a node with a store in memory does that was started again."""
    inside(node, "store")._store = MemoryStore()


def closest(net: Simulation, address: bytes, count: int) -> set[bytes]:
    def distance(node: Node) -> int:
        return int.from_bytes(node.id, "big") ^ int.from_bytes(address, "big")

    return {node.id for node in sorted(net.nodes, key=distance)[:count]}


def test_a_replica_that_forgot_is_put_to_again() -> None:
    async def body(net: Simulation) -> None:
        done = await net.nodes[0].aput(b"v", key=b"k")
        address = address_of(Kind.OWNED, done.key, net.nodes[0].public)
        forgetful = holders(net, address)[2]
        forget_all(forgetful)
        assert not held(forgetful, address)
        await asyncio.sleep(1.3 * REPUBLISH_S)
        assert held(forgetful, address)

    with_network(12, body)


def test_content_lives_while_its_publisher_does() -> None:
    async def body(net: Simulation) -> None:
        done = await net.nodes[0].aput(b"content")
        await asyncio.sleep(1.6 * CONTENT_LEASE_S)
        assert len(holders(net, Content(b"content").address)) == 8
        assert (await net.nodes[5].aget(done.key)).value == b"content"

    with_network(8, body)


def test_and_no_longer_than_a_lease_after_it() -> None:
    async def body(net: Simulation) -> None:
        address = Content(b"content").address
        publisher = net.nodes[0]
        done = await publisher.aput(b"content")
        await asyncio.sleep(1.2 * REPUBLISH_S)
        await net.leave(publisher)
        await asyncio.sleep(CONTENT_LEASE_S - 1.5 * REPUBLISH_S)
        assert (await net.nodes[5].aget(done.key)).value == b"content"
        await asyncio.sleep(1.5 * REPUBLISH_S + HOUR_S)
        assert holders(net, address) == []
        with pytest.raises(NotFound):
            await net.nodes[5].aget(done.key)

    with_network(9, body)


def test_replicas_never_lengthen_a_lease() -> None:
    async def body(net: Simulation) -> None:
        address = Content(b"content").address
        await net.nodes[0].aput(b"content")
        now_s = inside(net.nodes[0], "store")._around.wall_s()
        await net.leave(net.nodes[0])
        for _ in range(5):
            await asyncio.sleep(2 * HOUR_S)
            newcomer = await net.join()
            await asyncio.sleep(HOUR_S / 60)
            for node in holders(net, address):
                store = inside(node, "store")._store
                assert store.get(address, now_s).until_s <= now_s + CONTENT_LEASE_S + 1, newcomer

    with_network(8, body)


def test_content_that_is_to_be_kept_for_a_time_is_not_renewed_beyond_it() -> None:
    async def body(net: Simulation) -> None:
        await net.nodes[0].aput(b"short", keep_s=int(HOUR_S))
        await asyncio.sleep(1.1 * HOUR_S)
        assert holders(net, Content(b"short").address) == []
        await asyncio.sleep(2 * REPUBLISH_S)
        assert holders(net, Content(b"short").address) == []

    with_network(10, body)


def test_a_newcomer_is_given_what_it_is_to_hold_and_by_few() -> None:
    async def body(net: Simulation) -> None:
        addresses = []
        for number in range(30):
            value = b"content %d" % number
            await net.nodes[number % 10].aput(value)
            addresses.append(Content(value).address)
        newcomer = await net.join()
        await asyncio.sleep(60)
        wanted = [address for address in addresses if newcomer.id in closest(net, address, 8)]
        assert wanted
        assert all(held(newcomer, address) for address in wanted)
        records = (await newcomer.astats()).store.records
        assert records <= len(wanted) + 2  # neighbours know the network well, but not all of it at that moment
        given = [(await upkeep_of(node)).handed for node in net.nodes]
        assert sum(given) <= 2 * len(wanted) + 4

    with_network(16, body)


def test_a_node_that_was_started_again_is_a_newcomer() -> None:
    async def body(net: Simulation) -> None:
        done = await net.nodes[1].aput(b"content")
        assert done.stored == 6
        node = net.nodes[3]
        await net.leave(node)
        back = Node(node.config, identity=node.identity, around=node._around)
        async with back:
            net.nodes.append(back)
            await asyncio.sleep(60)
            assert held(back, Content(b"content").address)
            net.nodes.remove(back)

    with_network(6, body)


def test_one_that_was_started_again_with_its_disk_is_left_alone() -> None:
    async def body(net: Simulation) -> None:
        for number in range(40):
            await net.nodes[0].aput(b"content %d" % number)
        durable = net.nodes[3]
        before = net.network.stats().delivered
        for node in net.nodes:
            if node is not durable:
                upkeep = await service(node, "upkeep")
                record = inside(node, "peers")._table.get(durable.id).contact.data
                upkeep.call(Arrived(durable.id, record, 7))
        await asyncio.sleep(60)
        assert sum([(await upkeep_of(node)).handed for node in net.nodes]) == 0
        assert net.network.stats().delivered - before < 200

    with_network(6, body)


def test_for_one_that_is_gone_another_holds_it() -> None:
    async def body(net: Simulation) -> None:
        addresses = []
        for number in range(20):
            value = b"content %d" % number
            assert (await net.nodes[number % 3].aput(value)).stored == 8
            addresses.append(Content(value).address)
        for _ in range(3):
            await net.leave(net.nodes[-1])
            await asyncio.sleep(600)
        assert all(len(holders(net, address)) >= 8 for address in addresses)

    with_network(14, body)


def test_who_is_behind_is_given_the_newest_and_gives_it() -> None:
    async def body(net: Simulation) -> None:
        owner = net.nodes[0]
        await owner.aput(b"one", key=b"k")
        address = address_of(Kind.OWNED, b"k", owner.public)
        behind = next(node for node in holders(net, address) if node is not owner)
        old = inside(behind, "store")._store
        await owner.aput(b"two", key=b"k")
        newest = old.get(address, 0.0).packed
        forget_all(behind)
        upkeep = await service(owner, "upkeep")
        upkeep.call(Repair(newest, ((behind.id, b""),)))
        await asyncio.sleep(5)
        assert held(behind, address)
        assert (await upkeep_of(owner)).repaired == 1

    with_network(8, body)


def test_who_republishes_an_old_version_learns_the_new_one() -> None:
    async def body(net: Simulation) -> None:
        owner = net.nodes[0]
        await owner.aput(b"one", key=b"k")
        address = address_of(Kind.OWNED, b"k", owner.public)
        stale = next(node for node in holders(net, address) if node is not owner)
        store = inside(stale, "store")
        old = store._store.get(address, 0.0)
        await owner.aput(b"two", key=b"k")
        forget_all(stale)
        store._store.put(old.record, store._around.wall_s())
        await net.leave(owner)
        await asyncio.sleep(2.3 * REPUBLISH_S)
        assert store._store.get(address, 0.0).record.value == b"two"

    with_network(9, body)


def test_where_nobody_can_be_reached_it_waits_and_goes_on() -> None:
    async def body(net: Simulation) -> None:
        alone = net.nodes[0]
        for number in range(3 * AT_ONCE):
            await alone.aput(b"mine %d" % number)
        names = [net._names[node.id] for node in net.nodes]
        for name in names[1:]:
            net.network.part(names[0], name)
        for node in net.nodes[1:]:
            forget_all(node)
        await asyncio.sleep(2 * REPUBLISH_S)
        for name in names[1:]:
            net.network.join(names[0], name)
        await asyncio.sleep(1.3 * REPUBLISH_S)
        for number in range(3 * AT_ONCE):
            assert held(net.nodes[1], Content(b"mine %d" % number).address)

    with_network(4, body)


def test_large_content_is_not_spread_to_more_replicas_than_files_have() -> None:
    async def body(net: Simulation) -> None:
        address = Content(b"x" * 60_000).address
        await net.nodes[0].aput(b"x" * 60_000, replicas=3, keep_s=20 * 3_600)
        assert len(holders(net, address)) == 3
        await net.leave(net.nodes[0])
        await asyncio.sleep(1.3 * REPUBLISH_S)
        assert 2 <= len(holders(net, address)) <= 4

    with_network(14, body)


def test_what_a_node_that_stops_has_held_is_complete_again_in_minutes() -> None:
    async def body(net: Simulation) -> None:
        addresses = []
        for number in range(20):
            await net.nodes[number % 12].aput(b"%d" % number)
            addresses.append(Content(b"%d" % number).address)
        await asyncio.sleep(600)
        assert min(len(holders(net, one)) for one in addresses) == 8
        await net.leave(net.nodes[3])
        assert min(len(holders(net, one)) for one in addresses) == 7
        await asyncio.sleep(300)
        assert min(len(holders(net, one)) for one in addresses) == 8

    with_network(12, body)
