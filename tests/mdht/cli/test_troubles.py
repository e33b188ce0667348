"""What went wrong with a service, in words that are true."""

from __future__ import annotations

from mdht.cli.troubles import silence, stays, troubles
from mdht.control import ServiceRow


def test_nothing() -> None:
    row = ServiceRow("store", "process", pids=(7,))
    assert not silence(row) and not troubles(row) and not stays(row)


def test_one_that_hung_in_a_thread_was_not_started_again() -> None:
    row = ServiceRow("store", "thread", pids=(7,), hangs=1, last_hang="no progress for 2 s, in a call")
    assert troubles(row) == ["hung 1 time, last: no progress for 2 s, in a call"]
    assert stays(row)


def test_one_that_hung_in_a_process_was() -> None:
    row = ServiceRow(
        "store", "process:2", pids=(7, 8), restarts=3, hangs=2, last_error="signal 9", last_hang="no answer"
    )
    assert troubles(row) == ["was started again 3 times, last because signal 9", "hung 2 times, last: no answer"]
    assert not stays(row)


def test_one_that_does_not_answer() -> None:
    assert "for 1.2 s (process 7)" in silence(ServiceRow("store", "process", pids=(7,), silent_s=1.21))
    assert "one of processes 7, 8" in silence(ServiceRow("store", "process:2", pids=(7, 8), silent_s=1.0))
