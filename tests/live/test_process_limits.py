"""Open files of `mdht run` and of its child processes, and what it says where the system does not allow enough."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mdht.cli.process import files_needed
from mdht.config import Config

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are read by prlimit(2)")

LINKS = 700
CONFIG = f'listen = ["127.0.0.1:0"]\n[limits]\nlinks = {LINKS}\n[services]\nstore = "process+pipe"\n'


@contextmanager
def running(place: Path, soft: int, hard: int) -> Iterator[subprocess.Popen[str]]:
    """A node whose limits are these when it is started; ready."""
    place.mkdir(mode=0o700)
    (place / "config.toml").write_text(CONFIG)
    run = (
        f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "{sys.executable}" -m mdht run --json --until-eof -d "{place}"'
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(["sh", "-c", run], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as node:
        assert node.stdin is not None and node.stdout is not None and node.stderr is not None
        try:
            line = node.stdout.readline()
            assert line and json.loads(line)["ready"], node.stderr.read()
            yield node
        finally:
            node.stdin.close()  # at which it ends
            node.wait(20)


def ended(node: subprocess.Popen[str]) -> str:
    """Let it end; its log."""
    assert node.stdin is not None and node.stderr is not None
    node.stdin.close()
    return node.stderr.read()


def limits(pid: int) -> tuple[int, int]:
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)


def test_it_and_its_children_may_open_what_they_need(tmp_path: Path) -> None:
    needed = files_needed(Config.from_toml(CONFIG))
    with running(tmp_path / "node", 256, 4096) as node:
        assert limits(node.pid) == (needed, 4096)
        children = psutil.Process(node.pid).children(recursive=True)
        assert len(children) >= 1
        assert {child.rlimit(psutil.RLIMIT_NOFILE) for child in children} == {(needed, 4096)}
        assert "files may be open" not in ended(node)


def test_where_even_the_hard_limit_is_too_low_it_says_what_to_do(tmp_path: Path) -> None:
    needed = files_needed(Config.from_toml(CONFIG))
    with running(tmp_path / "node", 256, 512) as node:
        assert limits(node.pid) == (512, 512)
        command = [sys.executable, "-m", "mdht", "doctor", "--json", "-d", str(tmp_path / "node")]
        told = json.loads(subprocess.run(command, capture_output=True, timeout=50, check=False).stdout)
        (found,) = [one for one in told["checks"] if one["name"] == "open files"]
        assert found["state"] == "warn" and f"512 at most, {needed:,} needed for {LINKS} links" in found["text"]
        lines = [line for line in ended(node).splitlines() if "files may be open" in line]
    assert len(lines) == 1 and f"LimitNOFILE={needed}" in lines[0] and f"`ulimit -n {needed}`" in lines[0]
