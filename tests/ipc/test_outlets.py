"""Outlets: services that reach each other, from every placement to every placement."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ipc import (
    Answer,
    CallTimeout,
    CannotSuspend,
    IpcError,
    PlacementError,
    Reentrant,
    RemoteTraceback,
    Service,
    ServiceDied,
    Supervisor,
    UnknownService,
    launch,
)
from ipc.limits import INLINE_DEPTH

from .conftest import PAIRS, eventually
from .services import (
    Asker,
    Awaiting,
    AwaitingMany,
    Blocking,
    Caster,
    Counter,
    Echo,
    Forwarder,
    Impatient,
    Later,
    Raiser,
    Recorder,
    Ring,
    StockEmpty,
    Suspending,
    Tagger,
)

WAITING = [pair for pair in PAIRS if not pair.startswith("inline")]
"""The pairs of a service that waits half-way."""

BESIDE = [pair for pair in PAIRS if pair.startswith(("thread", "process"))]
"""The pairs of a service that blocks its thread."""

ONE_OF_EACH = ["inline+none", "inline+deque", "coroutine+deque", "thread+queue", "process+pipe", "process+zmq"]


def everywhere(tree: Supervisor, service: type[Service]) -> dict[str, str]:
    """One of this service at each place; its outlets by place."""
    for pair in PAIRS:
        tree.add(f"at {pair}", service(), pair)
    return {pair: f"at {pair}" for pair in PAIRS}


# -- requests ----------------------------------------------------------------------------------------------------------


def test_requests_from_everywhere_to_everywhere(tree: Supervisor) -> None:
    outlets = everywhere(tree, Counter)
    for number, place in enumerate(PAIRS, 1):
        tree.add(f"asker {place}", Asker(), place, outlets=outlets)
        client = tree.client(f"asker {place}")
        for target in PAIRS:
            assert client.call([target, 1], timeout=10.0) == number, f"{place} to {target}"
    for place in PAIRS:
        client = tree.client(f"asker {place}")
        futures = [client.future([target, 1]) for target in PAIRS for _ in range(10)]
        assert len([future.result(10.0) for future in futures]) == 110
        assert client.call("open") == 0
    for place in PAIRS:
        assert tree.client(f"at {place}").call(0) == 11 * 11


def test_errors_from_everywhere_to_everywhere(tree: Supervisor) -> None:
    outlets = everywhere(tree, Raiser)
    for place in PAIRS:
        tree.add(f"asker {place}", Asker(), place, outlets=outlets)
        client = tree.client(f"asker {place}")
        for target in PAIRS:
            with pytest.raises(StockEmpty, match="no bolts: 12 wanted") as caught:
                client.call([target, "sendable"], timeout=10.0)
            assert isinstance(caught.value.__cause__, RemoteTraceback)


def test_casts_from_everywhere_to_everywhere(tree: Supervisor) -> None:
    outlets = everywhere(tree, Recorder)
    for sender, place in enumerate(PAIRS):
        tree.add(f"caster {place}", Caster(), place, outlets=outlets)
        client = tree.client(f"caster {place}")
        for number in range(10):
            for target in PAIRS:
                client.cast([target, [sender, number]])
    for place in PAIRS:
        client = tree.client(f"at {place}")
        assert eventually(lambda client=client: client.call("report")[2] == 110)
        assert client.call("report") == [dict.fromkeys(range(11), 10), [], 110]


def test_answers_carry_their_tags(placement: str, tree: Supervisor) -> None:
    tree.add("raiser", Raiser(), "thread+queue")
    tree.add("tagger", Tagger(), placement, outlets={"raiser": "raiser"})
    client = tree.client("tagger")
    client.cast(["raiser", "plain", ["any", {"value": 1}]])
    client.cast(["raiser", "builtin", None])
    client.cast(["raiser", "sendable", "error"])
    assert eventually(lambda: len(client.call("answers")) == 3)
    assert client.call("answers") == [
        [["any", {"value": 1}], "plain", None],
        [None, None, "KeyError"],
        ["error", None, "StockEmpty"],
    ]


def test_answers_of_one_target_come_in_order(placement: str, tree: Supervisor) -> None:
    tree.add("counter", Counter(), placement)
    tree.add("tagger", Tagger(), "thread+queue", outlets={"counter": "counter"})
    client = tree.client("tagger")
    for tag in range(500):
        client.cast(["counter", 1, tag])
    assert eventually(lambda: len(client.call("answers")) == 500)
    assert client.call("answers") == [[tag, tag + 1, None] for tag in range(500)]


def test_the_answer_of_who_died(tree: Supervisor) -> None:
    for place in ONE_OF_EACH:
        tree.add(f"echo {place}", Echo(), place)
        tree.add(f"asker {place}", Asker(), "coroutine+deque", outlets={"echo": f"echo {place}"})
        with pytest.raises(ServiceDied):
            tree.client(f"asker {place}").call(["echo", "exit"], timeout=10.0)
        if place != ONE_OF_EACH[-1]:
            assert tree.client(f"asker {place}").call(["echo", "alive"], timeout=10.0) == "alive"


def test_a_result_is_unpacked() -> None:
    assert Answer("tag", 5).result() == 5
    with pytest.raises(KeyError):
        Answer("tag", error=KeyError("x")).result()


# -- rings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("place", PAIRS)
def test_a_ring_of_requests(place: str, length: int, tree: Supervisor) -> None:
    """Each waits for the next without waiting, so a ring is no trap; not even a ring of one."""
    for index in range(length):
        tree.add(f"{index}", Ring(f"{index}"), place, outlets={"next": f"{(index + 1) % length}"})
    hops = 7
    assert tree.client("0").call(hops, timeout=10.0) == [f"{index % length}" for index in range(hops + 1)]


@pytest.mark.parametrize("first", ONE_OF_EACH)
@pytest.mark.parametrize("second", ONE_OF_EACH)
def test_a_ring_through_two_places(first: str, second: str, tree: Supervisor) -> None:
    tree.add("a", Ring("a"), first, outlets={"next": "b"})
    tree.add("b", Ring("b"), second, outlets={"next": "c"})
    tree.add("c", Ring("c"), first, outlets={"next": "a"})
    client = tree.client("a")
    futures = [client.future(5, timeout=10.0) for _ in range(20)]
    assert [future.result(10.0) for future in futures] == [["a", "b", "c", "a", "b", "c"]] * 20


# -- calls that wait ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "places"),
    [(Suspending, WAITING), (Blocking, BESIDE), (Awaiting, WAITING), (AwaitingMany, WAITING)],
)
def test_calls_from_everywhere_to_everywhere(service: type[Service], places: list[str], tree: Supervisor) -> None:
    outlets = everywhere(tree, Counter)
    for number, place in enumerate(places, 1):
        tree.add(f"caller {place}", service(), place, outlets=outlets)
        client = tree.client(f"caller {place}")
        for target in PAIRS:
            assert client.call([target, 1], timeout=10.0) == number, f"{place} to {target}"
        assert [client.call_many([[target, 0]] * 20) for target in PAIRS] == [[number] * 20] * 11


@pytest.mark.parametrize(
    ("service", "places"),
    [(Suspending, WAITING), (Blocking, BESIDE), (Awaiting, WAITING)],
)
def test_errors_of_calls(service: type[Service], places: list[str], tree: Supervisor) -> None:
    outlets = everywhere(tree, Raiser)
    for place in places:
        tree.add(f"caller {place}", service(), place, outlets=outlets)
        client = tree.client(f"caller {place}")
        for target in PAIRS:
            with pytest.raises(StockEmpty):
                client.call([target, "sendable"], timeout=10.0)
            assert client.call([target, "fine"], timeout=10.0) == "fine"


class Hasty(Suspending):
    """Does not wait long."""

    def _deep(self, outlet: str, inner: Any, depth: int) -> Any:
        return self.outlets[outlet].call(inner, timeout=0.02)


class HastyBlocking(Blocking):
    """Does not wait long."""

    def call(self, command: Any) -> Any:
        return self.outlets[command[0]].call(command[1], timeout=0.02)


class HastyAwaiting(Awaiting):
    """Does not wait long."""

    async def call(self, command: Any) -> Any:
        return await self.outlets[command[0]].acall(command[1], timeout=0.02)


@pytest.mark.parametrize("service", [Hasty, HastyBlocking, HastyAwaiting])
def test_a_call_between_services_times_out(service: type[Service], tree: Supervisor) -> None:
    tree.add("later", Later(), "thread+pipe")
    tree.add("caller", service(), "thread+queue", outlets={"later": "later"})
    client = tree.client("caller")
    with pytest.raises(CallTimeout, match="'later' did not answer"):
        client.call(["later", "wait"], timeout=10.0)
    assert tree.client("later").call("answer") == 1


@pytest.mark.parametrize("place", WAITING)
def test_suspending(place: str) -> None:
    with launch(Suspending(), place) as client:
        assert client.call("turn") is None
        assert client.call("sleep") == "slept"
        with pytest.raises(KeyError, match="inside"):
            client.call("fail")
        assert client.call_many(["sleep"] * 20) == ["slept"] * 20


def test_a_plain_service_cannot_wait(placement: str, tree: Supervisor) -> None:
    tree.add("counter", Counter(), "inline")
    tree.add("impatient", Impatient(), placement, outlets={"target": "counter"})
    client = tree.client("impatient")
    for command in (1, "suspend"):
        with pytest.raises(CannotSuspend, match="Impatient waits half-way in a call: set suspends = True"):
            client.call(command)
    assert "set suspends = True" in client.call("caught")
    assert tree.client("counter").call(0) == 0


@pytest.mark.parametrize("service", [Suspending, Awaiting])
def test_a_service_that_waits_cannot_be_inline(service: type[Service]) -> None:
    with pytest.raises(PlacementError, match="its stack must be kept") as caught:
        launch(service(), "inline")
    assert caught.value.legal == tuple(WAITING)


def test_a_service_that_blocks_needs_a_thread() -> None:
    for place in ("inline", "coroutine"):
        with pytest.raises(PlacementError, match="needs one to itself") as caught:
            launch(Blocking(), place)
        assert caught.value.legal == tuple(BESIDE)
    with pytest.raises(PlacementError, match="joins no group"):
        launch(Blocking(), "thread:2@g")


# -- waiting for oneself -----------------------------------------------------------------------------------------------


class Relay(Suspending):
    """Calls the next, and gives what it gave; a number says how many times."""

    def call(self, command: Any) -> Any:
        if command == 0:
            return 0
        return self.outlets.next.call(command - 1, timeout=20.0) + 1


class BlockingRelay(Blocking):
    """The same, blocking."""

    def call(self, command: Any) -> Any:
        if command == 0:
            return 0
        return self.outlets.next.call(command - 1, timeout=20.0) + 1


class AwaitingRelay(Awaiting):
    """The same, awaiting."""

    async def call(self, command: Any) -> Any:
        if command == 0:
            return 0
        return await self.outlets.next.acall(command - 1, timeout=20.0) + 1


class ManyRelay(AwaitingRelay):
    """Serves itself while it waits."""

    concurrency = 50


RELAYS = [
    *[(Relay, pair) for pair in ("coroutine+deque", "coroutine+zmq", "thread+queue", "thread+pipe")],
    *[(BlockingRelay, pair) for pair in ("thread+queue", "thread+zmq", "process+pipe")],
    *[(AwaitingRelay, pair) for pair in ("coroutine+queue", "thread+queue", "process+zmq")],
]


@pytest.mark.parametrize(("service", "place"), RELAYS)
@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_ring_of_waiting_calls_is_refused_at_once(
    service: type[Service], place: str, length: int, tree: Supervisor
) -> None:
    for index in range(length):
        tree.add(f"{index}", service(), place, outlets={"next": f"{(index + 1) % length}"})
    client = tree.client("0")
    assert client.call(length - 1, timeout=10.0) == length - 1
    before = time.monotonic()
    with pytest.raises(Reentrant, match="use request, whose answer comes as a command"):
        client.call(length, timeout=20.0)
    assert time.monotonic() - before < 1.0
    assert client.call(length - 1, timeout=10.0) == length - 1


def test_a_ring_through_different_kinds(tree: Supervisor) -> None:
    kinds = [(Relay, "coroutine+deque"), (BlockingRelay, "process+pipe"), (AwaitingRelay, "thread+pipe")]
    for index, (service, place) in enumerate(kinds):
        tree.add(f"{index}", service(), place, outlets={"next": f"{(index + 1) % 3}"})
    for index in range(3):
        client = tree.client(f"{index}")
        assert client.call(2, timeout=10.0) == 2
        with pytest.raises(Reentrant):
            client.call(3, timeout=20.0)


@pytest.mark.parametrize("place", ["coroutine+deque", "thread+pipe", "process+pipe"])
def test_a_ring_of_services_that_serve_many_at_once(place: str, tree: Supervisor) -> None:
    tree.add("a", ManyRelay(), place, outlets={"next": "b"})
    tree.add("b", ManyRelay(), place, outlets={"next": "a"})
    assert tree.client("a").call(20, timeout=10.0) == 20


class CallsBack(Service):
    """Uses a client of its own tree from inside a call."""

    def __init__(self, clients: dict[str, Any]) -> None:
        self.clients = clients

    def call(self, command: Any) -> Any:
        if command == 0:
            return "reached"
        return self.clients[command].call(0, timeout=5.0)


def test_a_client_of_an_inline_service_on_the_stack(tree: Supervisor) -> None:
    clients: dict[str, Any] = {}
    for name in ("a", "b"):
        tree.add(name, CallsBack(clients), "inline")
        clients[name] = tree.client(name)
    assert clients["a"].call("b") == "reached"
    before = time.monotonic()
    with pytest.raises(Reentrant, match="'a' is on the stack"):
        clients["a"].call("a")
    assert time.monotonic() - before < 1.0
    assert clients["a"].call(0) == "reached"


# -- names -------------------------------------------------------------------------------------------------------------


def test_an_outlet_that_was_not_wired(placement: str, tree: Supervisor) -> None:
    tree.add("impatient", Impatient(), placement, outlets={"target": "impatient"})
    with pytest.raises(UnknownService, match=r"no outlet 'nowhere' \(it has: target\)"):
        tree.client("impatient").call("unknown")


def test_a_target_that_comes_later(placement: str, tree: Supervisor) -> None:
    tree.add("asker", Asker(), placement, outlets={"counter": "counter"})
    client = tree.client("asker")
    with pytest.raises(UnknownService, match="no service 'counter' is in the tree now"):
        client.call(["counter", 1])
    for place in ("thread+queue", "process+pipe", "inline+none"):
        tree.add("counter", Counter(), place)
        assert client.call(["counter", 5], timeout=10.0) == 5
        tree.remove("counter")
        with pytest.raises(UnknownService):
            client.call(["counter", 1])


def test_a_target_that_goes_takes_its_open_requests_along(placement: str, tree: Supervisor) -> None:
    tree.add("later", Later(), placement)
    tree.add("asker", Asker(), "coroutine+deque", outlets={"later": "later"})
    future = tree.client("asker").future(["later", "wait"])
    later = tree.client("later")
    assert eventually(lambda: later.call("count") == 1)
    tree.remove("later")
    assert isinstance(future.exception(10.0), IpcError)


# -- later -------------------------------------------------------------------------------------------------------------


def test_later(placement: str) -> None:
    with launch(Later(), placement) as client:
        futures = [client.future("wait") for _ in range(5)]
        assert client.call("count") == 5
        assert not any(future.done() for future in futures)
        assert client.call("answer") == 5
        assert [future.result(10.0) for future in futures] == list(range(5))


def test_later_with_an_error(placement: str) -> None:
    with launch(Later(), placement) as client:
        future = client.future("wait")
        client.call("refuse")
        assert isinstance(future.exception(10.0), StockEmpty)
        assert client.stats().errors == 1


def test_a_token_is_used_once(placement: str) -> None:
    with launch(Later(), placement) as client:
        future = client.future("wait")
        with pytest.raises(IpcError, match="each token is answered once"):
            client.call("twice")
        assert future.result(10.0) == 1


def test_a_token_of_a_cast_answers_nobody(placement: str) -> None:
    with launch(Later(), placement) as client:
        client.cast("wait")
        assert client.future("count").result(10.0) == 1
        client.cast("wait")
        assert client.call("count") == 2
        assert client.call("answer") == 2


def test_later_outside_a_call() -> None:
    service = Later()
    with launch(service, "inline"):
        with pytest.raises(IpcError, match="works inside call"):
            service.later()


def test_a_service_that_is_not_placed() -> None:
    with pytest.raises(IpcError, match="is not placed"):
        Later().later()


# -- nesting -----------------------------------------------------------------------------------------------------------


def row(tree: Supervisor, length: int, place: str) -> None:
    """Services that cast to each other, one after another, the last to the first."""
    for index in range(length):
        tree.add(f"{index}", Forwarder(), place, outlets={"next": f"{(index + 1) % length}"})


@pytest.mark.parametrize("place", ["inline+none", "inline+deque", "inline+queue", "coroutine+deque"])
def test_casts_nested_deeper_than_the_bound(place: str, tree: Supervisor) -> None:
    """What would be too deep is queued until the outermost call returns; nothing is lost, and no stack overflows."""
    length = 3 * INLINE_DEPTH
    row(tree, length, place)
    tree.client("0").cast(length - 1)
    last = tree.client(f"{length - 1}")
    assert eventually(lambda: last.call("log") == [0])
    assert [tree.client(f"{index}").call("log") for index in range(length)] == [[length - 1 - i] for i in range(length)]


def test_a_cast_to_who_is_on_the_stack_is_queued(tree: Supervisor) -> None:
    row(tree, 2, "inline+none")
    client = tree.client("0")
    client.call(5)
    assert client.call("log") == [5, 3, 1]
    assert tree.client("1").call("log") == [4, 2, 0]


def test_a_service_that_casts_to_itself(placement: str, tree: Supervisor) -> None:
    row(tree, 1, placement)
    client = tree.client("0")
    client.cast(2000)
    assert eventually(lambda: len(client.call("log")) == 2001)
    assert client.call("log") == list(range(2000, -1, -1))
