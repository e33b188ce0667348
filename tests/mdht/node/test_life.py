"""Entered and closed."""

from __future__ import annotations

import asyncio

import pytest

from ipc import Closed
from mdht.errors import WrongState
from mdht.testnet import TestNet

from .nets import with_net


def test_a_node_is_entered_once() -> None:
    async def body(net: TestNet) -> None:
        node = net.make(5)
        with pytest.raises(WrongState, match="not entered"):
            await node.aget(b"x")
        async with node:
            with pytest.raises(WrongState):
                await node.astart()
        with pytest.raises(WrongState, match="closed"):
            await node.aget(b"x")
        await node.aclose()

    with_net(1, body)


def test_closing_with_requests_in_flight() -> None:
    async def body(net: TestNet) -> None:
        asking = [asyncio.ensure_future(net[1].aget(bytes([number]) * 32)) for number in range(20)]
        putting = [asyncio.ensure_future(net[1].aput(bytes([number]))) for number in range(20)]
        await asyncio.sleep(0.03)
        await net[1].aclose()
        for one in asking + putting:
            with pytest.raises(Closed):
                await one

    with_net(4, body)
