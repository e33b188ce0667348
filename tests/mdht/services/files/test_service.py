"""Shares and fetches on a memory network in virtual time: what is on the way, who is asked, and who lies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ipc.loops.virtual import run
from mdht.codec import Purpose
from mdht.config import Config, Limits
from mdht.errors import ChunksMissing, FileChanged, Malformed, TimedOut
from mdht.files import Entry, EntryKind, Root, ShareKind, pack_entry, pack_reply, pack_root
from mdht.limits import FILE_WINDOW_BYTES, SERVED_BYTES, STREAM_CREDIT_BYTES
from mdht.model import Content
from mdht.node import Node
from mdht.node.asking import Request
from mdht.services.api.commands import DoFind, FoundPeers
from mdht.services.files import sharing as file_sharing
from mdht.services.files.commands import ServedNumbers, Shared
from mdht.services.links.stream_commands import SendOn, StreamCame
from mdht.services.roster import Known
from mdht.testnet import TestNet
from mdht.transport import MemoryNetwork


def inside(node: Node, name: str) -> Any:
    """The service itself."""
    return node._clients[name]._port.senders[0].cell.service  # type: ignore[union-attr]


def slow() -> MemoryNetwork:
    return MemoryNetwork(1, delay_s=0.02, jitter_s=0.01, loss=0.02)


def with_net(
    count: int,
    body: Callable[[TestNet], Awaitable[Any]],
    config: Config | None = None,
    network: Callable[[], MemoryNetwork] = slow,
) -> Any:
    async def main() -> Any:
        async with TestNet(count, config, network=network()) as net:
            return await body(net)

    return run(main())


async def other_of(net: TestNet) -> Known:
    """The second node, as the first one knows it."""
    found: FoundPeers = await inside(net[0], "files")._desk.ask("api", DoFind(net[1].id, 5.0))
    return Known(found.ids[0], found.records[0])


def put_bytes(path: Path, size: int, seed: int = 0) -> bytes:
    data = random.Random(seed).randbytes(size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


@pytest.mark.parametrize("seed", range(3))
def test_there_and_back_over_a_lossy_network(tmp_path: Path, seed: int) -> None:
    data = put_bytes(tmp_path / "in" / "a" / "b", 1_500_000)
    put_bytes(tmp_path / "in" / "c", 10)

    async def body(net: TestNet) -> None:
        shared = await net[1].ashare(tmp_path / "in")
        assert shared.replicas == 3
        await net[4].afetch(shared.id, tmp_path / "out")
        assert (tmp_path / "out" / "a" / "b").read_bytes() == data

    with_net(6, body, network=lambda: MemoryNetwork(seed, delay_s=0.05, jitter_s=0.05, loss=0.1))


def test_a_small_get_does_not_wait_for_a_big_file(tmp_path: Path) -> None:
    """What was put on the link before the question, and its answer, is what waited in streams by then: no more."""
    put_bytes(tmp_path / "in.bin", 20_000_000)

    async def body(net: TestNet) -> None:
        small = await net[1].aput(b"small")
        sharing = asyncio.ensure_future(net[0].ashare(tmp_path / "in.bin"))
        came = 0
        told = inside(net[1], "files")._port.told

        def count(news: Any) -> None:
            nonlocal came
            came += len(news.data) if type(news) is StreamCame else 0
            told(news)

        inside(net[1], "files")._port.told = count
        while came < 2_000_000:
            await asyncio.sleep(0.001)
        inside(net[0], "store")._store._shelf.slots.clear()  # so that it has to ask
        for _ in range(10):
            before = came
            assert (await net[0].aget(small.key)).value == b"small"
            assert not sharing.done()
            assert came - before <= 3 * STREAM_CREDIT_BYTES
        sharing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sharing

    config = Config(file_replicas=2, limits=Limits(peer_bytes=1 << 30))
    with_net(2, body, config, lambda: MemoryNetwork(1, delay_s=0.01))


def test_what_is_on_the_way_is_bounded(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 30_000_000)
    most = {"window": 0, "served": 0, "unsent": 0}

    async def body(net: TestNet) -> None:
        async def watch(work: Awaitable[Any]) -> Any:
            task = asyncio.ensure_future(work)
            while not task.done():
                await asyncio.sleep(0.005)
                for node in net:
                    files, links = inside(node, "files"), inside(node, "links")
                    most["served"] = max(most["served"], files._serving.waiting_bytes)
                    for link in links._links.values():
                        most["unsent"] = max(most["unsent"], link.session.stats().unsent_stream_bytes)
                    for operation in files._operations:
                        for pipeline in operation.streams._pipelines.values() if operation.streams else ():
                            most["window"] = max(most["window"], pipeline.load_bytes)
            return task.result()

        shared = await watch(net[0].ashare(tmp_path / "in.bin"))
        await watch(net[2].afetch(shared.id, tmp_path / "out.bin"))

    with_net(3, body, Config(file_replicas=2, limits=Limits(peer_bytes=1 << 30)))
    slack = 70_000
    assert 0 < most["window"] <= FILE_WINDOW_BYTES + slack
    assert most["served"] <= 4 * (SERVED_BYTES + STREAM_CREDIT_BYTES)
    assert most["unsent"] <= 2 * STREAM_CREDIT_BYTES


def test_one_lookup_for_many_chunks(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 5_000_000)

    async def body(net: TestNet) -> None:
        desk = inside(net[0], "files")._desk
        lookups: list[FoundPeers] = []
        ask = desk.ask

        def counted(outlet: str, command: Any) -> Any:
            if outlet == "api":
                lookups.append(command)
            return ask(outlet, command)

        desk.ask = counted
        await net[0].ashare(tmp_path / "in.bin")
        assert 1 <= len(lookups) <= 8, "those that began before the first one ended"

    with_net(10, body)


def test_equal_chunks_are_sent_once(tmp_path: Path) -> None:
    (tmp_path / "in.bin").write_bytes(bytes(5_000_000))

    async def body(net: TestNet) -> None:
        shared = await net[0].ashare(tmp_path / "in.bin")
        assert shared.chunks == 3, "zeros, the last of them, and the root"
        await net[1].afetch(shared.id, tmp_path / "out.bin")
        assert (tmp_path / "out.bin").read_bytes() == bytes(5_000_000)

    with_net(3, body)


# -- peers that lie, are silent, or have lost something ----------------------------------------------------------------


def test_forged_chunks_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = put_bytes(tmp_path / "in.bin", 2_000_000)

    async def body(net: TestNet) -> None:
        shared = await net[0].ashare(tmp_path / "in.bin")
        liar = inside(net[1], "files")._desk
        ask = liar.ask

        def send(outlet: str, command: Any) -> Any:
            if type(command) is SendOn:
                forged = pack_reply(Content(bytes(100)).pack())
                command = SendOn(command.link, command.stream, forged)
            return ask(outlet, command)

        liar.ask = send
        async with net.make(9) as late:
            await late.aconnect(net[0].address)
            await late.arefresh()
            await late.afetch(shared.id, tmp_path / "out.bin")
        assert (tmp_path / "out.bin").read_bytes() == data

    with_net(4, body)


@pytest.mark.parametrize("answer", [b"\xff" * 8, bytes(4), bytes(400), b"\0\0\0\1x" * 50, b"\0\1"], ids=len)
@pytest.mark.parametrize("purpose", [Purpose.GET_RECORDS, Purpose.PUT_RECORDS], ids=lambda one: one.name)
def test_nonsense_on_streams(tmp_path: Path, answer: bytes, purpose: Purpose) -> None:
    data = put_bytes(tmp_path / "in.bin", 1_000_000)

    async def body(net: TestNet) -> None:
        liar = inside(net[1], "files")._desk
        ask = liar.ask

        def send(outlet: str, command: Any) -> Any:
            return ask(outlet, SendOn(command.link, command.stream, answer) if type(command) is SendOn else command)

        if purpose is Purpose.PUT_RECORDS:
            liar.ask = send
        shared: Shared = await net[0].ashare(tmp_path / "in.bin", replicas=2)
        liar.ask = send
        async with net.make(9) as late:
            await late.aconnect(net[0].address)
            await late.arefresh()
            await late.afetch(shared.id, tmp_path / "out.bin")
        assert (tmp_path / "out.bin").read_bytes() == data

    with_net(4, body)


@pytest.mark.parametrize("data", [b"\xff" * 8, bytes(8), b"\0\0\0\5\0\0\0\0hello" * 3], ids=repr)
def test_nonsense_to_who_serves(data: bytes) -> None:
    async def body(net: TestNet) -> None:
        files = inside(net[0], "files")
        seen: list[Any] = []

        class User:
            def came(self, data: bytes) -> None:
                seen.append(data)

            def done(self) -> None:
                seen.append("done")

            def over(self, error: Exception | None) -> None:
                seen.append(error)

        peer = await other_of(net)
        stream = await files._port.open(peer, Purpose.PUT_RECORDS, User(), 5.0)
        await stream.send(data)
        while not seen:
            await asyncio.sleep(0.01)
        if data.endswith(b"hello"):
            assert b"".join(one for one in seen if type(one) is bytes)[0] == 1, "a refusal"
        else:
            assert "malformed" in str(seen[0])
        unknown = files._port.open(peer, 77, User(), 5.0)
        with pytest.raises(Exception, match="not served"):
            await unknown
        assert (await net[0].aput(b"fine")).stored == 2

    with_net(2, body)


def test_a_silent_peer_is_given_up(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 1_000_000)

    async def body(net: TestNet) -> None:
        inside(net[2], "files")._serving.offered = lambda _: None
        shared = await net[0].ashare(tmp_path / "in.bin", timeout=60.0)
        assert shared.replicas == 3
        await net[3].afetch(shared.id, tmp_path / "out.bin", timeout=60.0)
        assert (tmp_path / "out.bin").read_bytes() == data

    with_net(5, body)


def test_nothing_moves(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 1_000_000)

    async def body(net: TestNet) -> None:
        shared = await net[0].ashare(tmp_path / "in.bin")
        async with net.make(9) as late:
            await late.aconnect(net[0].address)
            await late.arefresh()
            assert net.network is not None
            for number in range(len(net)):
                net.network.part("node9", f"node{number}")
            with pytest.raises(TimedOut, match="a fetch: the next part"):
                await late.afetch(shared.id, tmp_path / "out.bin", timeout=3.0)
            with pytest.raises(TimedOut, match="a share: the next part"):
                await late.ashare(tmp_path / "in.bin", timeout=3.0)
        assert [one.name for one in tmp_path.iterdir()] == ["in.bin"]

    with_net(3, body)


def test_chunks_that_are_gone_are_counted(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put_bytes(tmp_path / "in" / name, 300_000, ord(name))

    async def body(net: TestNet) -> None:
        shared = await net[0].ashare(tmp_path / "in")
        for node in net:
            slots = inside(node, "store")._store._shelf.slots
            for slot, held in list(slots.items()):
                record = held.record
                if isinstance(record, Content) and record.value[:50] in (tmp_path / "in/b").read_bytes():
                    del slots[slot]
        with pytest.raises(ChunksMissing) as caught:
            await net[2].afetch(shared.id, tmp_path / "out")
        assert caught.value.file == "b"
        assert caught.value.missing == 5, "those that begin in b"
        assert "b" in str(caught.value)
        assert [one.name for one in tmp_path.iterdir()] == ["in"]

    with_net(3, body)


def test_a_share_that_lies_about_its_sizes(tmp_path: Path) -> None:
    async def body(net: TestNet) -> None:
        chunk = b"x" * 1000
        key = (await net[0].aput(chunk)).key
        short = Root(ShareKind.FILE, b"f", False, 65_280, 1, 1001, key, 0, (key,), ())
        other = Root(ShareKind.FILE, b"f", False, 65_280, 1, 1000, bytes(32), 0, (key,), ())
        index = pack_entry(Entry(EntryKind.FILE, b"a", 999, sha256(chunk).digest()))
        packed = (await net[0].aput(index)).key
        sizes = Root(ShareKind.FOLDER, b"f", False, 65_280, 1, 1000, packed, len(index), (key,), (packed,))
        wrong = pack_entry(Entry(EntryKind.FILE, b"a", 1000, bytes(32)))
        bad = (await net[0].aput(wrong)).key
        digest = Root(ShareKind.FOLDER, b"f", False, 65_280, 1, 1000, bad, len(wrong), (key,), (bad,))
        for root in (short, other, sizes, digest):
            id = (await net[0].aput(pack_root(root))).key
            with pytest.raises(Malformed):
                await net[1].afetch(id, tmp_path / "out")
            assert list(tmp_path.iterdir()) == []

    with_net(2, body)


def test_streams_on_which_nothing_is_said_are_closed() -> None:
    async def body(net: TestNet) -> None:
        files = inside(net[0], "files")

        class User:
            error: Exception | None = None

            def came(self, data: bytes) -> None: ...

            def done(self) -> None: ...

            def over(self, error: Exception | None) -> None:
                self.error = error

        user = User()
        await files._port.open(await other_of(net), Purpose.GET_RECORDS, user, 5.0)
        assert (await net[1]._acall(Request("files", ServedNumbers(), 5.0))).serving == 1
        await asyncio.sleep(70)
        assert "nothing was said" in str(user.error)
        assert (await net[1]._acall(Request("files", ServedNumbers(), 5.0))).serving == 0

    with_net(2, body)


# -- files that change -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["longer", "shorter", "other", "gone", "touched"])
def test_a_file_that_changes_while_it_is_shared(tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_bytes(tmp_path / "in" / "a", 100_000)
    put_bytes(tmp_path / "in" / "b", 100_000, 1)
    path = tmp_path / "in" / "b"
    scan = file_sharing.scan

    def changed(where: str) -> Any:
        found = scan(where)
        if change == "longer":
            path.write_bytes(bytes(100_001))
        elif change == "shorter":
            path.write_bytes(bytes(99_999))
        elif change == "other":
            (tmp_path / "new").write_bytes(path.read_bytes())
            (tmp_path / "new").replace(path)
        elif change == "gone":
            path.unlink()
        else:
            path.touch()
        return found

    monkeypatch.setattr(file_sharing, "scan", changed)

    async def body(net: TestNet) -> None:
        with pytest.raises(FileChanged) as caught:
            await net[0].ashare(tmp_path / "in")
        assert caught.value.path == "b"

    with_net(2, body)
