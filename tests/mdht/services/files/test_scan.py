"""What is seen of a folder before it is shared: all of it, in the order of an index, and all that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mdht.errors import BadShare
from mdht.files import EntryKind
from mdht.files.limits import PATH_NAMES
from mdht.files.names import order
from mdht.services.files import scan as file_scan
from mdht.services.files.scan import scan


def made(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())


def test_in_the_order_of_an_index(tmp_path: Path) -> None:
    made(tmp_path, "a/b", "a-b", "a.b", "b", "a/c/d", "a/c-d", "Z", "é")
    (tmp_path / "a" / "empty").mkdir()
    found = scan(str(tmp_path))
    paths = [seen.path for seen in found.seen()]
    assert paths == sorted(paths, key=order)
    assert paths[:5] == [b"Z", b"a/b", b"a/c/d", b"a/c-d", b"a/empty"]
    assert (found.entries, found.files, found.is_folder) == (9, 8, True)
    assert found.size_bytes == sum(
        len(path.encode()) for path in ("a/b", "a-b", "a.b", "b", "a/c/d", "a/c-d", "Z", "é")
    )
    found.close()


def test_a_folder_with_nothing_but_links_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    os.symlink("x", tmp_path / "a" / "b" / "link")
    found = scan(str(tmp_path))
    assert [(seen.kind, seen.path) for seen in found.seen()] == [(EntryKind.FOLDER, b"a/b")]
    assert found.skipped == ["a/b/link: a symbolic link"]
    found.close()


def test_all_that_cannot_be_read_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "a", "b/c", "b/d", "e/f", "g")
    real_open, real_scandir = os.open, os.scandir

    def no_open(path: Any, *more: Any) -> int:
        if os.path.basename(path) in (b"a", b"d"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *more)

    def no_scandir(path: Any) -> Any:
        if os.path.basename(path) == b"e":
            raise PermissionError(13, "Permission denied")
        return real_scandir(path)

    monkeypatch.setattr(file_scan.os, "open", no_open)
    monkeypatch.setattr(file_scan.os, "scandir", no_scandir)
    with pytest.raises(BadShare) as caught:
        scan(str(tmp_path))
    assert caught.value.faults == ("a: Permission denied", "b/d: Permission denied", "e: Permission denied")
    assert "nothing was sent" in str(caught.value)


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder that is empty again afterwards: pytest removes its own recursively, and not all that deep."""
    yield tmp_path
    found = [os.fspath(tmp_path)]
    for folder in found:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    found.append(entry.path)
                else:
                    os.unlink(entry.path)
    for folder in reversed(found[1:]):
        os.rmdir(folder)


def test_hundreds_of_folders_deep(deep: Path) -> None:
    tmp_path = deep
    deepest = tmp_path.joinpath(*["d"] * PATH_NAMES)
    deepest.mkdir(parents=True)
    found = scan(str(tmp_path))
    assert [seen.path.count(b"d") for seen in found.seen()] == [PATH_NAMES]
    found.close()
    (deepest / "e" / "f").mkdir(parents=True)
    with pytest.raises(BadShare, match="256 folders deep") as caught:
        scan(str(tmp_path))
    assert len(caught.value.faults) == 1
    made(deepest, "file")
    with pytest.raises(BadShare, match="257 names") as caught:
        scan(str(tmp_path))


def test_what_is_told_is_bounded(tmp_path: Path) -> None:
    for number in range(150):
        os.symlink("x", tmp_path / f"{number}")
    found = scan(str(tmp_path))
    assert (len(found.skipped), found.skipped_total) == (100, 150)
    found.close()
