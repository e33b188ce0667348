"""Signs of life for the service manager: only as long as the node answers."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipc.loops import virtual
from mdht.cli import watchdog
from mdht.cli.notify import log_as_status, notify
from mdht.cli.watchdog import STATUS_S, watch, watchdog_s, watched_s


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(path)
        one.setblocking(False)
        yield one


def test_whether_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert watchdog_s() == 0.0
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_s() == 30.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_s() == 30.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_s() == 0.0, "it is meant for another process"
    monkeypatch.delenv("WATCHDOG_PID")
    monkeypatch.setenv("WATCHDOG_USEC", "often")
    assert watchdog_s() == 0.0


def test_a_manager_that_waits_for_nothing_is_shown_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert watched_s() == 0.0
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    assert watched_s() == STATUS_S
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watched_s() == 30.0


def test_nothing_is_said_of_a_node_that_does_not_answer(manager: socket.socket) -> None:
    answers = [True, False, True]
    probed = asyncio.Event()

    async def probe() -> None:
        if not answers:
            probed.set()
            await asyncio.Event().wait()
        if not answers.pop(0):
            raise OSError("it hangs")

    async def main() -> None:
        watching = asyncio.ensure_future(watch(probe, 0.02))
        await asyncio.wait_for(probed.wait(), 10)
        watching.cancel()
        await asyncio.wait([watching])

    asyncio.run(main())
    assert [manager.recv(100), manager.recv(100)] == [b"WATCHDOG=1"] * 2
    with pytest.raises(BlockingIOError):
        manager.recv(100)


@pytest.mark.parametrize("takes_s", [0.0, 5.0, 9.0, 10.0])
def test_no_two_signs_are_further_apart_than_asked_for(takes_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow it is, as long as it answers in a third of the time; and also where one answer in three fails."""
    every_s, said_s, looks = 30.0, [0.0], 0

    async def probe() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(every_s if looks % 3 == 2 else min(takes_s, 9.99))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(watchdog, "notify", lambda _: said_s.append(loop.time()))
        said_s[0] = loop.time()
        watching = asyncio.ensure_future(watch(probe, every_s))
        await asyncio.sleep(600.0)
        watching.cancel()
        await asyncio.wait([watching])

    virtual.run(main())
    gaps = [after - before for before, after in itertools.pairwise(said_s)]
    assert len(gaps) > 20 and max(gaps) <= every_s
    usual = [gap for gap in gaps if gap < every_s / 2 + 0.1]
    assert len(usual) > len(gaps) / 3


def test_the_status_is_said_with_it(manager: socket.socket) -> None:
    async def probe() -> int:
        return 3

    async def main() -> None:
        watching = asyncio.ensure_future(watch(probe, 0.01, lambda found: f"{found} links"))
        while True:
            try:
                assert manager.recv(100) == b"WATCHDOG=1\nSTATUS=3 links"
                break
            except BlockingIOError:
                await asyncio.sleep(0.001)
        watching.cancel()
        await asyncio.wait([watching])

    asyncio.run(main())


def test_what_a_start_logs_is_the_status(manager: socket.socket) -> None:
    log = logging.getLogger("mdht.services.store.parts")
    with log_as_status():
        log.warning("dividing the store into %d:\n%d of 10 records", 2, 5)
        log.info("not that")
    log.warning("nor that")
    notify("READY=1")
    assert manager.recv(200) == b"STATUS=dividing the store into 2: 5 of 10 records"
    assert manager.recv(200) == b"READY=1"
