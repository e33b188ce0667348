"""One question to several peers at once, and the search that takes over when something is out of the ordinary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mdht.codec import Verdict
from mdht.errors import LinkClosed, Rejected
from mdht.routing import Lookup, LookupConfig
from mdht.services.api.fan import Fan
from mdht.services.api.operation import Operation
from mdht.services.api.search import Search
from mdht.services.commands import Kept, Put
from mdht.services.roster import Known

STORED = Kept(int(Verdict.STORED))
TARGET = bytes(32)


def at(distance: int) -> Known:
    """The peer at this distance from the target; its record is its name."""
    return Known(distance.to_bytes(32, "big"), b"%d" % distance)


def number(peer: Known) -> int:
    return int.from_bytes(peer.id, "big")


class Put3:
    """A put to the peers at 10, 20 and 30, where 40 and 50 are known, too. For the running loop."""

    def __init__(self, patience_s: float = 60.0) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended: list[tuple[Any, Any]] = []
        self.tell: dict[int, Callable[[Any, Exception | None], None]] = {}
        self.closest: tuple[Known, ...] | None = None
        self.searches = 0
        self.operation = Operation(
            self.loop, 1, object(), self.loop.time() + 60, lambda one, value, error: self.ended.append((value, error))
        )
        self.fan = Fan(
            self.loop, self.operation, [at(10), at(20), at(30)], self.ask, self.take_over, patience_s, self.done
        )

    def ask(self, peer: Known, then: Callable[[Any, Exception | None], None]) -> None:
        assert number(peer) not in self.tell, "nobody is asked twice"
        self.tell[number(peer)] = then

    def take_over(self) -> tuple[Search, Lookup[Known, Any]]:
        self.searches += 1
        lookup: Lookup[Known, Any] = Lookup(
            TARGET,
            [at(distance) for distance in (10, 20, 30, 40, 50)],
            self.loop.time(),
            config=LookupConfig(parallel=3, wanted=3, grace_s=0.0),
        )

        def no_value(packed: tuple[bytes, ...]) -> None:
            raise Rejected("a record")

        def asking(peer: Known, question: Any, search: Search) -> None:
            self.ask(
                peer, lambda value, error: search.answered(peer, value) if error is None else search.failed(peer, error)
            )

        search = Search(
            self.loop,
            lookup,
            Put(b"record"),
            asking,
            no_value,
            lambda packed: [at(int(one)) for one in packed],
            lambda result: self.done(result.closest, search.errors),
        )
        return search, lookup

    def done(self, closest: tuple[Known, ...], errors: list[Exception]) -> None:
        assert self.closest is None, "once"
        self.closest = closest

    def close(self) -> None:
        self.operation.cancel()


def test_all_as_usual() -> None:
    async def main() -> None:
        put = Put3()
        assert sorted(put.tell) == [10, 20, 30]
        for distance in (30, 10, 20):
            put.tell[distance](STORED, None)
        assert put.closest == (at(10), at(20), at(30))
        assert put.searches == 0
        put.close()

    asyncio.run(main())


def test_one_fails_and_the_next_is_asked_instead() -> None:
    async def main() -> None:
        put = Put3()
        put.tell[10](STORED, None)
        put.tell[20](None, LinkClosed("it", "gone"))
        assert sorted(put.tell) == [10, 20, 30, 40]
        put.tell[30](STORED, None)
        put.tell[40](STORED, None)
        assert put.closest == (at(10), at(30), at(40))
        assert put.searches == 1
        put.close()

    asyncio.run(main())


def test_nearer_ones_are_asked_as_well() -> None:
    async def main() -> None:
        put = Put3()
        put.tell[20](Kept(int(Verdict.STORED), peers=(b"5",)), None)
        assert 5 in put.tell
        for distance in (10, 30, 5):
            put.tell[distance](STORED, None)
        assert put.closest is not None
        assert put.closest[:3] == (at(5), at(10), at(20))
        put.close()

    asyncio.run(main())


def test_somebody_is_slow() -> None:
    async def main() -> None:
        put = Put3(patience_s=0.0)
        put.tell[10](STORED, None)
        while not put.searches:
            await asyncio.sleep(0)
        put.tell[20](STORED, None)
        put.tell[30](STORED, None)
        assert put.closest == (at(10), at(20), at(30)), "its answer counts, though it was late"
        put.close()

    asyncio.run(main())


def test_nothing_comes_of_it_when_the_operation_is_over() -> None:
    async def main() -> None:
        put = Put3()
        put.operation.end("value")
        put.tell[10](None, LinkClosed("it", "gone"))
        put.tell[20](STORED, None)
        assert put.ended == [("value", None)]
        assert (put.closest, put.searches) == (None, 0)

    asyncio.run(main())
