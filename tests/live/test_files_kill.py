"""Files in a network whose nodes are processes: killed between share and fetch, killed while it runs, and stopped."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from mdht.config import Config
from mdht.errors import ChunkNotStored, ChunksMissing, NotFound, TimedOut
from mdht.node import Node
from tests.mdht.hostile.process import NodeProcess

from .folders import put_bytes


class Network:
    """Nodes in processes of their own that keep what is shared, and two here that only share and fetch."""

    def __init__(self, stack: ExitStack, keepers: int) -> None:
        self.keepers = [stack.enter_context(NodeProcess()) for _ in range(keepers)]
        config = Config(listen=())
        self.sharer, self.fetcher = stack.enter_context(Node(config)), stack.enter_context(Node(config))
        for keeper in self.keepers:
            address = keeper.ready().address
            for node in (self.sharer, self.fetcher):
                node.connect(address)


def test_killed_between_share_and_fetch(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 5_000_000)
    with ExitStack() as stack:
        net = Network(stack, 5)
        shared = net.sharer.share(tmp_path / "in.bin")
        assert shared.replicas == 3
        for keeper in net.keepers[:2]:
            keeper.kill()
        net.fetcher.fetch(shared.id, tmp_path / "out.bin", timeout=30)
        assert (tmp_path / "out.bin").read_bytes() == data
        assert net.sharer.share(tmp_path / "in.bin", timeout=30).replicas == 3, "what is left of them"
        for keeper in net.keepers[2:]:
            keeper.kill()
        with pytest.raises((NotFound, ChunksMissing, TimedOut)):
            net.fetcher.fetch(shared.id, tmp_path / "out2.bin", timeout=10)
        with pytest.raises(ChunkNotStored):
            net.sharer.share(tmp_path / "in.bin", timeout=10)
    assert sorted(os.listdir(tmp_path)) == ["in.bin", "out.bin"]


def test_killed_while_it_runs(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 40_000_000)
    with ExitStack() as stack:
        net = Network(stack, 4)
        sharing = net.sharer.share_future(tmp_path / "in.bin", timeout=30)
        net.keepers[0].kill()
        shared = sharing.result(55)
        assert shared.replicas >= 2, "those that were killed may count for what they had"
        fetching = net.fetcher.fetch_future(shared.id, tmp_path / "out.bin", timeout=30)
        net.keepers[1].kill()
        fetching.result(55)
        assert (tmp_path / "out.bin").read_bytes() == data


def test_stopped_while_it_runs(tmp_path: Path) -> None:
    """A process that answers nothing, though its machine still takes bytes for it."""
    data = put_bytes(tmp_path / "in.bin", 10_000_000)
    with ExitStack() as stack:
        net = Network(stack, 4)
        os.kill(net.keepers[0].pid, signal.SIGSTOP)
        try:
            shared = net.sharer.share(tmp_path / "in.bin", timeout=6)
            assert shared.replicas == 3
            net.fetcher.fetch(shared.id, tmp_path / "out.bin", timeout=6)
        finally:
            os.kill(net.keepers[0].pid, signal.SIGCONT)
        assert (tmp_path / "out.bin").read_bytes() == data


def test_a_quarter_of_them_is_stopped_before_the_fetch(tmp_path: Path) -> None:
    """Others are asked for what the stopped ones hold, long before a request to those would time out."""
    data = put_bytes(tmp_path / "in.bin", 20 << 20)
    with ExitStack() as stack:
        net = Network(stack, 8)
        shared = net.sharer.share(tmp_path / "in.bin", timeout=30)
        for keeper in net.keepers[:2]:
            os.kill(keeper.pid, signal.SIGSTOP)
        try:
            net.fetcher.fetch(shared.id, tmp_path / "out.bin", timeout=4)
        finally:
            for keeper in net.keepers[:2]:
                os.kill(keeper.pid, signal.SIGCONT)
    assert (tmp_path / "out.bin").read_bytes() == data
