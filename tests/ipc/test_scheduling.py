"""A service's processes have the processors and the nice that were asked for, wherever they come from."""

from __future__ import annotations

import os
import signal
from typing import Any

import psutil
import pytest

from ipc import PlacementError, Service, ServiceDied, Supervisor
from ipc.scheduling import Scheduling

ALLOWED = sorted(os.sched_getaffinity(0))
LAST = ALLOWED[-1]
NICER = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 3)


class Sees(Service):
    """Says where it runs, and how its threads are scheduled."""

    shard_key = staticmethod(lambda command: command)

    def call(self, command: Any) -> list[Any]:
        threads = [thread.id for thread in psutil.Process().threads()]
        processors = {tuple(sorted(os.sched_getaffinity(thread))) for thread in threads}
        return [os.getpid(), sorted(processors), sorted({os.getpriority(os.PRIO_PROCESS, each) for each in threads})]


@pytest.mark.parametrize("placement", ["process+pipe", "process+zmq", "process:2", "process:2@some"])
def test_processes_get_what_was_asked_for(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("sees", Sees(), placement, affinity=[LAST], nice=NICER)
        client = tree.client("sees")
        seen = client.call_many(list(range(8)))
        assert all(list(map(list, processors)) == [[LAST]] for _, processors, _ in seen)
        assert all(nice == [NICER] for _, _, nice in seen)
        numbers = client.stats()
        assert (numbers.affinity, numbers.nice) == ((LAST,), NICER)


def test_they_are_kept_over_restarts_and_moves() -> None:
    with Supervisor() as tree:
        tree.add("sees", Sees(), "process", affinity=[LAST], nice=NICER)
        client = tree.client("sees")
        first = client.call(0)
        os.kill(first[0], signal.SIGKILL)
        while True:
            try:
                second = client.call(0)
                break
            except ServiceDied:
                continue
        client.move("process:2+zmq")
        third = client.call(0)
        assert len({first[0], second[0], third[0]}) == 3
        assert first[1:] == second[1:] == third[1:]
        numbers = client.stats()
        assert (numbers.restarts, numbers.nice) == (1, NICER) and "signal 9" in numbers.last_error


@pytest.mark.parametrize("placement", ["inline", "coroutine", "thread", "thread:2@some"])
def test_elsewhere_they_are_refused(placement: str) -> None:
    with Supervisor() as tree:
        with pytest.raises(PlacementError, match="have to itself; legal: process") as refused:
            tree.add("sees", Sees(), placement, nice=NICER)
        assert refused.value.legal == ("process+pipe", "process+zmq")
        tree.add("sees", Sees(), "process", nice=NICER)
        with pytest.raises(PlacementError, match="have to itself"):
            tree.move("sees", placement)
        assert tree.stats()["sees"].nice == NICER


def test_members_of_a_group_agree() -> None:
    with Supervisor() as tree:
        tree.add("first", Sees(), "process:2@some", nice=NICER)
        with pytest.raises(PlacementError, match="same affinity and nice"):
            tree.add("second", Sees(), "process:2@some", affinity=[LAST], nice=NICER)
        tree.add("third", Sees(), "process:2@some", nice=NICER)
        tree.add("fourth", Sees(), "process:2@some")
        assert tree.stats()["fourth"].nice == NICER


def test_what_the_machine_has_not_is_refused() -> None:
    tree = Supervisor()
    for wrong in ({"affinity": []}, {"affinity": [LAST + 1000]}, {"nice": 20}, {"nice": -21}, {"nice": 1.5}):
        with pytest.raises(ValueError, match=r"affinity|nice"):
            tree.add("sees", Sees(), "process", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="watchdog_s"):
        tree.add("sees", Sees(), "process", watchdog_s=0.0)
    assert Scheduling.check(None, None) is None


def test_a_nice_that_is_not_allowed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    with pytest.raises(PermissionError, match="CAP_SYS_NICE"):
        Scheduling(nice=-5).apply()
