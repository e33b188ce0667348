"""What the next core would bring."""

import pytest

from mdht.tuning.outlook import outlook

from .seen import observation


def test_a_thread_at_its_end_gives_up_half():
    seen = observation({"links": ("process@links", 1.0)}, {("links",): 1.0}, per_s=10_000, makers=(0.5,), cpus=2)
    assert outlook(seen, "links").factor == pytest.approx(2.0)


def test_cores_that_are_used_up_bound_it():
    seen = observation({"links": ("process@links", 1.0)}, {("links",): 1.0}, per_s=10_000, makers=(1.0,), cpus=2)
    assert outlook(seen, "links").factor == pytest.approx(1.5)


def test_what_there_is_one_of_does_not_split():
    seen = observation({"api": ("inline", 0.9), "links": ("inline", 0.1)}, per_s=1_000, makers=(0.1,))
    model = outlook(seen, "api")
    assert model.processes == 0 and model.factor == pytest.approx(1.0)


def test_it_leaves_the_process_that_it_shared():
    seen = observation({"links": ("inline", 0.5), "store": ("inline", 0.5)}, per_s=1_000, makers=(0.1,))
    model = outlook(seen, "store")
    assert model.factor == pytest.approx(2.0) and model.processes == 1


def test_links_that_are_all_of_a_process_need_two():
    seen = observation({"links": ("inline", 0.8), "store": ("inline", 0.1)}, per_s=1_000, makers=(0.1,))
    model = outlook(seen, "links")
    assert model.factor == pytest.approx(0.9 / 0.4) and model.processes == 2


def test_nothing_measured_is_nothing_foretold():
    assert outlook(observation({"links": ("inline", 0.0)}, per_s=0), "links").factor == 1.0
