"""A process that has no descriptor left: a launch raises `OSError`, leaks nothing, and works again later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ipc

ROOT = Path(ipc.__file__).parents[1]

PROGRAM = """
import gc, json, os, resource, sys
from ipc import IpcError, launch
from tests.live.footprint import Footprint, until
from tests.live.services import Echo

def open_up_to(spare, soft):
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        for descriptor in taken[len(taken) - spare:]:
            os.close(descriptor)
    return taken[:len(taken) - spare]

def main(placement):
    with launch(Echo(), "process+zmq") as echo:
        assert echo.call(1) == 1
    with launch(Echo(), placement) as echo:
        assert echo.call(1) == 1
    before = Footprint.take()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    outcomes = []
    for spare in range(30):
        taken = open_up_to(spare, 256)
        try:
            with launch(Echo(), placement) as echo:
                outcomes.append("works" if echo.call(1) == 1 else "wrong")
        except BaseException as error:
            outcomes.append("OSError" if isinstance(error, OSError) else repr(error))
        finally:
            for descriptor in taken:
                os.close(descriptor)
        more = []
        def back():
            gc.collect()
            more[:] = Footprint.take().more_than(before)
            return not more
        try:
            until(back, 5.0, "back")
        except AssertionError:
            outcomes.append(f"leak with {spare} spare: {more}")
            break
    with launch(Echo(), placement) as echo:
        outcomes.append("works later" if echo.call(1) == 1 else "wrong")
    print(json.dumps(outcomes), flush=True)

if __name__ == "__main__":
    main(sys.argv[1])
"""


@pytest.mark.parametrize("placement", ["coroutine", "thread", "thread+pipe", "process", "process:2@g"])
def test_out_of_descriptors(placement: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), placement],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert outcomes[-1] == "works later"
    outcomes.pop()
    failed = [outcome for outcome in outcomes if outcome != "works"]
    assert set(failed) == {"OSError"}, failed
    assert len(failed) < 30, "with thirty descriptors it works"
    assert outcomes[: len(failed)] == failed, "with more descriptors it does not get worse"
