"""The service manager is asked for time while a node starts, and what it passes has to be of use."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from mdht.cli import activation
from mdht.config import Config
from mdht.errors import ConfigError


def test_time_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "EXTEND_S", 0.03)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

    async def main(manager: socket.socket) -> list[bytes]:
        asking = asyncio.ensure_future(activation.ask_for_time())
        told = [await asyncio.to_thread(manager.recv, 100) for _ in range(2)]
        asking.cancel()
        return told

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20.0)
        assert asyncio.run(main(manager)) == [b"EXTEND_TIMEOUT_USEC=30000"] * 2


def test_nothing_is_passed_mostly() -> None:
    assert activation.passed_sockets(Config()) == ()


def test_a_socket_that_no_address_names(monkeypatch: pytest.MonkeyPatch) -> None:
    made = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(activation, "inherited_sockets", lambda: {"socket 3 (mdht)": made})
    with pytest.raises(ConfigError, match=r"socket 3 \(mdht\) is passed with port"):
        activation.passed_sockets(Config(listen=("127.0.0.1:0",)))
    with pytest.raises(OSError):
        os.fstat(made.fileno())
