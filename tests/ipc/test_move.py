"""Moving a running service: its state, its queue, its open questions, and the order of those who send meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ipc import (
    Client,
    MoveError,
    MoveTimeout,
    NotSendable,
    PlacementError,
    ServiceDied,
    Supervisor,
    launch,
)
from ipc.channels.waiters import ThreadWaiter
from ipc.tree.agent import Agent

from .conftest import PAIRS, eventually, in_thread
from .services import (
    Asker,
    AsyncSlow,
    Blocking,
    Counter,
    FailsAt,
    Gate,
    Later,
    Life,
    Opened,
    Recorder,
    Resharded,
    Sharded,
    Slow,
    Stateless,
    StockEmpty,
    Suspending,
    Tagger,
    Unsendable,
    lines,
)

# -- from everywhere to everywhere -------------------------------------------------------------------------------------


def tour() -> list[str]:
    """A row of places in which each goes to each other once (an Eulerian circuit of the complete graph)."""
    left = {pair: [other for other in PAIRS if other != pair] for pair in PAIRS}
    stack, circuit = [PAIRS[0]], []
    while stack:
        if left[stack[-1]]:
            stack.append(left[stack[-1]].pop())
        else:
            circuit.append(stack.pop())
    return circuit[::-1]


def test_the_tour_visits_every_ordered_pair() -> None:
    assert sorted(itertools.pairwise(tour())) == sorted(itertools.permutations(PAIRS, 2))


def test_from_every_place_to_every_other() -> None:
    """The state, and everything asked before and after, is kept on each of the ways."""
    places = tour()
    with launch(Recorder(), places[0]) as client:
        number = 0
        for before, after in itertools.pairwise(places):
            futures = [client.future([0, number + index]) for index in range(3)]
            client.cast([0, number + 3])
            client.move(after)
            assert client.placement == after
            assert client.call([0, number + 4]) == number + 4, f"{before} to {after}"
            assert client.call_many([[0, number + 5], [0, number + 6]]) == [number + 5, number + 6]
            assert [future.result(10.0) for future in futures] == [number, number + 1, number + 2]
            number += 7
        assert client.call("report") == [{0: number}, [], number]
        numbers = client.stats()
        assert (numbers.moves, numbers.calls, numbers.errors, numbers.restarts) == (110, number + 1, 0, 0)


@pytest.mark.parametrize("service", [Opened, Suspending, Blocking])
def test_the_other_kinds_of_service_move_too(service: Callable[[], Any]) -> None:
    places = {
        Opened: PAIRS,
        Suspending: [pair for pair in PAIRS if not pair.startswith("inline")],
        Blocking: [pair for pair in PAIRS if pair.startswith(("thread", "process"))],
    }[service]  # type: ignore[index]
    with Supervisor() as tree:
        tree.add("counter", Counter(), "thread+queue")
        outlets = {"counter": "counter"} if service is not Opened else None
        tree.add("mover", service(), places[0], outlets=outlets)
        client, expected = tree.client("mover"), 0
        for place in [*places, *reversed(places)]:
            client.move(place)
            if service is Opened:
                assert client.call("handle") == "by open"
            else:
                expected += 1
                assert client.call(["counter", 1]) == expected


def test_moving_to_where_it_is_does_nothing(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    with launch(Life(str(path)), placement) as client:
        client.move(placement)
        client.call(1)
        assert client.stats().moves == 0
    assert lines(path) == ["open", "start", "call", "stop", "close"]


def test_only_the_channel_changes(tmp_path: Path) -> None:
    """A service that is only reached differently stays open where it is."""
    path = tmp_path / "hooks"
    with launch(Life(str(path)), "thread+queue") as client:
        for place in ("thread+pipe", "thread+zmq", "thread+queue"):
            client.move(place)
            assert client.call(1) == 1
        assert client.stats().moves == 3
    assert lines(path) == ["open", "start", "call", "call", "call", "stop", "close"]


# -- under load --------------------------------------------------------------------------------------------------------

SENDERS = 8
LEAST = 2000
MOVES = 26


def send_until(client: Client, sender: int, done: threading.Event, sent: list[int]) -> str:
    """Send numbered commands in every way until the moves are done; says what was wrong with the answers."""
    random_ = random.Random(sender)
    number = 0
    futures: list[tuple[int, Any]] = []
    while number < LEAST or not done.is_set():
        way = random_.randrange(8)
        if way == 0:
            if client.call([sender, number]) != number:
                return f"call {number}"
            number += 1
        elif way == 1:
            size = random_.randrange(1, 40)
            if client.call_many([[sender, number + index] for index in range(size)]) != [*range(number, number + size)]:
                return f"call_many {number}"
            number += size
        elif way == 2:
            futures.append((number, client.future([sender, number])))
            number += 1
        else:
            client.cast([sender, number])
            number += 1
        if len(futures) > 50:
            for expected, future in futures:
                if future.result(30.0) != expected:
                    return f"future {expected}"
            futures.clear()
    for expected, future in futures:
        if future.result(30.0) != expected:
            return f"future {expected}"
    sent[sender] = number
    return ""


def storm(places: list[str], own_clients: bool) -> None:
    sent = [0] * SENDERS
    done = threading.Event()
    with Supervisor() as tree:
        tree.add("recorder", Recorder(), places[-1])
        mover = tree.client("recorder")
        threads = []
        for sender in range(SENDERS):
            client = tree.client("recorder") if own_clients else mover
            threads.append(in_thread(partial(send_until, client, sender, done, sent)))
        try:
            for place in places:
                mover.move(place)
        finally:
            done.set()
            for thread, _ in threads:
                thread.join(40.0)
        assert [results for _, results in threads] == [[""]] * SENDERS
        following, faults, served = mover.call("report")
        assert faults == []
        assert following == dict(enumerate(sent))
        assert served == sum(sent)
        assert min(sent) >= LEAST
        numbers = mover.stats()
        assert (numbers.lost, numbers.expired, numbers.errors, numbers.bad_frames) == (0, 0, 0, 0)
        assert numbers.moves == len(places)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("own_clients", [True, False], ids=["own-clients", "one-client"])
def test_eight_senders_while_it_moves(seed: int, own_clients: bool) -> None:
    """Every command is answered once, and each sender's commands are served in its order."""
    random_ = random.Random(seed)
    places: list[str] = []
    while len(places) < MOVES:
        row = PAIRS[:]
        random_.shuffle(row)
        places += row if not places or places[-1] != row[0] else row[1:]
    storm(places, own_clients)


