"""What two looks at a node tell."""

from __future__ import annotations

from mdht.cli.top.look import Look, Numbers, Process, numbers_of, pids_of, view_of
from mdht.control import About, ServiceRow


def test_rates_of_services_and_processes() -> None:
    before = Look(
        10.0,
        (ServiceRow("api", "process", pids=(7, 8), calls=10, cpu_s=1.0, busy_s=0.5), ServiceRow("gone", "thread")),
        (Process(7, 1.0), Process(8, 5.0)),
    )
    now = Look(
        12.0,
        (
            ServiceRow("api", "process", pids=(7, 8), calls=30, cpu_s=2.0, busy_s=1.5),
            ServiceRow("new", "thread", pids=(9,), calls=4, cpu_s=9.0),
        ),
        (Process(7, 2.0, 100), Process(8, 4.0, 50), Process(9, 3.0, 1)),
    )
    view = view_of(About(), 5.0, (before, now))
    api, new = view.services
    assert (api.calls_s, api.cpu_percent, api.busy_percent) == (10.0, 50.0, 50.0)
    assert (new.calls_s, new.cpu_percent) == (None, None), "it was not there before"
    assert [one.cpu_percent for one in view.processes] == [50.0, None, None], "8 is another process by now"
    assert [one.services for one in view.processes] == [("api",), ("api",), ("new",)]
    assert (view.cpu_percent, view.rss_bytes) == (50.0, 151)


def test_the_first_look() -> None:
    now = Look(12.0, (ServiceRow("api", "inline", pids=(7,), calls=30, cpu_s=2.0),), (Process(7, 2.0),))
    view = view_of(About(), 0.0, (None, now), (None, Numbers(12.0, gets=5)))
    assert view.services[0].calls_s is view.processes[0].cpu_percent is view.cpu_percent is view.rates is None


def test_another_process_counts_anew() -> None:
    before = Look(0.0, (ServiceRow("api", "process", pids=(7,), calls=10, cpu_s=5.0),))
    now = Look(1.0, (ServiceRow("api", "process", pids=(8,), calls=2, cpu_s=9.0),))
    (one,) = view_of(About(), 0.0, (before, now)).services
    assert (one.calls_s, one.cpu_percent) == (0.0, None)


def test_numbers() -> None:
    stats = {"api": {"gets": 4, "puts": 2}, "links": {"links": 3, "served": 10}, "store": {"records": 9, "bytes": 90}}
    now = numbers_of(stats, 3.0)
    assert (now.links, now.records, now.gets, now.served, now.sent_bytes) == (3, 9, 4, 10, 0)
    rates = view_of(About(), 0.0, (None, Look(0.0)), (Numbers(1.0), now)).rates
    assert rates is not None and (rates.gets, rates.puts, rates.served) == (2.0, 1.0, 5.0)
    restarted = view_of(About(), 0.0, (None, Look(0.0)), (now, Numbers(4.0)))
    assert restarted.rates is None


def test_pids() -> None:
    rows = [ServiceRow("a", "inline", pids=(5,)), ServiceRow("b", "process:2", pids=(6, 7)), ServiceRow("c", "x")]
    assert pids_of(rows, 5) == [5, 6, 7]
