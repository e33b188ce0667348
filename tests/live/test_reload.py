"""A new configuration taken over by a running node: what can move moves, links and `local` as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from mdht.config import Config, ServiceConfig
from mdht.config.written import Written
from mdht.control import Reloaded
from mdht.errors import ConfigError, NotARequest
from mdht.node import Node
from mdht.remote import RemoteNode

from .footprint import until


def keys(changes: tuple[tuple[str, ...], ...]) -> set[str]:
    return {change[0].removeprefix("services.").removesuffix(".placement") for change in changes}


def applied(done: Reloaded) -> set[str]:
    assert not done.failed and not done.restart, done
    return keys(done.applied)


@pytest.mark.timeout(120)
def test_profiles_groups_and_the_number_of_links(tmp_path: Path) -> None:
    single = Config(data_dir=str(tmp_path), store="lmdb")
    server = replace(single, profile="server")
    moved = {"store", "published", "upkeep", "local", "files", "links"}
    with (
        patch("mdht.config.node.cpu_count", lambda: 2),
        Node(single) as node,
        Node(Config(listen=())) as peer,
        RemoteNode(tmp_path) as remote,
    ):
        peer.connect(node.address)
        key = node.put(b"there", replicas=1).key

        def placed(name: str) -> str:
            return next(row.placement for row in remote.services() if row.name == name)

        assert applied(remote.reload(server)) == moved
        assert (placed("links"), placed("local")) == ("process:2@links", "process:2@links")
        assert {row.configured for row in remote.services() if row.name == "links"} == {"process:2@links"}
        remote.move("links", "thread:2@links")
        assert applied(remote.reload(server)) == {"links", "local"}
        assert placed("links") == "process:2@links"
        group = dict.fromkeys(("published", "upkeep"), "thread@background")
        more = dict.fromkeys(("links", "local"), "process:3@links")
        assert applied(remote.reload(replace(server, services={**group, **more}))) == {
            "published", "upkeep", "links", "local"
        }  # fmt: skip
        until(lambda: len(node.peers()) == 1, 20, "the peer has dialled again")
        assert applied(remote.reload(replace(single, services={"links": "thread"}))) == moved
        assert (placed("links"), placed("local")) == ("thread", "inline")
        until(lambda: len(node.peers()) == 1, 20, "the peer has dialled again")
        assert peer.get(key).value == b"there"
        assert not remote.reload(replace(single, services={"links": "thread"})).applied


def test_what_needs_a_restart_is_said_once(tmp_path: Path) -> None:
    config = Config(data_dir=str(tmp_path), services={"files": ServiceConfig("process", nice=5)})
    with Node(config) as node, RemoteNode(tmp_path) as remote:
        wanted = replace(config, services={"door": "thread", "api": "thread"})
        done = remote.reload(wanted)
        assert keys(done.applied) == {"api"} and not done.failed
        told = {key: why for key, _, _, why in done.restart}
        assert len(told) == len(done.restart)
        assert told.keys() == {"services.files.placement", "services.files.nice", "services.door.placement"}
        assert "services.files.nice is set" in told["services.files.placement"]
        assert "SIGHUP does it" in told["services.door.placement"]
        with pytest.raises(NotARequest, match="send the node SIGHUP"):
            remote.move("door", "thread")
        assert keys(node.reload(wanted).applied) == {"door"}
        assert {row.placement for row in remote.services() if row.name == "door"} == {"thread"}


def test_what_does_not_count_is_said(tmp_path: Path) -> None:
    config = Config(data_dir=str(tmp_path))
    over = ("seeds", '["a:1"]', '["b:2"]')
    with Node(config, reread=lambda: Written(config, (over,))), RemoteNode(tmp_path) as remote:
        assert remote.reload() == Reloaded(overridden=(over,))


def test_local_alone_does_not_leave_the_links() -> None:
    both = dict.fromkeys(("links", "local"), "thread:2@links")
    with Node(Config(services=both)) as node, pytest.raises(ConfigError, match="move links, and local goes with them"):
        node.move("local", "thread")