# -- what keeps it where it is -----------------------------------------------------------------------------------------


def test_state_that_cannot_be_sent(placement: str) -> None:
    if placement.startswith("process"):
        pytest.skip("it is there already")
    with launch(Unsendable(), placement) as client:
        client.call(5)
        client.call("lock")
        with pytest.raises(NotSendable, match=r"^Unsendable\.guard: lock cannot be sent") as caught:
            client.move("process+pipe")
        assert (caught.value.path, caught.value.type_name) == ("Unsendable.guard", "lock")
        assert client.placement == placement
        assert client.call(1) == 6
        client.call("clean")
        client.call("nest")
        with pytest.raises(NotSendable, match=r"^Unsendable\.nested\['deep'\]\[0\]: lock"):
            client.move("process+zmq")
        assert client.call(1) == 7
        client.call("clean")
        client.move("process+pipe")
        assert client.call(1) == 8
        assert client.stats().moves == 1


def test_state_that_cannot_be_sent_back(placement: str) -> None:
    if placement.startswith("process"):
        pytest.skip("the other way")
    with launch(Unsendable(), "process+pipe") as client:
        client.call(5)
        client.call("lock")
        with pytest.raises(NotSendable, match=r"^Unsendable\.guard: "):
            client.move(placement)
        assert client.placement == "process+pipe"
        assert client.call(1) == 6


