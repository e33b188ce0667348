"""Placements of a whole node."""

from mdht.config import Config
from mdht.tuning.placed import SINGLE, Placed

LINKS = {"links": "process:2@links", "local": "process:2@links"}


def test_two_ways_to_write_the_same_are_the_same():
    assert Placed.of({"store": "process+pipe", "api": "inline"}) == Placed.of({"store": "process"})
    assert Placed.of({"store": "process+zmq"}) != Placed.of({"store": "process"})


def test_of_a_profile():
    assert Placed.of_config(Config()) == SINGLE
    assert dict(Placed.of_config(Config(profile="threads")).services)["store"] == "thread"


def test_what_it_writes_a_node_reads():
    placed = Placed.of({**LINKS, "store": "process:2"})
    config = Config.from_toml(placed.toml())
    assert Placed.of_config(config) == placed


def test_faults_are_those_of_the_configuration():
    assert Placed.of(LINKS).faults("memory") == []
    assert Placed.of({"links": "process:2@links"}).faults("memory")
    assert Placed.of({"peers": "process"}).faults("memory")


def test_processes_of_a_group_are_counted_once():
    assert SINGLE.processes() == 1
    assert Placed.of({**LINKS, "store": "process", "files": "thread"}).processes() == 4


def test_its_name_tells_services_in_one_place_together():
    assert str(SINGLE) == "single"
    assert str(Placed.of({**LINKS, "store": "thread"})) == "store=thread local,links=process:2@links"
