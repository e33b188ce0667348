"""However the parent ends, its children end, without a word, and no socket file stays for long."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ipc
from ipc import Supervisor, launch
from ipc.limits import KILL_TIMEOUT_S, STOP_TIMEOUT_S

from .footprint import descendants, read_lines, run_dirs, running, until
from .services import Diary, Echo

ROOT = Path(ipc.__file__).parents[1]
WATCHDOG_S = 2 * STOP_TIMEOUT_S
IDLE_GONE_S = 3.0


class Parent:
    """A running `tests.live.parent`, a process group of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.stderr = directory / "stderr"
        with open(self.stderr, "w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.live.parent", str(directory)],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                cwd=ROOT,
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(directory), "XDG_RUNTIME_DIR": ""},
            )
        self.pids: list[int] = []
        self.run_dirs: list[str] = []

    def read(self) -> None:
        """Wait until it is up."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.stderr.read_text()
        said: dict[str, Any] = json.loads(line)
        self.pids, self.run_dirs = said["pids"], said["run_dirs"]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def parents(tmp_path: Path) -> Iterator[dict[str, Parent]]:
    """Three parents: they end in the same way at the same time, to save the test's time."""
    made = {name: Parent(tmp_path / name) for name in ("kill", "term", "ctrl-c")}
    try:
        for parent in made.values():
            parent.read()
        yield made
    finally:
        for parent in made.values():
            parent.end()
        for parent in made.values():
            until(lambda parent=parent: not running(parent.pids), WATCHDOG_S + 5, "no process of the test is left")  # type: ignore[misc]


def test_no_child_survives_its_parent(parents: dict[str, Parent]) -> None:
    for parent in parents.values():
        assert len(parent.pids) >= 9, running(parent.pids)
        assert len(parent.run_dirs) == 1
        assert os.stat(parent.run_dirs[0]).st_mode & 0o777 == 0o700
    began = time.monotonic()
    parents["kill"].process.send_signal(signal.SIGKILL)
    parents["term"].process.send_signal(signal.SIGTERM)
    os.killpg(parents["ctrl-c"].process.pid, signal.SIGINT)
    for name in ("kill", "term"):
        pids = parents[name].pids
        until(
            lambda pids=pids: len(running(pids)) <= 3,
            IDLE_GONE_S,
            f"{name}: all but the busy one and the helpers are gone",
        )  # type: ignore[misc]
        print(f"{name}: idle children gone after {time.monotonic() - began:.2f} s")
    assert parents["kill"].process.wait(5) == -signal.SIGKILL
    assert parents["term"].process.wait(5) == -signal.SIGTERM
    stop_s = STOP_TIMEOUT_S + KILL_TIMEOUT_S + 3.0
    assert parents["ctrl-c"].process.wait(stop_s) == 130, parents["ctrl-c"].stderr.read_text()
    print(f"ctrl-c: closed after {time.monotonic() - began:.2f} s")
    assert not os.path.exists(parents["ctrl-c"].run_dirs[0])
    for name, parent in parents.items():
        until(lambda pids=parent.pids: not running(pids), WATCHDOG_S + 2, f"{name}: every child is gone")  # type: ignore[misc]
        print(f"{name}: all gone after {time.monotonic() - began:.2f} s")
        assert "Traceback" not in parent.stderr.read_text(), parent.stderr.read_text()
    for name in ("kill", "term"):
        assert parents[name].stderr.read_text() == ""
    lines = read_lines(parents["ctrl-c"].directory / "diary")
    assert [line.split()[0] for line in lines] == ["open", "start", "stop", "close"]
    lines = read_lines(parents["kill"].directory / "diary")
    assert [line.split()[0] for line in lines] == ["open", "start", "stop", "close"], "an orphan says goodbye, too"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory that a socket's path may lie in."""
    with tempfile.TemporaryDirectory(prefix="live-", dir="/tmp") as path:
        yield Path(path)


def test_what_a_killed_parent_left_is_swept_by_the_next_run(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, living = short_path / f"ipc-{ended.pid}-left", short_path / f"ipc-{os.getppid()}-living"
    for directory in (left, living):
        directory.mkdir(mode=0o700)
        (directory / "11").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    with launch(Echo(), "process+zmq") as echo:
        assert echo.call(1) == 1
        assert not left.exists()
        assert living.exists(), "the directory of a process that runs is not touched"
    assert living.exists()


@pytest.mark.parametrize("placement", ["process+pipe", "process+zmq"])
def test_sigterm_to_a_child_stops_it_cleanly_and_it_is_restarted(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "diary"
    with Supervisor() as tree:
        tree.add("diary", Diary(str(path)), placement)
        client = tree.client("diary")
        pid = client.call(1)
        os.kill(pid, signal.SIGTERM)
        until(lambda: tree.stats()["diary"].restarts == 1, 5.0, "a restart")
        successor = client.call(1)
        assert successor != pid
        os.kill(successor, signal.SIGINT)
        assert client.call(1) == successor, "SIGINT is for the parent to decide"
        first, second = [[line for line in read_lines(path) if line.endswith(str(at))] for at in (pid, successor)]
        assert first == [f"{hook} {pid}" for hook in ("open", "start", "stop", "close")]
        assert second == [f"{hook} {successor}" for hook in ("open", "start")]


def test_the_run_directory_goes_with_the_tree() -> None:
    assert not run_dirs()
    known = descendants()
    with launch(Echo(), "process+zmq") as echo:
        assert echo.call(1) == 1
        (path,) = run_dirs()
        assert os.stat(path).st_mode & 0o777 == 0o700
        assert len(os.listdir(path)) == 1
        assert len(descendants() - known) == 1
    assert not run_dirs()
