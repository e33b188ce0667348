"""Commands for one shard by its number, and shards that know theirs."""

from __future__ import annotations

from typing import Any

import pytest

from ipc import Point, Service, Shard, Supervisor
from ipc.channels.port import shard_of


class Numbered(Service):
    """A command is the number of the shard that it is for."""

    shard_key = staticmethod(lambda command: Shard(command))

    def call(self, command: Any) -> int:
        return self.shard

    @staticmethod
    def reshard(states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        return [{} for _ in range(count)]


def test_a_number_is_not_hashed() -> None:
    assert [shard_of(Shard(number), 4) for number in range(6)] == [0, 1, 2, 3, 0, 1]
    assert {shard_of(number, 4) for number in range(40)} == {0, 1, 2, 3}
    assert shard_of(2, 4) == shard_of(2, 4)


def test_a_point_lies_in_the_range_of_a_shard() -> None:
    assert [shard_of(Point(point), 3) for point in (0, 0x55555555, 0x55555556, 0xAAAAAAAA, 0xAAAAAAAB, 0xFFFFFFFF)] == [
        0, 0, 1, 1, 2, 2
    ]  # fmt: skip
    assert shard_of(Point(0xFFFFFFFF), 1) == 0


@pytest.mark.parametrize("placement", ["inline", "thread:3", "process:3", "process:3+zmq", "process:3@group"])
def test_each_command_at_its_shard(placement: str) -> None:
    count = 1 if placement == "inline" else 3
    with Supervisor() as tree:
        tree.add("numbered", Numbered(), placement)
        client = tree.client("numbered")
        assert client.call_many(list(range(6))) == [number % count for number in range(6)]


def test_numbers_after_a_move() -> None:
    with Supervisor() as tree:
        tree.add("numbered", Numbered(), "process:2")
        client = tree.client("numbered")
        tree.move("numbered", "thread:4")
        assert client.call_many([0, 1, 2, 3]) == [0, 1, 2, 3]
