"""A move that fails half-way, or that the end of its tree overtakes, leaves everything where it belongs."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ipc import Closed, Service, Shard, Supervisor, launch


class Fussy(Service):
    """Its fourth `open` in this process fails: of two shards that move, that of the second."""

    opens: ClassVar[int] = 0
    shard_key = staticmethod(lambda command: command)

    def open(self) -> None:
        Fussy.opens += 1
        if Fussy.opens == 4:
            raise OSError("not here")

    def start(self) -> None:
        self.calls = 0

    def call(self, command: int) -> tuple[int, str]:
        self.calls += 1
        return self.calls, threading.current_thread().name


@pytest.mark.parametrize(
    ("before", "after"), [("thread:2", "coroutine:2"), ("inline:2", "thread:2"), ("thread:2", "inline:2")]
)
def test_shards_that_had_moved_come_back_when_another_cannot(before: str, after: str) -> None:
    Fussy.opens = 0
    with launch(Fussy(), before) as fussy:
        first = [fussy.call(key, timeout=5.0) for key in range(6)]
        with pytest.raises(OSError, match="not here"):
            fussy.move(after)
        again = [fussy.call(key, timeout=5.0) for key in range(6)]
        assert [where for _, where in again] == [where for _, where in first]
        assert sum(count for count, _ in again) > sum(count for count, _ in first)
        assert fussy.stats().calls == 12


class Opened(Service):
    """Counts how often it is opened without being closed."""

    open_now: ClassVar[int] = 0

    def __init__(self, held: object) -> None:
        self.held = held

    def open(self) -> None:
        Opened.open_now += 1

    def close(self) -> None:
        Opened.open_now -= 1

    def call(self, command: int) -> int:
        return Opened.open_now


class Importable(Opened):
    """One that may be placed in a process, if its state could be sent."""


def test_a_service_whose_state_cannot_be_sent_is_not_opened_twice() -> None:
    Opened.open_now = 0
    with launch(Importable(threading.Lock()), "thread") as service:
        with pytest.raises(TypeError, match="held"):
            service.move("process")
        assert service.call(0) == 1
    assert Opened.open_now == 0


@pytest.mark.parametrize("delay_s", [0.0, 0.005, 0.02, 0.05])
def test_a_tree_that_is_closed_while_a_service_moves_leaves_nothing_open(delay_s: float) -> None:
    Opened.open_now = 0
    service = launch(Opened(None), "inline")
    raised: list[BaseException] = []

    def move() -> None:
        try:
            while True:
                service.move("thread")
                service.move("coroutine")
        except BaseException as error:
            raised.append(error)

    mover = threading.Thread(target=move)
    mover.start()
    time.sleep(delay_s)
    service.close()
    mover.join(10.0)
    assert not mover.is_alive()
    assert [type(error) for error in raised] == [Closed]
    assert Opened.open_now == 0


class Exclusive(Service):
    """Each shard has a name that nobody else may have meanwhile. The second opens only where `home` says."""

    shard_key = staticmethod(lambda command: Shard(command))

    def __init__(self, name: str, home: str) -> None:
        self.name, self.home = name, home

    def open(self) -> None:
        home = Path(self.home)
        if self.shard == 1 and home.exists() and str(os.getpid()) not in home.read_text().split():
            raise OSError("not here")
        self.bound = socket.socket(socket.AF_UNIX)
        try:
            self.bound.bind(f"\0{self.name}/{self.shard}")
        except OSError:
            self.bound.close()
            raise

    def close(self) -> None:
        self.bound.close()

    def call(self, command: Any) -> tuple[int, int]:
        return self.shard, os.getpid()


def test_what_was_open_at_the_new_place_is_closed_before_the_old_one_opens_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Supervisor() as tree:
        tree.add("one", Exclusive(f"ipc-test-{os.getpid()}", str(home)), "process:2@old")
        client = tree.client("one")
        before = client.call_many([0, 1])
        home.write_text(" ".join(str(pid) for _, pid in before))
        with pytest.raises(OSError, match="not here"):
            client.move("process:2@new")
        assert client.call_many([0, 1], timeout=10.0) == before
        assert (client.placement, client.stats().restarts) == ("process:2@old+pipe", 0)


class OpensOnce(Service):
    """Opens nowhere else, and the first time it comes back not either."""

    opens: ClassVar[int] = 0

    def open(self) -> None:
        OpensOnce.opens += 1
        if OpensOnce.opens in (2, 3):
            raise OSError("not now")

    def call(self, command: Any) -> int:
        return OpensOnce.opens


def test_one_that_cannot_open_again_is_started_anew() -> None:
    OpensOnce.opens = 0
    with launch(OpensOnce(), "thread") as client:
        assert client.call("opens") == 1
        with pytest.raises(OSError, match="not now"):
            client.move("coroutine")
        deadline = time.monotonic() + 10
        while (restarts := client.stats().restarts) == 0:
            assert time.monotonic() < deadline
        assert restarts == 1 and client.call("opens", timeout=10.0) == 4
