"""Operations in flight: no more than asked for, each with its end."""

import asyncio
import itertools

from . import bench

base, coroutines, callbacks = bench("networks.base"), bench("networks.coroutines"), bench("networks.callbacks")


def puts(count):
    return [base.Put(number, 0, b"v") for number in range(count)]


def test_coroutines_fill_the_window_and_no_more():
    open_now, most = 0, 0

    async def act(job):
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        open_now -= 1
        return base.End(job, 0.0, True)

    ends = asyncio.run(coroutines.drive(act, puts(20), 4, 60.0))
    assert most == 4
    assert sorted(end.job.number for end in ends) == list(range(20))


def test_what_a_coroutine_raises_is_the_error_of_its_end():
    async def act(job):
        if job.number == 1:
            raise ValueError("no such thing")
        return base.End(job, 0.0, True)

    ends = asyncio.run(coroutines.drive(act, puts(3), 1, 60.0))
    assert [end.good for end in ends] == [True, False, True]
    assert ends[1].error == "ValueError: no such thing"


def test_after_its_time_nothing_is_begun():
    async def act(job):
        return base.End(job, 0.0, True)

    assert len(asyncio.run(coroutines.drive(act, puts(9), 1, 0.0))) == 1
    assert len(asyncio.run(coroutines.drive(act, puts(9), 3, 0.0))) == 3


def test_callbacks_fill_the_window_and_take_ends_in_any_order():
    waiting, most = [], 0

    def begin(job):
        nonlocal most
        waiting.append(job.number)
        most = max(most, len(waiting))
        return job.number

    def wait(_seconds):
        return [callbacks.Said(waiting.pop(), True, replicas=8), callbacks.Said("late", True)]

    ends = callbacks.drive(begin, wait, puts(10), 3, 60.0)
    assert most == 3
    assert sorted(end.job.number for end in ends) == list(range(10))
    assert all(end.good and end.replicas == 8 for end in ends)


def test_a_value_that_is_not_what_was_put_is_not_good():
    gets = [base.Get(0, 0, "k", b"right"), base.Get(1, 0, "k", b"right")]
    found = iter([b"right", b"wrong"])
    tokens = itertools.count()
    ends = callbacks.drive(
        lambda job: job.number, lambda _: [callbacks.Said(next(tokens), True, value=next(found))], gets, 1, 60.0
    )
    assert [end.good for end in ends] == [True, False]


def test_what_never_ends_counts_as_lost(monkeypatch):
    monkeypatch.setattr(callbacks, "STALL_S", 0.0)
    ends = callbacks.drive(lambda job: job.number, lambda _: [], puts(2), 2, 60.0)
    assert [(end.good, end.error) for end in ends] == [(False, "no answer")] * 2
