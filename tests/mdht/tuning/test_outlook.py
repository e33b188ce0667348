"""What the next core would bring."""

import pytest

from mdht.tuning.outlook import outlook
from mdht.tuning.placed import SINGLE, Placed

from .seen import observation

TWO = Placed.of({"links": "process:2@links", "local": "process:2@links"})
PARTS = {"links": ("process@links", 1.0)}


def test_one_core_brings_no_more_than_its_share():
    seen = observation(PARTS, {("links",): 1.0}, per_s=10_000, makers=(0.5,), cpus=2)
    model = outlook(seen, "links", placed=Placed.of({"links": "process@links", "local": "process@links"}))
    assert model.factor == pytest.approx(1.5) and model.processes == 2 and not model.measured


@pytest.mark.parametrize("makers", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("cpus", [1, 2, 4, 8])
def test_never_more_than_the_cores_by_the_cpu_of_a_request(cpus, makers):
    seen = observation({"links": ("inline", 0.9)}, per_s=30_000, makers=(makers,), machine=0.9 + makers, cpus=cpus)
    model = outlook(seen, "links")
    assert model.next_per_s <= (cpus + 1) / (model.cpu_us / 1e6) + 1
    assert 1.0 <= model.factor <= (cpus + 1) / cpus + 1e-9


def test_the_base_is_what_was_measured_of_that_placement():
    """As found on two cores: two processes of links took twice the CPU a request, and did 0.58 times as much."""
    seen = observation({"links": ("inline", 0.9)}, per_s=47_500, makers=(0.45,), machine=1.4, cpus=2)
    there = observation(
        {"links": ("process:2@links", 1.3)},
        {("peers",): 0.05, ("links", "local"): 1.2},
        per_s=27_500,
        makers=(0.4,),
        machine=1.9,
        cpus=2,
    )
    model = outlook(seen, "links", placed=SINGLE, measured={TWO: there}, relative={SINGLE: 1.0, TWO: 0.58})
    assert model.more.here == pytest.approx(0.58) and model.more.cpu_us == pytest.approx(there.cpu_us)
    assert model.next_per_s < 55_000  # a thread at 0.9 has a tenth to give; two processes are far from that
    assert model.processes == 0 or model.measured


def test_where_no_cpu_is_short_a_core_brings_nothing():
    seen = observation({"links": ("inline", 0.2), "store": ("inline", 0.1)}, machine=0.5, cpus=2)
    model = outlook(seen, "store", waits_for_disk=True)
    assert model.factor == 1.0 and model.idle_cores == pytest.approx(1.5)


def test_what_there_is_one_of_does_not_split():
    seen = observation({"api": ("inline", 0.9), "links": ("inline", 0.1)}, per_s=1_000, makers=(0.1,))
    model = outlook(seen, "api")
    assert model.processes == 0 and model.factor == pytest.approx(1.0)


def test_it_leaves_the_process_that_it_shared():
    seen = observation({"links": ("inline", 0.5), "store": ("inline", 0.5)}, per_s=1_000, makers=(0.1,), cpus=1)
    model = outlook(seen, "store")
    assert model.factor == pytest.approx(1 / 0.55) and model.processes == 1


def test_links_that_are_all_of_a_process_need_two():
    seen = observation({"links": ("inline", 0.8), "store": ("inline", 0.1)}, per_s=1_000, makers=(0.1,), cpus=1)
    model = outlook(seen, "links")
    assert model.factor == pytest.approx(2.0) and model.processes == 2


def test_nothing_measured_is_nothing_foretold():
    assert outlook(observation({"links": ("inline", 0.0)}, per_s=0), "links").factor == 1.0
