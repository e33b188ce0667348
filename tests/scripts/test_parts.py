"""Timing of named functions."""

import types

import pytest

from . import bench

parts = bench("networks.parts")


class Outer:
    def work(self, inner):
        return inner.work() + 1


class Inner:
    def work(self):
        return 1


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by 10 ns at each look."""
    known = types.SimpleNamespace(ns=0)

    def look():
        known.ns += 10
        return known.ns

    monkeypatch.setattr(parts, "perf_counter_ns", look)
    monkeypatch.setattr(parts, "CALIBRATION_CALLS", 10)
    return known


TABLE = (("a", __name__, "Outer", ("work",)), ("b", __name__, "Inner", ("work",)), ("b", __name__, "Inner", ("gone",)))


def test_time_is_exclusive(clock):
    timed = parts.Parts()
    plain = Outer.work
    timed.install(TABLE)
    try:
        assert Outer().work(Inner()) == 2
    finally:
        timed.remove()
    assert Outer.work is plain
    assert timed.missing == [f"{__name__}.Inner.gone"]
    assert (timed.parts["a"].ns, timed.parts["a"].inner) == (20, 1)  # 30 from begin to end, 10 of them within
    assert (timed.parts["b"].ns, timed.parts["b"].calls) == (10, 1)


def test_a_call_that_was_interrupted_is_left_out(clock, monkeypatch):
    monkeypatch.setattr(parts, "INTERRUPTED_NS", 15)
    timed = parts.Parts()
    timed.install(TABLE)
    try:
        Outer().work(Inner())
    finally:
        timed.remove()
    assert (timed.parts["a"].ns, timed.parts["a"].interrupted) == (0, 1)
    assert timed.parts["b"].interrupted == 0


def test_every_named_function_is_in_the_node():
    timed = parts.Parts()
    timed.install()
    timed.remove()
    assert timed.missing == []
