"""Channels and spawners that break a clause are caught, by that clause."""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ipc.conformance import NotConformant, channel_checks, check_channel, spawner_checks
from ipc.conformance.bench import Bench
from ipc.conformance.clauses import Clause, run
from ipc.conformance.verdict import NotApplicable, expect

from ..conftest import children_of_ours, eventually, threads_of_ours
from . import broken
from .toys import StandardSpawner

_PATIENCE_S = 1.0
_CHANNEL = dict(channel_checks(_PATIENCE_S))
_SPAWNER = dict(spawner_checks(_PATIENCE_S))


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """In place of the general one: what is broken leaves descriptors on purpose, but no threads and no processes."""
    yield
    broken.KeepsDescriptors.clean_up()
    broken.LeavesThreads.clean_up()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert eventually(lambda: not threads_of_ours() and not children_of_ours())


def broken_by(check: Callable[[Any], str | None], make: Any) -> NotConformant:
    with pytest.raises(NotConformant) as caught:
        check(make)
    return caught.value


@pytest.mark.parametrize(
    ("make", "clause", "happened"),
    [
        (broken.DropsFrames, "loses_nothing", "never came"),
        (broken.RepeatsFrames, "duplicates_nothing", "came again"),
        (broken.ReordersFrames, "keeps_the_order_of_each_sender", "was served after"),
        (broken.CutsLargeFrames, "frames_of_every_size", "others came"),
        (broken.GivesOneFrameAWakeUp, "gives_everything_that_is_there", "it gave 1"),
        (broken.SleepsThroughWakeUps, "loses_no_wake_up", "had not after"),
        (broken.BlocksWhenFull, "floods_both_ways", ""),
        (broken.IgnoresDeadlines, "respects_deadlines", "it is not there after"),
        (broken.CannotBeWoken, "ends_what_blocks_elsewhere", "it is not there after"),
        (broken.HidesTheEnd, "says_that_the_other_end_is_gone", "nothing was raised"),
        (broken.KeepsDescriptors, "closes_totally", "20 descriptors (20 × socket)"),
        (broken.ClosesOnce, "closes_totally", "closed already"),
        (broken.CrashesOnGarbage, "refuses_garbage", "it was not"),
        (broken.StaysInThisProcess, "crosses_processes", ""),
    ],
)
def test_a_broken_channel_is_caught(make: Any, clause: str, happened: str) -> None:
    error = broken_by(_CHANNEL[clause], make)
    assert error.clause == clause
    assert happened in error.happened


@pytest.mark.parametrize(
    ("make", "clause", "happened"),
    [
        (broken.BlocksTheLoop, "control_loop_goes_on", "it stood still for"),
        (broken.LeavesThreads, "stops_totally", "threads"),
        (broken.OneHostForAll, "deals_to_shards", "there are 1"),
        (broken.OneHostForAll, "groups_share_a_host", "it is on the group's"),
        (broken.ForgetsWakeUps, "loses_no_wake_up", "was not answered"),
        (broken.SeesNoDeath, "survives_a_killed_process", " 1 s"),
        (broken.KeepsStateBack, "pause_waits_for_running_calls", "it was moved"),
    ],
)
def test_a_broken_spawner_is_caught(make: Any, clause: str, happened: str) -> None:
    error = broken_by(_SPAWNER[clause], make)
    assert error.clause == clause
    assert happened in error.happened


def test_the_whole_suite_stops_at_the_first_broken_clause() -> None:
    error = broken_by(lambda make: str(check_channel(make, _PATIENCE_S)), broken.RepeatsFrames)
    assert error.clause == "duplicates_nothing"
    assert isinstance(error, AssertionError)
    assert str(error).startswith("duplicates_nothing: expected each command once; but ")


def clause(check: Callable[[Bench], None]) -> Clause[Bench]:
    return Clause("the_clause", "what it asks for", check)


def bench() -> Bench:
    return Bench(StandardSpawner, 0.1)


def test_a_check_that_hangs_is_given_up() -> None:
    with pytest.raises(NotConformant, match=r"still waits after 0\.5 s") as caught:
        run(clause(lambda _: time.sleep(1.0)), bench, 0.1)
    assert "time.sleep" in str(caught.value)
    time.sleep(0.6)


def test_an_error_is_a_broken_clause() -> None:
    def fails(_: Bench) -> None:
        raise OSError("no such thing")

    with pytest.raises(NotConformant) as caught:
        run(clause(fails), bench, 0.1)
    assert str(caught.value) == "the_clause: expected what it asks for; but OSError was raised: no such thing"
    assert isinstance(caught.value.__cause__, OSError)


def test_the_three_verdicts() -> None:
    def applies_not(_: Bench) -> None:
        raise NotApplicable("because")

    assert run(clause(lambda _: None), bench, 0.1) is None
    assert run(clause(applies_not), bench, 0.1) == "because"
    with pytest.raises(NotConformant, match=r"^the_clause: expected one; but two$"):
        run(clause(lambda _: expect(False, "one", "two")), bench, 0.1)
