"""Requests leave nothing to the garbage collector: what they are made of is freed when they end."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest

from mdht.model import Kind
from mdht.node import Node
from mdht.simulation import Simulation

from ..networks import with_network

TIMES = 10

Request = Callable[[list[Node], int], Awaitable[object]]


@pytest.fixture(autouse=True)
def by_hand() -> Iterator[None]:
    """No pass of the collector but ours."""
    gc.disable()
    yield
    gc.enable()


def put(nodes: list[Node], number: int) -> Awaitable[object]:
    return nodes[0].aput(b"put %d" % number)


def put_owned(nodes: list[Node], number: int) -> Awaitable[object]:
    return nodes[0].aput(b"put %d" % number, key=b"k")


def get_owned(nodes: list[Node], number: int) -> Awaitable[object]:
    return nodes[1].aget(b"k", kind=Kind.OWNED, owner=nodes[0].public)


def refresh(nodes: list[Node], number: int) -> Awaitable[object]:
    return nodes[2].arefresh()


async def get(nodes: list[Node], number: int) -> object:
    key = (await nodes[0].aput(b"get %d" % number)).key
    return await nodes[-1].aget(key)


@pytest.mark.parametrize("request_", [put, put_owned, get, get_owned, refresh])
def test_a_request_leaves_no_cycle(request_: Request) -> None:
    async def body(net: Simulation) -> int:
        nodes = net.nodes
        await nodes[0].aput(b"there", key=b"k")
        await request_(nodes, TIMES)
        gc.collect()
        for number in range(TIMES):
            await request_(nodes, number)
        return gc.collect()

    assert with_network(9, body) < TIMES, "less than one object for each: upkeep may have left some"
