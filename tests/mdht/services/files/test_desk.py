"""A window of bytes: first come, first served, and nothing lost when somebody gives up."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.loops.virtual import run
from mdht.services.files.desk import Disk, Window


def test_first_come_first_served() -> None:
    async def main() -> None:
        window = Window(100)
        order: list[int] = []

        async def one(number: int, size: int) -> None:
            await window.take(size)
            order.append(number)

        await window.take(90)
        tasks = [asyncio.ensure_future(one(number, size)) for number, size in enumerate((80, 5, 10))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert order == [], "the small ones wait behind the large one"
        window.give(90)
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2]
        assert window.used_bytes == 95

    run(main())


def test_what_is_larger_than_the_window_has_it_alone() -> None:
    async def main() -> None:
        window = Window(100)
        await window.take(500)
        waiting = asyncio.ensure_future(window.take(1))
        await asyncio.sleep(1)
        assert not waiting.done()
        window.give(500)
        await waiting
        assert window.used_bytes == 1

    run(main())


def test_who_gives_up_leaves_no_gap() -> None:
    async def main() -> None:
        window = Window(100)
        await window.take(100)
        first, second = (asyncio.ensure_future(window.take(60)) for _ in range(2))
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.sleep(1)
        window.give(100)
        await second
        assert window.used_bytes == 60
        third = asyncio.ensure_future(window.take(60))
        await asyncio.sleep(1)
        window.give(60)
        third.cancel()  # at the moment at which it gets its bytes
        with pytest.raises(asyncio.CancelledError):
            await third
        assert window.used_bytes == 0

    run(main())


@given(st.lists(st.integers(1, 150), max_size=30))
def test_never_more_than_the_window(sizes: list[int]) -> None:
    async def main() -> None:
        window = Window(100)

        async def one(size: int) -> None:
            await window.take(size)
            assert window.used_bytes <= max(100, size)
            await asyncio.sleep(size / 100)
            window.give(size)

        await asyncio.gather(*map(one, sizes))
        assert window.used_bytes == 0

    run(main())


def test_a_disk_on_a_loop_of_virtual_time_runs_in_place() -> None:
    async def main() -> None:
        disk = Disk(asyncio.get_running_loop())
        disk.hold()
        assert await disk.run(sum, [1, 2]) == 3
        with pytest.raises(ZeroDivisionError):
            await disk.run(lambda: 1 // 0)
        disk.release()

    run(main())
