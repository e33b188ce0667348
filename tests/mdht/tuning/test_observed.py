"""Whose the CPU time is, and what was at its end."""

import pytest

from mdht.tuning.observed import Limit, Row, processes_seen, services_seen

from .seen import observation


def rows(**busy):
    return {name: Row(name, "inline", (1,), 100, busy_s, 0, 0.0) for name, busy_s in busy.items()}


def test_links_have_what_is_no_call():
    seen = services_seen(rows(links=1.0, local=2.0), rows(links=1.1, local=2.3), {1: 0.9}, 1.0)
    by_name = {one.name: one.cores for one in seen}
    assert by_name == pytest.approx({"links": 0.6, "local": 0.3})


def test_time_in_calls_is_cut_to_the_cpu_time():
    """Where others have the CPU meanwhile, calls take longer than they use it."""
    seen = services_seen(rows(links=0.0, store=0.0), rows(links=1.0, store=3.0), {1: 0.4}, 1.0)
    assert {one.name: one.cores for one in seen} == pytest.approx({"links": 0.1, "store": 0.3})


def test_a_process_of_its_own_is_all_of_it():
    after = {"store": Row("store", "process", (7,), 10, 0.01, 0, 0.0), **rows(links=0.0)}
    seen = services_seen({}, after, {1: 0.2, 7: 0.8}, 1.0)
    assert {one.name: one.cores for one in seen} == pytest.approx({"store": 0.8, "links": 0.2})
    found = processes_seen(after, {1: 0.2, 7: 0.8}, {7: 5}, 1.0)
    assert [(one.pid, one.services, one.rss_bytes) for one in found] == [(1, ("links",), 0), (7, ("store",), 5)]


@pytest.mark.parametrize(
    ("cores", "makers", "machine", "disk", "limit"),
    [
        (0.9, (0.2,), 1.2, False, Limit.SERVICE),
        (0.8, (0.8, 0.7), 3.9, False, Limit.MACHINE),
        (0.5, (0.5,), 3.9, False, Limit.OTHERS),
        (0.5, (0.5,), 3.9, True, Limit.DISK),
        (0.5, (0.95,), 1.5, False, Limit.MAKERS),
        (0.3, (0.2,), 0.6, True, Limit.DISK),
        (0.3, (0.2,), 0.6, False, Limit.LATENCY),
    ],
)
def test_what_is_at_its_end(cores, makers, machine, disk, limit):
    seen = observation({"links": ("inline", cores), "store": ("inline", 0.0)}, makers=makers, machine=machine)
    assert seen.limit(disk) is limit
    assert seen.bottleneck(disk) == ("store" if limit is Limit.DISK else "links")
