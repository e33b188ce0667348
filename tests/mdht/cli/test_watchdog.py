"""Signs of life for the service manager: only as long as the node answers."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from mdht.cli.watchdog import watch, watchdog_s


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


def test_nothing_is_said_of_a_node_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
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

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.setblocking(False)
        asyncio.run(main())
        assert [manager.recv(100), manager.recv(100)] == [b"WATCHDOG=1"] * 2
        with pytest.raises(BlockingIOError):
            manager.recv(100)
