"""Eight senders, 25,000 commands each, while the service is moved through all placements: everything answered once, in
order.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from ipc import Client, launch
from ipc.placement import all_pairs

from .ledger import Ledger

SENDERS, COMMANDS, MOVES = 8, 25_000, 44


def by_call(client: Client, sender: int, first: int, count: int) -> None:
    for number in range(first, first + count):
        assert client.call((sender, number), timeout=60) == number


def by_call_many(client: Client, sender: int, first: int, count: int) -> None:
    numbers = list(range(first, first + count))
    assert client.call_many([(sender, number) for number in numbers], timeout=60) == numbers


def by_future(client: Client, sender: int, first: int, count: int) -> None:
    futures = [client.future((sender, number), timeout=60) for number in range(first, first + count)]
    assert [future.result(60) for future in futures] == list(range(first, first + count))


def by_cast(client: Client, sender: int, first: int, count: int) -> None:
    for number in range(first, first + count):
        client.cast((sender, number), timeout=60)


WAYS: list[Callable[[Client, int, int, int], None]] = [by_call, by_call_many, by_future, by_cast]


class Progress:
    """How far all senders are together; a move waits for its turn, and senders wait for the moves that are due."""

    def __init__(self) -> None:
        self._done = 0
        self._moves = 0
        self._changed = threading.Condition()

    def step(self, count: int) -> None:
        """So many more were answered; wait while the next move is overdue, so that moves and load stay interleaved."""
        with self._changed:
            self._done += count
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._done <= (self._moves + 1) * self._span(), 120)

    def moved(self) -> None:
        with self._changed:
            self._moves += 1
            self._changed.notify_all()

    def wait_for_move(self, move: int) -> None:
        """Wait until the load has come to where this move belongs."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._done >= move * self._span() // 2, 120)

    @staticmethod
    def _span() -> int:
        return SENDERS * COMMANDS // MOVES + SENDERS * 50


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_or_reordered(seed: int) -> None:
    dice = random.Random(seed)
    route = all_pairs() * (MOVES // len(all_pairs()))
    dice.shuffle(route)
    progress = Progress()
    failures: list[BaseException] = []

    def send(client: Client, sender: int, way: Callable[[Client, int, int, int], None]) -> None:
        try:
            for first in range(0, COMMANDS, 50):
                way(client, sender, first, 50)
                progress.step(50)
        except BaseException as error:
            failures.append(error)

    with launch(Ledger(), "inline") as client:
        threads = [
            threading.Thread(target=send, args=(client, sender, WAYS[sender % len(WAYS)])) for sender in range(SENDERS)
        ]
        for thread in threads:
            thread.start()
        for number, placement in enumerate(route):
            progress.wait_for_move(number)
            client.move(placement)
            progress.moved()
        for thread in threads:
            thread.join(120)
        assert not failures
        assert not any(thread.is_alive() for thread in threads)
        assert client.call("counts", timeout=60) == dict.fromkeys(range(SENDERS), COMMANDS)
        stats = client.stats()
        assert stats.errors == stats.lost == stats.late == stats.expired == 0
        assert stats.calls == SENDERS * COMMANDS + 1
