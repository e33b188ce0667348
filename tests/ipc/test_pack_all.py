"""With IPC_PACK_ALL=1 every channel packs, so a test run inline finds what a process would refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCRIPT = """
import threading
from ipc import NotSendable, ServiceError, launch
from tests.ipc.services import Counter, Echo, Raiser, Unregistered, Unsendable

def refused(send):
    try:
        send()
    except NotSendable as error:
        return str(error).partition(";")[0]
    return "was not refused"

if __name__ == "__main__":
    with launch(Echo(), PLACE) as client:
        mutable = [1, 2]
        print(client.call(mutable) is mutable, client.call(mutable) == mutable)
        print(refused(lambda: client.call({"lock": threading.Lock()})))
        print(refused(lambda: client.cast(threading.Lock())))
        print(refused(lambda: client.future(threading.Lock())))
        print(refused(lambda: client.call_many([1, threading.Lock()])))
        print(client.call("goes on"))
    with launch(Raiser(), PLACE) as client:
        try:
            client.call("unregistered")
        except (Unregistered, ServiceError) as error:
            print(type(error).__name__)
    with launch(Unsendable(), PLACE) as client:
        client.call("lock")
        print(refused(lambda: client.move("coroutine+queue" if PLACE == "thread+queue" else "thread+queue")))
"""


def run(place: str, pack_all: str) -> list[str]:
    environment = {**os.environ, "IPC_PACK_ALL": pack_all, "PYTHONPATH": str(ROOT)}
    script = f"PLACE = {place!r}\n{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("place", ["inline+none", "inline+queue", "coroutine+deque", "thread+queue"])
def test_what_a_process_would_refuse_is_refused(place: str) -> None:
    same, mapping, *refusals, on, error, move = run(place, "1")
    assert same == "False True"
    assert mapping == "dict['lock']: lock cannot be sent"
    assert len(refusals) == 3
    assert all("lock cannot be sent" in refusal for refusal in refusals)
    assert on == "goes on"
    assert error == "ServiceError"
    assert move == "Unsendable.guard: lock cannot be sent"


@pytest.mark.parametrize("value", ["", "0"])
def test_otherwise_objects_are_passed(value: str) -> None:
    same, *others = run("inline+none", value)
    assert same == "True True"
    assert others == ["was not refused"] * 4 + ["goes on", "Unregistered", "was not refused"]


def test_a_selection_of_the_other_tests() -> None:
    """What passes with objects passes with what packing makes of them."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    selection = "(inline or coroutine or thread) and (call or cast or future or ways or threads or values)"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-k", selection, "tests/ipc/test_client.py"],
        env={**os.environ, "IPC_PACK_ALL": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
