"""Lookups step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mdht.routing import Ask, Done, End, Latency, Lookup, LookupConfig, NotAsked, Result, Verdict, Wait
from mdht.routing.keys import to_bytes

from .network import Peer

TARGET = bytes(32)
CONFIG = LookupConfig(parallel=2, wanted=3, asked=30, candidates=50, peer_timeout_s=5.0, timeout_s=20.0, doubt_after=3)


def at(distance: int) -> Peer:
    """The peer at this distance from the target."""
    return Peer(to_bytes(distance))


class Steps:
    """A lookup, and what it said last."""

    def __init__(
        self, *seeds: int, values: int = 0, config: LookupConfig = CONFIG, own_id: bytes | None = None
    ) -> None:
        self.latency = Latency(first_s=1.0)
        self.lookup: Lookup[Peer, bytes] = Lookup(
            TARGET,
            [at(seed) for seed in seeds],
            0.0,
            values=values,
            config=config,
            latency=self.latency,
            own_id=own_id,
        )

    def asks(self, now_s: float = 0.0) -> list[int]:
        """Whom it asks now, by distance."""
        asked = []
        while isinstance(step := self.lookup.next(now_s), Ask):
            asked.append(int.from_bytes(step.peer.id, "big"))
        return asked

    def waits(self, now_s: float) -> float:
        step = self.lookup.next(now_s)
        assert isinstance(step, Wait), step
        return step.until_s

    def answers(
        self,
        distance: int,
        closer: Sequence[int] = (),
        now_s: float = 0.0,
        value: bytes | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        said = verdict or (Verdict.NOTHING if value is None else Verdict.GOOD)
        self.lookup.on_success(at(distance).id, [at(one) for one in closer], now_s, value, said)

    def fails(self, distance: int, now_s: float = 0.0) -> None:
        self.lookup.on_failure(at(distance).id, now_s)

    def result(self, now_s: float = 0.0) -> Result[Peer, bytes]:
        step = self.lookup.next(now_s)
        assert isinstance(step, Done), step
        return step.result


def test_nobody_to_ask() -> None:
    result = Steps().result()
    assert (result.end, result.closest, result.asked) == (End.EXHAUSTED, (), 0)


def test_nearest_first_and_never_more_than_parallel() -> None:
    steps = Steps(90, 10, 50, 70)
    assert steps.asks() == [10, 50]
    steps.answers(50)
    assert steps.asks() == [70]
    steps.answers(10, [5, 6])
    assert steps.asks() == [5]


def test_converges_when_the_nearest_have_answered() -> None:
    steps = Steps(50, 60)
    assert steps.asks() == [50, 60]
    steps.answers(50, [10, 20, 30])
    assert steps.asks() == [10]
    steps.answers(60, [50, 40])
    assert steps.asks() == [20]
    steps.answers(10, [20, 30])
    steps.answers(20, [10])
    assert steps.asks() == [30]
    steps.answers(30, [10, 20], now_s=3.0)
    result = steps.result(3.0)
    assert result.end is End.CONVERGED
    assert result.closest == (at(10), at(20), at(30))
    assert (result.asked, result.took_s, result.lacked) == (5, 3.0, ())


def test_a_stall_asks_all_of_the_nearest_at_once() -> None:
    steps = Steps(10, 20, 30, 40, config=replace(CONFIG, wanted=4))
    assert steps.asks() == [10, 20]
    steps.answers(10, [20, 40])
    steps.answers(20, [10, 50])
    assert steps.asks() == [30, 40]


def test_failed_peers_are_replaced() -> None:
    steps = Steps(10, 20, 30, 40)
    steps.asks()
    steps.fails(10)
    assert steps.asks() == [30]
    steps.answers(20)
    assert steps.asks() == [40]
    steps.answers(30)
    steps.answers(40)
    result = steps.result()
    assert result.closest == (at(20), at(30), at(40))
    assert result.failed == (at(10),)


def test_own_id_is_not_asked() -> None:
    steps = Steps(10, 20, own_id=at(10).id)
    assert steps.asks() == [20]
    steps.answers(20, [10])
    assert steps.result().closest == (at(20),)


def test_the_first_verified_value_ends_it() -> None:
    steps = Steps(10, 20, 30, values=1)
    steps.asks()
    steps.answers(20, [5])
    steps.asks()
    steps.answers(10, value=b"v")
    result = steps.result()
    assert result.end is End.FOUND
    assert [(found.peer, found.value) for found in result.found] == [(at(10), b"v")]
    assert result.lacked == (at(20),), "that is where to put it"


def test_as_many_values_as_wanted() -> None:
    steps = Steps(10, 20, 30, values=2)
    steps.asks()
    steps.answers(10, value=b"v1")
    assert steps.asks() == [], "the one that is waited for mostly has it, too"
    steps.answers(20, value=b"v2")
    assert [found.value for found in steps.result().found] == [b"v1", b"v2"]


def test_fewer_values_than_wanted() -> None:
    steps = Steps(10, 20, 30, values=3)
    steps.asks()
    steps.answers(10, value=b"v1")
    steps.answers(20)
    steps.asks()
    steps.answers(30)
    result = steps.result()
    assert (result.end, len(result.found), result.lacked) == (End.CONVERGED, 1, (at(20), at(30)))


def test_a_forgery_is_not_believed_nor_what_came_with_it() -> None:
    steps = Steps(10, 20, values=1)
    steps.asks()
    steps.answers(10, [1, 2, 3], value=b"lie", verdict=Verdict.FORGED)
    assert steps.asks() == []
    steps.answers(20)
    result = steps.result()
    assert (result.end, result.found) == (End.EXHAUSTED, ())
    assert result.closest == (at(20),)
    assert result.discounted == (at(10),)


def test_a_good_value_must_be_given() -> None:
    steps = Steps(10)
    steps.asks()
    with pytest.raises(ValueError, match="GOOD"):
        steps.lookup.on_success(at(10).id, [], 0.0, None, Verdict.GOOD)


def test_a_straggler_frees_its_place_and_its_answer_counts() -> None:
    steps = Steps(10, 20, 30, 40, 50)
    assert steps.asks(0.0) == [10, 20]
    assert steps.waits(0.0) == 1.0
    steps.answers(20, now_s=0.5)
    assert steps.asks(0.5) == [30]
    assert steps.asks(1.0) == [40], "10 is late"
    assert steps.lookup.stats().slow == 1
    steps.answers(10, now_s=1.2)
    steps.answers(30, now_s=1.3)
    assert steps.result(1.3).closest == (at(10), at(20), at(30))


def test_patience_follows_what_is_usual_and_doubles_when_all_are_slow() -> None:
    steps = Steps(10, 20, 30, 40, 50, 60, 70)
    for _ in range(20):
        steps.latency.observe(0.1)
    assert steps.asks(0.0) == [10, 20]
    assert steps.waits(0.0) == pytest.approx(0.2)
    assert steps.asks(0.21) == [30, 40]
    assert steps.waits(0.21) == pytest.approx(0.61), "two were slow in a row: twice as long"
    assert steps.asks(0.62) == [50, 60]
    assert steps.waits(0.62) == pytest.approx(1.42)


def test_silent_peers_fail_after_their_time() -> None:
    steps = Steps(10, 20)
    steps.asks(0.0)
    moments = [0.0]
    while isinstance(step := steps.lookup.next(moments[-1]), Wait):
        moments.append(step.until_s)
    assert moments == [0.0, 1.0, 5.0]
    result = steps.result(5.0)
    assert (result.end, result.failed) == (End.EXHAUSTED, (at(10), at(20)))


def test_an_answer_after_its_time_counts() -> None:
    steps = Steps(10, 20)
    assert steps.asks(0.0) == [10, 20]
    steps.answers(20, [30], now_s=4.9)
    assert steps.asks(5.0) == [30]
    steps.answers(10, [40], now_s=5.1)
    assert steps.lookup.stats().failed == 0
    steps.fails(30)
    assert steps.asks(5.1) == [40]


def test_nothing_found_is_not_concluded_while_one_may_still_have_it() -> None:
    steps = Steps(10, 20, 30, 40, values=1)
    steps.asks(0.0)
    steps.answers(20, now_s=0.1)
    steps.asks(0.1)
    steps.answers(30, now_s=0.2)
    assert steps.asks(1.0) == [40]
    steps.answers(40, now_s=1.1)
    assert steps.waits(1.1) == 5.0
    steps.answers(10, now_s=3.0, value=b"v")
    assert steps.result(3.0).end is End.FOUND


def test_the_deadline_ends_it_with_what_there_is() -> None:
    steps = Steps(10, 20)
    assert steps.asks(0.0) == [10, 20]
    steps.answers(10, now_s=1.0)
    result = steps.result(20.0)
    assert (result.end, result.closest) == (End.DEADLINE, (at(10),))
    steps.answers(20, now_s=21.0)
    steps.fails(10, now_s=21.0)
    assert steps.result(22.0) is result, "what comes later changes nothing"


def test_no_more_are_asked_than_may_be() -> None:
    steps = Steps(*range(10, 40), config=replace(CONFIG, asked=5))
    for _ in range(10):
        for distance in steps.asks():
            steps.fails(distance)
    result = steps.result()
    assert (result.end, result.asked) == (End.LIMIT, 5)


def test_it_has_not_converged_if_the_limit_kept_nearer_ones_unasked() -> None:
    steps = Steps(50, 60, 70, config=replace(CONFIG, parallel=3, asked=3))
    steps.asks()
    for distance in (50, 60):
        steps.answers(distance, [10, 20])
    steps.answers(70)
    result = steps.result()
    assert result.end is End.LIMIT
    assert result.closest == (at(50), at(60), at(70))


def test_doubtful_peers_are_forgotten_before_others() -> None:
    steps = Steps(100, 110, 120, config=replace(CONFIG, parallel=1, candidates=9, doubt_after=1))
    steps.asks()
    steps.answers(100, [1, 2, 3, 4, 5, 6])
    assert steps.asks() == [1]
    steps.fails(1)
    assert steps.asks() == [110]
    steps.answers(110, [30, 40, 50])
    assert steps.lookup.stats().candidates == 9
    assert steps.asks() == [30, 40, 50], "the inventions made room for them"


def test_to_name_a_peer_that_has_answered_earns_credit() -> None:
    steps = Steps(50, 100, config=replace(CONFIG, parallel=2, doubt_after=2))
    assert steps.asks() == [50, 100]
    steps.answers(50, [20])
    assert steps.asks() == [20]
    steps.answers(20)
    steps.answers(100, [20, 1, 2, 3])
    assert steps.asks() == [1, 2]
    steps.fails(1)
    steps.fails(2)
    assert steps.asks() == [3], "half as many of its peers have answered: its word counts"
    steps.answers(3)
    assert steps.result().discounted == ()


def test_no_more_is_remembered_than_may_be() -> None:
    steps = Steps(10, config=replace(CONFIG, candidates=5, closer=20))
    steps.asks()
    steps.answers(10, [2, 3, 4, 5, 6, 7, 8, 9, 11, 12])
    assert steps.lookup.stats().candidates == 5
    assert steps.asks() == [2, 3]


def test_no_more_is_taken_from_one_answer_than_may_be() -> None:
    steps = Steps(100, config=replace(CONFIG, closer=3))
    steps.asks()
    steps.answers(100, [9, 8, 7, 6, 5, 4, 3])
    assert steps.lookup.stats().candidates == 4
    assert steps.asks() == [3, 4]


def test_inventions_cost_a_few_questions_and_their_author_its_credit() -> None:
    steps = Steps(100, 110, config=replace(CONFIG, parallel=1))
    assert steps.asks() == [100]
    steps.answers(100, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    for invented in (1, 2, 3):
        assert steps.asks() == [invented]
        steps.fails(invented)
    assert steps.asks() == [110], "the author has lost its credit, and the other seed is asked"
    steps.answers(110, [20, 30])
    assert steps.asks() == [20, 30]
    steps.answers(20)
    steps.answers(30)
    result = steps.result()
    assert result.end is End.CONVERGED
    assert result.closest == (at(20), at(30), at(100))
    assert result.discounted == (at(100),)
    assert result.asked == 7


def test_doubtful_peers_are_asked_when_there_is_nobody_else() -> None:
    steps = Steps(100, config=replace(CONFIG, parallel=1))
    steps.asks()
    steps.answers(100, [1, 2, 3, 40])
    for invented in (1, 2, 3):
        assert steps.asks() == [invented]
        steps.fails(invented)
    assert steps.asks() == [40]
    steps.answers(40)
    assert steps.result().closest == (at(40), at(100))


def test_one_honest_source_restores_a_doubtful_peer() -> None:
    steps = Steps(100, 110, config=replace(CONFIG, parallel=1))
    steps.asks()
    steps.answers(100, [1, 2, 3, 40])
    for invented in (1, 2, 3):
        assert steps.asks() == [invented]
        steps.fails(invented)
    assert steps.asks() == [110]
    steps.answers(110, [40, 50])
    assert steps.asks() == [40, 50]


def test_lateness_costs_credit_until_the_answer_comes() -> None:
    steps = Steps(100, 110, config=replace(CONFIG, parallel=3, doubt_after=2))
    steps.asks(0.0)
    steps.answers(100, [1, 2, 3])
    steps.answers(110, [50])
    assert steps.asks(0.0) == [1, 2, 3]
    assert steps.asks(1.0) == [50], "three are late: their source is in doubt"
    for distance in (1, 2, 3):
        steps.answers(distance, now_s=1.1)
    assert steps.result(1.1).discounted == ()


def test_far_answers_of_a_far_peer_are_dropped_and_it_is_named() -> None:
    steps = Steps(1000, 1001, config=replace(CONFIG, parallel=3, wanted=2))
    assert steps.asks() == [1000, 1001]
    steps.answers(1000, [1, 2, 3])
    assert steps.asks() == [1, 2]
    steps.answers(1)
    before = steps.lookup.stats().candidates
    steps.answers(1001, [5000, 5001])
    assert steps.lookup.stats().candidates == before, "1000 and 1 have answered from nearer"
    steps.answers(2)
    assert steps.result().discounted == (at(1001),)


def test_strangers_are_refused() -> None:
    steps = Steps(10, 20, 30)
    steps.asks()
    for distance in (30, 99):
        with pytest.raises(NotAsked):
            steps.answers(distance)
        with pytest.raises(NotAsked):
            steps.fails(distance)


def test_second_answers_change_nothing() -> None:
    steps = Steps(10, values=2)
    steps.asks()
    steps.answers(10, value=b"v")
    steps.answers(10, [1, 2], value=b"w")
    steps.fails(10)
    result = steps.result()
    assert [found.value for found in result.found] == [b"v"]
    assert result.closest == (at(10),)


def test_the_shunned_are_not_asked() -> None:
    class Shun:
        def peer(self, peer_id: bytes) -> float:
            return -1.0 if peer_id == at(10).id else 0.0

        def owner(self, owner: bytes) -> float:
            return 0.0

    lookup: Lookup[Peer, bytes] = Lookup(TARGET, [at(10), at(20)], 0.0, trust=Shun())
    step = lookup.next(0.0)
    assert isinstance(step, Ask)
    assert step.peer == at(20)


def test_faults_of_the_settings_all_at_once() -> None:
    assert LookupConfig().faults() == []
    wrong = LookupConfig(parallel=0, candidates=2, timeout_s=0.0).faults()
    assert [fault.partition(":")[0] for fault in wrong] == ["parallel", "candidates", "timeout_s"]


# -- the slow ones among the nearest -----------------------------------------------------------------------------------


def slow() -> Steps:
    """20, 30 and 40 have answered, 10 has not: at 1.3 s."""
    steps = Steps(10, 20, 30, 40, config=replace(CONFIG, parallel=4, grace_s=3.0))
    assert steps.asks() == [10, 20, 30]
    for distance in (20, 30):
        steps.answers(distance, now_s=0.1)
    assert steps.asks(1.2) == [40], "10 is slower than usual"
    steps.answers(40, now_s=1.3)
    return steps


def test_one_that_is_slow_is_not_passed_over_at_once() -> None:
    steps = slow()
    assert steps.waits(1.3) == 3.0
    steps.answers(10, now_s=2.0)
    assert steps.result(2.0).closest == (at(10), at(20), at(30))


def test_nor_is_it_waited_for_for_ever() -> None:
    steps = slow()
    steps.waits(1.3)
    result = steps.result(3.0)
    assert (result.end, result.closest) == (End.CONVERGED, (at(20), at(30), at(40)))


def test_one_that_is_farther_than_the_wanted_is_not_waited_for() -> None:
    steps = Steps(10, 20, 30, 40, config=replace(CONFIG, parallel=4, grace_s=3.0))
    steps.asks()
    for distance in (10, 20):
        steps.answers(distance, now_s=0.1)
    assert steps.asks(1.2) == [40]
    steps.answers(40, closer=[25], now_s=1.3)
    assert steps.asks(1.3) == [25]
    steps.answers(25, now_s=1.4)
    assert steps.result(1.4).closest == (at(10), at(20), at(25)), "30 is slow, and beyond them"
