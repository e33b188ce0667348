"""Shares are kept alive as long as their sharer lives, and forgotten in time when it gives them up."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mdht.codec import Purpose
from mdht.config import Config
from mdht.errors import ChunksMissing, NotFound
from mdht.limits import CONTENT_LEASE_S, REPUBLISH_S
from mdht.model import Kind, address_of
from mdht.node import Node
from mdht.node.asking import Request
from mdht.services.files.commands import FileStats, ServedNumbers, ShareInfo
from mdht.services.files.keeping import FIRST_S
from mdht.services.files.serving import ServedGets, ServedPuts
from mdht.services.upkeep.commands import Renew
from mdht.simulation import Simulation

from ..networks import HOUR_S, QUIET, inside, with_network
from ..upkeep.test_service import forget_all
from .test_service import put_bytes

LIFE = replace(QUIET, config=Config(replicas=3, file_replicas=3))


async def numbers(node: Node) -> FileStats:
    stats: FileStats = await node._acall(Request("files", ServedNumbers(), 5.0))
    return stats


async def only(node: Node) -> ShareInfo:
    (share,) = await node.ashares()
    return share


def test_a_share_lives_as_long_as_its_sharer_and_its_bytes_go_out_once(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 700_000)

    async def body(net: Simulation) -> None:
        shared = await net.nodes[0].ashare(tmp_path / "in.bin")
        before = await only(net.nodes[0])
        assert (before.id, before.path, before.files, before.size_bytes, before.state) == (
            shared.id,
            str(tmp_path / "in.bin"),
            1,
            700_000,
            "kept",
        )
        await asyncio.sleep(2.2 * CONTENT_LEASE_S)
        await net.nodes[5].afetch(shared.id, tmp_path / "out.bin")
        assert (tmp_path / "out.bin").read_bytes() == data
        after, stats = await only(net.nodes[0]), await numbers(net.nodes[0])
        assert after.renewed_s > before.renewed_s + CONTENT_LEASE_S
        assert (stats.kept_shares, stats.renewals_failed, stats.sent_pieces) == (1, 0, 0)
        assert stats.renewals >= 5
        assert stats.renewed_pieces == stats.renewals * 3 * shared.chunks
        await net.leave(net.nodes[0])
        await asyncio.sleep(CONTENT_LEASE_S + HOUR_S)
        with pytest.raises(NotFound):
            await net.nodes[5].afetch(shared.id, tmp_path / "late.bin")

    with_network(8, body, LIFE)


def test_what_peers_have_lost_is_sent_again(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 700_000)

    async def body(net: Simulation) -> None:
        shared = await net.nodes[0].ashare(tmp_path / "in.bin")
        held = [node for node in net.nodes[1:] if inside(node, "store")._store.stats().records]
        lost = inside(held[0], "store")._store.stats().records
        forget_all(held[0])
        await asyncio.sleep(1.15 * REPUBLISH_S)
        stats = await numbers(net.nodes[0])
        assert (stats.renewals, stats.renewals_failed) == (1, 0)
        assert 0 < stats.sent_pieces <= lost
        assert stats.sent_pieces + stats.renewed_pieces == 3 * shared.chunks
        assert inside(held[0], "store")._store.stats().records == lost

    with_network(8, body, LIFE)


def test_peers_that_do_not_know_renewals_are_put_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_bytes(tmp_path / "in.bin", 300_000)
    old = {Purpose.GET_RECORDS: ServedGets, Purpose.PUT_RECORDS: ServedPuts}
    monkeypatch.setattr("mdht.services.files.serving._KINDS", old)

    async def body(net: Simulation) -> None:
        await net.nodes[0].ashare(tmp_path / "in.bin")
        await asyncio.sleep(1.15 * REPUBLISH_S)
        stats = await numbers(net.nodes[0])
        assert (stats.renewals, stats.renewals_failed) == (1, 0)
        assert stats.sent_pieces > 0

    with_network(5, body, LIFE)


def test_one_that_has_changed_is_renewed_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_bytes(tmp_path / "in" / "a", 100_000)
    put_bytes(tmp_path / "in" / "b", 100_000, 1)

    async def body(net: Simulation) -> None:
        shared = await net.nodes[0].ashare(tmp_path / "in")
        put_bytes(tmp_path / "in" / "b", 100_000, 2)
        records = [inside(node, "store")._store.stats().records for node in net.nodes]
        await asyncio.sleep(1.15 * REPUBLISH_S)
        share = await only(net.nodes[0])
        assert (share.state, share.renewed_s) == ("changed", share.shared_s)
        assert "contents" in share.why
        assert records == [inside(node, "store")._store.stats().records for node in net.nodes], "nothing was sent"
        await asyncio.sleep(2 * REPUBLISH_S)
        stats = await numbers(net.nodes[0])
        assert (stats.renewals, stats.renewals_failed) == (0, 1)
        again = await net.nodes[0].ashare(tmp_path / "in")
        assert again.id != shared.id
        assert (await only(net.nodes[0])).id == again.id, "it stands for what was shared of that path before"

    with_network(4, body, LIFE)
    assert "is shared no more" in caplog.text


def test_one_that_was_only_touched_is_read_first_and_renewed(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in" / "a", 100_000)

    async def body(net: Simulation) -> None:
        await net.nodes[0].ashare(tmp_path / "in")
        os.utime(tmp_path / "in" / "a", (1, 1))
        await asyncio.sleep(1.15 * REPUBLISH_S)
        share = await only(net.nodes[0])
        assert share.state == "kept"
        assert share.renewed_s > share.shared_s

    with_network(4, body, LIFE)


def test_one_that_cannot_be_read_or_reaches_nobody_is_tried_again(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 100_000)

    async def body(net: Simulation) -> None:
        node = net.nodes[0]
        await node.ashare(tmp_path / "in.bin")
        (tmp_path / "in.bin").rename(tmp_path / "away")
        await asyncio.sleep(1.15 * REPUBLISH_S)
        share = await only(node)
        assert share.state == "unreadable"
        assert "No such file" in share.why
        (tmp_path / "away").rename(tmp_path / "in.bin")
        await asyncio.sleep(REPUBLISH_S / 2)
        assert (await only(node)).state == "kept"
        names = [net._names[one.id] for one in net.nodes]
        for name in names[1:]:
            net.network.part(names[0], name)
        await asyncio.sleep(1.5 * REPUBLISH_S)
        assert (await only(node)).state == "failing"
        for name in names[1:]:
            net.network.join(names[0], name)
        await asyncio.sleep(REPUBLISH_S)
        assert (await only(node)).state == "kept"

    with_network(4, body, LIFE)


def test_unshared(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 100_000)

    async def body(net: Simulation) -> None:
        shared = await net.nodes[0].ashare(tmp_path / "in.bin")
        assert await net.nodes[0].aunshare(shared.id)
        assert not await net.nodes[0].aunshare(shared.id)
        assert await net.nodes[0].ashares() == []
        await asyncio.sleep(CONTENT_LEASE_S + HOUR_S)
        with pytest.raises((NotFound, ChunksMissing)):
            await net.nodes[3].afetch(shared.id, tmp_path / "out.bin")

    with_network(4, body, LIFE)


def test_given_up_while_it_is_renewed(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 5_000_000)

    async def body(net: Simulation) -> None:
        node = net.nodes[0]
        shared = await node.ashare(tmp_path / "in.bin")
        keeping = inside(node, "files")._keeping
        keeping._due[shared.id] = 0.0
        keeping._look()
        while keeping._current is None:
            await asyncio.sleep(0.01)
        assert await node.aunshare(shared.id)
        await asyncio.sleep(1.0)
        assert keeping._current is None
        assert keeping.tasks == [keeping._keeper]
        assert keeping._keeper.done()
        assert (await numbers(node)).renewals == 0

    with_network(4, body, LIFE)


def test_there_are_only_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mdht.services.files.keeping.SHARES", 2)
    for name in "abc":
        put_bytes(tmp_path / name, 1_000, ord(name))

    async def body(net: Simulation) -> None:
        node = net.nodes[0]
        first, second, third = [await node.ashare(tmp_path / name) for name in "abc"]
        assert (first.warning, second.warning) == ("", "")
        assert "unshare" in third.warning
        assert [one.id for one in await node.ashares()] == [first.id, second.id]

    with_network(3, body, LIFE)


def test_content_that_is_not_there_is_not_renewed() -> None:
    async def body(net: Simulation) -> None:
        files = inside(net.nodes[0], "files")
        done = await net.nodes[0].aput(b"here", replicas=3)
        await net.nodes[0].aput(b"owned", key=b"k", replicas=3)
        owned = address_of(Kind.OWNED, b"k", net.nodes[0].public)

        async def renewed(address: bytes) -> Any:
            return await files._desk.ask("store", Renew(address, 100))

        assert (await renewed(address_of(Kind.CONTENT, done.key))) is not None
        assert await renewed(owned) is None, "it has an expiry of its own"
        assert await renewed(bytes(32)) is None

    with_network(3, body, LIFE)


def test_the_first_renewal_comes_soon_after_a_start(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 1_000)

    async def body(net: Simulation) -> None:
        node = net.nodes[0]
        await node.ashare(tmp_path / "in.bin")
        files = inside(node, "files")
        (share,) = files._kept.values()
        files._kept[share.id] = replace(share, renewed_s=share.renewed_s - REPUBLISH_S * 1.2)
        files._keeping.begin()
        await asyncio.sleep(2.1 * FIRST_S)
        assert (await numbers(node)).renewals == 1

    with_network(4, body, LIFE)
