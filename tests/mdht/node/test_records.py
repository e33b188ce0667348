"""Puts and gets in a whole network."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mdht.config import Config
from mdht.errors import (
    BadText,
    Conflict,
    LinkRefused,
    LocalError,
    NotFound,
    RequestFailed,
    Superseded,
    TooFewReplicas,
    TooLarge,
)
from mdht.model import Content, Kind, Signed
from mdht.services.commands import Put
from mdht.services.links.commands import Ask
from mdht.testnet import TestNet
from mdht.transport import CannotDial

from .nets import lossy, now, wall, with_net


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
