"""A process that is stopped, or keeps the interpreter's lock, is found; of a tree that was stopped as a whole, none is.
What a terminal sends to a whole group is for the parent alone.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ipc
from ipc import IpcError, Service, ServiceDied, Supervisor
from ipc.spawners import process
from ipc.tree import watchdog

from . import supervised
from .footprint import running, until
from .services import Sharded, Sleeper, Where

ROOT = Path(ipc.__file__).parents[1]
WATCHDOG_S = 0.4


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "WATCHDOG_SILENT_S", WATCHDOG_S)


class Keeps(Service):
    """Keeps the interpreter's lock for long, in one call of C code."""

    def call(self, command: Any) -> int:
        if command == "keep it":
            sum(range(10**12))
        return os.getpid()


def test_a_stopped_process_is_killed_and_starts_anew(caplog: pytest.LogCaptureFixture) -> None:
    with Supervisor() as tree, caplog.at_level(logging.ERROR, logger="ipc"):
        tree.add("where", Where(), "process", watchdog_s=WATCHDOG_S)
        client = tree.client("where")
        pid, _ = client.call(0)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ServiceDied, match="not answered"):
            client.call(0, timeout=20.0)
        assert client.call(0, timeout=20.0)[0] != pid
        numbers = client.stats()
        assert (numbers.hangs, numbers.restarts, numbers.silent_s) == (1, 1, 0.0)
        assert "not answered" in numbers.last_hang and "signal 9" in numbers.last_error
        assert caplog.text.count(f"its process {pid} is killed") == 1


def test_one_that_serves_nobody_is_found_too() -> None:
    with Supervisor() as tree:
        tree.add("where", Where(), "process:2@some", watchdog_s=WATCHDOG_S)
        tree.add("beside", Sharded(), "process:2@some", watchdog_s=WATCHDOG_S)
        pid, _ = tree.client("where").call(0)
        os.kill(pid, signal.SIGSTOP)
        until(lambda: tree.stats()["where"].restarts and tree.stats()["beside"].restarts, 20, "it starts anew")
        assert tree.client("where").call(0, timeout=20.0)[0] != pid
        stats = tree.stats()
        assert [stats[name].hangs for name in ("where", "beside")] == [1, 1], "both lived in it"


def test_one_that_keeps_the_interpreters_lock_is_killed() -> None:
    with Supervisor() as tree:
        tree.add("keeps", Keeps(), "process", watchdog_s=WATCHDOG_S)
        client = tree.client("keeps")
        pid = client.call(0)
        with pytest.raises(ServiceDied, match="not answered"):
            client.call("keep it", timeout=20.0)
        assert client.call(0, timeout=20.0) != pid


def test_it_is_found_while_it_is_to_move() -> None:
    with Supervisor() as tree:
        tree.add("where", Where(), "process", watchdog_s=WATCHDOG_S)
        client = tree.client("where")
        pid, _ = client.call(0)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(IpcError, match="process has ended"):
            tree.move("where", "thread", timeout=30.0)
        until(lambda: tree.stats()["where"].restarts == 1, 20, "it starts anew")
        assert client.call(0, timeout=20.0)[0] not in (pid, os.getpid())
        tree.move("where", "thread")
        assert client.call(0)[0] == os.getpid()


def test_numbers_do_not_wait_for_it() -> None:
    with Supervisor() as tree:
        tree.add("stopped", Where(), "process")
        tree.add("fine", Where(), "process")
        tree.client("fine").call(0)
        pid, _ = tree.client("stopped").call(0)
        assert tree.stats()["stopped"].calls == 1
        os.kill(pid, signal.SIGSTOP)
        try:

            def told() -> bool:
                stats = tree.stats()
                if stats["stopped"].silent_s == 0.0:
                    return False  # the signal was not delivered yet
                assert stats["stopped"].silent_s >= 1.0
                assert stats["stopped"].pids == (pid,) and stats["stopped"].calls == 1, "what it said last"
                return stats["fine"].silent_s == 0.0 and stats["fine"].calls == 1

            until(told, 20, "the other one answers")
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: tree.stats()["stopped"].silent_s == 0.0, 10, "it answers again")


