"""One LMDB store and several processes: the map grows under a reader, one may write, dead readers are cleared."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdht.store import StoreInUse

from .footprint import until
from .lmdb_process import LmdbProcess, kill
from .lmdb_writer import KEYS, NOW_S, open_store, record


def test_the_map_grows_under_a_reader(tmp_path: Path) -> None:
    directory = tmp_path / "store"
    with open_store(str(directory)) as store:
        store.put(record(0), NOW_S)
        with LmdbProcess("read", directory) as reader:
            assert reader.hear() == "open"
            for start in range(1, 6 * KEYS, 100):
                with store.begin_batch() as batch:
                    for number in range(start, start + 100):
                        batch.put(record(number), NOW_S)
            growths = store.stats().growths
            assert growths >= 2
            assert reader.end() == 0
            words = reader.hear().split()
            reads, seen_growths, records, map_bytes = (int(word) for word in words[1::2])
            assert reads > 0
            assert seen_growths >= 1
            assert records == KEYS
            assert map_bytes == store.stats().map_bytes
        with LmdbProcess("read", directory) as late:
            assert late.hear() == "open"
            assert late.end() == 0


def test_only_one_process_writes(tmp_path: Path) -> None:
    directory = tmp_path / "store"
    with LmdbProcess("hold", directory) as holder:
        assert holder.hear() == "open"
        with pytest.raises(StoreInUse) as caught:
            open_store(str(directory))
        assert caught.value.pid == holder.process.pid
        assert str(holder.process.pid) in str(caught.value)
        with open_store(str(directory), readonly=True) as store:
            assert store.stats().records == 0
        kill(holder.process.pid)
        holder.process.wait(10)
        open_store(str(directory)).close()


def test_a_dead_reader_is_cleared(tmp_path: Path) -> None:
    directory = tmp_path / "store"
    open_store(str(directory)).close()
    with LmdbProcess("read", directory) as dies, LmdbProcess("read", directory) as lives:
        assert dies.hear() == lives.hear() == "open"
        with open_store(str(directory), readonly=True) as store:
            until(lambda: store.stats().readers >= 3, 10, "both have read, and so have places")
        kill(dies.process.pid)
        dies.process.wait(10)
        with open_store(str(directory)) as store:  # were nobody left, LMDB would begin with an empty table
            assert store.stats().dead_readers == 1
        assert lives.end() == 0
