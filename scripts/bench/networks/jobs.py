"""Which node begins what: puts at each node in turn, gets at nodes that do not hold the value themselves."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

from networks.base import REPLICAS, Get, Put, value_of


@dataclass(frozen=True, slots=True)
class Stored:
    """A value that some put of this process was acknowledged for, and the nodes of this process to get it from."""

    number: int
    key: object
    value: bytes
    askers: tuple[int, ...]


def puts(seed: str, first: int, count: int, nodes: int) -> list[Put]:
    """Values `first` and on, each begun at the next node."""
    return [Put(number, number % nodes, value_of(seed, number)) for number in range(first, first + count)]


def askers(target: int, own: Sequence[int], everybody: Sequence[int], putter: int) -> tuple[int, ...]:
    """Nodes of this process (ids `own`) that are neither the putter nor among the closest to the target of all."""
    holders = set(heapq.nsmallest(REPLICAS, everybody, key=lambda one: one ^ target))
    return tuple(number for number, one in enumerate(own) if number != putter and one not in holders)


def gets(stored: Sequence[Stored], count: int, draw: random.Random, again: bool = True) -> list[Get]:
    """Gets of what is stored, in random order, each time round from another node; at most once each if not `again`."""
    known = [one for one in stored if one.askers]
    draw.shuffle(known)
    if not again:
        count = min(count, len(known))
    jobs: list[Get] = []
    turn = 0
    while known and len(jobs) < count:
        for one in known[: count - len(jobs)]:
            node = one.askers[(turn + one.number) % len(one.askers)]
            jobs.append(Get(one.number, node, one.key, one.value))
        turn += 1
    return jobs
