"""A program that forgets to close its services ends by itself, soon, with exit code 0 and nothing on stderr."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import ipc

from .footprint import running, until

ROOT = Path(ipc.__file__).parents[1]
ENDS_WITHIN_S = 3.0

_SLOW = re.compile(r"^Executing .* took [0-9.]+ seconds\n", re.MULTILINE)
"""What an event loop in debug mode (`-X dev`) says on a loaded machine."""

HEAD = """
import json, os
from ipc import Service, Supervisor, launch
from tests.live.footprint import descendants
from tests.live.services import AsyncEcho, Echo

def say():
    print(json.dumps(sorted(descendants())), flush=True)
"""

FORGET = {
    placement: f"""
client = launch(Echo(), {placement!r})
assert client.call(1) == 1
say()
"""
    for placement in (
        "inline",
        "coroutine",
        "coroutine+zmq",
        "thread",
        "thread+pipe",
        "thread+zmq",
        "process",
        "process+zmq",
    )
}
FORGET["all of them, in a function"] = """
def main():
    tree = Supervisor().open()
    for placement in ("inline", "coroutine", "thread", "thread:2@t", "process", "process+zmq", "process:2@g"):
        tree.add(placement, AsyncEcho() if placement != "inline" else Echo(), placement)
        assert tree.client(placement).call(1) == 1
    say()
main()
"""
FORGET["with futures and casts outstanding"] = """
clients = [launch(Echo(), placement) for placement in ("coroutine", "thread", "process", "process+zmq")]
futures = [client.future(number) for client in clients for number in range(1000)]
for client in clients:
    client.cast("nobody waits")
say()
"""
FORGET["after an event loop"] = """
import asyncio
from ipc import alaunch
async def main():
    global clients
    clients = [await alaunch(Echo(), placement) for placement in ("coroutine", "thread", "process", "process+zmq")]
    for client in clients:
        assert await client.acall(1) == 1
    say()
asyncio.run(main())
"""
FORGET["by sys.exit"] = """
import sys
client = launch(Echo(), "process")
assert client.call(1) == 1
say()
sys.exit(0)
"""


def run(source: str, directory: Path, *options: str) -> tuple[int, str, list[int], float]:
    """Run a program: its exit code, what it said on stderr, the processes it had, and the seconds it took to end."""
    path = directory / "program.py"
    path.write_text(f"{HEAD}\nif __name__ == '__main__':\n{textwrap.indent(source, '    ')}")
    process = subprocess.Popen(
        [sys.executable, *options, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=directory,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    said = time.monotonic()
    try:
        _, errors = process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
    errors = _SLOW.sub("", errors)
    return process.returncode, errors, json.loads(line or "[]"), time.monotonic() - said


@pytest.mark.parametrize("how", FORGET)
def test_a_program_that_forgets_to_close(how: str, tmp_path: Path) -> None:
    code, errors, pids, took_s = run(FORGET[how], tmp_path, "-X", "dev", "-W", "error")
    assert errors == ""
    assert code == 0
    assert took_s < ENDS_WITHIN_S
    until(lambda: not running(pids), 2.0, f"no process is left: {running(pids)}")


def test_a_thread_that_is_busy_does_not_keep_the_interpreter(tmp_path: Path) -> None:
    source = """
from tests.live.services import Sleeper
client = launch(Sleeper(), "thread")
future = client.future(3600.0, timeout=3600)
say()
import threading
threading.Timer(0.2, client.close).start()
"""
    code, errors, _, took_s = run(source, tmp_path)
    assert code == 0
    assert "left behind" in errors
    assert "Traceback" not in errors
    assert took_s < 12.0
