"""The command line in this process, asking nodes of this process."""

from __future__ import annotations

import base64
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mdht.cli import entry
from mdht.cli.exits import MEANINGS
from mdht.config import Config
from mdht.model import Kind
from mdht.node import Node
from mdht.version import VERSION

COMMANDS = [
    "run", "stop", "id", "connect", "peers", "put", "get", "delete", "share", "fetch", "place", "top", "config",
    "reload", "stats", "testnet", "doctor", "completion",
]  # fmt: skip


@dataclass(frozen=True)
class Done:
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    with Node(Config(data_dir=str(tmp_path_factory.mktemp("node")))) as node, Node() as other:
        node.connect(other.address)
        yield node, other


@pytest.fixture
def run(nodes: tuple[Node, Node], capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MDHT_DATA_DIR", nodes[0].config.data_dir)

    def run(*args: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = entry(args)
        out, err = capsysbinary.readouterr()
        return Done(code, out, err.decode())

    return run


def test_help_says_what_there_is(run: Run) -> None:
    done = run("--help")
    text = done.out.decode()
    assert done.code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in text
    for code in MEANINGS:
        assert f"\n  {code} " in text
    assert run("--version").out.decode() == f"mdht {VERSION}\n"


ALONE = ("testnet", "completion", "config check", "config profiles")
"""Commands that ask no node."""


@pytest.mark.parametrize(
    "command", [*(one for one in COMMANDS if one != "config"), "config show", "config check", "config profiles"]
)
def test_every_command_has_help_and_json(run: Run, command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.code == 0 and b"--json" in done.out
    assert (b"-d, --data-dir" in done.out) == (command not in ALONE)


def test_nothing_asked_is_answered_by_help(run: Run) -> None:
    done = run()
    assert (done.code, done.out) == (2, b"") and done.err.startswith("Usage") and done.err.count("Commands") == 1


def test_content(run: Run, nodes: tuple[Node, Node]) -> None:
    done = run("put", "hello")
    key = done.out.decode().strip()
    assert (done.code, nodes[1].get(bytes.fromhex(key)).value) == (0, b"hello")
    assert "2 of 8 replicas" in done.err
    assert run("put", "hello", "--quiet").err == ""
    got = run("get", key)
    assert (got.code, got.out, got.err) == (0, b"hello", "")
    told = run("put", "hello", "--json").json
    assert told == {"kind": "content", "key_hex": key, "sequence": 0, "stored": 2, "wanted": 8, "remembered": True}
    told = run("get", key, "--json").json
    assert (told["value_base64"], told["size_bytes"]) == (base64.b64encode(b"hello").decode(), 5)


def test_bytes_are_written_as_they_are(run: Run, tmp_path: Path) -> None:
    data = bytes(range(256)) + b"\r\n\0"
    key = run("put", "-", stdin=data).out.decode().strip()
    assert run("get", key).out == data == run("get", key, "--output", "-").out
    target = tmp_path / "value"
    done = run("get", key, "-o", str(target))
    assert (done.out, target.read_bytes()) == (b"", data)
    told = run("get", key, "-o", str(target), "--json").json
    assert told["path"] == str(target) and "value_base64" not in told
    source = tmp_path / "source"
    source.write_bytes(data)
    assert run("put", "--file", str(source)).out.decode().strip() == key


def test_owned(run: Run, nodes: tuple[Node, Node]) -> None:
    assert run("put", "v1", "--key", "config").out == b"1\n"
    assert run("put", "v2", "--key", "config", "--expect", "1", "--replicas", "2").out == b"2\n"
    conflict = run("put", "v3", "--key", "config", "--expect", "1")
    assert conflict.code == 8 and "sequence 2" in conflict.err
    assert run("put", "v2", "--key", "config", "--sequence", "1").code == 8
    assert run("get", "config", "--kind", "owned").out == b"v2"
    assert run("get", "636f6e666967", "--hex", "--owner", nodes[0].public.hex()).out == b"v2"
    nodes[1].put(b"theirs", key=b"config")
    assert run("get", "config", "--owner", nodes[1].public.hex()).out == b"theirs"
    assert run("delete", "config", "--expect", "2").out == b"3\n"
    gone = run("get", "config", "--kind", "owned", "--json")
    assert (gone.code, gone.out, gone.error["type"], gone.error["exit_code"]) == (3, b"", "NotFound", 3)
    assert run("put", "short", "--key", "brief", "--keep", "60").code == 0
    assert nodes[0].get(b"brief", kind=Kind.OWNED).expires_s > 0


def test_open(run: Run, nodes: tuple[Node, Node]) -> None:
    run("put", "ours", "--key", "name", "--kind", "open")
    nodes[1].put(b"theirs", key=b"name", kind=Kind.OPEN)
    assert run("get", "name", "--kind", "open").out in (b"ours", b"theirs")
    told = run("get", "name", "--all", "--json").json
    assert {one["owner_hex"] for one in told} == {nodes[0].public.hex(), nodes[1].public.hex()}
    listed = run("get", "name", "--all").out.decode()
    assert "ours" in listed and nodes[1].public.hex() in listed
    assert run("delete", "name", "--kind", "open").code == 0


@pytest.mark.parametrize(
    "args",
    [
        ("nothing",),
        ("gte", "x"),
        ("put",),
        ("put", "a", "--file", os.devnull),
        ("put", "a", "--key", "k", "--kind", "content"),
        ("put", "a", "--kind", "owned"),
        ("put", "a", "--kind", "owned", "--key", ""),
        ("put", "a", "--key", "xyz", "--hex"),
        ("put", "a", "--expect", "-1", "--key", "k"),
        ("put", "a", "--timeout", "0"),
        ("put", "a", "--timeout", "nan"),
        ("put", "a", "--timeout", "601"),
        ("put", "a", "--replicas", "21"),
        ("get", "config"),
        ("get", "00" * 31),
        ("get", "k", "--owner", "00"),
        ("get", "k", "--kind", "open", "--owner", "00" * 32),
        ("get", "k", "--all", "--kind", "owned"),
        ("delete", "k", "--kind", "content"),
        ("connect", "nowhere"),
        ("connect", "127.0.0.1:99999"),
        ("fetch", "xyz", "somewhere"),
        ("share", "/no such file"),
        ("completion", "csh"),
        ("testnet", "-n", "0"),
    ],
    ids=" ".join,
)
def test_wrong_usage(run: Run, args: tuple[str, ...]) -> None:
    done = run(*args)
    assert (done.code, done.out) == (2, b"") and done.err and "Traceback" not in done.err
    told = run(*args, "--json")
    assert (told.code, told.out) == (2, b"")
    assert told.error["exit_code"] == 2 and told.error["message"]


def test_too_large_a_value(run: Run, tmp_path: Path) -> None:
    done = run("put", "-", stdin=b"x" * 65_537)
    assert done.code == 2 and "mdht share" in done.err
    assert run("put", "-", stdin=b"x" * 65_536).code == 0
    assert run("put", "v", "--key", "k" * 1025).code == 2


def test_peers_and_numbers(run: Run, nodes: tuple[Node, Node]) -> None:
    node, other = nodes
    told = run("peers", "--json").json
    assert [(one["id_hex"], one["dialled"]) for one in told] == [(other.id.hex(), True)]
    assert other.id.hex() in run("peers").out.decode()
    assert run("connect", other.address).out.decode().strip() == other.id.hex()
    assert run("connect", other.address, "--json").json == {"id_hex": other.id.hex()}
    wrong = run("connect", f"{'00' * 32}@{other.addresses[0]}", "--json")
    assert (wrong.code, wrong.error["details"]["reason"]) == (5, "other peer")
    assert run("connect", "127.0.0.1:1").code == 1
    stats = run("stats", "--json").json
    assert stats["peers"]["linked"] == 1 and stats["door"]["clients"] == 1
    assert b"linked" in run("stats").out
    told = run("id", "--json").json
    assert (told["id_hex"], told["public_hex"], told["address"]) == (node.id.hex(), node.public.hex(), node.address)
    assert run("id").out.decode() == f"{node.address}\n"
    assert run("id", "--public").out.decode() == f"{node.public.hex()}\n"


def test_too_few_replicas(run: Run, nodes: tuple[Node, Node], tmp_path: Path) -> None:
    with Node(Config(data_dir=str(tmp_path), replicas=4, min_replicas=4)):
        assert run("put", "x", "--data-dir", str(tmp_path)).code == 7


@pytest.mark.parametrize("args", [("id",), ("peers",), ("put", "x"), ("get", "00" * 32), ("stats",), ("stop",)])
def test_no_node(run: Run, tmp_path: Path, args: tuple[str, ...]) -> None:
    done = run(*args, "--data-dir", str(tmp_path))
    assert done.code == 4 and f"mdht run --data-dir {tmp_path}" in done.err
    told = run(*args, "--data-dir", str(tmp_path), "--json")
    assert (told.code, told.error["type"], told.error["details"]) == (4, "NoNode", {"path": str(tmp_path)})


def test_the_id_of_a_node_that_does_not_run(run: Run, tmp_path: Path) -> None:
    identity = Node(Config(data_dir=str(tmp_path))).identity
    done = run("id", "-d", str(tmp_path))
    assert (done.code, done.out.decode()) == (0, f"{identity.id.hex()}\n") and "No node" in done.err
    assert run("id", "-d", str(tmp_path), "--json").json["running"] is False


def test_share_and_fetch(run: Run, nodes: tuple[Node, Node], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(os.urandom(200_000))
    (folder / "b").write_text("b")
    told = run("share", str(folder), "--json")
    assert told.code == 0, told.err
    assert (told.json["files"], told.json["size_bytes"], told.err) == (2, 200_001, "")
    done = run("share", str(folder))
    assert done.out.decode().strip() == told.json["id_hex"] and "2 files" in done.err
    target = tmp_path / "fetched"
    got = run("fetch", told.json["id_hex"], str(target))
    assert got.code == 0, got.err
    assert got.out.decode().strip() == str(target)
    assert (target / "a").read_bytes() == (folder / "a").read_bytes()
    missing = run("fetch", "00" * 32, str(tmp_path / "other"), "--timeout", "5")
    assert missing.code == 3, missing.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run: Run, shell: str) -> None:
    assert b"_MDHT_COMPLETE" in run("completion", shell).out
    assert "mdht" in run("completion", shell, "--json").json["script"]


def test_every_exit_code_of_an_error_is_documented() -> None:
    from mdht.cli import exits

    assert set(exits._CODES.values()) <= set(MEANINGS)
