"""`place`, `top`, `config`, `reload`, SIGHUP and `doctor` at a node in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mdht
from mdht.cli.exits import DONE, FAILED, NO_NODE, USAGE, WORN_OUT

from .footprint import until
from .workload import kill

ROOT = Path(mdht.__file__).parents[1]


class Running:
    """`mdht run` in a directory, with a configuration file that may be rewritten."""

    def __init__(self, path: Path, config: str) -> None:
        self.path, self.file, self.log = path / "node", path / "mdht.toml", path / "log"
        self.file.write_text(config)
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "mdht", "run", "-d", str(self.path), "-c", str(self.file)]
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip(), self.log.read_text()

    def ask(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command."""
        command = [sys.executable, "-m", "mdht", *arguments]
        environment = {**os.environ, "MDHT_DATA_DIR": str(self.path)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def json(self, *arguments: str) -> Any:
        code, out, err = self.ask(*arguments, "--json")
        assert code == DONE, err
        return json.loads(out)

    def row(self, name: str) -> dict[str, Any]:
        return next(one for one in self.json("place") if one["name"] == name)

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path, '[services]\nstore = "process"\n')
    try:
        yield one
    finally:
        one.end()


def test_place(node: Running) -> None:
    assert node.row("store")["placement"] == "process"
    code, _, err = node.ask("place", "store", "thread")
    assert code == DONE and "Moved store from process to thread" in err
    assert node.row("store")["moves"] == 1
    code, out, _ = node.ask("place", "store")
    assert code == DONE and "thread (was process)" in out
    for wrong in (("store", "fly"), ("nosuch", "thread"), ("peers", "process"), ("door", "thread")):
        code, _, err = node.ask("place", *wrong)
        assert code == USAGE, err
    assert node.json("put", "still there", "--replicas", "1")["stored"] == 1


def test_top(node: Running) -> None:
    (rows,) = [json.loads(line) for line in node.ask("top", "--once", "-i", "0.2", "--json")[1].splitlines()]
    assert {row["name"] for row in rows} > {"store", "links", "api"}
    assert all(row["rss_bytes"] > 1 << 20 and row["cpu_percent"] >= 0 for row in rows)
    code, out, _ = node.ask("top", "--once", "-i", "0.2")
    assert code == DONE and all(len(line) <= 80 for line in out.splitlines())


def test_config_and_reload(node: Running) -> None:
    node.ask("place", "store", "thread")
    code, out, _ = node.ask("config", "show", "--live")
    assert code == DONE and 'placement = "thread"  # changed: it was "process"' in out
    assert 'placement = "process"' in node.ask("config", "show")[1]
    node.file.write_text('timeout_s = 5\nreplicas = 3\n[services]\nstore = "inline"\n')
    done = node.json("reload")
    assert {one["key"] for one in done["applied"]} == {"timeout_s", "services.store.placement"}
    assert [one["key"] for one in done["restart"]] == ["replicas"]
    node.file.write_text("replicas = 99\nnonsense = 1\n[services]\nstore = 'fly'\n")
    code, _, err = node.ask("reload")
    assert code == USAGE and "3 faults" in err
    assert node.ask("config", "check", str(node.file))[0] == USAGE
    node.file.write_text("[services]\napi = 'thread'\n")
    assert node.ask("config", "check", str(node.file))[0] == DONE
    os.kill(node.process.pid, signal.SIGHUP)
    until(lambda: node.row("api")["placement"] == "thread", 20, "it is reloaded")
    assert "changed: services.api.placement" in node.log.read_text()
    assert set(node.json("config", "profiles")["profiles"]) >= {"single", "threads", "server", "low-memory"}


def test_doctor(node: Running) -> None:
    found = {one["name"]: one for one in node.json("doctor")["checks"]}
    assert found["works"]["state"] == "ok" and "put in" in found["works"]["text"]
    assert found["services"]["state"] == "ok"
    assert node.ask("doctor", "--live")[0] == DONE
    (store,) = node.row("store")["pids"]
    kill(store)
    until(lambda: node.row("store")["pids"] not in ([], [store]), 20, "it is started again")
    found = {one["name"]: one for one in node.json("doctor")["checks"]}
    assert found["services"]["state"] == "warn" and "signal 9" in found["services"]["text"]
    (store,) = node.row("store")["pids"]
    os.kill(store, signal.SIGSTOP)
    try:
        code, out, _ = node.ask("doctor", "--live", "--timeout", "2")
        assert code == FAILED and "put: no answer within" in out
    finally:
        os.kill(store, signal.SIGCONT)
    assert node.ask("doctor", "--live")[0] == DONE


def test_no_node(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mdht", "doctor", "--live", "-d", str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60).returncode == NO_NODE


def test_a_service_that_may_not_die_ends_the_program(tmp_path: Path) -> None:
    node = Running(tmp_path, '[services.store]\nplacement = "process"\nrestart = false\n')
    (store,) = node.row("store")["pids"]
    began_s = time.monotonic()
    kill(store)
    assert node.process.wait(30) == WORN_OUT and time.monotonic() - began_s < 30
    node.end()
    assert "store" in node.log.read_text() and "restart = false" in node.log.read_text()
