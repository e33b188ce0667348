"""Who is linked to whom, and what becomes of requests when peers fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ipc.loops.virtual import run
from mdht.config import Config
from mdht.errors import LinkRefused, NotFound, TimedOut, TooFewReplicas
from mdht.model import Identity
from mdht.node import Node
from mdht.testnet import TestNet

from .nets import inside, lossy, now, with_net

# -- links -------------------------------------------------------------------------------------------------------------


def test_who_dial_each_other_at_once_have_one_link() -> None:
    async def body(net: TestNet) -> None:
        for attempt in range(5):
            a, b = net.make(2 * attempt + 10), net.make(2 * attempt + 11)
            async with a, b:
                ids = await asyncio.gather(a.aconnect(b.address), b.aconnect(a.address), a.aconnect(b.address))
                assert ids == [b.id, a.id, b.id]
                await asyncio.sleep(10)
                assert [peer.id for peer in await a.apeers()] == [b.id]
                assert [peer.id for peer in await b.apeers()] == [a.id]
                assert (await a.astats()).links.links == (await b.astats()).links.links == 1
                assert (await a.aput(b"x")).stored == 2

    with_net(0, body)


def test_dialling_again_is_no_second_link() -> None:
    async def body(net: TestNet) -> None:
        before = (await net[1].astats()).links.dialled
        assert await net[1].aconnect(net[0].address) == net[0].id
        assert (await net[1].astats()).links.dialled == before
        with pytest.raises(LinkRefused, match="duplicate"):
            await net[1].aconnect(net[0].addresses[0])  # without an id it cannot know
        await asyncio.sleep(5)
        assert len(await net[1].apeers()) == 1

    with_net(2, body)


def test_another_id_than_dialled() -> None:
    async def body(net: TestNet) -> None:
        other = Identity.from_seed(b"o" * 32).id.hex()
        with pytest.raises(LinkRefused) as caught:
            await net[1].aconnect(f"{other}@memory://node2:7000")
        assert (caught.value.reason, caught.value.by_us) == ("other peer", True)

    with_net(3, body)


def test_wrong_secret_and_network() -> None:
    async def body(net: TestNet) -> None:
        name = "memory://node0:7000"
        for number, change in enumerate([{"secret": "6a" * 32}, {"secret": ""}, {"network": "other"}]):
            net._config = replace(Config(secret="5f" * 32), **change)  # type: ignore[arg-type]
            async with net.make(10 + number) as stranger:
                with pytest.raises(LinkRefused, match="wrong network"):
                    await stranger.aconnect(name)
        assert len(await net[0].apeers()) == 1
        assert (await net[0].aput(b"still here")).stored == 2

    with_net(2, body, Config(secret="5f" * 32))


def test_deny_and_allow() -> None:
    async def body(net: TestNet) -> None:
        bad, good = Identity.from_seed(b"b" * 32), Identity.from_seed(b"g" * 32)
        base = net._config
        for number, change in enumerate([{"deny": (bad.id.hex(),)}, {"allow": (good.id.hex(),)}]):
            net._config = replace(base, **change)  # type: ignore[arg-type]
            async with net.make(10 + number) as strict:
                net._config = base
                around = net.make(20 + number)._around
                listen = (f"memory://node{20 + number}:7000",)
                async with Node(replace(base, listen=listen), identity=bad, around=around) as one:
                    with pytest.raises(LinkRefused, match="not allowed") as caught:
                        await one.aconnect(strict.address)
                    assert not caught.value.by_us
                    with pytest.raises(LinkRefused, match="not allowed") as caught:
                        await strict.aconnect(one.address)
                    assert caught.value.by_us
                around = net.make(30 + number)._around
                listen = (f"memory://node{30 + number}:7000",)
                async with Node(replace(base, listen=listen), identity=good, around=around) as one:
                    assert await one.aconnect(strict.address) == strict.id

    with_net(0, body)


def test_as_many_links_as_may_be() -> None:
    async def body(net: TestNet) -> None:
        async with net.make(5) as one:
            with pytest.raises(LinkRefused, match="too many"):
                await one.aconnect(net[0].address)

    async def main() -> None:
        config = Config()
        async with TestNet(2, replace(config, limits=replace(config.limits, links=1)), network=lossy()) as net:
            await body(net)

    run(main())


def test_without_an_id_whoever_answers_is_named() -> None:
    async def body(net: TestNet) -> None:
        async with net.make(9) as late:
            assert await late.aconnect(net[1].addresses[0]) == net[1].id

    with_net(2, body)


def test_a_link_that_moves_is_dialled_again() -> None:
    async def body(net: TestNet) -> None:
        links, peers = inside(net[0], "links"), inside(net[0], "peers")
        link = links._by_peer[net[1].id]
        peers._admission.moving(link.number)
        link.session.move(30.0, now())
        links.touched(link)
        await asyncio.sleep(5)
        assert (await net[0].aput(b"x")).stored == 2
        assert links._by_peer[net[1].id] is not link
        await asyncio.sleep(5)  # both said goodbye at once, and each waits for the other to close
        assert link.session.finished
        assert len(await net[1].apeers()) == 1

    with_net(2, body)


def test_seeds_are_dialled_by_themselves() -> None:
    async def body(net: TestNet) -> None:
        net._config = replace(net._config, seeds=(net[0].address,))
        async with net.make(9) as late:
            await asyncio.sleep(5)
            assert {peer.id for peer in await late.apeers()} == {node.id for node in net}

    with_net(4, body)


def test_a_peer_known_by_its_record_is_dialled_by_itself() -> None:
    async def body(net: TestNet) -> None:
        async with net.make(9) as late:
            await late.aconnect(net[2].address)
            done = await late.aput(b"x")
            assert done.stored == 6
            assert len(await late.apeers()) == 5

    with_net(5, body)


# -- peers that fail ---------------------------------------------------------------------------------------------------


def test_a_node_that_is_cut_off_in_a_lookup() -> None:
    async def body(net: TestNet) -> None:
        assert net.network is not None
        done = await net[0].aput(b"kept")
        asking = asyncio.ensure_future(net[9].aget(done.key))
        await asyncio.sleep(0.01)  # it has asked, and nobody has answered
        for number in range(0, 9, 2):
            for other in range(10):
                net.network.part(f"node{number}", f"node{other}")
        assert (await asking).value == b"kept"
        assert (await net[9].aget(done.key)).value == b"kept"
        put = await net[9].aput(b"now", timeout=30)
        assert 1 < put.stored <= 8
        for number in range(0, 9, 2):
            for other in range(10):
                net.network.join(f"node{number}", f"node{other}")

    with_net(10, body)


def test_a_node_that_stops_in_a_lookup() -> None:
    async def body(net: TestNet) -> None:
        done = await net[0].aput(b"kept", replicas=8)
        asking = [asyncio.ensure_future(net[number].aget(done.key)) for number in range(4, 10)]
        await asyncio.sleep(0.01)
        await net[1].aclose()
        await net[2].aclose()
        assert [(await one).value for one in asking] == [b"kept"] * 6
        assert (await net[9].aput(b"after")).stored >= 7

    with_net(10, body)


def test_everybody_is_gone() -> None:
    async def body(net: TestNet) -> None:
        assert net.network is not None
        for number in (1, 2, 3):
            net.network.part("node0", f"node{number}")
        began_s = now()
        with pytest.raises((TimedOut, NotFound)):
            await net[0].aget(b"\0" * 32, timeout=4.0)
        assert now() - began_s < 4.5
        with pytest.raises(TooFewReplicas):
            await net[0].aput(b"x", timeout=8.0)
        for number in (1, 2, 3):
            net.network.join("node0", f"node{number}")
        await asyncio.sleep(120)
        assert (await net[0].aput(b"x")).stored == 4

    with_net(4, body)
