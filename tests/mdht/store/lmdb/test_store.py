"""The store in a file: the conformance suite, the model, and LMDB's own ways. Other processes: see `tests/live`."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import pytest

from mdht.errors import LocalError, WrongState
from mdht.limits import VALUE_BYTES
from mdht.store import (
    CommitFailed,
    Store,
    StoreCorrupt,
    Stored,
    StoreFull,
    StoreInUse,
    StoreLimits,
    StoreTooNew,
    StoreUnavailable,
)
from mdht.store.lmdb import LmdbStore
from mdht.store.lmdb import environment as environments

from ..conformance import StoreConformance
from ..machine import StoreMachine, configured
from ..making import DAY_S, NOW_S, PEERS, content, cost, named, owned, quick_directory

SMALL = 64 << 10


@contextmanager
def open_quick(limits: StoreLimits) -> Iterator[Store]:
    with quick_directory() as directory, LmdbStore(directory, limits, first_map_bytes=SMALL) as store:
        yield store


class TestLmdbStore(StoreConformance):
    open_store = staticmethod(open_quick)


class LmdbMachine(StoreMachine):
    opened = staticmethod(open_quick)


TestLmdbModel = configured(LmdbMachine, 60)


@pytest.fixture
def path() -> Iterator[str]:
    with quick_directory() as directory:
        yield os.path.join(directory, "store")
    assert environments._environments == {}, "somebody did not let go"


# -- life --------------------------------------------------------------------------------------------------------------


def test_what_was_put_is_there_when_opened_again(path: str) -> None:
    with LmdbStore(path) as store:
        store.put(owned(), NOW_S, PEERS[0])
        store.put(content(b"x"), NOW_S)
        store.put(named(owner=3), NOW_S)
    assert os.stat(path).st_mode & 0o777 == 0o700
    assert all(os.stat(os.path.join(path, name)).st_mode & 0o777 == 0o600 for name in os.listdir(path))
    with LmdbStore(path) as store:
        assert len(store.scan(NOW_S).held) == 3
        assert store.stats().bytes == cost(owned()) + cost(content(b"x")) + cost(named())
        held = store.get(owned().address, NOW_S)
        assert held is not None
        assert held.putter == PEERS[0].peer


def test_commit_is_synchronous(path: str) -> None:
    with LmdbStore(path) as store:
        flags = store._environment._env.flags()
        assert flags["sync"]
        assert flags["metasync"]
        assert not flags["writemap"]


def test_readers_in_this_process_share_the_handle(path: str) -> None:
    with LmdbStore(path) as writer, LmdbStore(path, readonly=True) as reader:
        assert reader._environment is writer._environment
        writer.put(owned(), NOW_S)
        assert reader.get(owned().address, NOW_S) == writer.get(owned().address, NOW_S)
        for use in (reader.begin_batch, lambda: reader.put(owned(), NOW_S), lambda: reader.expire(NOW_S)):
            with pytest.raises(WrongState, match="reading only"):
                use()
        batch = writer.begin_batch()
        batch.put(named(), NOW_S)
        assert reader.get(named().address, NOW_S) is None, "not before the commit"
        batch.commit()
        assert reader.get(named().address, NOW_S) is not None


def test_a_reader_may_come_before_the_writer_and_stay_after_it(path: str) -> None:
    LmdbStore(path).close()
    with LmdbStore(path, readonly=True) as reader:
        with LmdbStore(path) as writer:
            writer.put(owned(), NOW_S)
        assert reader.get(owned().address, NOW_S) is not None
        with LmdbStore(path) as writer:
            writer.put(owned(sequence=2), NOW_S)
        held = reader.get(owned().address, NOW_S)
        assert held is not None
        assert held.record == owned(sequence=2)


def test_one_writer(path: str) -> None:
    with LmdbStore(path) as store:
        with pytest.raises(StoreInUse, match=f"process {os.getpid()} has") as caught:
            LmdbStore(path)
        assert caught.value.pid == os.getpid()
        assert isinstance(caught.value, LocalError)
        store.put(owned(), NOW_S)
    LmdbStore(path).close()


def test_a_batch_belongs_to_the_thread_that_began_it(path: str) -> None:
    with LmdbStore(path) as store:
        batch = store.begin_batch()
        errors: list[Exception] = []

        def elsewhere() -> None:
            for use in (lambda: batch.put(owned(), NOW_S), batch.commit, batch.abort):
                try:
                    use()
                except WrongState as error:
                    errors.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert len(errors) == 3
        batch.put(owned(), NOW_S)
        assert batch.commit() == [Stored(owned().expires_s)]


# -- growth ------------------------------------------------------------------------------------------------------------


def test_the_map_grows_in_the_middle_of_a_batch(path: str) -> None:
    with LmdbStore(path, first_map_bytes=SMALL) as store:
        records = [content(number.to_bytes(2, "big") * 2000) for number in range(500)]
        store.put(owned(), NOW_S)
        batch = store.begin_batch()
        verdicts = [batch.put(record, NOW_S, PEERS[0]) for record in records]
        assert batch.expire(NOW_S + DAY_S, count=100) != []
        assert batch.commit() == verdicts
        stats = store.stats()
        assert stats.growths >= 4
        assert stats.map_bytes >= stats.file_bytes > 2_000_000 - 400_000
        assert stats.records == 401
    with LmdbStore(path, first_map_bytes=SMALL) as store:
        assert store.stats().records == 401


def test_a_reading_thread_while_the_map_grows(path: str) -> None:
    """One: two that read without a pause hand the interpreter's lock to each other, and a third thread starves."""
    with LmdbStore(path, first_map_bytes=SMALL) as store:
        store.put(owned(), NOW_S)
        stop, began = threading.Event(), threading.Event()
        errors, reads = list[BaseException](), [0]

        def read() -> None:
            try:
                with LmdbStore(path, readonly=True) as reader:
                    while not stop.is_set():
                        assert reader.get(owned().address, NOW_S) is not None
                        reads[0] += 1 + len(reader.scan(NOW_S, count=5).held)
                        began.set()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        assert began.wait(20)
        for number in range(15):
            with store.begin_batch() as batch:
                for part in range(16):
                    batch.put(content(b"%d-%d" % (number, part) * 1500), NOW_S)
        stop.set()
        thread.join()
        assert errors == []
        assert store.stats().growths >= 4
        assert reads[0]


