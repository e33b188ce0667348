"""Rates of services between two looks."""

from __future__ import annotations

from mdht.cli.rates import rates
from mdht.control import ServiceRow


def test_rates() -> None:
    before = [ServiceRow("api", "process", pids=(7,), calls=10, cpu_s=1.0, busy_s=0.5), ServiceRow("gone", "thread")]
    now = [
        ServiceRow("api", "process", pids=(7,), calls=30, cpu_s=2.0, busy_s=1.5),
        ServiceRow("new", "thread", pids=(1,), calls=4, cpu_s=9.0),
    ]
    api, new = rates(before, now, 2.0)
    assert (api["calls_s"], api["cpu_percent"], api["busy_percent"]) == (10.0, 50.0, 50.0)
    assert (new["calls_s"], new["cpu_percent"]) == (0.0, 0.0)


def test_another_process_counts_anew() -> None:
    before = [ServiceRow("api", "process", pids=(7,), calls=10, cpu_s=5.0)]
    (one,) = rates(before, [ServiceRow("api", "process", pids=(8,), calls=2, cpu_s=9.0)], 1.0)
    assert (one["calls_s"], one["cpu_percent"]) == (0.0, 0.0)
