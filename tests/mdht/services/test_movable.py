"""Several services that move at once, as a reload asks for: what may move can, and what may not says why."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from hypothesis import given, settings

from mdht.config import Config, ServiceConfig
from mdht.config.services import brief
from mdht.services.placement import movable

from ..config.drawn import services
from ..config.dry import DryTree, started

Services = dict[str, ServiceConfig | str]

SCALED = dict.fromkeys(("links", "local"), "process:2@links")


def now(config: Config) -> dict[str, str]:
    return {name: brief(one.placement) for name, one in config.placed.items()}


def two_cpus() -> tuple[int, ...]:
    return (0, 1)


@settings(max_examples=400, deadline=None)
@given(services(), services())
def test_what_may_move_can(own: Services, other: Services) -> None:
    """In the order in which the operator moves them, by the rules of `ipc`."""
    with patch("mdht.config.node.cpu_set", two_cpus), patch("mdht.services.placement.cpu_set", two_cpus):
        before = Config(services=own)
        if before.validate():
            return
        tree, there = started(before.placed), now(before)
        wanted = {
            name: brief(text)
            for name, one in other.items()
            if (text := one if isinstance(one, str) else one.placement) is not None and brief(text) != there[name]
        }
        going, refused = movable(before, there, wanted)
        assert going.keys() | refused.keys() == wanted.keys() and not going.keys() & refused.keys()
        assert all(refused.values())
        asyncio.run(carried(tree, before, there, going))
        assert there.items() >= going.items()
        assert all(len(groups) == 1 for groups in tree.groups.values()), "groups of a name are one in the end"


async def carried(tree: DryTree, config: Config, there: dict[str, str], going: dict[str, str]) -> None:
    left = dict(going)
    while left:
        left, refused = movable(config, there, left)
        assert not refused, "what may move all at once may move one by one"
        pair = left.keys() & {"links", "local"}
        for name in sorted(pair, reverse=True) or list(left)[:1]:
            there[name] = left.pop(name)
            await tree.put(name, there[name], regroup=True)


def test_a_whole_group_becomes_another() -> None:
    config = Config(services={"api": "thread@both", "files": "thread@both"})
    wanted = {"api": "process@both", "files": "process@both"}
    assert movable(config, now(config), wanted) == (wanted, {})
    going, refused = movable(config, now(config), {"api": "process@both"})
    assert not going and "another group, such as @both2: files has @both as thread:1" in refused["api"]


def test_two_that_would_be_one_group_of_two_kinds() -> None:
    config = Config()
    going, refused = movable(config, now(config), {"api": "process@g", "files": "thread@g", "upkeep": "thread"})
    assert going == {"upkeep": "thread"}
    assert "files has @g as thread:1" in refused["api"] and "api has @g as process:1" in refused["files"]


def test_links_and_local_are_one() -> None:
    config = Config(services=SCALED)
    back = dict.fromkeys(("links", "local"), "inline")
    assert movable(config, now(config), back) == (back, {})
    apart = {"links": "thread", "local": "inline"}
    assert movable(config, now(config), apart) == (apart, {})
    beside = {**now(config), "store": "process:2@links"}
    both = dict.fromkeys(("links", "local"), "process:3@links")
    going, refused = movable(config, beside, {**both, "api": "thread"})
    assert going == {"api": "thread"}
    assert "another group, such as @links2: store has @links as process:2" in refused["links"]
    assert refused["local"] == "it goes with links"


def test_what_cannot_move_says_why_once() -> None:
    config = Config(services={"api": ServiceConfig("process", nice=5), "files": "process@g"})
    going, refused = movable(config, now(config), {"api": "inline", "files": "thread", "nosuch": "thread"})
    assert going == {"files": "thread"}
    assert refused["api"].startswith("services.api.nice is set; a process placement")
    assert refused["nosuch"] == "this node has no such service"
    _, refused = movable(config, now(config), {"api": "process@g"})
    assert refused["api"].startswith("'process@g': has nice 5, and files in the same processes has neither")


def test_local_alone_says_that_it_goes_with_the_links() -> None:
    _, refused = movable(Config(services=SCALED), now(Config(services=SCALED)), {"local": "process"})
    assert refused["local"] == (
        "'process' while links are 'process:2@links'; move links, and local goes with them: what a peer asks is "
        "answered beside its link"
    )
    _, refused = movable(Config(), now(Config()), {"local": "thread:2"})
    assert "move links to 'thread:2@links', and local goes with them" in refused["local"]
