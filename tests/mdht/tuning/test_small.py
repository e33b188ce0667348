"""Loads, trends, stacks, cores and what is legal."""

import random

import pytest

from mdht.config import SERVICES, Config
from mdht.errors import ConfigError
from mdht.tuning.legal import judged, verdicts
from mdht.tuning.maker import bucket_of, quantile
from mdht.tuning.stacks import profile_of
from mdht.tuning.topology import read_cores
from mdht.tuning.trend import trend
from mdht.tuning.workload import Workload


def test_a_load_says_all_that_is_wrong():
    with pytest.raises(ConfigError) as caught:
        Workload(get_share=2.0, owned_share=-1, links=0, value_bytes=(3,), store="tape").check()
    assert [key for key, _, _ in caught.value.faults] == ["get_share", "owned_share", "links", "value_bytes", "store"]


def test_a_load_survives_being_saved():
    load = Workload(get_share=0.5, value_bytes=(16, 4_096), store="lmdb")
    assert Workload.from_dict(load.as_dict()) == load
    assert load.waits_for_disk and not Workload(store="lmdb", get_share=1.0).waits_for_disk


def test_quantiles_of_buckets():
    took = {}
    for at in range(1, 1001):
        bucket = bucket_of(at / 1000)
        took[bucket] = took.get(bucket, 0) + 1
    assert quantile(took, 0.5) == pytest.approx(0.5, rel=0.03)
    assert quantile(took, 0.99) == pytest.approx(0.99, rel=0.03)
    assert quantile({}, 0.5) == 0.0


def test_noise_is_no_trend_and_a_leak_is():
    dice = random.Random(3)
    noise = [(float(at), 100 + dice.gauss(0, 5)) for at in range(200)]
    assert trend(noise).flat(5, 0.05)
    leak = [(at, value + at * 0.1) for at, value in noise]
    found = trend(leak)
    assert not found.flat(5, 0.05)
    assert found.growth == pytest.approx(20, abs=3) and found.per_hour == pytest.approx(360, abs=60)


def test_wild_samples_do_not_make_a_trend():
    samples = [(float(at), 1_000.0 if at % 5 == 0 else 100.0) for at in range(100)]
    assert trend(samples).growth == 0.0
    assert trend([(0.0, 1.0)]).growth == 0.0


def test_stacks_tell_services_apart():
    found = profile_of(
        [
            "main (mdht/node.py:1);call (mdht/services/links.py:5);put (mdht/store/lmdb/store.py:9) 3",
            "main (mdht/node.py:1);call (mdht/services/store.py:5);sync (mdht/services/store.py:8) 6",
            "main (mdht/node.py:1) 1",
            "no stack",
        ]
    )
    assert found.samples == 10
    assert found.modules[:2] == (("store", 0.6), ("links", 0.3))
    assert found.places[0].self_share == 0.6
    assert next(one for one in found.places if one.name.startswith("main")).total_share == 1.0


def test_cores_with_hyperthreads(tmp_path):
    for cpu, package, core in ((0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1), (4, 0, 0), (5, 0, 1)):
        where = tmp_path / f"cpu{cpu}" / "topology"
        where.mkdir(parents=True)
        (where / "physical_package_id").write_text(f"{package}\n")
        (where / "core_id").write_text(f"{core}\n")
    cores = read_cores(range(6), tmp_path)
    assert [one.cpus for one in cores] == [(0, 4), (1, 5), (2,), (3,)]
    assert [one.cpus for one in read_cores((1, 2), tmp_path)] == [(1,), (2,)]
    assert [one.cpus for one in read_cores((0, 1), tmp_path / "none")] == [(0,), (1,)]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_legal_a_configuration_takes(service):
    for one in verdicts(service):
        if one.legal and ":2" not in one.placement:
            assert Config(services={service: one.placement}).validate() == [], one


def test_what_is_not_legal_says_why():
    assert "routing table" in judged("peers", "process").reason
    assert "pipe" in judged("store", "inline+pipe").reason
    assert not judged("api", "process:2").legal


def test_what_needs_another_service_is_called_so():
    found = judged("links", "process:2@links")
    assert found.legal and str(found) == 'legal only together with local = "process:2@links"'
    assert judged("local", "process:4@links").together == 'links = "process:4@links"'
    for service, placement in (("links", "process:2"), ("local", "process:4")):
        assert "@links" in judged(service, placement).reason and not judged(service, placement).legal
    assert str(judged("local", "process")) == "legal"


@pytest.mark.parametrize("service", ["links", "local"])
def test_what_is_legal_only_together_a_configuration_takes(service):
    for one in verdicts(service):
        if one.together:
            other = one.together.split(" = ")[0]
            assert Config(services={service: one.placement}).validate() != [], one
            assert Config(services={service: one.placement, other: one.placement}).validate() == [], one
