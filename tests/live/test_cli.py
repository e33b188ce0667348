"""The command line as processes: signals, pipes, terminals, locks, and what a thin command does not import."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mdht.data_dir import holder_of
from mdht.errors import NodeGone
from mdht.node import Node
from mdht.remote import RemoteNode

MDHT = [sys.executable, "-m", "mdht"]


def mdht(*args: object, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*MDHT, *map(str, args)], input=stdin, capture_output=True, timeout=50, env={**os.environ, **env}
    )


@contextmanager
def running(place: Path, *args: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """A node in a process of its own, and the line that it writes when it is ready."""
    command = [*MDHT, "run", "--data-dir", str(place), "--json", *args]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
    )
    try:
        assert child.stdout is not None and child.stderr is not None
        line = child.stdout.readline()
        assert line, child.stderr.read()
        yield child, json.loads(line)
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def test_a_node_from_start_to_end(tmp_path: Path) -> None:
    place = tmp_path / "node"
    with running(place) as (child, ready), Node() as other:
        assert ready["ready"] is True and ready["pid"] == child.pid and ready["data_dir"] == str(place)
        other.connect(ready["address"])
        key = mdht("put", "-", "-d", place, stdin=b"\0\xff").stdout.decode().strip()
        assert other.get(bytes.fromhex(key)).value == b"\0\xff"
        assert mdht("get", key, "-d", place).stdout == b"\0\xff"
        assert mdht("id", "-d", place).stdout.decode() == ready["address"] + "\n"
        done = mdht("stop", "-d", place, "--json")
        assert json.loads(done.stdout) == {"stopped_pid": child.pid}
        assert child.wait(20) == 0
        assert mdht("get", key, "-d", place).returncode == 4
    assert not (place / "api.sock").exists()
    with running(place) as (child, again):
        assert again["id_hex"] == ready["id_hex"]
        assert mdht("get", key, "-d", place).stdout == b"\0\xff"  # it was synced


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_it_cleanly(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with running(tmp_path) as (child, _):
        child.send_signal(number)
        out, err = child.communicate(timeout=30)
        assert (child.returncode, out, err) == (code, "", "")
    assert holder_of(str(tmp_path)) is None and not (tmp_path / "api.sock").exists()


def test_a_signal_during_a_request(tmp_path: Path) -> None:
    with running(tmp_path) as (child, _), socket.create_server(("127.0.0.1", 0)) as silent:
        seed = "{}:{}".format(*silent.getsockname())
        asking = subprocess.Popen(
            [*MDHT, "connect", seed, "-d", str(tmp_path), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with RemoteNode(tmp_path) as remote:
            deadline = time.monotonic() + 20
            while not remote.stats().api.waiting:
                assert time.monotonic() < deadline
            child.send_signal(signal.SIGTERM)
            assert child.wait(20) == 0
        out, err = asking.communicate(timeout=20)
        assert (asking.returncode, out) == (4, b"")
        assert json.loads(err)["error"]["type"] == NodeGone.__name__


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, time, mdht.node; shut = mdht.node.Node.aclose\n"
        "async def slow(self): print('closing', flush=True); time.sleep(100)\n"
        "mdht.node.Node.aclose = slow\n"
        "from mdht.cli import entry; sys.exit(entry(['run', '--json', '-d', sys.argv[1]]))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None and "ready" in child.stdout.readline()
        child.send_signal(signal.SIGTERM)
        assert child.stdout.readline() == "closing\n"
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == -signal.SIGTERM
    finally:
        child.kill()
        child.communicate()
    with running(tmp_path) as (_, ready):  # the socket that it left is replaced
        assert ready["ready"]


def test_it_ends_within_a_bound_though_it_hangs(tmp_path: Path) -> None:
    code = (
        "import sys, time, mdht.node, mdht.cli.serving as serving; serving.STOP_S = 0.2\n"
        "async def slow(self): time.sleep(100)\n"
        "mdht.node.Node.aclose = slow\n"
        "from mdht.cli import entry; sys.exit(entry(['run', '--json', '-d', sys.argv[1]]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None and "ready" in child.stdout.readline()
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=30)
        assert child.returncode == 1 and "not ended after 0.2 s" in err
    finally:
        child.kill()


def test_in_use(tmp_path: Path) -> None:
    place = tmp_path / "node"
    with running(place) as (child, ready):
        done = mdht("run", "-d", place)
        assert done.returncode == 9 and f"process {child.pid}" in done.stderr.decode()
        told = json.loads(mdht("run", "-d", place, "--json").stderr)["error"]
        assert (told["type"], told["details"]["pid"]) == ("DataDirInUse", child.pid)
        port = mdht("run", "-d", tmp_path / "other", "-l", ready["addresses"][0])
        assert port.returncode == 9 and b"cannot listen" in port.stderr and b"Traceback" not in port.stderr
        child.kill()
        child.wait()
    with running(place) as (_, again):  # freed by its death
        assert again["id_hex"] == ready["id_hex"]


def test_service_managers_are_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        with running(tmp_path / "node", NOTIFY_SOCKET=str(tmp_path / "notify")) as (child, _):
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100).startswith(b"WATCHDOG=1\nSTATUS=0 links, 0 records, ")
            child.terminate()
            assert manager.recv(100) == b"STOPPING=1"
            assert child.wait(20) == 0


def test_who_reads_may_leave(tmp_path: Path) -> None:
    with running(tmp_path) as _:
        key = mdht("put", "x" * 60_000, "--replicas", "1", "-d", tmp_path).stdout.decode().strip()
        for args in (["get", key, "-d", str(tmp_path)], ["peers", "--json", "-d", str(tmp_path)], ["--help"]):
            read, write = os.pipe()
            os.close(read)
            try:
                done = subprocess.run([*MDHT, *args], stdout=write, stderr=subprocess.PIPE, timeout=50)
            finally:
                os.close(write)
            assert (done.returncode, done.stderr) == (141, b""), args


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    with running(tmp_path) as _:
        command = " ".join([*MDHT, "peers", "--json", "-d", str(tmp_path)])
        full = subprocess.run(["sh", "-c", f"{command} > /dev/full"], capture_output=True, timeout=50)
        assert full.returncode == 1 and json.loads(full.stderr)["error"]["message"] == "No space left on device"
        closed = subprocess.run(["sh", "-c", f"{command} >&- 2>&-"], timeout=50)
        assert closed.returncode == 0
        command = " ".join([*MDHT, "put", "-", "-d", str(tmp_path)])
        nothing = subprocess.run(["sh", "-c", f"{command} <&-"], capture_output=True, timeout=50)
        assert nothing.returncode == 2 and b"no stdin" in nothing.stderr


def test_odd_names(tmp_path: Path) -> None:
    with running(tmp_path / "node") as (_, ready), Node() as other:
        other.connect(ready["address"])
        odd = os.fsencode(tmp_path) + b"/\xff\x1b[31m"
        with open(odd, "wb") as file:
            file.write(b"odd")
        shared = subprocess.run([*MDHT, "share", odd, "-d", str(tmp_path / "node")], capture_output=True, timeout=50)
        assert shared.returncode == 0 and b"\x1b" not in shared.stderr, shared.stderr
        target = os.fsencode(tmp_path) + b"/\xfe"
        command = [*MDHT, "fetch", shared.stdout.strip(), target, "-d", str(tmp_path / "node")]
        env = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "0"}
        fetched = subprocess.run(command, capture_output=True, timeout=50, env=env)
        assert (fetched.returncode, fetched.stdout) == (0, target + b"\n"), fetched.stderr
        with open(target, "rb") as file:
            assert file.read() == b"odd"


def test_interrupted(tmp_path: Path) -> None:
    with running(tmp_path) as _, socket.create_server(("127.0.0.1", 0)) as silent:
        seed = "{}:{}".format(*silent.getsockname())
        asking = subprocess.Popen([*MDHT, "connect", seed, "-d", str(tmp_path)], stderr=subprocess.PIPE)
        with RemoteNode(tmp_path) as remote:
            deadline = time.monotonic() + 20
            while not remote.stats().api.waiting:
                assert time.monotonic() < deadline
        asking.send_signal(signal.SIGINT)
        _, err = asking.communicate(timeout=20)
        assert (asking.returncode, err) == (130, b"mdht: interrupted\n")


def test_a_network_to_try_things_out(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [*MDHT, "testnet", "-n", "3", "--dir", str(tmp_path), "--json"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        first, _, last = (node["data_dir"] for node in ready["nodes"])
        key = mdht("put", "hello", "-d", first).stdout.decode().strip()
        assert mdht("get", key, "-d", last).stdout == b"hello"
        child.terminate()
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.communicate()


def on_a_terminal(*args: str) -> tuple[int, str]:
    """Exit code and what a terminal of 80 columns is sent."""
    terminal, inside = pty.openpty()
    termios.tcsetwinsize(inside, (40, 80))
    env = {**os.environ, "TERM": "xterm"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        env.pop(name, None)
    child = subprocess.Popen(
        [*MDHT, *args], stdin=inside, stdout=inside, stderr=inside, env=env, start_new_session=True
    )
    os.close(inside)
    data = b""
    try:
        while select.select([terminal], [], [], 50)[0]:
            try:
                more = os.read(terminal, 65_536)
            except OSError:  # Linux, once the other end is closed
                break
            if not more:
                break
            data += more
        return child.wait(20), data.decode()
    finally:
        os.close(terminal)
        child.kill()
        child.wait()


def plain(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "").split("\n")


def test_on_a_terminal(tmp_path: Path) -> None:
    with running(tmp_path) as (_, ready), Node() as other:
        other.connect(ready["address"])
        for args in (("peers",), ("stats",), ("doctor",), ("get", "nothing")):
            _, text = on_a_terminal(*args, "-d", str(tmp_path))
            lines = [line for line in plain(text) if str(tmp_path) not in line]  # a long path is not broken
            assert max(map(len, lines)) <= 80, (args, text)
        binary = mdht("put", "-", "-d", tmp_path, stdin=b"\x1b[31m\0").stdout.decode().strip()
        code, text = on_a_terminal("get", binary, "-d", str(tmp_path))
        assert code == 0 and "\x1b[31m" not in text and "--output" in text
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "file").write_bytes(os.urandom(3_000_000))
        code, text = on_a_terminal("share", str(folder), "-d", str(tmp_path))
        assert code == 0 and "Shared 1 file" in text
        quiet = on_a_terminal("share", str(folder), "-d", str(tmp_path), "--quiet")[1]
        assert re.fullmatch(r"[0-9a-f]{64}\r\n", quiet)
        assert mdht("share", folder, "-d", tmp_path).stderr.count(b"\n") == 1  # no bar


def test_a_thin_command_is_thin(tmp_path: Path) -> None:
    heavy = ("OpenSSL", "cryptography", "ipc", "asyncio", "mdht.services", "mdht.model", "rich", "lmdb", "psutil")
    code = (
        "import sys; from mdht.cli import entry; code = entry(sys.argv[1:]); "
        f"print(code, [name for name in {heavy} if name in sys.modules])"
    )
    with running(tmp_path) as _:
        for args in (["id"], ["peers"], ["stats"], ["put", "x", "--replicas", "1"]):
            command = [sys.executable, "-c", code, *args, "-d", str(tmp_path)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=50)
            assert done.stdout.splitlines()[-1] == "0 []", args


def test_a_shell_completes() -> None:
    done = mdht(_MDHT_COMPLETE="bash_complete", COMP_WORDS="mdht do", COMP_CWORD="1")
    assert done.stdout == b"plain,doctor\n"
