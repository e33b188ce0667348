"""Dividing a service anew: its states by its own `reshard`, its queued commands by key."""

from __future__ import annotations

from typing import Any

from ..channels.port import shard_of
from ..errors import MoveError
from ..service import Service
from .records import ServiceRecord


def new_states(record: ServiceRecord, states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The states of `count` shards. Raises `MoveError` where there is state and no `reshard` for it."""
    args, kwargs = record.parameters
    fresh = record.cls(*args, **kwargs)
    if record.cls.reshard is not Service.reshard:
        divided = fresh.reshard(states, count)
        if len(divided) != count:
            raise MoveError(f"{record.cls.__qualname__}.reshard gave {len(divided)} states; {count} were asked for")
        return [{**vars(fresh), **state} for state in divided]
    initial = dict(vars(fresh))
    if any(state != initial for state in states):
        raise MoveError(
            f"{record.cls.__qualname__} keeps state: define reshard(states, count) to divide it among {count}"
        )
    return [dict(initial) for _ in range(count)]


def deal(
    record: ServiceRecord, queues: list[list[Any]], count: int
) -> tuple[list[list[Any]], list[dict[int, list[int]]]]:
    """Queued runs by new shard, in order; and for each shard how many commands (and bytes) by port."""
    queued: list[list[Any]] = [[] for _ in range(count)]
    counts: list[dict[int, list[int]]] = [{} for _ in range(count)]
    key = record.cls.shard_key
    for runs in queues:
        for port, run, offset, deadline, chain, commands, _ in runs:
            for index, command in enumerate(commands, offset):
                shard = 0 if port == 0 else shard_of(key(command) if key is not None else None, count)
                queued[shard].append([port, run, index, deadline, chain, [command], 0])
                if port:
                    counts[shard].setdefault(port, [0, 0])[0] += 1
    return queued, counts
