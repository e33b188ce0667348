"""Launching and closing leaves nothing behind: the short run of `scripts/leaks.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ipc

SCRIPT = Path(ipc.__file__).parents[1] / "scripts" / "leaks.py"

ROUNDS = {"inline": 100, "coroutine": 100, "thread": 100, "thread+zmq": 100, "process": 15, "process+zmq": 15}


@pytest.mark.parametrize("spawner", ROUNDS)
def test_launches_and_closes_leave_nothing(spawner: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--spawner", spawner, "--count", str(ROUNDS[spawner]), "--slack", "12"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
