"""What services need of each other; nothing that passes here is refused by `ipc` when a node starts."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc import PlacementError
from mdht.config import PROFILES, Config, ResolvedService, ServiceConfig

from .drawn import services
from .dry import started

Services = dict[str, ServiceConfig | str]


def two_cpus() -> tuple[int, ...]:
    return (0, 1)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PROFILES), services())
def test_what_is_valid_can_start(profile: str, own: Services) -> None:
    with patch("mdht.config.node.cpu_set", two_cpus):
        config = Config(profile=profile, services=own)
        if not config.validate():
            started(config.placed)


@settings(max_examples=400, deadline=None)
@given(services())
def test_every_fault_has_its_key_once(own: Services) -> None:
    with patch("mdht.config.node.cpu_set", two_cpus):
        faults = Config(services=own).validate()
    keys = [key for key, _, _ in faults]
    assert len(set(keys)) == len(keys), faults
    assert all(key.split(".")[1] in {*own, "local"} for key in keys), faults


def faults(profile: str = "single", **own: ServiceConfig | str) -> list[tuple[str, str, str]]:
    with patch("mdht.config.node.cpu_set", two_cpus), patch("mdht.config.node.cpu_count", lambda: 2):
        return Config(profile=profile, services=own).validate()


@pytest.mark.parametrize(
    ("profile", "own", "key", "wrong", "right"),
    [
        (
            "server",
            {"files": "process@links"},
            "services.files.placement",
            "'process@links' while services.links has 'process:2@links'",
            "'process@links2'",
        ),
        (
            "single",
            {"links": "thread:2@links", "local": "thread:2@links", "store": "process:2@links"},
            "services.store.placement",
            "'process:2@links' while services.links has 'thread:2@links'",
            "'thread:2@links', or 'process:2@links2'",
        ),
        (
            "single",
            {"peers": "thread@g", "files": "process@g+zmq"},
            "services.files.placement",
            "'process@g+zmq' while services.peers has 'thread@g'",
            "'thread@g+zmq', or 'process@g2+zmq'",
        ),
        (
            "single",
            {"links": "process:2+zmq", "local": "process:2+zmq"},
            "services.links.placement",
            "'process:2+zmq', which names no group",
            "'process:2@links+zmq' for both links and local",
        ),
        (
            "single",
            {"links": "process:2@links", "local": "process"},
            "services.local.placement",
            "'process' while links are 'process:2@links'",
            "'process:2@links' for both",
        ),
        (
            "single",
            {"local": "thread:2"},
            "services.local.placement",
            "'thread:2' while links are 'inline'",
            "'thread', or 'thread:2@links' for both",
        ),
    ],
)
def test_one_fault_says_who_has_what_and_what_to_write(
    profile: str, own: Services, key: str, wrong: str, right: str
) -> None:
    ((found, said, would),) = faults(profile, **own)
    assert (found, said) == (key, wrong) and would.startswith(right)


@pytest.mark.parametrize(
    ("profile", "own"),
    [
        ("server", {"files": "process@links"}),
        ("single", {"links": "thread:2@links", "local": "thread:2@links", "store": "process:2@links"}),
        ("single", {"api": "process@g", "files": "process@g", "upkeep": "thread@g"}),
        ("single", {"api": ServiceConfig("thread", nice=5)}),
    ],
)
def test_the_dry_run_refuses_what_a_node_would(profile: str, own: Services) -> None:
    assert faults(profile, **own)
    with pytest.raises(PlacementError), patch("mdht.config.node.cpu_count", lambda: 2):
        started(Config(profile=profile, services=own).placed)


def test_affinity_and_nice_of_a_group_each_by_itself() -> None:
    own: Services = {
        "links": ServiceConfig("process:2@links", affinity=(0, 1)),
        "local": ServiceConfig("process:2@links", affinity=(1,), nice=4),
        "store": ServiceConfig("process:2@links", nice=5),
    }
    first, second = faults(**own)
    assert first == (
        "services.local.affinity",
        "[1] while services.links.affinity is [0, 1], in the same processes",
        "[0, 1] for both, or affinity of one of them alone: both are of the group links",
    )
    assert second[:2] == ("services.local.nice", "4 while services.store.nice is 5, in the same processes")


def test_members_of_a_group_inherit_what_one_of_them_names() -> None:
    own: Services = {
        "links": ServiceConfig("process:2@links", affinity=(1, 0, 1)),
        "local": "process:2@links",
        "store": ServiceConfig("process:2@links", nice=5),
        "files": "process@other",
    }
    assert not faults(**own)
    with patch("mdht.config.node.cpu_set", two_cpus):
        placed = Config(services=own).placed
    assert {(placed[name].affinity, placed[name].nice) for name in ("links", "local", "store")} == {((0, 1), 5)}
    assert (placed["files"].affinity, placed["files"].nice) == ((), None)
    started(placed)


def test_a_part_that_is_not_given_is_the_profiles() -> None:
    with patch("mdht.config.node.cpu_count", lambda: 2):
        usual = Config(profile="server").placed
        config = Config(profile="server", services={"store": ServiceConfig(watchdog_s=60.0), "links": ServiceConfig()})
        assert config.placed["store"] == ResolvedService("process", watchdog_s=60.0)
        assert config.placed["links"] == usual["links"] and config.places == 2
        read = Config.from_toml('profile = "server"\n[services.store]\nwatchdog_s = 60.0\n')
        assert read.placed == {**usual, "store": ResolvedService("process", watchdog_s=60.0)}
        assert Config(profile="server", services={"store": "thread"}).placed["store"].placement == "thread"


def test_faults_of_services_hide_nothing() -> None:
    found = faults(
        "nope",
        store=ServiceConfig(nice=99),
        api="fly",
        links="process:2@links",
        local="process",
        files=ServiceConfig("thread", nice=5),
    )
    assert [key for key, _, _ in found] == [
        "profile",
        "services.store.nice",
        "services.api.placement",
        "services.files.nice",
        "services.local.placement",
    ]
    found = faults(api="fly", links="thread:2@links", local="thread:2@links", store="thread@links")
    assert [key for key, _, _ in found] == ["services.api.placement", "services.store.placement"]


def test_links_in_several_places_listen_at_tcp_only() -> None:
    both = dict.fromkeys(("links", "local"), "thread:2@links")
    config = Config(services=both, listen=("127.0.0.1:0", "memory://a:1", "nowhere"))
    assert [key for key, _, _ in config.validate()] == ["listen[2]", "listen[1]"]
    assert not Config(listen=("memory://a:1",)).validate()
