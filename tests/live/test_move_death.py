"""A process that dies while a service moves from it, or to it: the service survives at one of the places."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time

import pytest

from ipc import CallTimeout, Client, IpcError, MoveError, ServiceDied, Supervisor

from .footprint import Footprint, back_to, descendants, until
from .load import Load
from .services import Asker, Sum

MOVES = 30
ANSWERED_WITHIN_S = 8.0


def kill(pid: int) -> None:
    """It may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("channel", ["pipe", "zmq"])
def test_killed_during_a_move(channel: str, before: Footprint) -> None:
    dice = random.Random(channel)
    outcomes: dict[str, int] = {}
    places = ["process+" + channel, "process:1@a+" + channel, "process:1@b+" + channel]
    with Supervisor(max_restarts=1000) as tree:
        tree.add("sum", Sum(), places[0])
        client = tree.client("sum")
        with Load(client, 4, lambda thread, number: 1) as load:
            for _ in range(MOVES):
                old = answer(client)
                known = descendants()
                target = dice.choice([place for place in places if place != tree.placement("sum")])
                ended: list[str] = []

                def move(target: str = target, ended: list[str] = ended) -> None:
                    try:
                        tree.move("sum", target, 5.0)
                    except IpcError as error:
                        ended.append(type(error).__name__)
                    except BaseException as error:
                        ended.append(f"wrong: {error!r}")
                    else:
                        ended.append("moved")

                mover = threading.Thread(target=move)
                mover.start()
                if dice.random() < 0.5:
                    if dice.random() < 0.7:
                        until(
                            lambda known=known, ended=ended: descendants() - known or ended,
                            5.0,
                            "a new process, or the end",
                        )  # type: ignore[misc]
                    spin(dice.random() * 0.02)
                    kill(old)
                else:
                    until(
                        lambda known=known, ended=ended: descendants() - known or ended,
                        5.0,
                        "a new process, or the end",
                    )  # type: ignore[misc]
                    spin(dice.random() * 0.02)
                    for pid in descendants() - known:
                        kill(pid)
                mover.join(ANSWERED_WITHIN_S)
                assert not mover.is_alive(), "the mover hangs"
                outcomes[ended[0]] = outcomes.get(ended[0], 0) + 1
                answer(client)
        assert not any(outcome.startswith("wrong") for outcome in outcomes), outcomes
        stats = tree.stats()["sum"]
        assert len(stats.pids) == 1
        assert stats.restarts >= 1
    worst = 0.0
    for call in load.all():
        assert call.error is None or type(call.error) is ServiceDied, repr(call.error)
        worst = max(worst, call.ended - call.began)
    print(f"{channel}: {outcomes}, {stats.restarts} restarts, longest call {worst:.2f} s")
    assert worst < ANSWERED_WITHIN_S
    back_to(before)


def answer(client: object) -> int:
    """The process that serves, once it does."""

    def ask() -> int:
        try:
            return int(client.call(1, ANSWERED_WITHIN_S)[0])  # type: ignore[attr-defined]
        except ServiceDied:
            return 0
        except CallTimeout as error:
            raise AssertionError("the service did not survive") from error

    return until(ask, 10.0, "the service serves")


def spin(seconds: float) -> None:
    """Let so much time pass, exactly."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass


def test_the_new_process_dies_at_once(before: Footprint, monkeypatch: pytest.MonkeyPatch) -> None:
    from ipc.spawners import process

    with Supervisor(max_restarts=1000) as tree:
        tree.add("sum", Sum(), "thread")
        client = tree.client("sum")
        assert client.call(5)[1] == 5
        started = process.RemoteAgent.start

        async def start_and_kill(self: process.RemoteAgent) -> None:
            await started(self)
            self.kill()

        monkeypatch.setattr(process.RemoteAgent, "start", start_and_kill)
        for _ in range(5):
            with pytest.raises((ServiceDied, MoveError)):
                client.move("process")
            assert client.call(0) == [os.getpid(), 5], "the state is where it was"
        monkeypatch.undo()
        client.move("process")
        assert client.call(0)[1] == 5
        assert tree.stats()["sum"].restarts == 0
    back_to(before)


@pytest.mark.parametrize("moved", ["asker", "sum"])
def test_a_neighbour_dies_while_it_moves(moved: str, before: Footprint) -> None:
    """Whoever asks it, or is asked by it, has just died: the move is done or not, and it serves in any case."""
    with Supervisor(max_restarts=1000) as tree:
        tree.add("sum", Sum(), "process" if moved == "asker" else "thread")
        tree.add("asker", Asker(), "thread" if moved == "asker" else "process", outlets={"store": "sum"})
        tree.add("other", Asker(), "process", outlets={"store": "sum"})
        clients = {name: tree.client(name) for name in ("sum", "asker", "other")}
        places = ["thread", "thread:1@a", "thread:1@b"]
        for turn in range(12):
            neighbour = ("sum", "other")[turn % 2] if moved == "asker" else ("asker", "other")[turn % 2]
            kill(next(row.pids[0] for row in tree.stats().values() if row.name == neighbour))
            with contextlib.suppress(ServiceDied, MoveError):
                tree.move(moved, places[(turn + 1) % 3], 5.0)
            for name in ("sum", "asker", "other"):
                assert answered(clients[name], name), f"{name} in turn {turn}"
    back_to(before)


def answered(client: Client, name: str) -> bool:
    """Whether it answers in time; one that was just killed may say so first."""
    until_s = time.monotonic() + ANSWERED_WITHIN_S
    while time.monotonic() < until_s:
        try:
            client.call(0, ANSWERED_WITHIN_S)
        except ServiceDied:
            continue
        except CallTimeout:
            return False
        return True
    return False