def test_the_map_has_a_limit_and_the_store_goes_on(path: str) -> None:
    big = bytes(VALUE_BYTES)
    with LmdbStore(path, first_map_bytes=SMALL, map_limit_bytes=1 << 20) as store:
        with store.begin_batch() as batch:
            verdicts = [batch.put(content(bytes([number]) + big[1:]), NOW_S) for number in range(30)]
            assert batch.put(owned(), NOW_S).holds, "a small one may still fit"
        stored = sum(isinstance(verdict, Stored) for verdict in verdicts)
        assert 5 < stored < 16
        assert all(isinstance(verdict, StoreFull) for verdict in verdicts[stored:])
        stats = store.stats()
        assert (stats.records, stats.map_bytes, stats.full) == (stored + 1, 1 << 20, 30 - stored)
        assert len(store.expire(NOW_S + DAY_S)) == stored + 1
        for _ in range(3):  # what was freed is used again two commits later
            verdict = store.put(content(b"new" + big[3:]), NOW_S + DAY_S)
        assert verdict.holds


def test_the_limit_may_show_at_the_commit_only(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with LmdbStore(path, first_map_bytes=1 << 20, map_limit_bytes=1 << 20) as store:
        store.put(owned(), NOW_S)
        batch = store.begin_batch()
        batch.put(owned(sequence=2), NOW_S)
        batch.put(owned(sequence=1), NOW_S)

        def full(*_: object) -> None:
            raise lmdb.MapFullError("mdb_txn_commit")

        monkeypatch.setattr("mdht.store.lmdb.batch.LmdbShelf.flush", full)
        verdicts = batch.commit()
        monkeypatch.undo()
        assert isinstance(verdicts[0], StoreFull)
        assert not verdicts[1].holds
        held = store.get(owned().address, NOW_S)
        assert held is not None
        assert held.record == owned()
        assert store.put(owned(sequence=2), NOW_S).holds


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond 2 MiB: a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more(path: str, small_files: None) -> None:
    with LmdbStore(path) as store, LmdbStore(path, readonly=True) as reader:
        store.put(owned(), NOW_S)
        batch = store.begin_batch()
        with pytest.raises(CommitFailed, match="nothing was stored"):
            for number in range(60):
                batch.put(content(bytes([number]) * VALUE_BYTES), NOW_S)
            batch.commit()
        assert batch.ended
        assert reader.stats().records == store.stats().records == 1
        assert store.put(owned(sequence=2), NOW_S).holds, "it goes on with what room there is"
        held = reader.get(owned().address, NOW_S)
        assert held is not None
        assert held.record == owned(sequence=2)


@pytest.mark.parametrize(("cause", "error"), [(lmdb.PanicError, CommitFailed), (lmdb.CorruptedError, StoreCorrupt)])
def test_the_file_is_opened_anew_after_a_failed_commit(
    path: str, monkeypatch: pytest.MonkeyPatch, cause: type[lmdb.Error], error: type[Exception]
) -> None:
    with LmdbStore(path) as store, LmdbStore(path, readonly=True) as reader:
        store.put(owned(), NOW_S)
        before = store._environment._env
        batch = store.begin_batch()
        batch.put(owned(sequence=2), NOW_S)

        def fails(*_: object) -> None:
            raise cause("mdb_txn_commit")

        monkeypatch.setattr("mdht.store.lmdb.batch.LmdbShelf.flush", fails)
        with pytest.raises(error):
            batch.commit()
        monkeypatch.undo()
        assert batch.ended
        assert store._environment._env is not before, "LMDB goes on after some errors only if it is opened again"
        held = reader.get(owned().address, NOW_S)
        assert held is not None
        assert held.record == owned()
        assert store.put(owned(sequence=2), NOW_S).holds


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(path: str) -> str:
    with LmdbStore(path) as store, store.begin_batch() as batch:
        for number in range(300):
            batch.put(content(b"%d" % number * 200), NOW_S)
    return path


def data_file(path: str) -> Path:
    return Path(path, environments.DATA_FILE)


def test_a_file_that_is_none(filled: str) -> None:
    data_file(filled).write_bytes(os.urandom(100_000))
    for readonly in (False, True):
        with pytest.raises(StoreCorrupt, match="move the directory away") as caught:
            LmdbStore(filled, readonly=readonly)
        assert caught.value.path == os.path.realpath(filled)


@pytest.mark.parametrize("size", [100, 4096, 40_960, 300_000])
def test_a_file_that_was_cut_off(filled: str, size: int) -> None:
    assert data_file(filled).stat().st_size > size
    os.truncate(data_file(filled), size)
    for readonly in (False, True):
        with pytest.raises(StoreCorrupt):
            LmdbStore(filled, readonly=readonly)


def test_a_file_that_cannot_be_looked_through(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    os.truncate(data_file(filled), 40_960)
    monkeypatch.setitem(sys.modules, "lmdb.verify", None)  # as in older versions
    with pytest.raises(StoreUnavailable, match="py-lmdb 3 or newer"):
        LmdbStore(filled)


def test_a_file_that_is_shorter_for_good_reason(path: str) -> None:
    with LmdbStore(path) as store:
        for number in range(6):
            with store.begin_batch() as batch:
                batch.put(owned(sequence=number + 1), NOW_S)
                for other in range(10):
                    batch.put(content(b"%d" % other * 200), NOW_S + number)
        with store.begin_batch() as batch:  # pages taken and given back in one transaction are never written
            for number in range(10):
                batch.put(content(bytes([number]) * VALUE_BYTES), NOW_S, lease_s=5)
            batch.expire(NOW_S + 5)
        env = store._environment._env
        needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
        expected = store.scan(NOW_S)
        with LmdbStore(path, readonly=True) as reader:
            assert reader.scan(NOW_S) == expected
    assert data_file(path).stat().st_size < needed
    with LmdbStore(path, readonly=True) as reader:
        assert reader.scan(NOW_S) == expected
    with LmdbStore(path) as store:
        assert store.scan(NOW_S) == expected
    assert data_file(path).stat().st_size == needed, "so that it is not looked through again"
    with LmdbStore(path) as store:
        assert store.put(owned(sequence=99), NOW_S).holds
        assert store.scan(NOW_S).held != expected.held


def test_pages_that_were_overwritten(filled: str) -> None:
    size = data_file(filled).stat().st_size
    with open(data_file(filled), "r+b") as file:
        file.seek(8192)
        file.write(os.urandom(size - 8192))
    with pytest.raises(StoreCorrupt):
        with LmdbStore(filled) as store:
            for number in range(300):
                store.get(content(b"%d" % number * 200).address, NOW_S)


def test_an_entry_that_was_overwritten(filled: str) -> None:
    with LmdbStore(filled) as store:
        one = content(b"7" * 200)
        environment = store._environment
        with environment._env.begin(write=True) as txn:
            txn.put(one.address, b"\x09rubbish", db=environment.databases.records)
        with pytest.raises(StoreCorrupt):
            store.get(one.address, NOW_S)
        with pytest.raises(StoreCorrupt):
            store.get_all(one.address, NOW_S)
        with pytest.raises(StoreCorrupt):
            store.put(one, NOW_S)
        assert store.put(owned(), NOW_S).holds, "the rest can be used"


def test_a_newer_form(path: str) -> None:
    with LmdbStore(path) as store:
        environment = store._environment
        with environment._env.begin(write=True) as txn:
            txn.put(b"form", b"\x02", db=environment.databases.meta)
    for readonly in (False, True):
        with pytest.raises(StoreTooNew, match="upgrade"):
            LmdbStore(path, readonly=readonly)


def test_nothing_to_read(path: str, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="there is no store"):
        LmdbStore(path, readonly=True)
    assert not os.path.exists(path)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(StoreUnavailable, match="check the path"):
        LmdbStore(file)
    lmdb.open(str(tmp_path / "other")).close()
    with pytest.raises(StoreUnavailable, match="no store was made in it yet"):
        LmdbStore(tmp_path / "other", readonly=True)


def test_all_places_for_readers_taken(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "READERS", 3)
    with LmdbStore(path) as store:
        store.put(owned(), NOW_S)
        environment = store._environment
        transactions = [environment.begin_read() for _ in range(3)]
        with pytest.raises(StoreUnavailable, match="places for readers"):
            store.get(owned().address, NOW_S)
        for txn in transactions:
            environment.end_read(txn)
        del txn, transactions
        assert store.get(owned().address, NOW_S) is not None