def test_a_long_call_of_a_blocking_service_answers() -> None:
    with Supervisor() as tree:
        tree.add("sleeper", Sleeper(), "process", watchdog_s=60.0)
        client = tree.client("sleeper")
        running = client.future(3 * WATCHDOG_S)
        assert client.stats().silent_s == 0.0
        assert running.result(20.0) == "slept" and client.stats().hangs == 0


def test_many_that_die_at_once_count_once_each() -> None:
    with Supervisor(max_restarts=1) as tree:
        tree.add("links", Sharded(), "process:5@links")
        for name in ("local", "more"):
            tree.add(name, Sharded(), "process:5@links")
        pids = tree.stats()["links"].pids
        assert len(pids) == 5
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

        def back() -> bool:
            stats = tree.stats()
            return all(len(set(one.pids) - set(pids)) == 5 and one.restarts >= 5 for one in stats.values())

        until(back, 30, "all are there again")
        assert tree.client("local").call(1, timeout=10.0)[1] == 1


def test_one_that_dies_again_and_again_ends_the_tree(caplog: pytest.LogCaptureFixture) -> None:
    with Supervisor(max_restarts=2, window_s=60.0) as tree:
        for name in ("links", "local"):
            tree.add(name, Sharded(), "process:1@links")
        killed = 0

        def another() -> int:
            try:
                return next((pid for pid in tree.stats()["links"].pids if pid != killed), 0)
            except IpcError:
                return -1

        for _ in range(3):
            killed = until(another, 20, "it is there again")
            os.kill(killed, signal.SIGKILL)
        with pytest.raises(ipc.TooManyRestarts) as caught:
            tree.wait(20.0)
        text = str(caught.value)
        assert "process 'links.0' of group 'links' died more than 2 times" in text
        assert "signal 9 (3 times)" in text and "start the program again" in text
        assert len([one for one in caplog.records if one.levelno == logging.CRITICAL]) == 1


# -- whole groups of processes -----------------------------------------------------------------------------------------


class Program:
    """`tests.live.supervised`, the first of a process group of its own."""

    def __init__(self, path: Path) -> None:
        self.log = path / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.live.supervised"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                start_new_session=True,
            )
        self.pids: list[int] = self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        return json.loads(line)

    def ask(self) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write("how are they\n")
        self.process.stdin.flush()
        return self._read()

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def end(self) -> None:
        self.signal(signal.SIGCONT)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    one = Program(tmp_path)
    try:
        yield one
    finally:
        one.end()
        until(lambda: not running(one.pids), 10, "no process of the test is left")


def test_a_tree_that_was_stopped_as_a_whole_kills_nobody(program: Program) -> None:
    before = program.ask()
    for _ in range(2):
        program.signal(signal.SIGSTOP)
        threading.Event().wait(1.5 * supervised.WATCHDOG_S)  # that long is what it is about
        program.signal(signal.SIGCONT)
    after = program.ask()
    assert after["pids"] == before["pids"], program.log.read_text()
    assert after["told"] == {"one": [0, 0, 0.0], "other": [0, 0, 0.0]}


def test_the_end_of_a_terminal_is_for_the_parent(program: Program) -> None:
    before = program.ask()
    assert len(program.pids) == 4, "two services, the fork server, and the resource tracker"
    program.signal(signal.SIGHUP)
    program.signal(signal.SIGINT)
    assert len(running(program.pids)) == 4
    assert program.ask()["pids"] == before["pids"], program.log.read_text()
    assert len(running(program.pids)) == 4


def test_the_mask_of_who_starts_one_is_left_as_it_was() -> None:
    def mask() -> set[int]:
        return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    class Nothing:
        def start(self) -> None:
            inside.append(mask())

    inside: list[set[int]] = []
    before = mask()
    process._start(Nothing())  # type: ignore[arg-type]
    assert mask() == before and inside == [before | {signal.SIGHUP}]
