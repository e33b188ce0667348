"""Services defined in a script: children import them where it is a file; elsewhere they are refused, with why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ipc

ROOT = Path(ipc.__file__).parents[1]

SCRIPT = """
import os
import sys
from dataclasses import dataclass
from ipc import PlacementError, Service, Supervisor, launch, sendable

@sendable("script.order")
@dataclass(frozen=True)
class Order:
    item: str

class Shop(Service):
    def __init__(self, name):
        self.name = name
    def start(self):
        self.sold = []
    def call(self, order):
        self.sold.append(order)
        return [os.getpid() == int(os.environ["MAIN_PID"]), self.name, order]

class Outer:
    class Inner(Service):
        def call(self, command):
            return command

def main():
    os.environ["MAIN_PID"] = str(os.getpid())
    for placement in ("process", "process+zmq", "process:1@g"):
        with launch(Shop("corner"), placement) as shop:
            assert shop.call(Order("tea")) == [False, "corner", Order("tea")], placement
            shop.move("thread")
            assert shop.call(Order("jam")) == [True, "corner", Order("jam")], placement
            shop.move(placement)
            assert shop.call(Order("rum")) == [False, "corner", Order("rum")], placement
        with launch(Outer.Inner(), placement) as inner:
            assert inner.call(1) == 1
    class Local(Service):
        def call(self, command):
            return command
    try:
        launch(Local(), "process")
    except PlacementError as error:
        assert "inside a function" in str(error), error
    else:
        raise AssertionError("a class in a function was accepted")
    print("works", flush=True)

if __name__ == "__main__":
    main()
"""

REFUSED = """
from ipc import PlacementError, Service, launch
class Echo(Service):
    def call(self, command):
        return command
for placement in ("process", "process+zmq", "process:2@g"):
    try:
        launch(Echo(), placement)
    except PlacementError as error:
        print(error)
with launch(Echo(), "thread") as echo:
    assert echo.call(1) == 1
    try:
        echo.move("process")
    except PlacementError as error:
        print(error)
    assert echo.call(1) == 1
"""


def run(
    arguments: list[str], directory: Path, text: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        input=text,
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("how", "method"),
    [
        ("path", "forkserver"),
        ("-m", "forkserver"),
        ("-m of a package", "forkserver"),
        ("package", "forkserver"),
        ("path", "spawn"),
    ],
)
def test_classes_of_a_script(how: str, method: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "script.py").write_text(SCRIPT)
    (package / "__main__.py").write_text(SCRIPT)
    arguments = {
        "path": [str(tmp_path / "script.py")],
        "-m": ["-m", "script"],
        "-m of a package": ["-m", "pack.script"],
        "package": ["-m", "pack"],
    }[how]
    done = run(arguments, tmp_path, IPC_START_METHOD=method)
    assert (done.returncode, done.stdout, done.stderr) == (0, "works\n", "")


@pytest.mark.parametrize("how", ["-c", "stdin"])
def test_a_main_without_a_file_is_refused(how: str, tmp_path: Path) -> None:
    done = run(["-c", REFUSED], tmp_path) if how == "-c" else run(["-"], tmp_path, REFUSED)
    assert done.stderr == ""
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert "__main__ without a file" in line
        assert "thread+queue" in line, "the refusal names placements that work"
