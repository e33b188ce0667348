"""`mdht top` on a terminal: a pseudo-terminal whose other end is read here (pty(7))."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mdht
from mdht.cli.exits import DONE, NO_NODE

from .test_cli_control import Running

ROOT = Path(mdht.__file__).parents[1]
LEFT = "\x1b[?25h\x1b[?1049l"
"""The cursor is back, and so is the screen from before."""


class Terminal:
    """`mdht top` in a terminal of its own."""

    def __init__(self, data_dir: Path, width: int, height: int, *arguments: str) -> None:
        self.mine, self.its = pty.openpty()
        self.resize(width, height)
        self.before = termios.tcgetattr(self.its)
        self.seen = ""
        command = [sys.executable, "-m", "mdht", "top", "-d", str(data_dir), *arguments]
        terminal = (
            "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", terminal, *command],
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm"},
            stdin=self.its,
            stdout=self.its,
            stderr=self.its,
            start_new_session=True,
        )

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.its, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, keys: bytes) -> None:
        os.write(self.mine, keys)

    def until(self, *texts: str) -> str:
        """What was written since the last call, up to where all these are in it."""
        seen, ends_s = "", time.monotonic() + 30
        while not all(text in seen for text in texts):
            assert time.monotonic() < ends_s, f"{texts} not in {seen!r}"
            if select.select([self.mine], [], [], 1.0)[0]:
                seen += os.read(self.mine, 1 << 16).decode(errors="replace")
        self.seen += seen
        return seen

    def ended(self) -> int:
        """Its exit code; the terminal is as it was."""
        self.until(LEFT)
        code = self.process.wait(20)
        assert termios.tcgetattr(self.its) == self.before
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait(20)
        os.close(self.mine)
        os.close(self.its)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path, '[services]\nstore = "process"\n')
    try:
        yield one
    finally:
        one.end()


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    made: list[Terminal] = []
    yield made
    for one in made:
        one.close()


def test_it_is_drawn_at_once_and_answers_keys(node: Running, terminals: list[Terminal]) -> None:
    """Long before the first interval is over; at any size, which may change."""
    screen = Terminal(node.path, 80, 30, "-i", "60")
    terminals.append(screen)
    first = screen.until("listener", "Process", "q quit")
    assert "Placement" in first and str(node.process.pid) in first and "\x1b[?1049h" in first
    screen.until("served 0/s")  # and rates soon after it
    screen.press(b"c")
    screen.until("[c CPU]")
    screen.resize(40, 10)
    assert "Placement" not in screen.until("more  q quit", "sort").rpartition("Service")[2]
    screen.press(b"\x1b[6~")
    screen.until("↑7")
    screen.press(b"q")
    assert screen.ended() == DONE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_give_the_terminal_back(node: Running, terminals: list[Terminal], number: signal.Signals) -> None:
    screen = Terminal(node.path, 80, 24)
    terminals.append(screen)
    screen.until("q quit")
    if number is signal.SIGINT:
        screen.press(b"\x03")
    else:
        screen.process.send_signal(number)
    assert screen.ended() == DONE


def test_a_node_that_goes_and_comes_back(tmp_path: Path, terminals: list[Terminal]) -> None:
    node = Running(tmp_path, "")
    try:
        screen = Terminal(node.path, 100, 24, "-i", "0.2")
        terminals.append(screen)
        screen.until(f"pid {node.process.pid}")
        node.process.kill()
        node.end()
        screen.until("the node is gone")
        node = Running(tmp_path, "")
        screen.until(f"pid {node.process.pid}")
        screen.press(b"q")
        assert screen.ended() == DONE
    finally:
        node.end()


def test_a_service_that_stands_still_is_marked(node: Running, terminals: list[Terminal]) -> None:
    """Keys are answered all the while."""
    (store,) = node.row("store")["pids"]
    screen = Terminal(node.path, 80, 24, "-i", "0.2")
    terminals.append(screen)
    screen.until("served 0/s")
    os.kill(store, signal.SIGSTOP)
    try:
        screen.until("store silent", "stopped")
        screen.press(b"n")
        screen.until("[n name]")
        screen.until("numbers are old")
    finally:
        os.kill(store, signal.SIGCONT)
    screen.until("served 0/s")
    screen.press(b"q")
    assert screen.ended() == DONE


def test_no_node(tmp_path: Path) -> None:
    """Told by the exit code, and on the terminal that was there."""
    command = [sys.executable, "-m", "mdht", "top", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == NO_NODE and LEFT not in done.stdout