@pytest.mark.parametrize("there", PAIRS)
@pytest.mark.parametrize("here", ["inline+none", "coroutine+deque", "thread+queue", "process+pipe"])
def test_an_open_that_fails_there(here: str, there: str, tmp_path: Path) -> None:
    """The error goes to who moved it; the service opens again where it was, with its state."""
    if here.partition("+")[0] == there.partition("+")[0] and not here.startswith("process"):
        pytest.skip("it stays on its host")
    if here == there:
        pytest.skip("no move")
    path = tmp_path / "hooks"
    with launch(FailsAt(str(path), "open", 2), here) as client:
        assert client.call(5) == 5
        client.cast(1)
        if here.startswith("process") and there.startswith("process"):
            client.move(there)
            assert client.call(1) == 7
            return
        with pytest.raises(OSError, match="open number 2 fails"):
            client.move(there)
        assert client.placement == here
        assert client.call(1) == 7
        assert lines(path) == ["open", "close", "open", "open"]
        client.move(there)
        assert client.call(1) == 8
        assert client.stats().moves == 1


@pytest.mark.parametrize("here", ["inline+none", "coroutine+queue", "thread+pipe", "process+pipe"])
def test_a_close_that_fails(here: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    there = "thread+queue" if here != "thread+pipe" else "process+zmq"
    with launch(FailsAt(str(path), "close", 1), here) as client:
        assert client.call(5) == 5
        with pytest.raises(OSError, match="close number 1 fails"):
            client.move(there)
        assert client.placement == here
        assert client.call(1) == 6
        client.move(there)
        assert client.call(1) == 7


def test_a_running_call_that_takes_too_long(apart: str, gate: Gate) -> None:
    with launch(Slow(gate), apart) as client:
        future = client.future("gate")
        with gate.held():
            for place in ("inline+none", "process+pipe" if apart != "process+pipe" else "process+zmq", "thread:1+pipe"):
                if place.replace(":1", "") == apart:
                    continue
                with pytest.raises(MoveTimeout, match=r"did not end within 0\.05 s"):
                    client.move(place, timeout=0.05)
                assert client.placement == apart
            queued = client.future("queued")
        assert future.result(10.0)[0] == "gate"
        assert queued.result(10.0)[0] == "queued"
        assert client.call("log") == ["gate", "queued"]
        client.move("inline+none")
        assert client.call("log") == ["gate", "queued"]


def test_a_running_coroutine_that_takes_too_long() -> None:
    service = AsyncSlow()
    with launch(service, "coroutine+deque") as client:
        future = client.future("gate")
        assert service.entered.wait(10.0)
        with pytest.raises(MoveTimeout):
            client.move("thread+queue", timeout=0.05)
        queued = client.future("queued")
        service.let_go()
        assert future.result(10.0)[0] == "gate"
        assert queued.result(10.0)[0] == "queued"
        client.move("thread+queue")
        assert client.call("log") == ["gate", "queued"]


@pytest.mark.parametrize("text", ["inline+zmq", "process+queue", "nowhere", "thread+", "inline@g", ""])
def test_a_place_that_does_not_exist(placement: str, text: str) -> None:
    with launch(Counter(), placement) as client:
        client.call(1)
        with pytest.raises(PlacementError, match="legal: "):
            client.move(text)
        assert client.call(1) == 2


def test_a_place_that_the_service_cannot_have() -> None:
    class Local(Counter):
        pass

    with launch(Local(), "thread+queue") as client:
        client.call(1)
        with pytest.raises(PlacementError, match="defined inside a function"):
            client.move("process+pipe")
        assert client.call(1) == 2
    with launch(Suspending(), "thread+queue") as client:
        with pytest.raises(PlacementError, match="its stack must be kept") as caught:
            client.move("inline+none")
        assert caught.value.legal == tuple(pair for pair in PAIRS if not pair.startswith("inline"))
        assert client.call("sleep") == "slept"


def test_moves_of_one_service_are_one_after_another() -> None:
    with launch(Counter(), "inline+none") as client:
        places = ["thread+queue", "process+pipe", "coroutine+deque", "thread+pipe"]
        threads = [in_thread(partial(client.move, place)) for place in places]
        for thread, results in threads:
            thread.join(30.0)
            assert results == [None]
        assert client.placement in places
        assert client.call(1) == 1
        assert client.stats().moves == 4


def test_moves_of_different_services_go_on_beside_each_other(tree: Supervisor, gate: Gate) -> None:
    tree.add("slow", Slow(gate), "thread+queue")
    tree.add("counter", Counter(), "thread+queue")
    slow, counter = tree.client("slow"), tree.client("counter")
    future = slow.future("gate")
    with gate.held():
        thread, results = in_thread(lambda: slow.move("process+pipe"))
        counter.move("process+pipe", timeout=10.0)
        assert counter.call(1) == 1
        assert results == []
    thread.join(20.0)
    assert results == [None]
    assert future.result(10.0)[0] == "gate"


# -- what comes along --------------------------------------------------------------------------------------------------


def test_queued_commands_come_along() -> None:
    """They were sent to the old place, and are served at the new one."""
    service = AsyncSlow()
    with launch(service, "thread+queue") as client:
        running = client.future("gate")
        assert service.entered.wait(10.0)
        queued = [client.future(number) for number in range(100)]
        for number in range(100, 110):
            client.cast(number)
        moving, results = in_thread(lambda: client.move("process+pipe"))
        cell: Any = next(iter(client._tree.tree.local.agent.cells.values()))
        assert eventually(lambda: cell.paused)
        later = [client.future(number) for number in range(110, 120)]
        service.let_go()
        assert running.result(10.0) == ["gate", os.getpid()]
        moving.join(20.0)
        assert results == [None]
        pid = client.stats().pids[0]
        assert pid != os.getpid()
        assert [future.result(10.0) for future in queued] == [[number, pid] for number in range(100)]
        assert [future.result(10.0) for future in later] == [[number, pid] for number in range(110, 120)]
        assert client.call("log") == ["gate", *range(120)]
        assert client.stats().late == 0


@pytest.mark.parametrize("there", PAIRS)
def test_a_queue_behind_a_running_call(apart: str, there: str, gate: Gate) -> None:
    if apart == there:
        pytest.skip("no move")
    with launch(Slow(gate), apart) as client:
        running = client.future("gate")
        with gate.held():
            queued = [client.future(number) for number in range(50)]
            for number in range(50, 60):
                client.cast(number)
            moving, results = in_thread(lambda: client.move(there))
        moving.join(20.0)
        assert results == [None]
        assert running.result(10.0)[0] == "gate"
        assert [future.result(10.0)[0] for future in queued] == list(range(50))
        assert client.call("log") == ["gate", *range(60)]


def test_a_queued_command_that_cannot_be_sent_fails_its_own_caller() -> None:
    service = AsyncSlow()
    with launch(service, "thread+queue") as client:
        running = client.future("gate")
        assert service.entered.wait(10.0)
        before, lock, after = client.future(1), client.future(threading.Lock()), client.future(2)
        moving, results = in_thread(lambda: client.move("process+pipe"))
        cell: Any = next(iter(client._tree.tree.local.agent.cells.values()))
        assert eventually(lambda: cell.paused)
        service.let_go()
        moving.join(20.0)
        assert results == [None]
        assert running.result(10.0)[0] == "gate"
        assert (before.result(10.0)[0], after.result(10.0)[0]) == (1, 2)
        assert isinstance(lock.exception(10.0), NotSendable)
        assert client.call("log") == ["gate", 1, 2]


def test_open_tokens_come_along() -> None:
    with launch(Later(), PAIRS[0]) as client:
        waiting = []
        for count, place in enumerate([*PAIRS[1:], *PAIRS], 1):
            waiting.append(client.future("wait"))
            assert client.call("count") == count
            client.move(place)
            assert client.call("count") == count
        assert client.call("answer") == len(waiting)
        assert [future.result(10.0) for future in waiting] == list(range(len(waiting)))


def test_open_tokens_of_every_kind_of_caller(placement: str) -> None:
    there = "process+zmq" if placement == "process+pipe" else "process+pipe"
    with launch(Later(), placement) as client:
        thread, results = in_thread(lambda: client.call("wait"))
        assert eventually(lambda: client.call("count") == 1)
        many, answers = in_thread(lambda: client.call_many(["wait"] * 3))
        assert eventually(lambda: client.call("count") == 4)
        client.move(there)
        assert client.call("count") == 4
        client.move(placement)
        assert client.call("answer") == 4
        thread.join(10.0)
        many.join(10.0)
        assert results == [0]
        assert answers == [[1, 2, 3]]


def test_tokens_that_are_refused_elsewhere(placement: str) -> None:
    with launch(Later(), "inline+none") as client:
        future = client.future("wait")
        client.move(placement)
        client.call("refuse")
        assert isinstance(future.exception(10.0), StockEmpty)


# Where the two sides of a request go, and when: both cross every boundary.
JOURNEY = [
    "thread+queue",
    "process+pipe",
    "coroutine+deque",
    "process+zmq",
    "inline+none",
    "thread+zmq",
    "inline+queue",
]


@pytest.mark.parametrize("answerer", ["inline+none", "coroutine+deque", "thread+pipe", "process+pipe"])
@pytest.mark.parametrize("asker", ["inline+none", "coroutine+deque", "thread+pipe", "process+pipe"])
def test_open_requests_come_along(asker: str, answerer: str) -> None:
    """Asked here, answered there, told somewhere else."""
    with Supervisor() as tree:
        tree.add("later", Later(), answerer)
        tree.add("asker", Asker(), asker, outlets={"later": "later"})
        ask, later = tree.client("asker"), tree.client("later")
        waiting = []
        for count, (first, second) in enumerate(zip(JOURNEY, reversed(JOURNEY), strict=True), 1):
            waiting.append(ask.future(["later", "wait"]))
            assert eventually(lambda count=count: later.call("count") == count)
            ask.move(first)
            later.move(second)
            assert ask.call("open") == count
        assert later.call("answer") == len(JOURNEY)
        assert [future.result(10.0) for future in waiting] == list(range(len(JOURNEY)))
        assert ask.call("open") == 0


@pytest.mark.parametrize("moves", ["asker", "later", "both"])
def test_answers_on_their_way_while_it_moves(moves: str) -> None:
    """Requests and moves at the same time: each answer comes once, in order."""
    count = 0
    with Supervisor() as tree:
        tree.add("counter", Counter(), "thread+queue")
        tree.add("tagger", Tagger(), "thread+queue", outlets={"counter": "counter"})
        tagger, counter = tree.client("tagger"), tree.client("counter")
        for first, second in zip(JOURNEY * 2, reversed(JOURNEY * 2), strict=True):
            for _ in range(20):
                tagger.cast(["counter", 1, count])
                count += 1
            if moves in ("asker", "both"):
                tagger.move(first)
            if moves in ("later", "both"):
                counter.move(second)
        assert eventually(lambda: len(tagger.call("answers")) == count)
        assert tagger.call("answers") == [[tag, tag + 1, None] for tag in range(count)]


def test_an_answer_that_comes_before_its_asker_is_attached_again(tree: Supervisor, monkeypatch: Any) -> None:
    """The other end may send what it held as soon as it has a way, while this end still takes its steps."""
    tree.add("later", Later(), "thread+pipe")
    tree.add("asker", Asker(), "coroutine+deque", outlets={"later": "later"})
    asker, later = tree.client("asker"), tree.client("later")
    future = asker.future(["later", "wait"])
    assert eventually(lambda: later.call("count") == 1)
    attach = Agent.attach

    async def slow_attach(self: Agent, *arguments: Any) -> None:
        if await asyncio.wrap_future(later.future("answer")):
            await asyncio.sleep(0.02)
        await attach(self, *arguments)

    received = []
    receive = Agent.receive

    async def note(self: Agent, *arguments: Any) -> None:
        await receive(self, *arguments)
        monkeypatch.setattr(Agent, "attach", slow_attach)
        received.append(arguments)

    monkeypatch.setattr(Agent, "receive", note)
    asker.move("thread+queue")
    monkeypatch.undo()
    assert received
    assert future.result(5.0) == 0


@pytest.mark.parametrize("target", ["inline+none", "thread+queue", "thread+pipe"])
def test_an_answer_that_comes_while_its_asker_is_nowhere(target: str, tree: Supervisor, monkeypatch: Any) -> None:
    """After its queue was taken, and before it is at the new place."""
    tree.add("later", Later(), target)
    tree.add("asker", Asker(), "thread+queue", outlets={"later": "later"})
    asker, later = tree.client("asker"), tree.client("later")
    future = asker.future(["later", "wait"])
    assert eventually(lambda: later.call("count") == 1)
    place = Agent.place
    answered = []

    async def answer_first(self: Agent, spec: dict[str, Any]) -> None:
        answered.append(await asyncio.wrap_future(later.future("answer")))
        await place(self, spec)

    monkeypatch.setattr(Agent, "place", answer_first)
    asker.move("coroutine+deque")
    monkeypatch.undo()
    assert answered == [1]
    assert future.result(5.0) == 0


class OpensOnce(Asker):
    """Cannot be opened on another thread."""

    def __init__(self) -> None:
        self.opened = 0

    def open(self) -> None:
        if getattr(self, "opened", 0) == 1:
            self.opened = 2
            raise OSError("not here")
        self.opened += 1


@pytest.mark.parametrize("target", ["inline+none", "thread+queue", "process+pipe"])
def test_answers_find_an_asker_that_did_not_move_after_all(target: str, tree: Supervisor) -> None:
    tree.add("later", Later(), target)
    tree.add("asker", OpensOnce(), "thread+queue", outlets={"later": "later"})
    asker, later = tree.client("asker"), tree.client("later")
    future = asker.future(["later", "wait"])
    assert eventually(lambda: later.call("count") == 1)
    with pytest.raises(OSError, match="not here"):
        asker.move("coroutine+deque")
    assert asker.placement == "thread+queue"
    assert later.call("answer") == 1
    assert future.result(5.0) == 0


def test_a_service_that_others_reach_moves() -> None:
    """Who casts to it does not notice."""
    with Supervisor() as tree:
        tree.add("recorder", Recorder(), "thread+queue")
        for index, place in enumerate(("inline+none", "coroutine+deque", "thread+queue", "process+pipe")):
            tree.add(f"asker{index}", Asker(), place, outlets={"recorder": "recorder"})
        askers = [tree.client(f"asker{index}") for index in range(4)]
        for number, place in enumerate(JOURNEY):
            futures = [asker.future(["recorder", [index, number]]) for index, asker in enumerate(askers)]
            tree.move("recorder", place)
            assert [future.result(10.0) for future in futures] == [number] * 4
        assert tree.client("recorder").call("report")[1] == []


# -- another count -----------------------------------------------------------------------------------------------------

WORDS = [f"key {number}" for number in range(40)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("inline:2+none", "inline:3+none"),
        ("coroutine:2+deque", "thread:3+queue"),
        ("thread:3+queue", "thread+queue"),
        ("thread:2+zmq", "process:3+pipe"),
        ("process:2+pipe", "process:4+pipe"),
        ("process:3+zmq", "inline+none"),
        ("process+pipe", "process:2+pipe"),
    ],
)
def test_another_count(before: str, after: str) -> None:
    with launch(Resharded(), before) as client:
        futures = [client.future([word, 0]) for word in WORDS]
        assert [future.result(10.0)[0] for future in futures] == [1] * len(WORDS)
        client.move(after)
        assert client.placement == after
        assert [reply[0] for reply in client.call_many([[word, 1] for word in WORDS])] == [2] * len(WORDS)
        assert [client.call([word, 2])[0] for word in WORDS] == [3] * len(WORDS)
        client.move(before)
        assert [reply[0] for reply in client.call_many([[word, 3] for word in WORDS])] == [4] * len(WORDS)
        assert client.stats().calls == 4 * len(WORDS)


