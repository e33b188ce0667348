"""Dividing a store anew: nothing is lost, nothing is doubled, and what was interrupted goes on."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import mdht
from mdht.store import (
    CannotReshard,
    PartsUnclear,
    ReshardNoRoom,
    ReshardStopped,
    StoreCorrupt,
    StoreInUse,
    StoreUnavailable,
)
from mdht.store.lmdb import Layout, LmdbStore, PartsReader, data_paths, division_s, read_layout, settle
from mdht.store.lmdb import reshard as module
from mdht.store.lmdb import store as store_module
from mdht.store.lmdb.layout import dividing, write_layout
from mdht.store.reshard import Progress

from ..making import DAY_S, NOW_S, owned, quick_directory
from .dividing import accounts, check_indices, everything, fill, records


@pytest.fixture
def path() -> Iterator[str]:
    with quick_directory() as directory:
        yield os.path.join(directory, "store")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "RAW_PAGE", 16)


class Stop(Exception):
    """Where a process would have been killed."""


def names(path: str) -> set[str]:
    return {one for one in os.listdir(os.path.dirname(path)) if not one.endswith((".lock", ".parts"))}


def test_up_and_down(path: str) -> None:
    fill(path, 1, records(1, 500))
    before = everything(path)
    for parts in (2, 4, 3, 1):
        seen: list[Progress] = []
        assert settle(path, parts, seen.append)
        assert read_layout(path) == Layout(parts)
        assert everything(path) == before
        assert names(path) == {os.path.basename(one) for one in data_paths(path)}
        assert len(data_paths(path)) == parts
        done = [one.done for one in seen]
        assert done == sorted(done) and seen[-1] == Progress(parts, len(before), len(before))
        assert not settle(path, parts, seen.append)
    check_indices(path)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 999), size=st.integers(0, 120), course=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_any_course(seed: int, size: int, course: list[int]) -> None:
    with quick_directory() as directory:
        path = os.path.join(directory, "store")
        fill(path, 1, records(seed, size), seed)
        before = everything(path)
        for parts in course:
            settle(path, parts)
        assert everything(path) == before
        if size:
            check_indices(path)


def test_accounts_are_those_of_a_store_that_was_never_divided(path: str) -> None:
    fill(path, 1, records(3, 300))
    with LmdbStore(path) as store:
        before = accounts(store)
    settle(path, 3)
    settle(path, 1)
    with LmdbStore(path) as store:
        assert accounts(store) == before


@pytest.mark.parametrize("parts", [(1, 2), (2, 1), (3, 4)], ids=lambda parts: f"{parts[0]} to {parts[1]}")
def test_stopped_at_every_step(path: str, parts: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page, mark, sync and removal in turn; then it is gone on with, or given up."""
    old, new = parts
    if old > 1:
        write_layout(path, Layout(old))
    fill(path, old, records(5, 120))
    before, home = everything(path), os.path.dirname(path)
    left = 0

    def step(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stop

    def stepping(function: Callable[..., None]) -> Callable[..., None]:
        def stepped(*args: object) -> None:
            step()
            function(*args)
            step()

        return stepped

    for name in ("write_layout", "sync_directory", "count_division", "_empty"):
        monkeypatch.setattr(module, name, stepping(getattr(module, name)))
    stops = 0
    shutil.copytree(home, home + ".copy")
    try:
        for at in range(1, 99):
            left = at
            try:
                settle(path, new, step)
                break
            except Stop:
                stops += 1
            assert everything(path) == before, f"stopped at step {at}"
            left = 0
            settle(path, (new, old)[at % 2])
            assert everything(path) == before, f"stopped at step {at} and gone on with"
            assert read_layout(path) == Layout((new, old)[at % 2])
            assert names(path) == {os.path.basename(one) for one in data_paths(path)}
            shutil.rmtree(home)
            shutil.copytree(home + ".copy", home)
        else:
            pytest.fail("it never ended")
    finally:
        shutil.rmtree(home + ".copy")
    assert stops > 20


def test_it_goes_on_from_where_it_was(path: str) -> None:
    fill(path, 1, records(7, 400))
    before, stop = everything(path), threading.Event()

    def until_half(progress: Progress) -> None:
        if 2 * progress.done > progress.total:
            stop.set()

    with pytest.raises(ReshardStopped, match="goes on"):
        settle(path, 2, until_half, stop=stop)
    assert read_layout(path) == Layout(1, becoming=2) and everything(path) == before
    with pytest.raises(CannotReshard, match="restart"):
        settle(path, 2, within_s=0.0)
    seen: list[Progress] = []
    settle(path, 2, seen.append)
    assert 2 * seen[0].done >= seen[0].total - 32 and everything(path) == before


def test_what_was_begun_is_not_gone_on_with_once_records_changed(path: str) -> None:
    fill(path, 1, records(9, 200))
    stop = threading.Event()
    stop.set()
    with pytest.raises(ReshardStopped):
        settle(path, 2, stop=stop)
    assert not settle(path, 1) and names(path) == {"store"}
    with LmdbStore(path) as store:
        store.expire(NOW_S + 99 * DAY_S, 50)
        store.put(owned(b"new"), NOW_S)
    before = everything(path)
    settle(path, 2)
    assert everything(path) == before


def test_killed_at_random(path: str) -> None:
    """A process that divides, and a SIGKILL after a random number of pages, until one of them gets to the end."""
    draw, kills = random.Random(2), 0
    fill(path, 1, records(11, 600))
    before = everything(path)
    for parts in (2, 4, 1):
        while True:
            with subprocess.Popen(
                [sys.executable, "-m", "tests.mdht.store.lmdb.dividing", path, str(parts)],
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(mdht.__file__).parents[1],
            ) as process:
                assert process.stdout is not None
                for lines, line in enumerate(process.stdout):
                    if line == "done\n":
                        break
                    if kills < 6 * parts and lines >= draw.randrange(1, 30):
                        process.kill()
                        kills += 1
                        break
                process.stdout.read()
            assert everything(path) == before
            if read_layout(path) == Layout(parts):
                break
    assert kills > 3
    check_indices(path)


def test_a_new_store_has_as_many_parts_as_wanted(path: str) -> None:
    assert not settle(path, 3)
    assert read_layout(path) == Layout(3)
    assert not settle(path, 2) and not settle(path, 1)
    assert read_layout(path) == Layout(1)


def test_a_part_that_was_moved_away_is_empty(path: str) -> None:
    fill(path, 1, records(13, 200))
    settle(path, 2)
    before = everything(path)
    shutil.rmtree(path + ".0-of-2")
    settle(path, 3)
    assert everything(path) == {slot: held for slot, held in before.items() if slot >= b"\x80"}


def test_no_room(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 1, records(1, 50))
    usage = shutil.disk_usage(os.path.dirname(path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(ReshardNoRoom, match=r"divided into 2: that needs [\d,]+ bytes of disk and 1,000 are free"):
        settle(path, 2)
    assert read_layout(path) == Layout(1) and names(path) == {"store"}


def test_what_is_in_the_way(path: str) -> None:
    fill(path, 1, records(1, 50))
    os.mkdir(path + ".1-of-2")
    with pytest.raises(StoreUnavailable, match=r"store\.1-of-2 is in the way"):
        settle(path, 2)
    assert read_layout(path) == Layout(1) and os.path.isdir(path + ".1-of-2")


def test_files_that_are_not_ours_are_left(path: str, caplog: pytest.LogCaptureFixture) -> None:
    fill(path, 1, records(1, 50))
    Path(path, "notes").write_text("mine")
    settle(path, 2)
    assert Path(path + ".gone", "notes").read_text() == "mine" and "left behind" in caplog.text
    assert settle(path, 1) and read_layout(path) == Layout(1)


def test_in_use(path: str) -> None:
    fill(path, 1, records(1, 50))
    with LmdbStore(path), pytest.raises(StoreInUse):
        settle(path, 2)
    with dividing(path), pytest.raises(StoreInUse):
        settle(path, 2)
    assert settle(path, 2)


def test_damage_is_said_of_the_part_that_has_it(path: str) -> None:
    fill(path, 1, records(1, 50))
    with LmdbStore(path) as store:
        environment = store._environment
        txn = environment.begin_write()
        slot, held = store.raw_page(bytes(32), b"\xff" * 32)[7]
        txn.put(slot, replace(held, packed=b"\x09damaged").encode(), db=environment.databases.records)
        txn.commit()
        environment.end_write()
    with pytest.raises(StoreCorrupt) as caught:
        settle(path, 2)
    assert caught.value.path == os.path.realpath(path) or caught.value.path == path
    assert read_layout(path).parts == 1


@pytest.mark.parametrize(
    "text", ["", "parts=0 becoming=0 removing=0\n", "parts=2\n", "parts=5000 becoming=0 removing=0\n"]
)
def test_a_damaged_layout(path: str, text: str) -> None:
    Path(path + ".parts").write_text(text)
    with pytest.raises(PartsUnclear, match="damaged"):
        settle(path, 2)


def test_a_lost_layout(path: str) -> None:
    fill(path, 1, records(1, 50))
    settle(path, 2)
    os.unlink(path + ".parts")
    with pytest.raises(PartsUnclear, match=r"store\.0-of-2 is there"):
        read_layout(path)


def test_a_reader_follows(path: str) -> None:
    fill(path, 1, records(15, 200))
    before = everything(path)
    reader = PartsReader(path)
    gone = owned(b"written later")
    for parts in (1, 2, 4, 1, 2, 1):
        settle(path, parts)
        for slot, held in before.items():
            if len(slot) == 32 and held.until_s > NOW_S:
                assert reader.get(slot, NOW_S) == held
            elif held.until_s > NOW_S:
                assert held in reader.get_all(slot[:32], NOW_S)
    with LmdbStore(path) as store:
        store.put(gone, NOW_S)
        found = reader.get(gone.address, NOW_S)
        assert found is not None and found.record == gone
    reader.close()


def test_another_file_at_the_same_path_is_another_store(path: str) -> None:
    """Who still reads what was removed keeps nobody of the same process from what lies there now."""
    fill(path, 1, records(17, 50))
    fresh = owned(b"fresh")
    with LmdbStore(path, readonly=True) as old:
        settle(path, 2)
        settle(path, 1)
        with LmdbStore(path) as store:
            store.put(fresh, NOW_S)
            assert store.get(fresh.address, NOW_S) is not None
            assert old.get(fresh.address, NOW_S) is None
    with LmdbStore(path, readonly=True) as store:
        assert store.get(fresh.address, NOW_S) is not None


def test_estimate(path: str) -> None:
    assert division_s(path) == 0.0
    fill(path, 1, records(1, 200))
    assert 0.0 < division_s(path) < 1.0
