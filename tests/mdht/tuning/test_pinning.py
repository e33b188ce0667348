"""Who gets a core."""

import pytest

from mdht.tuning.pinning import BACKGROUND_NICE, NodeProcess, plan
from mdht.tuning.topology import Core


def cores(count):
    return [Core(0, at, (at, at + count)) for at in range(count)]


def cpus(made):
    return {pin.pid: pin.cpus for pin in made.pins}


def test_the_busiest_get_a_core_of_their_own_and_background_what_is_left():
    processes = [
        NodeProcess(10, ("peers", "api"), 0.4),
        NodeProcess(11, ("links", "local"), 0.9),
        NodeProcess(12, ("published", "upkeep"), 0.6),
    ]
    made = plan(processes, cores(4))
    assert cpus(made) == {11: (0, 4), 10: (1, 5), 12: (2, 3, 6, 7)}
    assert [pin.nice for pin in made.pins] == [None, None, BACKGROUND_NICE]
    assert [pin.own for pin in made.pins] == [True, True, False] and "2 of 2 busy processes" in made.reason


def test_more_busy_processes_than_cores_share_all():
    """As on two cores: nobody is crowded on one of them while the other has the background to itself."""
    processes = [NodeProcess(at, ("store",), 0.4) for at in range(4)] + [NodeProcess(9, ("upkeep",), 0.01)]
    made = plan(processes, cores(2))
    assert set(cpus(made).values()) == {(0, 1, 2, 3)} and not made.pinned
    assert "all share all" in made.reason and "5 processes that use 1.61 cores, 4 of them busy" in made.reason
    assert made.pins[-1].nice == BACKGROUND_NICE


def test_the_busiest_only_where_the_others_fit_beside_it():
    processes = [NodeProcess(1, ("links",), 0.9), *(NodeProcess(at, ("store",), 0.3) for at in (2, 3))]
    assert cpus(plan(processes, cores(2))) == {1: (0, 2), 2: (1, 3), 3: (1, 3)}
    full = [*processes, NodeProcess(4, ("store",), 0.3)]
    assert not plan(full, cores(2)).pinned


def test_as_many_busy_ones_as_cores():
    processes = [NodeProcess(1, ("links",), 0.9), NodeProcess(2, ("store",), 0.8)]
    assert cpus(plan(processes, cores(2))) == {1: (0, 2), 2: (1, 3)}
    beside = plan([*processes, NodeProcess(3, ("upkeep",), 0.0)], cores(2))
    assert (cpus(beside)[1] == (0, 2) and cpus(beside)[2] == cpus(beside)[3] == (1, 3)) or not beside.pinned


def test_idle_and_single_ones_are_left_alone():
    idle = plan([NodeProcess(at, ("store",), 0.01) for at in range(3)], cores(4))
    assert not idle.pinned and "look under load" in idle.reason
    one = plan([NodeProcess(1, ("links", "store"), 0.95)], cores(4))
    assert not one.pinned and "one process" in one.reason
    with pytest.raises(ValueError, match="no core"):
        plan([], [])
