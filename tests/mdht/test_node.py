"""Whole nodes on a memory network in virtual time, with delay and loss: no socket, no thread, the same in every run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from ipc import Closed
from ipc.loops.virtual import run
from mdht.config import Config
from mdht.errors import (
    BadText,
    Conflict,
    LinkRefused,
    LocalError,
    NotFound,
    RequestFailed,
    Superseded,
    TimedOut,
    TooFewReplicas,
    TooLarge,
    WrongState,
)
from mdht.model import Content, Identity, Kind, Signed
from mdht.node import Node
from mdht.services.commands import Ask, Put
from mdht.testnet import TestNet
from mdht.transport import CannotDial, MemoryNetwork

EPOCH_S = 1_800_000_000.0


def now() -> float:
    return asyncio.get_running_loop().time()


def wall() -> float:
    return EPOCH_S + now()


def inside(node: Node, name: str) -> Any:
    """The service itself."""
    return node._clients[name]._port.senders[0].cell.service  # type: ignore[union-attr]


def lossy(seed: int = 1) -> MemoryNetwork:
    return MemoryNetwork(seed, delay_s=0.02, jitter_s=0.01, loss=0.05)


def with_net(
    count: int, body: Callable[[TestNet], Awaitable[Any]], config: Config | None = None, network: Any = lossy
) -> Any:
    async def main() -> Any:
        async with TestNet(count, config, network=network()) as net:
            return await body(net)

    return run(main())


# -- records -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_content_is_found_by_everybody(seed: int) -> None:
    async def body(net: TestNet) -> None:
        done = await net[0].aput(b"hello")
        assert (done.stored, done.wanted, done.sequence) == (8, 8, 0)
        for node in net:
            assert (await node.aget(done.key)).value == b"hello"

    with_net(8, body, network=lambda: lossy(seed))


def test_the_same_seed_is_the_same_run() -> None:
    async def body(net: TestNet) -> tuple[float, Any]:
        await net[3].aput(b"hello")
        assert net.network is not None
        return now(), net.network.stats()

    assert with_net(8, body) == with_net(8, body) != with_net(8, body, network=lambda: lossy(2))


def test_fewer_replicas_than_nodes() -> None:
    async def body(net: TestNet) -> None:
        keys = []
        for number in range(20):
            done = await net[number % len(net)].aput(b"value %d" % number)
            assert done.stored == done.wanted == 3
            keys.append(done.key)
        for number, key in enumerate(keys):
            node = net[(number * 7 + 5) % len(net)]
            assert (await node.aget(key)).value == b"value %d" % number
        held = sum([(await node.astats()).store.records for node in net])
        assert held == 60

    with_net(12, body, Config(replicas=3))


def test_nothing_there() -> None:
    async def body(net: TestNet) -> None:
        with pytest.raises(NotFound) as caught:
            await net[1].aget(b"\0" * 32)
        assert caught.value.asked == 3
        with pytest.raises(NotFound):
            await net[1].aget_all(b"no such name")

    with_net(4, body)


def test_owned_versions_and_compare_and_set() -> None:
    async def body(net: TestNet) -> None:
        alice, bob = net[1], net[5]
        owner = alice.identity.public

        async def read() -> tuple[bytes, int]:
            got = await bob.aget(b"k", kind=Kind.OWNED, owner=owner)
            assert got.owner == owner
            return got.value, got.sequence

        assert (await alice.aput(b"one", key=b"k")).sequence == 1
        assert await read() == (b"one", 1)
        assert (await alice.aput(b"two", key=b"k")).sequence == 2
        assert await read() == (b"two", 2)
        with pytest.raises(Conflict) as conflict:
            await alice.aput(b"no", key=b"k", expect=1)
        assert (conflict.value.expected, conflict.value.held) == (1, 2)
        with pytest.raises(Conflict):
            await alice.aput(b"no", key=b"k", expect=0)
        assert (await alice.aput(b"three", key=b"k", expect=2)).sequence == 3
        with pytest.raises(Superseded):
            await alice.aput(b"old", key=b"k", sequence=1)
        assert await read() == (b"three", 3)
        assert (await alice.aget(b"k", kind=Kind.OWNED)).value == b"three"
        with pytest.raises(NotFound):
            await bob.aget(b"k", kind=Kind.OWNED)

    with_net(8, body)


def test_tombstones() -> None:
    async def body(net: TestNet) -> None:
        alice, bob = net[1], net[5]
        await alice.aput(b"one", key=b"k")
        done = await alice.adelete(b"k")
        assert done.sequence == 2
        with pytest.raises(NotFound):
            await bob.aget(b"k", kind=Kind.OWNED, owner=alice.identity.public)
        with pytest.raises(Superseded):
            await alice.aput(b"back", key=b"k", sequence=2)
        assert (await alice.aput(b"again", key=b"k")).sequence == 3
        assert (await bob.aget(b"k", kind=Kind.OWNED, owner=alice.identity.public)).value == b"again"

    with_net(8, body)


def test_open_names_have_several_owners() -> None:
    async def body(net: TestNet) -> None:
        for number in (1, 2, 3):
            await net[number].aput(b"of %d" % number, key=b"name", kind=Kind.OPEN)
        best = await net[7].aget(b"name", kind=Kind.OPEN)
        assert (best.value, best.others, best.owner) == (b"of 1", 2, net[1].identity.public)
        assert {got.value for got in await net[6].aget_all(b"name")} == {b"of 1", b"of 2", b"of 3"}
        await net[1].adelete(b"name", kind=Kind.OPEN)
        assert {got.value for got in await net[6].aget_all(b"name")} == {b"of 2", b"of 3"}
        assert (await net[7].aget(b"name", kind=Kind.OPEN)).value == b"of 2"

    with_net(8, body)


def test_large_open_names_come_in_parts() -> None:
    async def body(net: TestNet) -> None:
        for node in net:
            await node.aput(node.id * 1600, key=b"name", kind=Kind.OPEN)
        got = await net[0].aget_all(b"name")
        assert sorted(one.value[:32] for one in got) == sorted(node.id for node in net)

    with_net(6, body)


def test_records_end_with_their_time() -> None:
    async def body(net: TestNet) -> None:
        await net[0].aput(b"brief", key=b"k", keep_s=60)
        done = await net[0].aput(b"leased", keep_s=60)
        await asyncio.sleep(30)
        assert (await net[1].aget(done.key)).value == b"leased"
        await asyncio.sleep(60)
        with pytest.raises(NotFound):
            await net[2].aget(b"k", kind=Kind.OWNED, owner=net[0].identity.public)
        with pytest.raises(NotFound):
            await net[2].aget(done.key)
        assert (await net[3].astats()).store.records == 0

    with_net(4, body)


def test_bad_records_are_refused() -> None:
    async def body(net: TestNet) -> None:
        identity = net[0].identity

        def signed(network: str = "mdht", expires_s: int = 3600, at_s: float = 0.0) -> Signed:
            made_s = wall() + at_s
            return Signed.sign(
                identity, network, Kind.OWNED, b"k", b"v", sequence=1, expires_s=int(made_s) + expires_s, now_s=made_s
            )

        good = signed()
        bad = [
            replace(good, value=b"w").pack(),
            replace(good, sequence=2).pack(),
            signed(network="other").pack(),
            signed(at_s=-7200).pack(),
            signed(at_s=86_400, expires_s=30 * 86_400).pack(),
            b"\x7fnonsense",
            good.pack()[:50],
        ]
        links = net[0]._clients["links"]
        for record in bad:
            with pytest.raises(RequestFailed) as caught:
                await links.acall(Ask(net[1].id, Put(record), 5.0))
            assert caught.value.code == 2, caught.value.text
        await links.acall(Ask(net[1].id, Put(good.pack()), 5.0))
        await links.acall(Ask(net[1].id, Put(Content(b"fine").pack()), 5.0))
        assert (await net[1].astats()).store.records == 2

    with_net(2, body)


# -- what the user did wrong, or cannot have ---------------------------------------------------------------------------


def test_alone_nothing_is_put() -> None:
    async def body(net: TestNet) -> None:
        with pytest.raises(TooFewReplicas, match="connect first") as caught:
            await net[0].aput(b"hello")
        assert (caught.value.stored, caught.value.wanted) == (0, 8)

    with_net(1, body)


def test_too_few_replicas() -> None:
    async def body(net: TestNet) -> None:
        with pytest.raises(TooFewReplicas) as caught:
            await net[0].aput(b"hello")
        assert (caught.value.stored, caught.value.wanted) == (3, 8)

    with_net(3, body, Config(min_replicas=4))


def test_wrong_arguments() -> None:
    async def body(net: TestNet) -> None:
        node = net[0]
        with pytest.raises(TooLarge):
            await node.aput(b"x" * (64 * 1024 + 1))
        with pytest.raises(TooLarge):
            await node.aput(b"x", key=b"k" * 1025)
        with pytest.raises(ValueError, match="content has no key"):
            await node.aput(b"x", kind=Kind.OWNED)
        with pytest.raises(LocalError, match="nobody owns it"):
            await node.aput(None, kind=Kind.CONTENT)  # type: ignore[arg-type]
        with pytest.raises(BadText):
            await node.aconnect("nowhere")
        with pytest.raises(CannotDial, match="nobody listens"):
            await node.aconnect("memory://node7:7000")
        with pytest.raises(CannotDial, match="no such transport"):
            await node.aconnect("127.0.0.1:7000")
        with pytest.raises(LinkRefused, match="own id"):
            await node.aconnect(node.address)

    with_net(2, body)


def test_a_node_is_entered_once() -> None:
    async def body(net: TestNet) -> None:
        node = net.make(5)
        with pytest.raises(WrongState, match="not entered"):
            await node.aget(b"x")
        async with node:
            with pytest.raises(WrongState):
                await node.astart()
        with pytest.raises(WrongState, match="closed"):
            await node.aget(b"x")
        await node.aclose()

    with_net(1, body)


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


def test_closing_with_requests_in_flight() -> None:
    async def body(net: TestNet) -> None:
        asking = [asyncio.ensure_future(net[1].aget(bytes([number]) * 32)) for number in range(20)]
        putting = [asyncio.ensure_future(net[1].aput(bytes([number]))) for number in range(20)]
        await asyncio.sleep(0.03)
        await net[1].aclose()
        for one in asking + putting:
            with pytest.raises(Closed):
                await one

    with_net(4, body)


def test_a_peer_known_by_its_record_is_dialled_by_itself() -> None:
    async def body(net: TestNet) -> None:
        async with net.make(9) as late:
            await late.aconnect(net[2].address)
            done = await late.aput(b"x")
            assert done.stored == 6
            assert len(await late.apeers()) == 5

    with_net(5, body)
