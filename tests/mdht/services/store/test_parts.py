"""Which part of a store service a command is for, scans over all of them, and the numbers of all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc import Client, Supervisor
from ipc.channels.port import shard_of
from mdht.config import Config
from mdht.errors import Malformed, OtherKind
from mdht.limits import STORE_BYTES
from mdht.model import Content, address_in
from mdht.services.clock import corrected
from mdht.services.commands import Get, GetAll, Have, HaveAll, Kept, Put, Serve
from mdht.services.store import writing as store_module
from mdht.services.store.commands import StoreNumbers
from mdht.services.store.parts import ask_all, part_for, scanned_on, total
from mdht.services.store.service import StoreService
from mdht.services.surroundings import Surroundings
from mdht.services.upkeep.commands import Renew, Scan
from mdht.store import MemoryStore, Region, StoreLimits, StoreStats
from mdht.store.parts import part_of, share_of
from tests.mdht.store.making import NOW_S, content, named, owned

PARTS = 3
addresses = st.binary(min_size=32, max_size=32)
counts = st.integers(1, 9)


@given(addresses, counts)
def test_questions_go_to_their_address(address: bytes, parts: int) -> None:
    for command in (Serve(Get(address)), Serve(GetAll(address)), Renew(address)):
        assert shard_of(part_for(command), parts) == part_of(address, parts)


@given(st.binary(min_size=1, max_size=50), counts)
def test_puts_go_to_their_address(value: bytes, parts: int) -> None:
    for record in (content(value), owned(value), named(value)):
        assert shard_of(part_for(Serve(Put(record.pack()))), parts) == part_of(address_in(record.pack()), parts)


def test_what_is_no_record_goes_anywhere() -> None:
    assert shard_of(part_for(Serve(Put(b"\x63rubbish"))), 7) == 0


@given(counts)
def test_numbers_are_asked_by_part(parts: int) -> None:
    assert [shard_of(part_for(StoreNumbers(part)), parts) for part in range(parts)] == list(range(parts))


@given(
    st.lists(st.tuples(st.sampled_from([content, owned, named]), st.integers(0, 60)), max_size=60),
    st.integers(1, 5),
    addresses,
    st.integers(0, 12),
    st.integers(1, 20),
    st.none() | addresses,
)
def test_a_scan_goes_through_all_parts_in_order(
    made: list[tuple[Callable[[bytes], Any], int]],
    parts: int,
    centre: bytes,
    bits: int,
    count: int,
    after: bytes | None,
) -> None:
    whole, divided = MemoryStore(), [MemoryStore() for _ in range(parts)]
    for make, number in made:
        record = make(b"%d" % number)
        whole.put(record, NOW_S)
        divided[part_of(address_in(record.pack()), parts)].put(record, NOW_S)
    region = Region.sharing(centre, bits)
    expected = [held.packed for held in whole.scan(NOW_S, region, after, 1000).held]
    found: list[bytes] = []
    scan = Scan(after, centre, bits, count)
    for _ in range(len(expected) + 2 * parts + 1):
        part = shard_of(part_for(scan), parts)
        page = divided[part].scan(NOW_S, region, scan.after, count)
        found += [held.packed for held in page.held]
        following = scanned_on(scan, page.after, part, parts)
        if following is None:
            break
        scan = replace(scan, after=following)
    else:
        pytest.fail("it does not end")
    assert found == expected


# -- numbers -----------------------------------------------------------------------------------------------------------


def numbers(parts: int, records: int = 1) -> StoreStats:
    return StoreStats(records, 100 * records, 1000, readers=3, parts=parts)


def test_the_total() -> None:
    both = total([numbers(2, 4), numbers(2, 5)])
    assert (both.records, both.bytes, both.limit_bytes, both.readers, both.parts) == (9, 900, 2000, 3, 2)
    one = StoreStats(**{field.name: 1 for field in fields(StoreStats)})
    assert total([one]) == one


def test_parts_are_asked_one_after_the_other() -> None:
    asked: list[int] = []
    told: list[Any] = []

    def ask(command: StoreNumbers, then: Callable[[Any, Exception | None], None]) -> None:
        asked.append(command.part)
        parts = 2 if len(asked) < 2 else 3  # it is divided after the first answer
        then(numbers(parts), None)

    ask_all(ask, lambda value, error: told.append((value, error)))
    assert asked == [0, 1, 0, 1, 2] and told[0][0].parts == told[0][0].records == 3


def test_the_first_error_is_the_answer() -> None:
    told: list[Any] = []
    ask_all(lambda command, then: then(None, Malformed("x", "y")), lambda value, error: told.append((value, error)))
    assert told[0][0] is None and isinstance(told[0][1], Malformed)


# -- the service -------------------------------------------------------------------------------------------------------


def divided(body: Callable[[Supervisor, Client], None], bounds: StoreLimits | None = None) -> None:
    with Supervisor() as tree:
        around = Surroundings()
        service = StoreService("mdht", "", STORE_BYTES, around, bounds, PARTS)
        tree.add("store", service, f"thread:{PARTS}")
        body(tree, tree.client("store"))


def test_parts_in_memory() -> None:
    def body(tree: Supervisor, client: Client) -> None:
        contents = [Content.make(b"%d" % number) for number in range(60)]
        for one in contents:
            assert isinstance(client.call(Serve(Put(one.pack()))), Kept)
        for one in contents:
            assert client.call(Serve(Get(one.address))) == Have(one.pack())
            assert client.call(Serve(GetAll(one.address))) == HaveAll((one.pack(),), 1)
        parts = [client.call(StoreNumbers(part)) for part in range(PARTS)]
        assert sum(one.records for one in parts) == 60 and all(one.records for one in parts)
        assert {one.limit_bytes for one in parts} == {STORE_BYTES // PARTS} and {one.parts for one in parts} == {PARTS}
        after, found = None, list[bytes]()
        while True:
            page = client.call(Scan(after, count=7))
            found += [one.address for one in page.held]
            after = page.after
            if after is None:
                break
        assert found == sorted(one.address for one in contents)
        with pytest.raises(OtherKind):
            client.call(Serve(Put(b"\x00")))

    divided(body)


def test_what_is_put_while_it_is_divided_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is being written, more waits, and the store moves: all of it is answered where it goes on."""
    writing, go_on = threading.Event(), threading.Event()
    real = store_module.write_all

    def write(*args: Any) -> Any:
        writing.set()
        assert go_on.wait(10)
        return real(*args)

    monkeypatch.setattr(store_module, "write_all", write)
    contents = [Content.make(b"%d" % number) for number in range(30)]
    with Supervisor() as tree, ThreadPoolExecutor(1) as pool:
        tree.add("store", StoreService("mdht", str(tmp_path / "store"), STORE_BYTES, Surroundings()), "thread")
        client = tree.client("store")
        futures = [client.future(Serve(Put(one.pack()))) for one in contents[:20]]
        assert writing.wait(10)
        moved = pool.submit(tree.move, "store", "thread:2")
        futures += [client.future(Serve(Put(one.pack()))) for one in contents[20:]]
        go_on.set()
        moved.result(20)
        assert all(isinstance(future.result(10), Kept) for future in futures)
        assert all(client.call(Serve(Get(one.address))) == Have(one.pack()) for one in contents)
        assert sum(client.call(StoreNumbers(part)).records for part in range(2)) == 30


