"""The store service by itself: faults of one put, what is over, what is scanned, what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ipc import Client, Supervisor
from ipc.loops.virtual import run
from mdht.errors import Expired, Malformed
from mdht.limits import CONTENT_LEASE_S, REPUBLISH_S
from mdht.model import Content, Identity, Kind, Signed
from mdht.services import Surroundings
from mdht.services.commands import Get, Have, Kept, Put, Serve
from mdht.services.store.commands import StoreNumbers
from mdht.services.store.service import StoreService
from mdht.services.store.writes import Write, write_all
from mdht.services.store.writing import FOR_EVER_S
from mdht.services.upkeep.commands import Forget, Remember, Scan, Scanned
from mdht.store import Batch, CommitFailed, MemoryStore, StoreCorrupt, Stored, StoreLimits

EPOCH_S = 1_800_000_000.0
WHO = Identity.from_seed(bytes(32))


def owned(
    value: bytes = b"v", *, key: bytes = b"k", sequence: int = 1, keep_s: int = 600, now_s: float = EPOCH_S
) -> Signed:
    expires_s = int(now_s) + keep_s
    return Signed.sign(WHO, "mdht", Kind.OWNED, key, value, sequence=sequence, expires_s=expires_s, now_s=now_s)


def with_store(body: Callable[[Client], Awaitable[Any]], bounds: StoreLimits | None = None) -> Any:
    """A store in memory, in virtual time."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        around = Surroundings(clock=lambda: EPOCH_S + loop.time(), chance=lambda count: bytes(count))
        async with Supervisor() as tree:
            await tree.aadd("store", StoreService("mdht", "", 1 << 30, around, bounds=bounds), "inline")
            client = await tree.aclient("store")
            try:
                return await body(client)
            finally:
                await client.aclose()

    return run(main())


# -- one fault is one put's --------------------------------------------------------------------------------------------


class Faulty(MemoryStore):
    """Some values cannot be written; `corrupt` ones end the batch, as damage in a file does."""

    def begin_batch(self) -> Batch:
        batch = super().begin_batch()
        put, commit = batch.put, batch.commit

        def faulty_put(record: Any, *args: Any, **options: Any) -> Any:
            if record.value == b"bad":
                raise Malformed("record", "it was made to be bad")
            if record.value == b"corrupt":
                batch.abort()
                raise StoreCorrupt("/somewhere", "a page")
            return put(record, *args, **options)

        def faulty_commit() -> Any:
            if self.full:
                batch.abort()
                raise CommitFailed("/somewhere", "No space left on device")
            return commit()

        batch.put, batch.commit = faulty_put, faulty_commit  # type: ignore[method-assign]
        return batch

    full = False


def writes(*values: bytes) -> list[Write]:
    return [Write(None, Content(value), None) for value in values]


@pytest.mark.parametrize(("value", "error"), [(b"bad", Malformed), (b"corrupt", StoreCorrupt)])
def test_one_that_fails_in_a_batch_fails_alone(value: bytes, error: type[Exception]) -> None:
    store = Faulty()
    outcomes = write_all(store, writes(b"one", value, b"two", b"three"), EPOCH_S)
    assert [type(one) for one in outcomes] == [Stored, error, Stored, Stored]
    for found in (b"one", b"two", b"three"):
        assert store.get(Content(found).address, EPOCH_S) is not None


def test_an_expired_one_in_a_batch_fails_alone() -> None:
    store = MemoryStore()
    batch = [Write(None, owned(key=b"1"), None), Write(None, owned(key=b"2", keep_s=5), None)]
    late = write_all(store, batch, EPOCH_S + 10)
    assert isinstance(late[0], Stored)
    assert isinstance(late[1], Expired)


def test_a_full_disk_fails_the_batch_and_nothing_else() -> None:
    store = Faulty()
    store.full = True
    with pytest.raises(CommitFailed, match="make room"):
        write_all(store, writes(b"one", b"two"), EPOCH_S)
    store.full = False
    assert all(isinstance(one, Stored) for one in write_all(store, writes(b"one", b"two"), EPOCH_S))


# -- expiry ------------------------------------------------------------------------------------------------------------


def test_what_is_over_is_removed_when_it_is_over() -> None:
    async def body(store: Client) -> None:
        async def records() -> int:
            stats = await store.acall(StoreNumbers())
            return int(stats.records)

        now = asyncio.get_running_loop().time
        for number, keep_s in enumerate((5_000, 100, 40, 100)):
            await store.acall(Serve(Put(owned(key=b"%d" % number, keep_s=keep_s, now_s=EPOCH_S + now()).pack())))
        assert await records() == 4
        await asyncio.sleep(39)
        assert await records() == 4
        await asyncio.sleep(3)
        assert await records() == 3
        await asyncio.sleep(60)
        assert await records() == 1
        await asyncio.sleep(4_900)
        assert await records() == 0

    with_store(body)


