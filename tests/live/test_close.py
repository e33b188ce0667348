"""`close()` is total: whoever waits is woken with `Closed` within the bound, whatever the services do meanwhile."""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from ipc import Bounds, Closed, IpcError, StartTimeout, Supervisor, launch
from ipc.limits import KILL_TIMEOUT_S, STOP_TIMEOUT_S
from ipc.tree import place

from .footprint import Footprint, back_to, descendants, run_dirs, running, until
from .load import Load
from .services import Asker, DiesOnce, Echo, Gate, Sleeper, SlowStart, Stubborn, Where

STOPPED_WITHIN_S = STOP_TIMEOUT_S + 1.0
SHORT_S = 1.0
KILLED_WITHIN_S = STOP_TIMEOUT_S + KILL_TIMEOUT_S + 1.0

EVERYWHERE = ["inline", "coroutine", "coroutine+zmq", "thread", "thread+pipe", "thread+zmq", "process", "process+zmq"]


class Waiting:
    """Threads that are blocked in something; how each ended."""

    def __init__(self) -> None:
        self.ended: list[BaseException | None] = []
        self._threads: list[threading.Thread] = []

    def start(self, function: Callable[[], Any]) -> None:
        def run() -> None:
            try:
                function()
            except BaseException as error:
                self.ended.append(error)
            else:
                self.ended.append(None)

        self._threads.append(threading.Thread(target=run, name="waiting"))
        self._threads[-1].start()

    def join(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), "a call was not woken"


def fill(cast: Callable[[int], None], entered: threading.Event) -> None:
    """Cast until the channel is full, and then once more."""
    for number in range(10_000):
        entered.set()
        cast(number)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_under_load(placement: str) -> None:
    tree = Supervisor().open()
    tree.add("echo", Echo(), placement)
    client = tree.client("echo")
    with Load(client, 6, lambda thread, number: number, until_error=Closed) as load:
        until(lambda: len(load.all()) > 500, 10.0, "load")
        began = time.monotonic()
        tree.close()
        assert time.monotonic() - began < 2.0
        load.join(1.0)
    for call in load.all():
        assert call.error is None or type(call.error) is Closed, repr(call.error)
    with pytest.raises(Closed):
        client.call(1)
    with pytest.raises(Closed):
        client.cast(1)
    with pytest.raises(Closed):
        client.future(1)


@pytest.mark.parametrize("placement", ["thread", "thread+zmq", "process", "process+zmq"])
def test_whoever_waits_for_a_hung_service_is_woken(
    placement: str, tmp_path: Path, before: Footprint, caplog: pytest.LogCaptureFixture
) -> None:
    begun, leave = tmp_path / "begun", tmp_path / "leave"
    tree = Supervisor().open()
    tree.add("gate", Gate(str(begun), str(leave)), placement, bounds=Bounds(commands=32))
    client, full = tree.client("gate"), tree.client("gate")
    waiting, entered = Waiting(), threading.Event()
    waiting.start(lambda: client.call("served", timeout=60))
    until(begun.exists, 5.0, "the service hangs")
    for _ in range(3):
        waiting.start(lambda: client.call("queued", timeout=60))
    waiting.start(lambda: client.call_many(["many"] * 5, timeout=60))
    waiting.start(lambda: fill(lambda number: full.cast(number, timeout=60), entered))
    entered.wait(5.0)
    futures: list[Future[Any]] = [client.future(number, timeout=60) for number in range(10)]
    pids = [stats for stats in tree.stats()["gate"].pids if stats != os.getpid()]
    until(lambda: full._port.senders[0].room_waiters, 5.0, "a cast is blocked by a full channel")
    began = time.monotonic()
    tree.close(timeout=SHORT_S)
    took_s = time.monotonic() - began
    try:
        assert took_s < SHORT_S + KILL_TIMEOUT_S + 1.0
        waiting.join(1.0)
        assert [type(error) for error in waiting.ended] == [Closed] * 6, waiting.ended
        for future in futures:
            assert type(future.exception(1.0)) is Closed
        assert not running(pids)
        left = [record for record in caplog.records if "left behind" in record.getMessage()]
        if placement.startswith("thread"):
            assert len(left) == 1 and left[0].levelno == logging.ERROR
            assert any(thread.daemon and thread.name.startswith("ipc-gate") for thread in threading.enumerate())
        else:
            assert not left
    finally:
        leave.touch()
    back_to(before)


def test_a_process_that_ignores_sigterm_is_killed(before: Footprint) -> None:
    tree = Supervisor().open()
    tree.add("stubborn", Stubborn(), "process")
    client = tree.client("stubborn")
    future = client.future(600.0, timeout=600)
    until(lambda: tree.stats()["stubborn"].queued == 0, 5.0, "it sleeps")
    began = time.monotonic()
    tree.close(timeout=SHORT_S)
    assert time.monotonic() - began < SHORT_S + KILL_TIMEOUT_S + 1.0
    assert type(future.exception(1.0)) is Closed
    back_to(before)


