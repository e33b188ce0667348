"""What every transport promises, as checks that run on one loop. `Pair` is two ends that note what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mdht.transport import Listening, Transport, Wire


class Ear:
    """A receiver that notes everything."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.data = bytearray()
        self.writables = 0
        self.ends = 0
        self.changed = asyncio.Event()

    def received(self, data: bytes) -> None:
        assert data and not self.ends
        self.data += data
        self.changed.set()

    def writable(self) -> None:
        self.writables += 1
        self.changed.set()

    def ended(self) -> None:
        self.ends += 1
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class Pair:
    """Two ends, and where they met."""

    def __init__(self, a: Ear, b: Ear, listening: Listening) -> None:
        self.a, self.b, self.listening = a, b, listening

    async def close(self) -> None:
        self.listening.close()
        for ear in (self.a, self.b):
            ear.wire.abort()
        for ear in (self.a, self.b):
            await ear.until(lambda ear=ear: ear.ends > 0)  # type: ignore[misc]


async def pair(dialling: Transport, answering: Transport, host: str) -> Pair:
    """A dials B."""
    answered: asyncio.Queue[Ear] = asyncio.Queue()

    def begin(wire: Wire) -> Ear:
        ear = Ear(wire)
        answered.put_nowait(ear)
        return ear

    listening = await answering.listen(host, 0, begin)
    made: list[Ear] = []

    def dialled(wire: Wire) -> Ear:
        made.append(Ear(wire))
        return made[-1]

    wire = await dialling.dial(host, listening.port, dialled)
    assert made[0].wire is wire
    return Pair(made[0], await answered.get(), listening)


# -- the checks --------------------------------------------------------------------------------------------------------


async def both_ways_in_order(ends: Pair) -> None:
    sent = bytearray()
    for number in range(500):
        piece = bytes([number % 256]) * (1 + number * 7 % 300)
        sent += piece
        ends.a.wire.write(piece)
        ends.b.wire.write(piece)
    await ends.a.until(lambda: len(ends.a.data) >= len(sent))
    await ends.b.until(lambda: len(ends.b.data) >= len(sent))
    assert ends.a.data == sent == ends.b.data


async def close_flushes_and_both_are_told_once(ends: Pair) -> None:
    ends.a.wire.write(b"x" * 100_000)
    ends.a.wire.close()
    ends.a.wire.close()
    await ends.b.until(lambda: ends.b.ends > 0)
    await ends.a.until(lambda: ends.a.ends > 0)
    assert len(ends.b.data) == 100_000
    ends.a.wire.write(b"late")
    ends.b.wire.write(b"late")
    await asyncio.sleep(0.05)
    assert (ends.a.ends, ends.b.ends, bytes(ends.a.data)) == (1, 1, b"")


async def abort_ends_both(ends: Pair) -> None:
    ends.a.wire.abort()
    ends.a.wire.abort()
    await ends.a.until(lambda: ends.a.ends > 0)
    await ends.b.until(lambda: ends.b.ends > 0)
    await asyncio.sleep(0.05)
    assert (ends.a.ends, ends.b.ends) == (1, 1)


async def a_slow_reader_is_felt(ends: Pair) -> None:
    ends.b.wire.pause()
    ends.b.wire.pause()
    sent = 0
    while ends.a.wire.writable:
        ends.a.wire.write(b"y" * 65_536)
        sent += 65_536
        assert sent < 64 << 20, "nobody ever says that it is too much"
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert not ends.b.data
    ends.b.wire.resume()
    await ends.b.until(lambda: len(ends.b.data) == sent)
    await ends.a.until(lambda: ends.a.writables > 0)
    assert ends.a.wire.writable


async def who_reads_nothing_cannot_keep_a_closed_wire(ends: Pair) -> None:
    ends.b.wire.pause()
    while ends.a.wire.writable:
        ends.a.wire.write(b"z" * 65_536)
        await asyncio.sleep(0)
    ends.a.wire.close()
    await ends.a.until(lambda: ends.a.ends > 0)
    await asyncio.sleep(0.05)
    assert ends.a.ends == 1


async def who_was_let_in_is_told(ends: Pair) -> None:
    """Also where nobody is let in any more right after."""
    ends.listening.close()
    await ends.listening.settled()
    ends.a.wire.write(b"still here")
    await ends.b.until(lambda: bytes(ends.b.data) == b"still here")


async def says_where_the_other_is(ends: Pair) -> None:
    assert ends.a.wire.port == ends.listening.port
    assert ends.b.wire.host and ends.b.wire.port


CHECKS = [
    both_ways_in_order,
    close_flushes_and_both_are_told_once,
    abort_ends_both,
    a_slow_reader_is_felt,
    who_reads_nothing_cannot_keep_a_closed_wire,
    who_was_let_in_is_told,
    says_where_the_other_is,
]
