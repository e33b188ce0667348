"""What the doctor finds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mdht.cli import entry
from mdht.config import Config
from mdht.data_dir import DataDirLock, ensure_identity
from mdht.node import Node

Look = Callable[[Path], tuple[int, dict[str, Any]]]


@pytest.fixture
def look(capsys: pytest.CaptureFixture[str]) -> Look:
    def look(place: Path) -> tuple[int, dict[str, Any]]:
        code = entry(["doctor", "--json", "-d", str(place)])
        told = json.loads(capsys.readouterr().out)
        assert told["ok"] == (code == 0)
        return code, {one["name"]: one for one in told["checks"]}

    return look


def test_nothing_yet(look: Look, tmp_path: Path) -> None:
    code, found = look(tmp_path / "none")
    assert code == 0 and not (tmp_path / "none").exists()
    assert found["running node"]["state"] == "warn" and "mdht run" in found["running node"]["advice"]


def test_a_healthy_node(look: Look, tmp_path: Path) -> None:
    place = tmp_path / "node"
    with Node(Config(data_dir=str(place), store="lmdb")) as node, Node() as other:
        node.connect(other.address)
        code, found = look(place)
        assert code == 0
        assert [name for name, one in found.items() if one["state"] == "warn"] == ["reachable"]  # the loopback
        assert f"process {os.getpid()}" in found["running node"]["text"]
        assert found["peers"]["text"] == "1 peer"
    code, found = look(place)
    assert code == 0 and found["store"]["state"] == "ok" and "answers" not in found


def test_text_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["doctor", "-d", str(tmp_path)]) == 0
    text = capsys.readouterr()
    assert "warn running node" in text.out and "→ start one" in text.out and "warnings" in text.err
    assert entry(["doctor", "-d", str(tmp_path), "--quiet"]) == 0
    assert "\nok " not in capsys.readouterr().out


def test_what_others_may_read(look: Look, tmp_path: Path) -> None:
    ensure_identity(str(tmp_path))
    tmp_path.chmod(0o755)
    (tmp_path / "identity.pem").chmod(0o644)
    code, found = look(tmp_path)
    assert code == 1 and found["identity"]["state"] == "fail" and "chmod 600" in found["identity"]["advice"]
    assert found["data directory"]["state"] == "warn" and "chmod 700" in found["data directory"]["advice"]


def test_a_damaged_identity_and_store(look: Look, tmp_path: Path) -> None:
    with Node(Config(data_dir=str(tmp_path), store="lmdb")):
        pass
    (tmp_path / "identity.pem").write_text("no key")
    for file in (tmp_path / "store").glob("data*"):
        file.write_bytes(b"\xff" * 20_000)
    code, found = look(tmp_path)
    assert code == 1 and {name for name, one in found.items() if one["state"] == "fail"} == {"identity", "store"}


def test_a_node_that_does_not_answer(look: Look, tmp_path: Path) -> None:
    lock = DataDirLock(str(tmp_path))  # it is there, and has no socket
    code, found = look(tmp_path)
    lock.release()
    assert code == 1 and found["answers"]["state"] == "fail"


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert entry(["doctor", "-d", str(tmp_path / "file")]) == 2
