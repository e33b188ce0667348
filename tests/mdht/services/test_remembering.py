"""A node with a disk remembers what is put before it says that it was put; one that cannot says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mdht.config import Config
from mdht.errors import MdhtError
from mdht.model import Kind
from mdht.node import Node
from mdht.store import CommitFailed
from mdht.store.lmdb import LmdbStore


def lmdb(path: Path) -> Config:
    return Config(data_dir=str(path), store="lmdb", door=False)


def test_in_memory_and_on_disk(tmp_path: Path) -> None:
    with Node() as other:
        for config in (Config(), lmdb(tmp_path)):
            with Node(config) as node:
                node.connect(other.address)
                assert node.put(b"content").remembered
                assert node.put(b"one", key=b"k").remembered
                assert node.put(b"two", key=b"k").remembered
                assert node.delete(b"k").remembered
                assert node.put(b"o", key=b"k", kind=Kind.OPEN).remembered
                for key, kind in ((b"k", Kind.OWNED), (b"k", Kind.OPEN)):
                    assert node.forget(key, kind=kind)
                    assert not node.forget(key, kind=kind)


def test_a_put_that_cannot_be_remembered_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = LmdbStore.begin_batch

    def full(self: LmdbStore) -> Any:
        if self.path.endswith("-own"):
            raise CommitFailed(self.path, "no space left on device")
        return begin(self)

    with Node() as other, Node(lmdb(tmp_path)) as node:
        node.connect(other.address)
        monkeypatch.setattr(LmdbStore, "begin_batch", full)
        done = node.put(b"content")
        assert (done.stored, done.remembered) == (2, False)
        monkeypatch.undo()
        assert node.put(b"content").remembered


def test_forgetting_what_is_not_there_and_errors_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Node(lmdb(tmp_path)) as node:
        assert not node.forget(bytes(32))

        def damaged(*_: Any) -> bool:
            raise CommitFailed("store-own", "no space left on device")

        monkeypatch.setattr(LmdbStore, "remove", damaged)
        with pytest.raises(MdhtError, match="no space left"):
            node.forget(bytes(32))
