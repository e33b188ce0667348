"""Whom a node is linked to over time: seeds, remembered peers, broken links, full houses, twins and wrong clocks."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from mdht.config import Config, Limits
from mdht.errors import LinkRefused
from mdht.model import Kind
from mdht.node import Node
from mdht.services.peers.commands import PeerInfo
from mdht.services.peers.memory import FILE
from mdht.simulation import Simulation
from mdht.transport import CannotDial

from ..networks import HOUR_S, QUIET, ahead, inside, with_network


async def linked(node: Node) -> set[bytes]:
    peers: list[PeerInfo] = await node.apeers()
    return {peer.id for peer in peers}


def cut(net: Simulation, some: list[Node], others: list[Node], join: bool = False) -> None:
    change = net.network.join if join else net.network.part
    for one in some:
        for other in others:
            change(net._names[one.id], net._names[other.id])


# -- clocks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong_s", [HOUR_S, -HOUR_S])
def test_a_node_whose_clock_is_an_hour_off(wrong_s: float, caplog: pytest.LogCaptureFixture) -> None:
    async def body(net: Simulation) -> None:
        wrong = await net.join(ahead(wrong_s))
        await asyncio.sleep(60)
        stats = (await wrong.astats()).peers
        assert stats.clock_offset_s == pytest.approx(-wrong_s, abs=2)
        assert stats.clock_votes >= 6
        assert [(await node.astats()).peers.clock_offset_s for node in net.nodes[:-1]] == [0.0] * 6
        done = await wrong.aput(b"v", key=b"k")
        assert done.stored == 7
        got = await net.nodes[2].aget(b"k", kind=Kind.OWNED, owner=wrong.public)
        assert got.value == b"v"
        await net.nodes[1].aput(b"other", key=b"k")
        got = await wrong.aget(b"k", kind=Kind.OWNED, owner=net.nodes[1].public)
        assert got.value == b"other"
        content = await wrong.aput(b"content")
        assert (await net.nodes[3].aget(content.key)).value == b"content"
        short = await net.nodes[0].aput(b"short", key=b"short", keep_s=600)
        assert short.stored == 7
        assert wrong.id in await linked(net.nodes[4])

    with caplog.at_level(logging.WARNING, "mdht.services.peers.clock"):
        with_network(6, body)
    told = [record.getMessage() for record in caplog.records if "clock" in record.getMessage()]
    assert len(told) == 1
    assert ("ahead" if wrong_s > 0 else "behind") in told[0]


def test_a_few_peers_with_wrong_clocks_change_nothing() -> None:
    async def body(net: Simulation) -> None:
        for _ in range(3):
            await net.join(ahead(2 * HOUR_S))
        await asyncio.sleep(60)
        assert [(await node.astats()).peers.clock_offset_s for node in net.nodes[:6]] == [0.0] * 6

    with_network(6, body)


# -- one identity, two nodes -------------------------------------------------------------------------------------------


def test_the_second_node_with_one_identity_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def body(net: Simulation) -> None:
        first = net.nodes[3]
        there = await linked(first)
        config = replace(
            first.config, listen=("memory://twin:7000",), seeds=(net.nodes[0].address, net.nodes[1].address)
        )
        around = replace(first._around, networks=(net.network.host("twin"),))
        async with Node(config, identity=first.identity, around=around) as twin:
            with pytest.raises(LinkRefused, match="duplicate"):
                await twin.aconnect(net.nodes[2].address)
            for _ in range(10):
                await asyncio.sleep(60)
                assert await linked(twin) == set()
                assert await linked(first) == there  # nothing flaps
            assert (await twin.astats()).peers.twins == 3
            with pytest.raises(LinkRefused, match="own id"):
                await twin.aconnect(f"memory://{net._names[first.id]}:7000")
        assert (await first.astats()).peers.twins == 0

    with caplog.at_level(logging.ERROR, "mdht.services.peers.twins"):
        with_network(5, body)
    assert [record.getMessage().count("same identity") for record in caplog.records] == [1]


# -- beginning ---------------------------------------------------------------------------------------------------------


def test_seeds_that_come_later_are_found() -> None:
    async def body(net: Simulation) -> None:
        later = net.network.host("later")
        config = Config(
            listen=("memory://early:7000",), seeds=("memory://later:7000",), network=net.life.config.network
        )
        around = replace(net.nodes[0]._around, networks=(net.network.host("early"),))
        async with Node(config, around=around) as early:
            await asyncio.sleep(2 * HOUR_S)
            assert await linked(early) == set()
            seed = Node(
                replace(config, listen=("memory://later:7000",), seeds=()), around=replace(around, networks=(later,))
            )
            async with seed:
                await asyncio.sleep(400)
                assert await linked(early) == {seed.id}

    with_network(1, body)


def test_two_halves_of_a_network_find_each_other_by_their_seeds() -> None:
    async def body(net: Simulation) -> None:
        halves = net.nodes[::2], net.nodes[1::2]
        cut(net, *halves)
        await asyncio.sleep(12 * HOUR_S)
        for half in halves:
            for node in half:
                assert await linked(node) <= {one.id for one in half}
        cut(net, *halves, join=True)
        await asyncio.sleep(2 * HOUR_S)
        done = await halves[0][0].aput(b"whole")
        assert (await halves[1][-1].aget(done.key)).value == b"whole"
        assert done.stored == 8

    with_network(10, body)


def settled(net: Simulation, tmp_path: Path, name: str, seeds: tuple[str, ...] = ()) -> Node:
    config = Config(listen=(f"memory://{name}:7000",), data_dir=str(tmp_path), door=False, seeds=seeds)
    around = replace(net.nodes[0]._around, networks=(net.network.host(name),))
    return Node(config, around=around)


def test_remembered_peers_are_enough_to_begin_again(tmp_path: Path) -> None:
    async def body(net: Simulation) -> None:
        async with settled(net, tmp_path, "one", (net.nodes[0].address,)) as node:
            await asyncio.sleep(200)
            assert len(await linked(node)) == 6
            assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
        await asyncio.sleep(HOUR_S)
        async with settled(net, tmp_path, "one") as node:
            await asyncio.sleep(30)
            assert await linked(node) == {one.id for one in net.nodes}

    with_network(6, body)


@pytest.mark.parametrize("damage", ["cut", "changed", "other", "empty", "large"])
def test_a_damaged_file_of_peers_is_reported_and_ignored(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(net: Simulation) -> None:
        async with settled(net, tmp_path, "one", (net.nodes[0].address,)) as node:
            await asyncio.sleep(100)
            assert await linked(node)
        packed = (tmp_path / FILE).read_bytes()
        match damage:
            case "cut":
                packed = packed[:-7]
            case "changed":
                packed = packed[:-70] + bytes(byte ^ 1 for byte in packed[-70:])
            case "other":
                packed = b"hello"
            case "empty":
                packed = b""
            case "large":
                packed = bytes(2 << 20)
        (tmp_path / FILE).write_bytes(packed)
        async with settled(net, tmp_path, "one") as node:
            await asyncio.sleep(30)
            dialled = [peer for peer in await node.apeers() if peer.dialled]
            assert damage == "changed" or not dialled

    with caplog.at_level(logging.INFO, "mdht.services.peers.memory"):
        with_network(3, body)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert ("1 of 3 remembered peers" if damage == "changed" else "damaged") in said


# -- links that break --------------------------------------------------------------------------------------------------


def test_a_link_that_breaks_is_made_again() -> None:
    async def body(net: Simulation) -> None:
        one, other = net.nodes[1], net.nodes[4]
        links = inside(one, "links")
        links._by_peer[other.id].wire.abort()
        await asyncio.sleep(40)
        assert other.id in await linked(one)

    with_network(6, body)


def test_a_node_whose_network_was_down_for_long_finds_back_without_seeds() -> None:
    async def body(net: Simulation) -> None:
        alone = net.nodes[0]
        assert not alone.config.seeds
        for number in range(20):  # it is busy when that happens
            asking = asyncio.ensure_future(alone.aget(bytes([number]) * 32))
            asking.add_done_callback(lambda done: done.exception())
        cut(net, [alone], net.nodes[1:])
        await asyncio.sleep(HOUR_S)
        assert await linked(alone) == set()
        assert (await alone.astats()).peers.known == 5
        cut(net, [alone], net.nodes[1:], join=True)
        await asyncio.sleep(700)
        assert len(await linked(alone)) == 5

    with_network(6, body, replace(QUIET, keepalive_s=25.0))


def test_who_is_gone_is_forgotten_in_the_end() -> None:
    async def body(net: Simulation) -> None:
        gone = net.nodes[2]
        await net.leave(gone)
        await asyncio.sleep(1)
        stats = (await net.nodes[0].astats()).peers
        assert (stats.known, stats.lost) == (5, 1)
        await asyncio.sleep(600)
        stats = (await net.nodes[0].astats()).peers
        assert (stats.known, stats.lost) == (4, 0)
        with pytest.raises(CannotDial):
            await net.nodes[0].aconnect(gone.config.listen[0])

    with_network(6, body)


# -- full houses -------------------------------------------------------------------------------------------------------


def test_links_that_nobody_uses_are_closed_and_not_made_again() -> None:
    async def body(net: Simulation) -> None:
        await asyncio.sleep(HOUR_S / 2)
        for node in net.nodes:
            stats = (await node.astats()).peers
            assert stats.linked <= 9, stats
        idle = sum([(await node.astats()).peers.idle for node in net.nodes])
        await asyncio.sleep(HOUR_S / 4)
        again = sum([(await node.astats()).peers.idle for node in net.nodes])
        assert idle > 0
        assert again == idle
        done = await net.nodes[3].aput(b"found all the same")
        assert (await net.nodes[13].aget(done.key)).value == b"found all the same"

    with_network(18, body, config=Config(limits=Limits(links=12)))


def test_at_the_cap_a_newcomer_takes_the_place_of_an_idle_link() -> None:
    async def body(net: Simulation) -> None:
        await asyncio.sleep(200)
        full = net.nodes[0]
        assert len(await linked(full)) <= 4
        newcomer = await net.join()
        await newcomer.aconnect(full.address)
        assert newcomer.id in await linked(full)
        assert len(await linked(full)) <= 4
        assert (await full.astats()).peers.replaced >= 1

    with_network(8, body, config=Config(limits=Limits(links=4)))


def test_a_peer_that_was_silent_once_is_known_again() -> None:
    async def body(net: Simulation) -> None:
        peers = inside(net.nodes[0], "peers")
        other = net.nodes[1].id
        peers._silent(other)
        assert peers._table.get(other).failed == 1
        await asyncio.sleep(1)
        assert peers._table.get(other).failed == 0

    with_network(3, body)
