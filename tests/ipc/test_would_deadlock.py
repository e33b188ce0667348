"""A blocking method where its own thread must run for it to finish: refused at once, naming what to await instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import ipc
from ipc import Client, Service, Supervisor, WouldDeadlock, launch

from .conftest import in_thread
from .services import BlockingLauncher, Counter, Launcher

# -- on an event loop --------------------------------------------------------------------------------------------------

OF_CLIENT: dict[str, Callable[[Client], Any]] = {
    "call": lambda client: client.call(1),
    "call_many": lambda client: client.call_many([1]),
    "move": lambda client: client.move("thread+queue"),
    "stats": lambda client: client.stats(),
    "close": lambda client: client.close(),
}

OF_TREE: dict[str, Callable[[Supervisor], Any]] = {
    "add": lambda tree: tree.add("other", Counter()),
    "client": lambda tree: tree.client("counter"),
    "move": lambda tree: tree.move("counter", "thread+queue"),
    "remove": lambda tree: tree.remove("counter"),
    "stats": lambda tree: tree.stats(),
    "close": lambda tree: tree.close(),
}


@pytest.mark.parametrize("method", OF_CLIENT)
def test_a_method_of_a_client_on_an_event_loop(placement: str, method: str) -> None:
    async def main() -> None:
        with pytest.raises(WouldDeadlock, match=rf"{method}\(\) would block the event loop.*a{method}\("):
            OF_CLIENT[method](client)

    assert hasattr(Client, f"a{method}")
    with launch(Counter(), placement) as client:
        asyncio.run(main())
        assert client.call(1) == 1


@pytest.mark.parametrize("method", OF_TREE)
def test_a_method_of_a_tree_on_an_event_loop(placement: str, method: str) -> None:
    async def main() -> None:
        with pytest.raises(WouldDeadlock, match=rf"{method}\(\) would block the event loop.*a{method}\("):
            OF_TREE[method](tree)

    assert hasattr(Supervisor, f"a{method}")
    with Supervisor() as tree:
        tree.add("counter", Counter(), placement)
        asyncio.run(main())
        assert tree.names() == ["counter"]
        assert tree.client("counter").call(1) == 1


def test_launch_on_an_event_loop(placement: str) -> None:
    async def main() -> None:
        with pytest.raises(WouldDeadlock, match=r"launch\(\) would block the event loop.*alaunch\("):
            launch(Counter(), placement)

    assert hasattr(ipc, "alaunch")
    asyncio.run(main())


def test_open_on_an_event_loop() -> None:
    async def main() -> None:
        with pytest.raises(WouldDeadlock, match=r"open\(\) would block the event loop.*aopen\("):
            Supervisor().open()
        with pytest.raises(WouldDeadlock):
            with Supervisor():
                pass

    assert hasattr(Supervisor, "aopen")
    asyncio.run(main())


def test_wait_on_an_event_loop(tree: Supervisor) -> None:
    async def main() -> None:
        with pytest.raises(WouldDeadlock, match=r"wait\(\) would block .* `await asyncio\.to_thread\(tree\.wait\)`"):
            tree.wait(1.0)

    asyncio.run(main())


@pytest.mark.parametrize("method", OF_CLIENT)
def test_on_the_loop_of_an_async_tree(method: str) -> None:
    async def main() -> None:
        async with Supervisor() as tree:
            await tree.aadd("counter", Counter(), "coroutine+deque")
            client = await tree.aclient("counter")
            with pytest.raises(WouldDeadlock, match=rf"a{method}\("):
                OF_CLIENT[method](client)
            assert await client.acall(1) == 1

    asyncio.run(main())


def test_an_async_tree_may_be_used_from_other_threads() -> None:
    async def main() -> None:
        async with Supervisor() as tree:
            await tree.aadd("counter", Counter(), "coroutine+deque")

            def work() -> Any:
                with tree.client("counter") as client:
                    client.call(1)
                    client.move("thread+queue")
                    return client.call_many([1, 1]), client.stats().calls

            assert await asyncio.to_thread(work) == ([2, 3], 3)

    asyncio.run(main())


# -- from inside a service ---------------------------------------------------------------------------------------------


class Insider(Service):
    """Uses its own tree from inside a call."""

    def __init__(self, tree: Supervisor, clients: dict[str, Client]) -> None:
        self.tree = tree
        self.clients = clients

    def call(self, command: Any) -> Any:
        kind, method = command
        if kind == "tree":
            return OF_TREE[method](self.tree)
        if kind == "itself":
            return self.tree.move("insider", method)
        if kind == "launch":
            with launch(Counter(), "thread+queue") as client:
                return client.call(1)
        return OF_CLIENT[method](self.clients["counter"])


class BlockingInsider(Insider):
    """The same, on a thread of its own."""

    blocking = True


class AsyncInsider(Insider):
    """The same, in a coroutine."""

    async def call(self, command: Any) -> Any:
        return Insider.call(self, command)


def insider(tree: Supervisor, kind: type[Insider], place: str) -> Client:
    clients: dict[str, Client] = {}
    tree.add("counter", Counter(), "thread+queue")
    tree.add("insider", kind(tree, clients), place)
    clients["counter"] = tree.client("counter")
    return tree.client("insider")


HOSTED = [
    (Insider, "inline+none"),
    (Insider, "inline+queue"),
    (Insider, "coroutine+deque"),
    (Insider, "thread+queue"),
    (Insider, "thread+pipe"),
    (AsyncInsider, "coroutine+zmq"),
    (AsyncInsider, "thread+queue"),
]


@pytest.mark.parametrize(("kind", "place"), HOSTED)
def test_the_tree_from_inside_a_service(kind: type[Insider], place: str, tree: Supervisor) -> None:
    client = insider(tree, kind, place)
    for method in OF_TREE:
        with pytest.raises(WouldDeadlock, match=rf"{method}\(\)"):
            client.call(["tree", method], timeout=10.0)
    assert tree.names() == ["counter", "insider"]


@pytest.mark.parametrize(("kind", "place"), [pair for pair in HOSTED if not pair[1].startswith("inline")])
def test_a_client_from_inside_a_service(kind: type[Insider], place: str, tree: Supervisor) -> None:
    client = insider(tree, kind, place)
    for method in OF_CLIENT:
        with pytest.raises(WouldDeadlock, match=rf"{method}\(\)"):
            client.call(["client", method], timeout=10.0)
    with pytest.raises(WouldDeadlock, match=r"alaunch\("):
        client.call(["launch", ""], timeout=10.0)


def test_a_client_from_inside_an_inline_service(tree: Supervisor) -> None:
    """An inline service runs in its caller's thread, which may block; but not for its own tree."""
    client = insider(tree, Insider, "inline+none")
    assert client.call(["client", "call"]) == 1
    assert client.call(["client", "call_many"]) == [2]
    for method in ("move", "stats", "close"):
        with pytest.raises(WouldDeadlock, match=rf"{method}\(\)"):
            client.call(["client", method])
    assert client.call(["launch", ""]) == 1


