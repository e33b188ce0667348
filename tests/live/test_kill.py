"""`kill -9` of a process service: callers learn it within a second, a successor serves, and nothing is left."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ipc import CallTimeout, Client, ServiceDied, Supervisor

from .footprint import Footprint, back_to, read_lines, runs, until
from .load import Load
from .services import Asker, Journal, Sharded, Sum, Where

KILLS = 50
TOLD_WITHIN_S = 1.0


def kill_under_load(tree: Supervisor, client: Client, keys: int) -> tuple[Load, list[float]]:
    """Kill the process that serves, again and again, while eight threads call."""
    at: list[float] = []
    dice = random.Random(1)
    with Load(client, 8, lambda thread, number: (thread + number) % keys) as load:
        for kill in range(KILLS):
            key = kill % keys
            pid, _ = client.call(key)
            until(lambda: dice.random() < 0.2, 5.0, "a moment taken at random")
            at.append(time.monotonic())
            os.kill(pid, signal.SIGKILL)

            def successor(key: int = key, dead: int = pid) -> bool:
                try:
                    return bool(client.call(key)[0] != dead)
                except ServiceDied:
                    return False

            until(successor, 5.0, "a successor that serves")
            assert not runs(pid)
    return load, at


def check_calls(load: Load, at: list[float]) -> None:
    """Every call had its own answer, or `ServiceDied` with the signal, within a second of the kill."""
    worst = 0.0
    for call in load.all():
        assert call.ended, "a call did not end"
        if call.error is None:
            assert len(call.value) == 2
        else:
            assert type(call.error) is ServiceDied, repr(call.error)
            assert call.error.exit_code == -signal.SIGKILL, repr(call.error)
        for kill in at:
            if call.began <= kill <= call.ended:
                worst = max(worst, call.ended - kill)
    assert worst < TOLD_WITHIN_S, f"a caller waited {worst:.2f} s after the kill"
    assert any(call.error is not None for call in load.all()), "no call was in flight at any kill"
    died = sum(call.error is not None for call in load.all())
    print(f"{len(load.all())} calls, {died} died, worst wait {worst * 1000:.0f} ms")


@pytest.mark.parametrize("placement", ["process+pipe", "process+zmq", "process:2@g+pipe", "process:2@g+zmq"])
def test_killed_again_and_again_under_load(placement: str, before: Footprint) -> None:
    group = "@" in placement
    service: Any = Sharded() if group else Where()
    with Supervisor(max_restarts=1000) as tree:
        tree.add("where", service, placement)
        load, at = kill_under_load(tree, tree.client("where"), 2 if group else 1)
        assert tree.stats()["where"].restarts == KILLS
        for key in range(4):
            assert tree.client("where").call(key)[1] == key
    check_calls(load, at)
    back_to(before)


def test_every_service_of_a_group_has_a_successor() -> None:
    with Supervisor(max_restarts=1000) as tree:
        names = [f"sum{number}" for number in range(6)]
        for name in names:
            tree.add(name, Sum(), "process:2@g")
        clients = {name: tree.client(name) for name in names}
        for _ in range(5):
            pids = {name: client.call(1)[0] for name, client in clients.items()}
            assert len(set(pids.values())) == 2
            dead = pids["sum0"]
            os.kill(dead, signal.SIGKILL)
            for name, client in clients.items():

                def again(
                    name: str = name, client: Client = client, before: int = pids[name], dead: int = dead
                ) -> bool:
                    try:
                        pid, total = client.call(1)
                    except ServiceDied:
                        return False
                    assert pid == before or (before == dead and total == 1)
                    return bool(pid != dead)

                until(again, 5.0, f"{name} serves again")
        restarts = {name: stats.restarts for name, stats in tree.stats().items()}
        assert sum(restarts.values()) == 5 * 3


@pytest.mark.parametrize("placement", ["process+pipe", "process+zmq"])
def test_casts_that_had_left_are_counted_lost(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Supervisor() as tree:
        tree.add("journal", Journal(str(path)), placement)
        client = tree.client("journal")
        (pid,) = client.stats().pids
        os.kill(pid, signal.SIGSTOP)
        for number in range(100):
            client.cast(number)
        with pytest.raises(CallTimeout):
            client.call("left, and with it all before", timeout=0.2)
        os.kill(pid, signal.SIGKILL)

        def successor() -> bool:
            try:
                return bool(client.call("again") != pid)
            except ServiceDied:
                return False

        until(successor, 5.0, "a successor that serves")
        assert client.stats().lost == 100, "the casts: nobody waited for them"
        assert set(read_lines(path)) == {"again"}


def test_calls_that_were_answered_are_not_counted_lost() -> None:
    with Supervisor() as tree:
        tree.add("where", Where(), "process+pipe")
        client = tree.client("where")
        for number in range(100):
            pid, _ = client.call(number)
        os.kill(pid, signal.SIGKILL)
        until(lambda: tree.stats()["where"].restarts == 1, 5.0, "a restart")
        assert client.call("again")[0] != pid
        assert client.stats().lost == 0


@pytest.mark.parametrize("placement", ["process+pipe", "process+zmq"])
def test_what_had_not_left_is_delivered_to_the_successor(placement: str, tmp_path: Path) -> None:
    path, gate = tmp_path / "journal", tmp_path / "gate"
    with Supervisor() as tree:
        tree.add("journal", Journal(str(path), str(gate)), placement)
        client = tree.client("journal")
        (pid,) = client.stats().pids
        os.kill(pid, signal.SIGSTOP)
        waiting = client.future("in flight")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ServiceDied) as died:
            waiting.result(5.0)
        assert died.value.exit_code == -signal.SIGKILL
        for number in range(1000):
            client.cast(number)
        futures = [client.future(f"future {number}") for number in range(10)]
        gate.touch()
        assert client.call("last", timeout=10) != pid
        assert all(future.result(5.0) != pid for future in futures)
        expected = [*map(str, range(1000)), *(f"future {number}" for number in range(10)), "last"]
        assert read_lines(path) == expected
        assert client.stats().lost == 0


def test_a_service_that_asks_a_killed_one_is_told() -> None:
    with Supervisor(max_restarts=1000) as tree:
        tree.add("store", Where(), "process+pipe")
        tree.add("asker", Asker(), "process+pipe", outlets={"store": "store"})
        client = tree.client("asker")
        with Load(client, 4, lambda thread, number: number) as load:
            for _ in range(10):
                pid, _ = client.call(0)
                os.kill(pid, signal.SIGKILL)

                def successor(dead: int = pid) -> bool:
                    try:
                        return bool(client.call(0)[0] != dead)
                    except ServiceDied:
                        return False

                until(successor, 5.0, "the store serves again")
        assert tree.stats()["asker"].restarts == 0
    for call in load.all():
        assert call.error is None or type(call.error) is ServiceDied, repr(call.error)
        assert call.ended - call.began < 5.0


def test_a_service_that_asked_when_it_was_killed_is_no_burden() -> None:
    with Supervisor(max_restarts=1000) as tree:
        tree.add("store", Sum(), "process+pipe")
        tree.add("asker", Asker(), "process+pipe", outlets={"store": "store"})
        client = tree.client("asker")
        with Load(client, 4, lambda thread, number: 1) as load:
            for restarts in range(1, 11):
                (pid,) = tree.stats()["asker"].pids
                os.kill(pid, signal.SIGKILL)
                until(lambda count=restarts: tree.stats()["asker"].restarts == count, 5.0, "a restart")  # type: ignore[misc]
                until(lambda dead=pid: tree.stats()["asker"].pids not in ((), (dead,)), 5.0, "a successor")  # type: ignore[misc]
        assert client.call(0)[1] > 0
        assert tree.stats()["store"].restarts == 0
    for call in load.all():
        assert call.error is None or type(call.error) is ServiceDied, repr(call.error)
