"""Parts of a store on disk: one is opened, after its records were divided anew; what waits is divided likewise."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ...model import address_in
from ...store import CannotReshard, MemoryStore, PartsUnclear, Store, StoreLimits
from ...store.parts import first_address, part_of, part_path, share_of
from .parts import address_of, divide, when_free

LIVE_S: Final = 5.0
"""A division that may take longer is left to the next start: what is put meanwhile waits, half a timeout at most."""

LIVE_BOUND_S: Final = 40.0
"""It is given up then, before whoever moves the service does."""


async def open_part(
    path: str, shard: int, parts: int, limits: StoreLimits, loop: asyncio.AbstractEventLoop
) -> tuple[Store, ThreadPoolExecutor, int]:
    """A part of the store in a directory, divided into `parts` before (0: as many as there are), the helper thread that
    alone writes to it, and how many parts there are. Raises what `store.lmdb.settle` and `LmdbStore` raise.
    """
    from ...store.lmdb import Layout, LmdbStore, read_layout

    layout = read_layout(path)
    parts = parts or layout.parts
    if shard >= parts:
        raise PartsUnclear(path, f"it has {parts} parts, and number {shard} is asked for")
    helper = ThreadPoolExecutor(1, thread_name_prefix="mdht-store")
    try:

        async def open_it() -> Store:
            if layout != Layout(parts):
                await loop.run_in_executor(helper, lambda: divide(path, parts, within_s=LIVE_BOUND_S))
            return LmdbStore(part_path(path, shard, parts), share_of(limits, parts))

        return await when_free(open_it), helper, parts
    except BaseException:
        helper.shutdown()
        raise


def divided_states(path: str, states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """What waits, by its new part. Records in memory go along; those on disk are divided by the first of the new parts
    that opens. Raises CannotReshard.
    """
    if path:
        from ...store.lmdb import division_s

        needed_s = division_s(path)
        if needed_s > LIVE_S:
            raise CannotReshard(path, count, f"it might take {needed_s:.0f} s, and what is put waits meanwhile")
    divided: list[dict[str, Any]] = [{} for _ in range(count)]
    for part, state in enumerate(divided):
        before = states[part_of(first_address(part, count), len(states))]
        state.update(_parts=count, _recent=before["_recent"], _puts={}, _forgets={}, _timer=None, _timer_s=-1)
        state["_last_put"] = max(one["_last_put"] for one in states)
        state["_memory"] = None if path else MemoryStore()
    for held in () if path else (one for before in states for one in before["_memory"]):
        divided[part_of(address_in(held.packed), count)]["_memory"].adopt(held)
    number = 0
    for before in states:
        for token, serve in before["_puts"].values():
            number += 1
            divided[part_of(address_of(serve), count)]["_puts"][-number] = (token, serve)
        for token, forget in before["_forgets"].values():
            number += 1
            divided[part_of(forget.address, count)]["_forgets"][-number] = (token, forget)
    return divided
