"""Nodes in processes of their own that are killed: nothing acknowledged is lost, and nobody waits for ever."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mdht.config import Config
from mdht.errors import MdhtError, NotFound, TooFewReplicas
from mdht.model import Kind
from mdht.node import Node
from tests.mdht.hostile.durability import Torture
from tests.mdht.hostile.process import NodeProcess

from .footprint import until

KILLS = 10


@pytest.mark.timeout(120)
def test_what_is_acknowledged_survives_kills(tmp_path: Path) -> None:
    torture = Torture(tmp_path / "node", seed=int(os.environ.get("MDHT_SEED", "7")))
    while torture.counts.kills < KILLS:
        torture.kill()
    torture.look_for_all()
    counts = torture.counts
    print(counts)
    assert not counts.lost, counts.lost[:5]
    assert counts.acknowledged > KILLS * 10
    assert counts.checked >= counts.acknowledged / 2
    assert counts.slowest_error_s < 15


def results(futures: list[Future[Any]], within_s: float) -> list[Any]:
    """What became of each; an error is given, not raised. Fails if one is not done in time."""
    deadline = time.monotonic() + within_s
    return [future.exception(max(0.0, deadline - time.monotonic())) or future.result() for future in futures]


def test_peers_killed_during_gets() -> None:
    """Every record is at all of them, so every get succeeds, whoever of them dies."""
    with ExitStack() as stack:
        processes = [stack.enter_context(NodeProcess()) for _ in range(4)]
        node = stack.enter_context(Node(Config(listen=())))
        for process in processes:
            node.connect(process.ready().address)
        keys = [node.put(b"%d" % number).key for number in range(40)]
        asked = [node.get_future(key, timeout=10) for key in keys * 5]
        for process in processes[:3]:
            process.kill()
            asked += [node.get_future(key, timeout=10) for key in keys * 3]
        for number, got in enumerate(results(asked, 30)):
            assert not isinstance(got, Exception), (number, got)
            assert got.value == b"%d" % (number % 40)
        until(lambda: len(node.peers()) == 1, 10, "the links of the dead are gone")


def test_peers_killed_during_puts() -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(NodeProcess()) for _ in range(3)]
        node = stack.enter_context(Node(Config(listen=())))
        for process in processes:
            node.connect(process.ready().address)
        put = [node.put_future(os.urandom(20), timeout=5) for _ in range(100)]
        put += [node.put_future(b"v", key=b"%d" % number, timeout=5) for number in range(50)]
        put[30].result(10)
        for process in processes:
            process.kill()
            put += [node.put_future(os.urandom(20), timeout=5) for _ in range(50)]
        stored = 0
        for done in results(put, 30):
            if isinstance(done, Exception):
                assert isinstance(done, TooFewReplicas), done
            else:
                stored += 1
                assert 1 <= done.stored <= 3
        assert stored > 0
        with pytest.raises(TooFewReplicas):
            node.put(b"nobody is left", timeout=5)
        with pytest.raises(NotFound):
            node.get(bytes(32), timeout=5)
        with pytest.raises(NotFound):
            node.get(b"0", kind=Kind.OWNED, timeout=5)


def test_a_peer_that_is_stopped_and_goes_on() -> None:
    """SIGSTOP: the connection stays, and nothing comes. Requests end in time; later ones are answered again."""
    with ExitStack() as stack:
        frozen, other = stack.enter_context(NodeProcess()), stack.enter_context(NodeProcess())
        node = stack.enter_context(Node(Config(listen=())))
        for process in (frozen, other):
            node.connect(process.ready().address)
        keys = [node.put(b"%d" % number).key for number in range(10)]
        os.kill(frozen.pid, signal.SIGSTOP)
        try:
            asked: list[Future[Any]] = [node.get_future(key, timeout=15) for key in keys]
            asked += [node.put_future(os.urandom(20), timeout=2) for _ in range(10)]
            for done in results(asked, 25):
                assert not isinstance(done, MdhtError), done
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
        until(lambda: node.put(os.urandom(20), timeout=10).stored == 2, 30, "it is asked again")