def test_a_blocking_service_may_use_its_tree(tree: Supervisor) -> None:
    client = insider(tree, BlockingInsider, "thread+queue")
    assert client.call(["client", "call"], timeout=10.0) == 1
    assert client.call(["client", "call_many"], timeout=10.0) == [2]
    assert client.call(["client", "stats"], timeout=10.0).calls == 2
    assert set(client.call(["tree", "stats"], timeout=10.0)) == {"counter", "insider"}
    client.call(["tree", "move"], timeout=10.0)
    client.call(["tree", "add"], timeout=10.0)
    assert tree.names() == ["counter", "insider", "other"]


@pytest.mark.parametrize(
    ("kind", "place"), [*HOSTED, (BlockingInsider, "thread+queue"), (BlockingInsider, "thread+zmq")]
)
def test_a_service_that_moves_itself(kind: type[Insider], place: str, tree: Supervisor) -> None:
    client = insider(tree, kind, place)
    for there in ("thread+pipe", "coroutine+deque", place):
        if kind is BlockingInsider and there.startswith("coroutine"):
            continue
        with pytest.raises(WouldDeadlock):
            client.call(["itself", there], timeout=10.0)
    assert tree.placement("insider") == place
    there = "thread:1@group" if kind is not BlockingInsider else "thread+pipe"
    tree.move("insider", there)
    with pytest.raises(WouldDeadlock):
        client.call(["itself", "thread+queue"], timeout=10.0)


@pytest.mark.parametrize("place", ["thread+queue", "coroutine+deque", "process+pipe"])
def test_launching_from_inside_a_service(place: str) -> None:
    with launch(Launcher(), place) as client:
        with pytest.raises(WouldDeadlock, match=r"launch\(\) would block the event loop"):
            client.call("thread+queue", timeout=10.0)


@pytest.mark.parametrize("place", ["thread+queue", "process+pipe"])
@pytest.mark.parametrize("inner", ["inline+none", "coroutine+deque", "thread+queue", "process+pipe"])
def test_launching_from_inside_a_blocking_service(place: str, inner: str) -> None:
    """It has a thread to itself, so it may have a tree of its own, with processes below its own."""
    with launch(BlockingLauncher(), place) as client:
        assert client.call(inner, timeout=20.0) == 5


def test_closing_from_another_thread_while_a_client_is_used(tree: Supervisor) -> None:
    tree.add("counter", Counter(), "thread+queue")
    client = tree.client("counter")
    assert client.call(1) == 1
    threads = [in_thread(tree.close) for _ in range(4)]
    for thread, results in threads:
        thread.join(10.0)
        assert results == [None]
