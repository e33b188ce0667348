"""A node's services moved while it works: nothing is lost, no get fails, and what cannot be is said."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipc import MoveError, MoveTimeout, PlacementError, ServiceDied, Supervisor
from mdht.config import Config
from mdht.errors import ConfigError
from mdht.model import Kind
from mdht.node import Node
from mdht.remote import RemoteNode
from mdht.store import StoreStats

from .footprint import until
from .moving import SCALED, WHERE, route
from .workload import Workload

MOVES = 12


@pytest.mark.timeout(120)
@pytest.mark.parametrize("where", [WHERE, SCALED], ids=["one place", "links in several places"])
def test_moves_under_load(tmp_path: Path, where: dict[str, tuple[str, ...]]) -> None:
    first = {name: places[0] for name, places in where.items()}
    if where is SCALED:
        first["local"] = first["links"]
    with Workload(tmp_path / "node", first, pause_s=0.002) as load:
        for number, (name, placement) in enumerate(route(where, 5)):
            if number == MOVES:
                break
            done = load.counts.puts
            moved = load.node.move(name, placement)
            assert moved.after == placement
            until(lambda: load.counts.puts > done + 10, 20, "the load goes on")  # noqa: B023
        load.stop()
        load.look_for_all()
        counts = load.counts
        assert not counts.failed_gets, counts.failed_gets[:3]
        assert not counts.failed_puts, counts.failed_puts
        assert not counts.lost, counts.lost[:3]
        assert load.node.stats().api.waiting == 0


def test_the_address_stays_and_peers_come_back(tmp_path: Path) -> None:
    with Node(Config(data_dir=str(tmp_path))) as node, Node() as a, Node(Config(listen=())) as b:
        a.connect(node.address)
        b.connect(node.address)
        here = node.address
        for placement in ("thread", "process", "inline"):
            node.move("links", placement)
            until(lambda: {one.id for one in node.peers()} == {a.id, b.id}, 20, "all have dialled again")
            assert b.get(node.put(placement.encode(), replicas=2).key).value == placement.encode()
        assert node.address == here
        assert node.stats().peers.lost == 0


def test_more_places_of_links_and_fewer(tmp_path: Path) -> None:
    """Every peer comes back, to whichever place; puts, gets and numbers are those of all places."""
    with Node(Config(data_dir=str(tmp_path), store="lmdb")) as node, ExitStack() as stack:
        peers = [stack.enter_context(Node(Config(listen=()))) for _ in range(6)]
        for peer in peers:
            peer.connect(node.address)
        here, wanted = node.address, {peer.id for peer in peers}
        for at, (placement, count) in enumerate(
            [("process:2@links", 2), ("process:3@links", 3), ("process@links", 1), ("thread:2@t", 2), ("inline", 1)]
        ):
            moved = node.move("links", placement)
            assert moved.after == placement and moved.also == ("local",)
            until(lambda: {one.id for one in node.peers()} == wanted, 20, "all have dialled again")
            rows = {row.name: row for row in node.services()}
            assert rows["local"].placement == placement
            assert len(rows["links"].pids) == (count if placement.startswith("process") else 1)
            stats = node.stats()
            assert stats.links.links == 6 and stats.peers.linked == 6
            value = b"%d" % at
            key = node.put(value, replicas=1).key
            assert [peer.get(key).value for peer in peers] == [value] * 6
            assert node.get(peers[at].put(b"of %d" % at, replicas=1).key).value == b"of %d" % at
        assert node.address == here


def test_a_store_in_memory_moves_with_its_records() -> None:
    """Of every kind, to one process, to several parts, and back; what was put before is got, and leases go on."""
    with Node() as node, Node(Config(listen=())) as other:
        other.connect(node.address)
        kept = {node.put(b"%d" % at, replicas=1).key: b"%d" % at for at in range(50)}
        mine = node.put(b"first", key=b"mine", replicas=1)
        other.put(b"theirs", key=b"name", kind=Kind.OPEN, replicas=1)
        for number, placement in enumerate(("thread", "process:3", "process", "inline")):
            moved = node.move("store", placement)
            assert moved.after == placement
            assert {key: other.get(key).value for key in kept} == kept
            assert other.get(b"name", kind=Kind.OPEN).value == b"theirs"
            assert other.get(b"mine", kind=Kind.OWNED, owner=node.public).sequence == mine.sequence + number
            stats = node.stats().store
            assert (stats.records, stats.parts) == (52, 3 if placement == "process:3" else 1)
            node.put(b"again", key=b"mine", replicas=1)


def test_a_part_in_memory_that_dies_is_one_part_again() -> None:
    """What it kept is lost, being in memory; how many there are is not."""
    with Node() as node:
        node.move("store", "process:2")
        for part in range(2):
            row = next(one for one in node.services() if one.name == "store")
            os.kill(row.pids[part], signal.SIGKILL)
            until(lambda: _restarts(node) == part + 1, 20, "it is started again")  # noqa: B023
            stats = until(lambda: _store_of(node), 20, "it answers")
            assert stats.parts == 2 and stats.limit_bytes == node.config.limits.store_bytes
        key = node.put(b"again", replicas=1).key
        assert node.get(key).value == b"again"


def _restarts(node: Node) -> int:
    return next(one.restarts for one in node.services() if one.name == "store")


def _store_of(node: Node) -> StoreStats | None:
    try:
        return node.stats().store
    except ServiceDied:
        return None


def test_a_store_in_memory_that_is_too_large_to_be_sent_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mdht.services.operate.SENT_BYTES", 1_000)
    with Node() as node:
        key = node.put(bytes(2_000), replicas=1).key
        with pytest.raises(PlacementError, match="records are in memory"):
            node.move("store", "process")
        assert node.move("store", "thread").after == "thread", "within the process there is nothing to send"
        assert len(node.get(key).value or b"") == 2_000


def test_what_is_not_legal_is_said(tmp_path: Path) -> None:
    with Node(Config(data_dir=str(tmp_path))) as node, RemoteNode(tmp_path) as remote:
        for move in (node.move, remote.move):
            with pytest.raises(ConfigError, match="routing table"):
                move("peers", "process")
            with pytest.raises(ConfigError, match="no such service"):
                move("fence", "thread")
            with pytest.raises(ConfigError, match="no spawner 'fly'"):
                move("api", "fly")
            with pytest.raises(ConfigError, match="beside its link"):
                move("local", "process:2@links")
        node.move("files", "thread@both")
        with pytest.raises(ConfigError, match="another group, such as @both2"):
            node.move("upkeep", "process@both")
        assert remote.move("api", "thread").before == "inline"
        placed = {row.name: row.placement for row in remote.services()}
        assert (placed["api"], placed["files"], placed["upkeep"]) == ("thread", "thread@both", "inline")
        assert remote.put(b"it works", replicas=1).stored == 1


def test_a_move_that_fails_leaves_the_links_where_they_are(tmp_path: Path) -> None:
    """The state of the links cannot be sent: a clock of one's own is no part of another process."""
    import time

    from mdht.services import Surroundings

    with Node(Config(), around=Surroundings(clock=time.time)) as node, Node() as other:
        other.connect(node.address)
        key = other.put(b"x", replicas=2).key
        with pytest.raises((MoveError, TypeError)):
            node.move("links", "process")
        assert {row.placement for row in node.services() if row.name == "links"} == {"inline"}
        until(lambda: len(node.peers()) == 1, 20, "the peer has dialled again")
        assert other.get(key).value == b"x" and node.put(b"y", replicas=2).stored == 2


