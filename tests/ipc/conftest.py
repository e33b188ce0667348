"""What the tests of `ipc` share: every legal placement, a tree, and the check that a test leaves nothing behind."""

from __future__ import annotations

import contextlib
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import ipc
from ipc.loops import LoopMissing, new_loop
from ipc.placement import all_pairs

from .services import Gate

ipc.preload("tests.ipc.services")

with contextlib.suppress(LoopMissing):
    new_loop("uvloop").close()  # libuv keeps a pipe for signals from its first loop on, as long as the process lives

PAIRS = all_pairs()
"""Every legal pair of spawner and channel, as text."""

LOCAL = [pair for pair in PAIRS if not pair.startswith("process")]
"""The pairs within the test's own process."""

APART = [pair for pair in PAIRS if pair.startswith(("thread", "process"))]
"""The pairs whose service has a host of its own."""

SETTLE_S = 2.0
"""What may take a moment to go (a connection is closed on its host's next turn) has this long."""


@pytest.fixture(params=PAIRS)
def placement(request: pytest.FixtureRequest) -> str:
    """Every legal pair."""
    return str(request.param)


@pytest.fixture(params=APART)
def apart(request: pytest.FixtureRequest) -> str:
    """Every pair whose service runs beside its caller, so that one can wait for the other."""
    return str(request.param)


@pytest.fixture
def tree() -> Iterator[ipc.Supervisor]:
    """An open tree, closed after the test."""
    with ipc.Supervisor() as supervisor:
        yield supervisor


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Where a call waits until the test lets it go on, in whichever process it runs."""
    return Gate.make(tmp_path / "gate")


def eventually(condition: Callable[[], object], timeout_s: float = 10.0) -> bool:
    """Whether the condition becomes true in time; for what nobody can be told of."""
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


def in_thread(function: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Run a function in a thread; the list gets its result, or the exception it raised."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


# -- nothing is left ---------------------------------------------------------------------------------------------------


def threads_of_ours() -> list[str]:
    """The threads that the package has started and that still run."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ipc-")]


def children_of_ours() -> list[int]:
    """Processes below this one, but for the standard library's fork server and resource tracker."""
    kept = {
        multiprocessing.forkserver._forkserver._forkserver_pid,
        multiprocessing.resource_tracker._resource_tracker._pid,
    }
    try:
        children = psutil.Process().children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child.pid for child in children if child.pid not in kept]


def descriptors() -> dict[int, str]:
    """Open descriptors and what they are of, but for those that belong to the standard library's two processes."""
    kept = {
        multiprocessing.forkserver._forkserver._forkserver_alive_fd,
        multiprocessing.resource_tracker._resource_tracker._fd,
    }
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # that of the listing itself
    return {fd: what for fd, what in found.items() if fd not in kept}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """After each test no thread of ours, no child process and no descriptor is left."""
    before = descriptors()
    yield
    eventually(lambda: not threads_of_ours(), SETTLE_S)
    assert threads_of_ours() == []
    eventually(lambda: not children_of_ours(), SETTLE_S)
    assert children_of_ours() == []
    eventually(lambda: len(descriptors()) <= len(before), SETTLE_S)
    left = {fd: what for fd, what in descriptors().items() if fd not in before}
    assert len(descriptors()) <= len(before), f"descriptors were left: {left}"
