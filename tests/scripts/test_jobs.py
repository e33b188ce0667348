"""Which nodes put and get."""

import random

from . import bench

base, jobs = bench("networks.base"), bench("networks.jobs")


def test_values_depend_on_seed_and_number_alone():
    assert base.value_of("a", 1) == base.value_of("a", 1)
    assert len({base.value_of("a", 1), base.value_of("a", 2), base.value_of("b", 1)}) == 3
    assert len(base.value_of("a", 1)) == base.VALUE_BYTES


def test_puts_begin_at_each_node_in_turn():
    made = jobs.puts("seed", 5, 4, 3)
    assert [(one.number, one.node) for one in made] == [(5, 2), (6, 0), (7, 1), (8, 2)]


def test_neither_holders_nor_the_putter_ask():
    everybody = list(range(16))
    own = everybody[4:]  # ids 4 to 15, numbers 0 to 11
    assert jobs.askers(0, own, everybody, putter=11) == tuple(range(4, 11))  # ids 0 to 7 hold it, 15 put it


def stored(number, askers):
    return jobs.Stored(number, f"k{number}", b"v", askers)


def test_gets_go_round_from_another_node_each_time():
    made = jobs.gets([stored(0, (2, 5))], 3, random.Random(1))
    assert [one.node for one in made] == [2, 5, 2]
    assert made[0].key == "k0"


def test_gets_at_most_once_each_leave_out_what_all_hold():
    made = jobs.gets([stored(0, (1,)), stored(1, ()), stored(2, (1,))], 10, random.Random(1), again=False)
    assert sorted(one.number for one in made) == [0, 2]


def test_nothing_stored_is_nothing_to_get():
    assert jobs.gets([], 10, random.Random(1)) == []