def test_links_that_could_not_move_work_on_even_if_local_cannot_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every peer was told that they move: it comes back to where they are."""
    with Node(Config(services=dict.fromkeys(("links", "local"), "thread@l"))) as node, Node(Config(listen=())) as peer:
        peer.connect(node.address)
        real = Supervisor.amove
        moves = []

        async def amove(tree: Supervisor, name: str, where: str, *args: Any, **more: Any) -> None:
            moves.append((name, str(where)))
            if name == "links":
                await more["prepare"]()  # what a real one does before it fails
                raise MoveTimeout("the running call did not end")
            if len(moves) > 2:
                raise MoveTimeout("nor can local come back")
            await real(tree, name, where, *args, **more)

        with monkeypatch.context() as patch:
            patch.setattr(Supervisor, "amove", amove)
            with pytest.raises(MoveTimeout):
                node.move("links", "thread:2@l")
        assert [name for name, _ in moves] == ["local", "links", "local"]
        until(lambda: [one.id for one in node.peers()] == [peer.id], 20, "the peer has dialled again")
        assert peer.get(node.put(b"x", replicas=1).key).value == b"x"


def test_on_a_loop() -> None:
    async def main() -> None:
        async with Node() as node, Node() as other:
            await other.aconnect(node.address)
            assert (await node.amove("links", "thread")).after == "thread"
            assert [row.placement for row in await node.aservices() if row.name == "links"] == ["thread"]
            done = await node.aput(b"x", replicas=2)
            assert (await other.aget(done.key)).value == b"x"
            assert not (await node.aprobe()).failures

    asyncio.run(main())


def test_reload(tmp_path: Path) -> None:
    config = Config(data_dir=str(tmp_path), seeds=("127.0.0.1:1",))
    quick = replace(config, timeout_s=3.0)
    with Node(config, reread=lambda: quick) as node, Node() as other, RemoteNode(tmp_path) as remote:
        other.connect(node.address)
        wanted = replace(
            config,
            deny=(other.id.hex(),),
            seeds=(),
            replicas=5,
            limits=replace(config.limits, links=7, half_open=9),
            services={"api": "thread"},
        )
        done = remote.reload(wanted)
        assert {change[0] for change in done.applied} == {"deny", "seeds", "limits.links", "services.api.placement"}
        assert {change[0] for change in done.restart} == {"replicas", "limits.half_open"}
        assert not done.failed
        until(lambda: not node.peers(), 20, "the link that is not allowed is closed")
        with pytest.raises(Exception, match="not allowed"):
            other.connect(node.address)
        shown = remote.show_config(live=True)
        assert Config.from_toml(shown.toml).placed["api"].placement == "thread"
        assert {change[0] for change in shown.changed} == {"deny", "seeds", "limits.links", "services.api.placement"}
        with pytest.raises(ConfigError, match="2 faults"):
            remote.reload(replace(config, alpha=0, deny=("x",)))
        assert node.reload().applied and remote.about().timeout_s == 3.0
        assert other.connect(node.address) == node.id
