"""A node whose services are in processes of their own, which are killed one after the other: it goes on, and nothing is
lost.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ipc import ServiceDied, TooManyRestarts
from mdht.cli.exits import WORN_OUT, code_of
from mdht.config import Config
from mdht.config.services import ServiceConfig
from mdht.model import Kind
from mdht.node import Node
from mdht.services import tree
from mdht.services.api.commands import ApiNumbers

from .footprint import until
from .workload import APART, Workload, kill, processes


@pytest.mark.timeout(120)
def test_each_is_killed_under_load(tmp_path: Path) -> None:
    with Workload(tmp_path / "node", APART, pause_s=0.005) as load:
        kills = 0
        for turn in range(2):
            for name in sorted(APART):
                pids = processes(load.node)[name]
                done, killed = load.counts.puts, pids[turn % len(pids)]
                kill(killed)
                kills += 1
                until(lambda: load.counts.puts > done + 20, 20, "the load goes on")  # noqa: B023
                until(lambda: is_back(load.node, name, killed, len(pids)), 20, "it is started again")  # noqa: B023
        load.stop()
        load.look_for_all()
        counts = load.counts
        assert not counts.failed_gets, counts.failed_gets[:3]
        assert not counts.lost, counts.lost[:3]
        assert counts.puts > 20 * kills
        restarts = {row.name: row.restarts for row in load.node.services()}
        assert all(restarts[name] >= 2 for name in APART), restarts
        assert load.node.stats().api.waiting == 0


def test_a_put_that_compares_is_not_repeated(tmp_path: Path) -> None:
    """Its answer could be wrong. Everything else that was under way is asked again."""
    silent = Config(listen=())
    config = Config(data_dir=str(tmp_path), services={"api": "process", "store": "process"})
    with Node(config) as node, Node(silent) as other:
        other.connect(node.address)
        assert node.put(b"v1", key=b"k", replicas=1).sequence == 1
        (store,), (api,) = processes(node)["store"], processes(node)["api"]
        os.kill(store, signal.SIGSTOP)  # nothing is answered until it goes on
        compared = node.put_future(b"v2", key=b"k", expect=1, replicas=1)
        plain = node.put_future(b"plain", replicas=1)
        got = node.get_future(b"k", kind=Kind.OWNED)
        until(lambda: node._clients["api"].call(ApiNumbers()).waiting == 3, 10, "all are under way")
        kill(api)
        os.kill(store, signal.SIGCONT)
        with pytest.raises(ServiceDied, match="the put may have been done"):
            compared.result(20)
        assert plain.result(20).stored == 1
        assert got.result(20).value in (b"v1", b"v2")


def test_a_service_that_is_not_to_be_restarted_ends_the_node(tmp_path: Path) -> None:
    part = ServiceConfig("process", restart=False)
    with Node(Config(data_dir=str(tmp_path), services={"store": part})) as node:
        kill(processes(node)["store"][0])
        with pytest.raises(ServiceDied, match="restart = false") as caught:
            node.wait_stopped(20)
        assert code_of(caught.value) == WORN_OUT


def test_too_many_deaths_end_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_RESTARTS", 2)
    with Node(Config(data_dir=str(tmp_path), services={"api": "process"})) as node:
        killed = 0
        for _ in range(3):
            killed = until(lambda: another(node, killed), 10, "it is started again")  # noqa: B023
            kill(killed)
        with pytest.raises(TooManyRestarts, match="died more than 2 times"):
            node.wait_stopped(20)


def test_many_that_die_at_once_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has died once, however many there are and however many services were in each."""
    monkeypatch.setattr(tree, "_RESTARTS", 1)
    places = {"links": "process:4@links", "local": "process:4@links"}
    with Node(Config(data_dir=str(tmp_path), services=places)) as node:
        pids = processes(node)["links"]
        assert len(pids) == 4
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for name in places:
            until(lambda: len(set(processes(node).get(name, ())) - set(pids)) == 4, 20, "all are there again")  # noqa: B023
        assert all(row.restarts >= 4 for row in node.services() if row.name in places)
        assert node.put(b"v", replicas=1).stored == 1


def is_back(node: Node, name: str, killed: int, count: int) -> bool:
    """Whether all processes of that service are there, and that one is not among them."""
    pids = processes(node).get(name, ())
    return len(pids) == count and killed not in pids


def another(node: Node, killed: int) -> int:
    """The process of the api, if it is another one; else 0."""
    pids = processes(node).get("api", ())
    return pids[0] if pids and pids[0] != killed else 0