def test_services_that_ask_a_hung_one_do_not_hold_up_the_end(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    tree = Supervisor().open()
    try:
        tree.add("store", Gate(str(begun), str(tmp_path / "leave")), "process")
        tree.add("asker", Asker(), "process", outlets={"store": "store"})
        tree.add("near", Asker(), "coroutine", outlets={"store": "store"})
        futures = [tree.client(name).future("ask", timeout=30) for name in ("asker", "near")]
        until(begun.exists, 5.0, "one is served, one waits")
        began = time.monotonic()
    finally:
        tree.close(timeout=SHORT_S)
    assert time.monotonic() - began < 3 * SHORT_S + KILL_TIMEOUT_S + 1.0
    for future in futures:
        assert isinstance(future.exception(1.0), IpcError)


def test_a_client_is_closed_while_its_service_is_in_a_long_call(tmp_path: Path) -> None:
    begun, leave = tmp_path / "begun", tmp_path / "leave"
    with Supervisor() as tree:
        tree.add("gate", Gate(str(begun), str(leave)), "process")
        client = tree.client("gate")
        waiting = Waiting()
        waiting.start(lambda: client.call("served", timeout=60))
        until(begun.exists, 5.0, "the service is in its call")
        began = time.monotonic()
        client.close()
        waiting.join(1.0)
        assert time.monotonic() - began < 1.0
        assert type(waiting.ended[0]) is Closed
        leave.touch()
        assert tree.client("gate").call("again") == "again"


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_twice_and_by_many_threads(placement: str) -> None:
    for _ in range(5):
        client = launch(Echo(), placement)
        assert client.call(1) == 1
        together, waiting = threading.Barrier(4), Waiting()

        def close(client: Any = client, together: Any = together) -> None:
            together.wait(5.0)
            client.close()
            with pytest.raises(Closed):
                client.call(1)

        for _ in range(4):
            waiting.start(close)
        waiting.join(10.0)
        assert waiting.ended == [None] * 4
        client.close()


def test_every_close_returns_when_all_is_closed(tmp_path: Path) -> None:
    tree = Supervisor().open()
    tree.add("sleeper", Sleeper(), "process")
    tree.client("sleeper").future(1.0)
    until(lambda: tree.stats()["sleeper"].queued == 0, 5.0, "it sleeps")
    alive: list[list[str]] = []
    pids = tree.stats()["sleeper"].pids
    waiting = Waiting()

    def close() -> None:
        tree.close()
        alive.append(running(pids))

    for _ in range(3):
        waiting.start(close)
    waiting.join(10.0)
    assert alive == [[]] * 3


@pytest.mark.parametrize("placement", ["process", "process+zmq"])
def test_a_child_that_dies_while_it_is_closed(placement: str) -> None:
    began = time.monotonic()
    with launch(DiesOnce(), placement) as client:
        assert client.call(1) == 1
    assert time.monotonic() - began < STOPPED_WITHIN_S


@pytest.mark.parametrize("placement", ["process", "process+zmq", "process:2@g"])
def test_children_killed_while_the_tree_is_closed(placement: str, before: Footprint) -> None:
    for delay in range(10):
        tree = Supervisor().open()
        for number in range(3):
            tree.add(f"where{number}", Where(), placement)
        pids = {tree.client(f"where{number}").call(1)[0] for number in range(3)}
        waiting = Waiting()
        waiting.start(tree.close)
        deadline = time.monotonic() + delay / 2000
        while time.monotonic() < deadline:
            pass
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        waiting.join(STOPPED_WITHIN_S)
        assert waiting.ended == [None]
    back_to(before)


def test_a_tree_that_gives_up_is_closed(before: Footprint) -> None:
    tree = Supervisor(max_restarts=1).open()
    tree.add("where", Where(), "process+zmq")
    tree.add("other", Where(), "process")
    client = tree.client("where")
    for _ in range(2):
        pid, _ = client.call(1)
        os.kill(pid, signal.SIGKILL)
        until(lambda dead=pid: tree._ended.is_set() or died(client.call, dead), 5.0, "the next one, or the end")  # type: ignore[misc]
    with pytest.raises(IpcError, match="died more than 1 times"):
        tree.wait(5.0)
    with pytest.raises(IpcError, match="died more than 1 times"):
        client.call(1)
    tree.close()
    back_to(before)


def died(call: Callable[[Any], Any], dead: int) -> bool:
    """Whether another process answers."""
    try:
        return bool(call(1)[0] != dead)
    except IpcError:
        return False


@pytest.mark.parametrize("placement", ["thread", "process", "process+zmq"])
def test_a_start_that_hangs_is_given_up(placement: str, before: Footprint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "START_TIMEOUT_S", 0.5)
    monkeypatch.setattr(place, "uninstall", functools.partial(place.uninstall, timeout_s=0.5))
    began = time.monotonic()
    if placement == "thread":
        monkeypatch.setattr(SlowStart, "start", lambda self: time.sleep(4.0))
    with pytest.raises(StartTimeout):
        launch(SlowStart(), placement)
    assert time.monotonic() - began < KILLED_WITHIN_S
    back_to(before, 6.0)


def test_closed_while_a_service_starts(before: Footprint) -> None:
    tree = Supervisor().open()
    waiting = Waiting()
    known = descendants()
    waiting.start(lambda: tree.add("slow", SlowStart(), "process+zmq"))
    until(lambda: descendants() - known, 5.0, "its process runs")
    began = time.monotonic()
    tree.close()
    waiting.join(KILLED_WITHIN_S)
    assert time.monotonic() - began < KILLED_WITHIN_S
    assert isinstance(waiting.ended[0], IpcError), waiting.ended
    assert not run_dirs()
    back_to(before)
