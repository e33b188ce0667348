"""`scripts/demo` on small folders: what it says, what it leaves, how it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mdht

from .footprint import descendants, running, until

SCRIPT = Path(mdht.__file__).parents[1] / "scripts" / "demo_run.py"


def demo(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """It runs in a directory of its own, with `tmp_path / "tmp"` for what it makes."""
    (tmp_path / "tmp").mkdir()
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        text=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    (made / "in").mkdir(parents=True)
    (made / "large").write_bytes(os.urandom(300_000))
    (made / "in" / "empty").touch()
    (made / "in" / "nàme with\nnewline").write_text("small")
    (made / "link").symlink_to("large")
    return made


def test_it_survives_the_kills(tmp_path: Path, folder: Path) -> None:
    with demo(tmp_path, "folder", "--nodes", "4", "--json") as process:
        out, err = process.communicate(timeout=50)
    assert process.returncode == 0, err
    told = json.loads(out)
    assert told["same"] is True
    assert (told["files"], told["size_bytes"], told["skipped"]) == (3, 300_005, 1)
    assert (told["nodes"], told["killed"], told["replicas"]) == (4, [0, 2], 3)
    assert [(one["node"], one["after_kills"], one["same"]) for one in told["fetches"]] == [
        (1, False, True),
        (3, True, True),
    ]
    assert 0 < told["first_answer_s"] <= told["recovered_s"]
    assert len(told["idle_memory_bytes"]) == 4 and min(told["busy_memory_bytes"]) > 0
    assert "any 2 nodes may die" in err and "disk" in err and str(tmp_path / "tmp") in err
    assert "\x1b" not in err, "no bars where nobody looks"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_table_and_what_is_kept(tmp_path: Path, folder: Path) -> None:
    with demo(tmp_path, str(folder), "--nodes=3", "--kill=1", "--store=memory", "--keep") as process:
        out, err = process.communicate(timeout=50)
    assert process.returncode == 0, err
    for word in ("3 files", "2 replicas", "killed (SIGKILL)", "time to recover", "memory of a node", "kept in"):
        assert word in out
    (kept,) = (tmp_path / "tmp").iterdir()
    assert (kept / "fetched-after-kills" / "large").read_bytes() == (folder / "large").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing",), "does not exist"),
        (("file",), "is not a folder"),
        (("empty",), "no files in"),
        ((".",), "another TMPDIR"),
        (("--nodes", "2"), "3 to 64"),
        (("--kill", "7"), "1 to 6"),
        (("--replicas", "9"), "1 to 8"),
        (("--nodes=30", "--kill=25"), "one more than are killed"),
        (("",), "an empty name"),
    ],
    ids=str,
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "empty" / "folder").mkdir(parents=True)
    (tmp_path / "file").touch()
    with demo(tmp_path, *arguments) as process:
        out, err = process.communicate(timeout=50)
    assert (process.returncode, out) == (2, "")
    assert said in err and "Traceback" not in err
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_ended_half_way(tmp_path: Path, folder: Path, number: signal.Signals) -> None:
    with demo(tmp_path, str(folder), "--nodes", "3", "--kill", "1") as process:
        assert process.stderr is not None
        try:
            while "Sharing" not in (line := process.stderr.readline()):
                assert line, "it ended before it shared"
            below = descendants(process.pid)
            process.send_signal(number)
            out, err = process.communicate(timeout=40)
        finally:
            process.kill()
    assert process.returncode == (130 if number == signal.SIGINT else -number), err
    assert out == "" and "Traceback" not in err
    assert ("ended by SIGINT" in err) == (number == signal.SIGINT)
    until(lambda: not running(below), 30.0, "no node is left")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import demo_parts  # type: ignore[import-not-found]
    import demo_parts.folder
    import demo_parts.options
    import demo_parts.room

    assert isinstance(demo_parts, ModuleType)
    return demo_parts


def test_every_difference_is_found(parts: ModuleType, folder: Path, tmp_path: Path) -> None:
    files = parts.folder.listing(str(folder))
    steps: list[int] = []
    original = parts.folder.digests(files, steps.append)
    assert sum(steps) == files.total_bytes
    parts.folder.copied(files, str(tmp_path / "copy"), steps.append)
    assert not parts.folder.compared(original, str(tmp_path / "copy"), steps.append)
    (tmp_path / "copy" / "large").write_bytes(b"other")
    (tmp_path / "copy" / "in" / "empty").rename(tmp_path / "copy" / "new")
    found = parts.folder.compared(original, str(tmp_path / "copy"), steps.append)
    assert (found.missing, found.other, found.extra) == ((b"in/empty",), (b"large",), (b"new",))
    assert str(found) == "missing: 'in/empty'; with another SHA-256: 'large'; not in the original: 'new'"


def test_what_cannot_be_read_is_named(parts: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not path.endswith(b"large"))
    with pytest.raises(parts.folder.Unusable, match=r"large' cannot be read"):
        parts.folder.listing(str(folder))


def test_room(parts: ModuleType, tmp_path: Path) -> None:
    options = parts.options.read(["--store", "memory"])
    parts.room.check(parts.room.need(options, 1000, False), str(tmp_path))
    with pytest.raises(parts.room.NoRoom, match=r"of disk, and .* has"):
        parts.room.check(parts.room.Need(1 << 60, 0), str(tmp_path))
    with pytest.raises(parts.room.NoRoom, match="of memory"):
        parts.room.check(parts.room.Need(0, 1 << 60), str(tmp_path))
    larger = parts.room.need(parts.options.read(["--store", "lmdb"]), 1 << 30, True)
    assert larger.disk > 6 * (1 << 30) and larger.memory < 1 << 30


def test_two_kills_leave_a_replica(parts: ModuleType) -> None:
    options = parts.options.read([])
    assert (options.nodes, options.killed, options.replicas, options.folder) == (8, [0, 2], 3, "")
    assert parts.options.read(["--kill", "4"]).killed == [0, 2, 3, 4]
