"""`mdht run` with a listening socket that was passed to it, as systemd does (sd_listen_fds(3))."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mdht
from mdht.cli.exits import DONE, USAGE

ROOT = Path(mdht.__file__).parents[1]

STARTER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="mdht.socket")
os.execv(sys.executable, [sys.executable, "-m", "mdht", *sys.argv[2:]])
"""


def start(given: socket.socket, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", STARTER, str(given.fileno()), "run", "--json", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, pass_fds=[given.fileno()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    found: dict[str, Any] = json.loads(line)
    return found


def end(process: subprocess.Popen[str]) -> int:
    process.terminate()
    process.communicate(timeout=30)
    return process.returncode


@pytest.mark.parametrize("profile", ["single", "server"])
def test_a_passed_socket_is_listened_at(tmp_path: Path, profile: str) -> None:
    """Links are made by it; who dials while the node is not there waits, and is answered by the next one."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        where = f"127.0.0.1:{given.getsockname()[1]}"
        arguments = ("-d", str(tmp_path), "--listen", where, "--store", "memory", "--profile", profile)
        first = start(given, *arguments)
        try:
            found = ready(first)
            assert found["addresses"] == [where]
            with mdht.Node(mdht.Config()) as other:
                assert other.connect(where).hex() == found["id_hex"]
            children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
            for child in children:
                assert b"LISTEN_" not in Path(f"/proc/{child}/environ").read_bytes()
                assert f"socket:[{os.fstat(given.fileno()).st_ino}]" not in {
                    os.readlink(one) for one in Path(f"/proc/{child}/fd").iterdir()
                }
        finally:
            assert end(first) == DONE
        with mdht.Node(mdht.Config()) as other:
            waiting = other.connect_future(where)
            second = start(given, *arguments)
            try:
                assert waiting.result(30).hex() == ready(second)["id_hex"]
            finally:
                assert end(second) == DONE


def test_a_socket_that_nothing_is_to_be_done_with(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        process = start(given, "-d", str(tmp_path), "--listen", "127.0.0.1:0")
        _, error = process.communicate(timeout=30)
        assert process.returncode == USAGE
        assert "mdht.socket" in error and str(given.getsockname()[1]) in error