def test_records_are_forgotten_in_time_after_a_division(tmp_path: Path) -> None:
    """Each part looks by itself for what is over, also one that nothing is put into any more."""
    around = corrected(Surroundings())
    assert around.offset is not None
    with Supervisor() as tree:
        tree.add("store", StoreService("mdht", str(tmp_path / "store"), STORE_BYTES, around), "thread")
        client = tree.client("store")
        for number in range(20):
            client.call(Serve(Put(Content.make(b"%d" % number).pack(), None, 60)))
        around.offset.publish(100.0)
        tree.move("store", "thread:2")
        for part in range(2):
            deadline = time.monotonic() + 10
            while client.call(StoreNumbers(part)).records:
                assert time.monotonic() < deadline, "they stay"
                time.sleep(0.02)


def test_memory_is_divided_along_with_what_it_keeps() -> None:
    def body(tree: Supervisor, client: Client) -> None:
        records = [Content.make(b"%d" % number) for number in range(50)]
        for record in records:
            client.call(Serve(Put(record.pack())))
        for placement, parts in (("thread:3", 3), ("process:2", 2), ("inline", 1)):
            tree.move("store", placement)
            held = [client.call(Serve(Get(record.address))) for record in records]
            assert [one.record for one in held] == [record.pack() for record in records]
            numbers = [client.call(StoreNumbers(part)) for part in range(parts)]
            assert sum(one.records for one in numbers) == 50 and all(one.records for one in numbers)
            assert {one.parts for one in numbers} == {parts}
            assert {one.limit_bytes for one in numbers} == {share_of(StoreLimits(STORE_BYTES), parts).total_bytes}

    divided(body)


# -- the configuration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("placement", "right"),
    [
        ("process:0", "count"),
        ("thread:0", "count"),
        ("inline:2", "without a count"),
        ("coroutine:2", "without a count"),
        ("process:5000", "count"),
    ],
)
def test_counts_that_cannot_be(placement: str, right: str) -> None:
    faults = Config(services={"store": placement}).validate()
    assert [key for key, _, _ in faults] == ["services.store.placement"]
    assert right in str(faults[0])


def test_published_stays_one() -> None:
    faults = Config(services={"published": "process:2"}).validate()
    assert [key for key, _, _ in faults] == ["services.published.placement"]


def test_parts_of_a_configuration() -> None:
    assert Config().store_parts == 1
    assert Config(services={"store": "process:4"}).store_parts == 4
    assert Config(services={"store": "thread:3"}).validate() == []
