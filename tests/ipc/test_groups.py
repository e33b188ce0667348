"""Shards and groups: commands by key, hosts that several services share, and services that stay beside each other."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from hashlib import blake2b
from typing import Any

import pytest

from ipc import NotSendable, PlacementError, Service, ServiceDied, Supervisor, launch
from ipc.channels.port import shard_of
from ipc.codec import dumps

from .services import Asker, Blocking, Counter, HostReport, Member, PerHost, Sharded, Stateless

KEYS = [f"key {number}" for number in range(60)]

# -- shards ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["inline:3", "coroutine:3", "coroutine:3+zmq", "thread:3", "thread:3+zmq", "process:3"]
)
def test_equal_keys_go_to_one_shard_in_order(place: str) -> None:
    with launch(Sharded(), place) as client:
        replies = client.call_many([[key, round_] for round_ in range(5) for key in KEYS])
        by_key: dict[str, list[Any]] = {}
        for index, reply in enumerate(replies):
            by_key.setdefault(KEYS[index % len(KEYS)], []).append(reply)
        for rows in by_key.values():
            assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
            assert len({tuple(row[1:]) for row in rows}) == 1
        assert len({tuple(row[1:]) for row in replies}) == 3
        futures = [client.future([key, 5]) for key in KEYS]
        assert [future.result(10.0)[0] for future in futures] == [6] * len(KEYS)
        for key in KEYS:
            client.cast([key, 6])
        assert [client.call([key, 7])[0] for key in KEYS] == [8] * len(KEYS)
        assert client.stats().calls == 8 * len(KEYS)


@pytest.mark.parametrize("place", ["thread:2", "process:2"])
def test_each_shard_has_a_host_of_its_own(place: str) -> None:
    with launch(Stateless(), place) as client:
        assert len({tuple(reply) for reply in client.call_many(KEYS)}) == 2


def test_the_shard_of_a_key_is_blake2() -> None:
    for key in (*KEYS, 5, b"bytes", ("a", 1), None, True, 2.5):
        digest = blake2b(dumps(key), digest_size=8).digest()
        assert shard_of(key, 7) == int.from_bytes(digest, "big") % 7


def test_the_shard_of_a_key_is_the_same_in_every_process() -> None:
    """`hash()` of text is not: it is salted anew for each."""
    script = "from ipc.channels.port import shard_of; print([shard_of(f'key {n}', 5) for n in range(60)])"
    expected = str([shard_of(key, 5) for key in KEYS])
    for seed in ("0", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected


def test_a_key_that_cannot_be_sent(tree: Supervisor) -> None:
    tree.add("sharded", Sharded(), "inline:2")
    with pytest.raises(NotSendable):
        tree.client("sharded").call([object(), 1])


def test_outlets_in_other_processes_choose_the_same_shards(tree: Supervisor) -> None:
    tree.add("sharded", Sharded(), "process:3+pipe")
    for place in ("inline", "coroutine", "thread", "process"):
        tree.add(place, Asker(), place, outlets={"sharded": "sharded"})
    for round_, place in enumerate(("inline", "coroutine", "thread", "process"), 1):
        client = tree.client(place)
        futures = [client.future(["sharded", [key, round_]]) for key in KEYS]
        assert [future.result(10.0)[0] for future in futures] == [round_] * len(KEYS)


@pytest.mark.parametrize("place", ["thread:2", "process:2", "inline:2", "coroutine:3+queue"])
def test_a_count_without_a_key(place: str) -> None:
    with pytest.raises(
        PlacementError, match="Counter has no shard_key, so commands cannot be dealt to shards"
    ) as caught:
        launch(Counter(), place)
    spawner = place.partition(":")[0]
    assert len(caught.value.legal) == 1
    assert caught.value.legal[0].startswith(f"{spawner}+")


def test_a_key_that_is_no_staticmethod() -> None:
    class Wrong(Service):
        def shard_key(self, command: Any, other: Any) -> Any:  # type: ignore[override]
            return command

        def call(self, command: Any) -> Any:
            return command

    with pytest.raises(TypeError, match="shard_key must be a staticmethod"):
        launch(Wrong(), "inline:2")


# -- groups ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["thread:4@g", "process:2@g"])
def test_small_services_share_hosts(group: str, tree: Supervisor) -> None:
    count = 40
    hosts = int(group.partition(":")[2].partition("@")[0])
    for number in range(count):
        tree.add(f"{number}", Member(), group)
    replies = [tree.client(f"{number}").call(number) for number in range(count)]
    assert [reply[0] for reply in replies] == list(range(count))
    places = [tuple(reply[1:]) for reply in replies]
    assert len(set(places)) == hosts
    assert {places.count(place) for place in set(places)} == {count // hosts}


def test_a_sharded_service_has_one_shard_a_host(tree: Supervisor) -> None:
    tree.add("sharded", Stateless(), "thread:3@g")
    tree.add("other", Stateless(), "thread:3@g")
    first = {tuple(reply) for reply in tree.client("sharded").call_many(KEYS)}
    assert len(first) == 3
    assert {tuple(reply) for reply in tree.client("other").call_many(KEYS)} == first


@pytest.mark.parametrize("group", ["thread:3@g", "process:3@g"])
def test_outlets_to_a_service_of_every_host_stay_there(group: str, tree: Supervisor) -> None:
    tree.add("near", PerHost(), group)
    tree.add("report", HostReport(), group, outlets={"beside": "near"})
    replies = tree.client("report").call_many(KEYS)
    assert all(here == beside for here, beside in replies)
    assert len({tuple(here) for here, _ in replies}) == 3


def test_a_service_of_every_host_that_comes_later(tree: Supervisor) -> None:
    tree.add("report", HostReport(), "thread:2@g", outlets={"beside": "near"})
    tree.add("near", PerHost(), "thread:2@g")
    replies = tree.client("report").call_many(KEYS)
    assert all(here == beside for here, beside in replies)
    assert len({tuple(here) for here, _ in replies}) == 2


@pytest.mark.parametrize("other", ["thread:2@g", "thread@g", "process:3@g"])
def test_a_member_that_names_another_count_or_spawner(other: str, tree: Supervisor) -> None:
    tree.add("first", Member(), "thread:3@g")
    with pytest.raises(PlacementError, match="group 'g' is thread:3") as caught:
        tree.add("second", Member(), other)
    assert caught.value.legal[0].startswith("thread:3@g+")
    assert tree.names() == ["first"]
    with pytest.raises(PlacementError, match="group 'g' is thread:3"):
        tree.add("third", Member(), "inline")
        tree.move("third", other)
    assert tree.client("third").call(1)[0] == 1


def test_members_may_be_reached_differently(tree: Supervisor) -> None:
    for name, channel in (("a", "queue"), ("b", "pipe"), ("c", "zmq")):
        tree.add(name, Member(), f"thread:1@g+{channel}")
    assert len({tree.client(name).call(name)[2] for name in "abc"}) == 1


def test_a_group_ends_with_its_last_member(tree: Supervisor) -> None:
    tree.add("first", Member(), "process:2@g")
    tree.add("second", Member(), "process:2@g")
    tree.remove("first")
    assert tree.client("second").call(2)[0] == 2
    tree.remove("second")
    tree.add("third", Member(), "thread:1@g")
    assert tree.client("third").call(3)[0] == 3


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_group_of_another_size_one_member_after_the_other(kind: str) -> None:
    async def main() -> None:
        async with Supervisor() as tree:
            for name in ("a", "b"):
                await tree.aadd(name, Stateless(), f"{kind}:2@g")
            clients = {name: await tree.aclient(name) for name in ("a", "b")}

            async def hosts(name: str) -> set[tuple[int, ...]]:
                return {tuple(reply) for reply in await clients[name].acall_many(KEYS)}

            old = await hosts("a")
            assert len(old) == 2 and await hosts("b") == old
            with pytest.raises(PlacementError, match=f"group 'g' is {kind}:2"):
                await tree.amove("a", f"{kind}:3@g")
            await tree.amove("a", f"{kind}:3@g", regroup=True)
            assert len(await hosts("a")) == 3 and await hosts("b") == old
            await tree.amove("a", f"{kind}:2@g", regroup=True)
            assert await hosts("a") == old, "it comes back to those that have stayed"
            await tree.amove("a", f"{kind}:3@g", regroup=True)
            new = await hosts("a")
            await tree.amove("b", f"{kind}:3@g", regroup=True)
            assert await hosts("b") == new
            assert kind == "thread" or not new & old, "the old processes have ended"
            await tree.aadd("c", Stateless(), f"{kind}:3@g")
            with pytest.raises(PlacementError, match=f"group 'g' is {kind}:3"):
                await tree.aadd("d", Stateless(), f"{kind}:2@g")

    asyncio.run(main())


def test_a_member_that_is_restarted_after_the_others_have_left() -> None:
    """The group is made again for it, whatever size one of that name has now."""

    async def main() -> None:
        async with asyncio.timeout(30), Supervisor() as tree:
            for name in ("a", "b"):
                await tree.aadd(name, HostReportAlone(), "process:1@g")
            clients = {name: await tree.aclient(name) for name in ("a", "b")}
            pid = await clients["a"].acall(None)
            async with tree.tree.services["b"].lock:  # as while it is moved
                os.kill(pid, 9)
                while await pid_of(clients["a"]) in (None, pid):
                    await asyncio.sleep(0.01)
                await tree.amove("a", "process:2@g", regroup=True)
            while await pid_of(clients["b"]) in (None, pid):
                await asyncio.sleep(0.01)
            assert tree.tree.failed is None
            assert (await tree.astats())["b"].restarts == 1

    asyncio.run(main())


async def pid_of(client: Any) -> int | None:
    try:
        pid: int = await client.acall(None, 5.0)
    except ServiceDied:
        return None
    return pid


class HostReportAlone(Service):
    """Says in which process it is."""

    def call(self, command: Any) -> int:
        return os.getpid()


def test_who_blocks_joins_no_group(tree: Supervisor) -> None:
    with pytest.raises(PlacementError, match="blocks its thread, so it joins no group"):
        tree.add("blocking", Blocking(), "thread:2@g")


def test_into_a_group_and_out_again(tree: Supervisor) -> None:
    tree.add("member", Member(), "process:2@g")
    tree.add("counter", Counter(), "inline")
    client = tree.client("counter")
    places = ["process:2@g+pipe", "thread+queue", "process:2@g+zmq", "thread:2@h+pipe", "inline+none"]
    for round_, place in enumerate(places, 1):
        client.move(place)
        assert client.call(1) == round_
        assert client.placement == place


def test_a_process_of_a_group_that_dies(tree: Supervisor) -> None:
    for number in range(4):
        tree.add(f"{number}", Member(), "process:2@g")
    clients = [tree.client(f"{number}") for number in range(4)]
    pids = [client.call(0)[1] for client in clients]
    os.kill(pids[0], 9)
    after = [call_again(client) for client in clients]
    assert pids[0] not in after
    assert [pid for pid in after if pid in pids] == [pid for pid in pids if pid != pids[0]]


def call_again(client: Any) -> int:
    """The process of a service, asked again where it died meanwhile."""
    from ipc import ServiceDied

    while True:
        try:
            return int(client.call(0, timeout=10.0)[1])
        except ServiceDied:
            continue


# -- many --------------------------------------------------------------------------------------------------------------


def add_many(tree: Supervisor, count: int, group: str) -> None:
    for number in range(count):
        tree.add(f"{number}", Member(), group)
    for number in range(0, count, count // 50):
        with tree.client(f"{number}") as client:
            assert client.call(number)[0] == number
    stats = tree.stats()
    assert len(stats) == count
    assert sum(one.calls for one in stats.values()) == 50


@pytest.mark.parametrize("group", ["thread:4@g", "process:2@g"])
def test_a_thousand_services(group: str, tree: Supervisor) -> None:
    add_many(tree, 1000, group)


def test_ten_thousand_services(tree: Supervisor) -> None:
    add_many(tree, 10_000, "thread:4@g")