def test_the_same_count_elsewhere_needs_no_division() -> None:
    with launch(Sharded(), "thread:3+queue") as client:
        client.call_many([[word, 0] for word in WORDS])
        for place in ("process:3+pipe", "coroutine:3+deque", "inline:3+none", "process:3+zmq"):
            client.move(place)
        assert [reply[0] for reply in client.call_many([[word, 1] for word in WORDS])] == [2] * len(WORDS)


@pytest.mark.parametrize("before", ["inline:2+none", "thread:2+queue", "process:2+pipe"])
def test_another_count_is_refused_where_there_is_state(before: str) -> None:
    with launch(Sharded(), before) as client:
        client.call_many([[word, 0] for word in WORDS])
        for after in ("thread:3+queue", "process+pipe"):
            with pytest.raises(MoveError, match=r"Sharded keeps state: define reshard\(states, count\)"):
                client.move(after)
            assert client.placement == before
        assert [reply[0] for reply in client.call_many([[word, 1] for word in WORDS])] == [2] * len(WORDS)


def test_another_count_without_state() -> None:
    with launch(Stateless(), "thread:2+queue") as client:
        assert len({tuple(reply) for reply in client.call_many(WORDS)}) == 2
        client.move("thread:4+queue")
        assert len({tuple(reply) for reply in client.call_many(WORDS)}) == 4
        client.move("thread+queue")
        assert len({tuple(reply) for reply in client.call_many(WORDS)}) == 1


