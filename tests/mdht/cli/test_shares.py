"""`shares`, `unshare` and `forget` in this process, asking a node of this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mdht.cli import entry
from mdht.config import Config
from mdht.model import Kind
from mdht.node import Node
from mdht.remote import RemoteNode

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node(Config(data_dir=str(tmp_path / "node"))) as node, Node() as other:
        node.connect(other.address)
        yield node


@pytest.fixture
def run(node: Node, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*args: str) -> tuple[int, str, str]:
        code = entry((*args, "--data-dir", node.config.data_dir))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def told(run: Run, *args: str) -> Any:
    return json.loads(run(*args, "--json")[1])


def test_shares_and_unshare(run: Run, node: Node, tmp_path: Path) -> None:
    assert run("shares")[1] == ""
    assert told(run, "shares") == []
    (tmp_path / "file").write_bytes(b"data")
    id = run("share", str(tmp_path / "file"))[1].strip()
    code, out, _ = run("shares")
    assert code == 0
    assert id in out
    assert f"kept   0 s ago  1      4 B   {tmp_path / 'file'}" in out
    (share,) = told(run, "shares")
    assert (share["id_hex"], share["state"], share["size_bytes"]) == (id, "kept", 4)
    assert RemoteNode(node.config.data_dir).shares() == node.shares()
    assert run("unshare", id)[0] == 0
    assert run("unshare", id)[0] == 3
    assert told(run, "unshare", id) == {"done": False}
    assert told(run, "shares") == []


def test_forget(run: Run, node: Node) -> None:
    key = node.put(b"content").key
    node.put(b"value", key=b"name")
    node.put(b"value", key=b"open", kind=Kind.OPEN)
    assert run("forget", key.hex())[0] == 0
    assert run("forget", key.hex())[0] == 3
    assert told(run, "forget", "name", "--kind", "owned") == {"done": True}
    assert RemoteNode(node.config.data_dir).forget(b"open", kind="open")
    assert not node.forget(b"open", kind=Kind.OPEN)
    assert run("forget", "no hash")[0] == 2
    assert node.get(key).value == b"content", "it is there until its lease is over"


def test_stats_tell_of_files_and_upkeep(run: Run, node: Node) -> None:
    parts = told(run, "stats")
    assert parts["files"]["kept_shares"] == 0
    assert "republished" in parts["upkeep"]
    stats = RemoteNode(node.config.data_dir).stats()
    assert (stats.files.kept_shares, stats.upkeep.lost) == (0, 0)