def test_an_idle_store_sleeps() -> None:
    async def body(store: Client) -> None:
        await store.acall(Serve(Put(Content(b"x").pack())))
        service: Any = store._port.senders[0].cell.service  # type: ignore[union-attr]
        looks = 0
        expire = service._expire

        def counted() -> None:
            nonlocal looks
            looks += 1
            expire()

        service._expire = counted
        await asyncio.sleep(CONTENT_LEASE_S + 10)
        assert looks <= CONTENT_LEASE_S / 3_600 + 2
        assert (await store.acall(StoreNumbers())).records == 0

    with_store(body)


def test_many_that_end_at_once_are_removed_in_parts() -> None:
    async def body(store: Client) -> None:
        for number in range(2_500):
            await store.acall(Serve(Put(Content(b"%d" % number).pack(), None, 60)))
        await asyncio.sleep(70)
        assert (await store.acall(StoreNumbers())).records == 0

    with_store(body)


# -- scans and what was put of late ------------------------------------------------------------------------------------


async def scanned(store: Client, **options: Any) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page: Scanned = await store.acall(Scan(after, count=7, **options))
        assert len(page.held) <= 7
        found += page.held
        after = page.after
        if after is None:
            return found


def test_a_scan_sees_everything_once_and_what_is_recent() -> None:
    async def body(store: Client) -> None:
        values = [b"%d" % number for number in range(50)]
        for value in values:
            await store.acall(Serve(Put(Content(value).pack())))
        await store.acall(Serve(Put(owned(keep_s=2_000_000).pack())))
        found = await scanned(store)
        assert sorted(one.record for one in found if one.lease) == sorted(b"\x01" + value for value in values)
        assert all(one.recent for one in found)
        assert {one.address for one in found if one.lease} == {Content(value).address for value in values}
        await asyncio.sleep(1.1 * REPUBLISH_S)
        await store.acall(Serve(Put(Content(b"7").pack())))
        assert [one.record for one in await scanned(store) if one.recent] == [b"\x017"]
        near = {one.record for one in found if one.address[0] >> 6 == 1}
        assert {one.record for one in await scanned(store, centre=b"\x40" + bytes(31), bits=2)} == near

    with_store(body)


# -- our own -----------------------------------------------------------------------------------------------------------

OWN = StoreLimits(owner_bytes=1 << 30, lease_s=FOR_EVER_S)


def test_what_is_remembered_stays_as_long_as_is_asked() -> None:
    async def body(store: Client) -> None:
        await store.acall(Remember(Content(b"for ever").pack()))
        await store.acall(Remember(Content(b"an hour").pack(), 3_600))
        await store.acall(Remember(owned(keep_s=7_200).pack()))
        assert len(await scanned(store)) == 3
        await asyncio.sleep(3_700)
        assert len(await scanned(store)) == 2
        await asyncio.sleep(40 * 86_400)
        assert [one.record for one in await scanned(store)] == [b"\x01for ever"]

    with_store(body, OWN)


def test_a_later_version_replaces_what_is_remembered_and_an_earlier_is_ignored() -> None:
    async def body(store: Client) -> None:
        for sequence in (1, 3, 2):
            await store.acall(Remember(owned(b"%d" % sequence, sequence=sequence).pack()))
        (one,) = await scanned(store)
        assert one.record == owned(b"3", sequence=3).pack()

    with_store(body, OWN)


def test_what_finds_no_room_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def body(store: Client) -> None:
        for number in range(60):
            await store.acall(Remember(Content(b"%d" % number + bytes(60_000)).pack()))
        assert 10 < len(await scanned(store)) < 60
        assert isinstance(await store.acall(Serve(Put(Content(b"7" + bytes(60_000)).pack()))), Kept)
        assert isinstance(await store.acall(Serve(Get(Content(b"7" + bytes(60_000)).address))), Have)

    with_store(body, StoreLimits(total_bytes=1 << 20, owner_bytes=1 << 20, lease_s=FOR_EVER_S))
    assert sum("not remembered" in record.getMessage() for record in caplog.records) == 1


def test_what_is_to_be_forgotten_while_the_store_moves(tmp_path: Path) -> None:
    """Each is answered, and gone, wherever the store was when it began."""

    async def main() -> None:
        async with asyncio.timeout(50), Supervisor() as tree:
            await tree.aadd("store", StoreService("mdht", str(tmp_path / "s"), 1 << 26, Surroundings()), "thread")
            client = await tree.aclient("store")
            for place in ("process", "thread", "process+zmq", "inline", "coroutine"):
                contents = [Content.make(f"{place} {number}".encode()) for number in range(100)]
                await asyncio.gather(*(client.acall(Serve(Put(one.pack()))) for one in contents))
                asked = [asyncio.ensure_future(client.acall(Forget(one.address, b""), 15.0)) for one in contents]
                await asyncio.sleep(0)
                await tree.amove("store", place, 15.0)
                await asyncio.gather(*asked)
                assert {await client.acall(Serve(Get(one.address))) for one in contents} == {None}

    asyncio.run(main())