def test_a_sender_chosen_just_before_the_count_changes() -> None:
    """What a thread does that was halted between its choice of a shard and its sending to it."""
    with launch(Resharded(), "thread:2+queue") as client:
        port = client._port
        chosen = port.sender_for(["key", 0])
        client.move("thread:3+queue")
        waiter = ThreadWaiter()
        port.send(chosen, [["key", 0]], waiter, 1.0, time.monotonic() + 1.0)
        port.wait(waiter, time.monotonic() + 1.0, 1.0)
        assert waiter.value()[0] == 1


def test_another_count_under_load() -> None:
    """Commands wait meanwhile: each key is counted without a gap."""
    done = threading.Event()
    places = ["thread:3+queue", "process:2+pipe", "inline:4+none", "process:3+zmq", "coroutine+deque", "thread:2+zmq"]
    with launch(Resharded(), "thread:2+queue") as client:

        def send(word: str) -> list[int]:
            counts: list[int] = []
            while not done.is_set() or len(counts) < 200:
                counts.append(client.call([word, 0], timeout=5.0)[0])
                counts += [reply[0] for reply in client.call_many([[word, 0]] * 3, timeout=5.0)]
                client.cast([word, 0])
                counts.append(counts[-1] + 1)
            return counts

        threads = [in_thread(partial(send, word)) for word in WORDS[:6]]
        for place in places:
            client.move(place)
        done.set()
        for thread, results in threads:
            thread.join(30.0)
            assert isinstance(results[0], list), results[0]
            assert results[0] == list(range(1, len(results[0]) + 1))


# -- death meanwhile ---------------------------------------------------------------------------------------------------


def test_a_process_that_dies_while_it_should_be_left(gate: Gate) -> None:
    with launch(Slow(gate), "process+pipe") as client:
        pid = client.stats().pids[0]
        running = client.future("gate")
        with gate.held():
            moving, results = in_thread(lambda: client.move("thread+queue", timeout=20.0))
            os.kill(pid, 9)
            moving.join(20.0)
        assert isinstance(running.exception(10.0), ServiceDied)
        assert results == [None] or isinstance(results[0], (ServiceDied, MoveError))
        assert client.call("after")[0] == "after"
