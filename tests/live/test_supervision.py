"""A node with services in processes, seen from outside while one of them, or the node itself, is stopped."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mdht.cli import entry
from mdht.cli.exits import DONE, FAILED, NO_NODE, REFUSED
from mdht.config import Config
from mdht.config.services import ServiceConfig
from mdht.node import Node
from mdht.services.store.service import StoreService

from .footprint import until
from .test_cli_control import ROOT, Running

UNWATCHED = '[services.store]\nplacement = "process"\nwatchdog_s = 0\n'
WATCHED = '[services.store]\nplacement = "process"\nwatchdog_s = 1.0\n'


@pytest.fixture
def node(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    one = Running(tmp_path, request.param)
    try:
        yield one
    finally:
        os.killpg(one.process.pid, signal.SIGCONT)
        one.end()


@pytest.mark.parametrize("node", [UNWATCHED], indirect=True)
def test_a_stopped_store_is_shown_beside_the_others(node: Running) -> None:
    (store,) = node.row("store")["pids"]
    os.kill(store, signal.SIGSTOP)
    rows = {one["name"]: one for one in node.json("place")}
    assert rows["store"]["silent_s"] >= 1.0 and rows["store"]["pids"] == [store]
    assert not any(one["silent_s"] for name, one in rows.items() if name != "store")
    code, out, err = node.ask("place")
    assert code == DONE and "links" in out and "store has not answered for" in err and f"process {store}" in err
    code, out, _ = node.ask("top", "--once", "-i", "0.2")
    assert code == DONE and "links" in out
    code, out, _ = node.ask("doctor", "--live", "--timeout", "2")
    assert code == FAILED and "store: no answer within" in out and "peers: " not in out
    code, out, _ = node.ask("doctor", "--timeout", "6")
    assert code == FAILED and f"process {store}" in " ".join(out.split())
    os.kill(store, signal.SIGCONT)
    assert node.ask("doctor", "--live")[0] == DONE


@pytest.mark.parametrize("node", [WATCHED], indirect=True)
def test_a_stopped_store_is_ended_and_started_again(node: Running) -> None:
    (store,) = node.row("store")["pids"]
    os.kill(store, signal.SIGSTOP)
    assert node.json("put", "kept", "--replicas", "1")["stored"] == 1, "by the one that was started again"
    row = node.row("store")
    assert (row["restarts"], row["hangs"], row["silent_s"]) == (1, 1, 0.0) and row["pids"] != [store]
    assert "not answered" in node.log.read_text()
    _, out, err = node.ask("place", "store")
    assert "Hangs" in out and "was started again 1 time" in err and "hung 1 time" in err
    assert not psutil.pid_exists(store)


@pytest.mark.parametrize("node", [UNWATCHED], indirect=True)
def test_a_stopped_node_is_told_in_time(node: Running) -> None:
    os.kill(node.process.pid, signal.SIGSTOP)
    code, out, _ = node.ask("doctor", "--live", "--timeout", "1")
    assert code == FAILED and f"its process {node.process.pid} is stopped" in out and "kill -CONT" in out
    code, out, err = node.ask("doctor", "--live", "--timeout", "1", "--json")
    assert code == FAILED and [one["state"] for one in json.loads(out)["checks"]] == ["ok", "fail"], err
    os.kill(node.process.pid, signal.SIGCONT)
    assert node.ask("doctor", "--live")[0] == DONE


@pytest.mark.parametrize("node", [WATCHED], indirect=True)
def test_the_end_of_a_terminal_reloads_it_and_no_more(node: Running) -> None:
    helpers = {one.pid for one in psutil.Process(node.process.pid).children(recursive=True)}
    assert len(helpers) == 3, "the store, the fork server, and the resource tracker"
    (store,) = node.row("store")["pids"]
    node.file.write_text("timeout_s = 7\n" + WATCHED)
    os.killpg(node.process.pid, signal.SIGHUP)
    until(lambda: "timeout_s" in node.log.read_text(), 20, "it has read its configuration")
    assert {one.pid for one in psutil.Process(node.process.pid).children(recursive=True)} == helpers
    row = node.row("store")
    assert row["pids"] == [store] and row["restarts"] == 0
    assert "ended" not in node.log.read_text()


def test_one_that_hangs_in_a_thread_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = threading.Event()
    answer = StoreService.call

    def waits(self: StoreService, command: Any) -> Any:
        if threading.current_thread().name == "ipc-store":  # and not that of the user's own records, which is inline
            gate.wait(30)
        return answer(self, command)

    part = ServiceConfig("thread", watchdog_s=1.0)
    with Node(Config(data_dir=str(tmp_path), services={"store": part})) as node:
        monkeypatch.setattr(StoreService, "call", waits)
        put = node.put_future(b"v", replicas=1)
        try:
            until(lambda: next(row.hangs for row in node.services() if row.name == "store"), 20, "it is found")
            assert entry(["place", "store", "-d", str(tmp_path)]) == DONE
            text = " ".join(capsys.readouterr().err.split())
            assert "store hung 1 time, last: no progress" in text and "started again 0" not in text
            assert "mdht place store process" in text
            assert entry(["doctor", "--live", "--timeout", "1", "-d", str(tmp_path)]) == FAILED
            assert "store: no answer within" in " ".join(capsys.readouterr().out.split())
        finally:
            gate.set()
        assert put.result(20).stored == 1
        assert entry(["doctor", "-d", str(tmp_path)]) == DONE
        text = " ".join(capsys.readouterr().out.split())
        assert "store hung 1 time" in text and "was started again" not in text
        assert "place what hangs in a process" in text


def test_none_is_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mdht", "doctor", "--live", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == NO_NODE and "none is running" in done.stdout and "mdht run" in done.stdout
    assert "1 failure, 0 warnings" in done.stderr
    told = json.loads(subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, timeout=60).stdout)
    assert [one["state"] for one in told["checks"]] == ["fail"] and not told["ok"]


def test_a_nice_that_is_not_allowed_names_its_key(tmp_path: Path) -> None:
    file = tmp_path / "mdht.toml"
    file.write_text('[services.store]\nplacement = "process"\nnice = -5\n')
    command = [sys.executable, "-m", "mdht", "run", "-d", str(tmp_path / "node"), "-c", str(file)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, preexec_fn=without_cap_sys_nice
    )
    text = " ".join(done.stderr.split())
    assert done.returncode == REFUSED, done.stderr
    assert "services.store.nice: nice -5 is not allowed here" in text and "LimitNICE=-5" in text
    assert "CAP_SYS_NICE" in text and "affinity" not in text


def without_cap_sys_nice() -> None:
    """Drop it from what the next program may have (prctl(2): PR_CAPBSET_DROP); who has no rights has none to drop."""
    ctypes.CDLL(None).prctl(24, 23, 0, 0, 0)
