"""What a network of processes refuses before it starts anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ipc import WouldDeadlock
from mdht.config import Config
from mdht.errors import ConfigError, WrongState
from mdht.testnet import NodeNotStarted, ProcessNet


@pytest.mark.parametrize("config", [Config(data_dir="/x"), Config(door=False), Config(listen=())], ids=str)
def test_what_nodes_of_one_network_cannot_have(config: Config) -> None:
    with pytest.raises(ValueError, match="nodes of"):
        ProcessNet(2, config)


def test_a_wrong_configuration_or_count() -> None:
    with pytest.raises(ConfigError, match="store"):
        ProcessNet(2, Config(store="tape"))
    with pytest.raises(ValueError, match="0 nodes"):
        ProcessNet(0)
    assert ProcessNet(1, Config(store="lmdb")).directory == ""


def test_it_does_not_block_a_loop() -> None:
    async def go() -> None:
        net = ProcessNet(1)
        with pytest.raises(WouldDeadlock, match="async with"):
            net.start()
        with pytest.raises(WouldDeadlock, match="aclose"):
            net.close()

    asyncio.run(go())


def test_one_that_was_not_entered(tmp_path: Path) -> None:
    net = ProcessNet(1, directory=tmp_path)
    net.close()
    assert list(tmp_path.iterdir()) == [] and net.running() == []
    with pytest.raises(WrongState):
        net.start()


def test_the_error_says_which_and_why() -> None:
    error = NodeNotStarted(3, "ended before it was ready, with exit code 9", "/x/stderr.log", "one\ntwo")
    head = "node 3 ended before it was ready, with exit code 9; the end of its stderr"
    assert str(error) == f"{head} (all of it in /x/stderr.log):\n  one\n  two"
    assert str(NodeNotStarted(1, "ended")) == "node 1 ended; the end of its stderr:\n  (nothing)"
