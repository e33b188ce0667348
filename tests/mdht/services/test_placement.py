"""What may be moved where, how configurations differ, and what is asked again. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipc import Closed, ServiceDied
from mdht.codec import ErrorCode
from mdht.config import Config, Limits
from mdht.config.changes import differences, quoted
from mdht.config.services import ServiceConfig, brief
from mdht.config.writing import toml_of
from mdht.errors import ConfigError, LinkClosed, LinkRefused, NotFound, RequestFailed, TimedOut
from mdht.services.api.again import Again, may_repeat
from mdht.services.api.commands import DoGet, DoPut
from mdht.services.api.patience import PAUSES_S, again_s, connects_first, dials_again, may_be_there
from mdht.services.errors import NotLinked
from mdht.services.placement import check_move, moved_together
from mdht.session import LinkFull, PeerGone
from mdht.transport import CannotDial

SCALED = Config(services=dict.fromkeys(("links", "local"), "process:2@links"), data_dir="/x", store="lmdb")


def now(config: Config) -> dict[str, str]:
    return {name: part.placement for name, part in config.placed.items()}


def test_who_moves_along() -> None:
    assert moved_together(SCALED, now(SCALED), "links", "thread:2@t") == ["links", "local"]
    assert moved_together(SCALED, now(SCALED), "api", "thread") == ["api"]
    alone = Config(services={"links": "process"})
    assert moved_together(alone, now(alone), "links", "inline") == ["links"]
    assert moved_together(alone, now(alone), "links", "process:2@links") == ["links", "local"]
    single = Config()
    assert moved_together(single, now(single), "links", "process@links") == ["links", "local"]
    assert moved_together(single, now(single), "links", "process") == ["links"]
    assert moved_together(single, now(single), "links", "nowhere") == ["links"]


@pytest.mark.parametrize(
    ("wanted", "wrong"),
    [
        ({"links": "thread:2@t"}, "'thread:2@t' for both"),
        ({"links": "process:3@more"}, "'process:3@more' for both"),
        ({"api": "process@links"}, "another group"),
        ({"peers": "process"}, "routing table"),
        ({"door": "process"}, "it stops the node"),
        ({"api": "process:2"}, "without a count"),
        ({"nonsense": "thread"}, "no such service"),
        ({"api": "nowhere"}, "no spawner"),
    ],
)
def test_moves_that_are_refused(wanted: dict[str, str], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        check_move(SCALED, now(SCALED), wanted)


def test_moves_that_are_legal() -> None:
    for both in ("thread:2@t", "process:3@more", "process:4@links", "thread:2@links", "inline"):
        check_move(SCALED, now(SCALED), {"links": both, "local": both})
    single = Config(store="lmdb", data_dir="/x")
    check_move(single, now(single), {"links": "process:2@links", "local": "process:2@links"})
    check_move(single, now(single), {"store": "process:2"})
    beside = {**now(SCALED), "api": "process:2@links"}
    with pytest.raises(ConfigError, match="another group, such as @links2"):
        check_move(SCALED, beside, {"links": "process:3@links", "local": "process:3@links"})
    within = Config(listen=("memory://a:1",))
    with pytest.raises(ConfigError, match="only TCP can be passed on"):
        check_move(within, now(within), {"links": "process:2@links", "local": "process:2@links"})
    for placement in ("inline", "coroutine", "thread", "process", "process+zmq", "process@background"):
        check_move(SCALED, now(SCALED), {"api": placement})
        check_move(SCALED, now(SCALED), {"store": placement})
    memory = Config()
    check_move(memory, now(memory), {"store": "process:2"})
    pinned = Config(services={"api": ServiceConfig("process", nice=5)})
    with pytest.raises(ConfigError, match="a process placement"):
        check_move(pinned, now(pinned), {"api": "thread"})


def test_differences() -> None:
    other = replace(
        SCALED, secret="5f" * 32, alpha=7, deny=("ab" * 32,), limits=Limits(links=9), services={"api": "thread"}
    )
    found = {one.key: one for one in differences(SCALED, other)}
    assert set(found) == {
        "secret", "alpha", "deny", "limits.links", "services.api.placement", "services.links.placement",
        "services.local.placement",
    }  # fmt: skip
    assert {key for key, one in found.items() if one.live} == set(found) - {"secret", "alpha"}
    assert "5f" not in found["secret"].after
    assert differences(SCALED, replace(SCALED, services={**SCALED.services, "api": "inline+none"})) == []


def test_a_configuration_as_toml_is_the_same() -> None:
    full = replace(
        SCALED,
        secret="5f" * 32,
        network="mdht-\"quoted'",
        limits=Limits(links=9),
        services={**SCALED.services, "api": ServiceConfig("process", affinity=(0,), nice=3)},
    )
    again = Config.from_tables(__import__("tomllib").loads(toml_of(replace(full, network="net"), secret=True)))
    assert again.placed == full.placed and again.limits == full.limits and again.secret == full.secret
    assert full.secret not in toml_of(full)
    assert quoted('a"b\\c\n') == '"a\\"b\\\\c\\u000a"'
    changes = differences(Config(), replace(Config(), alpha=4))
    assert "alpha = 4  # changed: it was 3" in toml_of(replace(Config(), alpha=4), changes)


def test_brief() -> None:
    assert [brief(one) for one in ("process+pipe", "process:2@x+zmq", "inline+none", "what?")] == [
        "process", "process:2@x+zmq", "inline", "what?"
    ]  # fmt: skip


def test_what_is_asked_again() -> None:
    for lost in (LinkClosed(), NotLinked("x"), PeerGone(), ServiceDied("links")):
        assert [again_s(lost, tries) for tries in range(len(PAUSES_S) + 1)] == [*PAUSES_S, None]
    for error in (NotFound(), TimedOut("x", 1.0), Closed("x"), CannotDial("x", "y"), RequestFailed(ErrorCode.FULL)):
        assert again_s(error, 0) is None
    busy = RequestFailed(ErrorCode.BUSY)
    assert again_s(busy, 0) and not connects_first(busy)
    assert again_s(LinkFull("bytes", 1), 0)
    assert dials_again(LinkRefused("shutdown", "x")) and not dials_again(LinkRefused("too many", "x"))
    assert dials_again(PeerGone()) and not dials_again(CannotDial("x", "y"))
    assert may_be_there([NotFound(), busy]) and not may_be_there([CannotDial("x", "y")])


def test_a_command_is_repeated_within_its_time() -> None:
    died = ServiceDied("api", "signal 9")
    get = DoGet(1, b"k", b"", 20.0)
    again = Again(get, 5.0)
    command, left_s = again.after(died)
    assert 0 < left_s <= 5 and command.timeout_s == left_s
    for _ in range(7):
        again.after(died)
    with pytest.raises(ServiceDied, match="signal 9"):
        again.after(died)
    with pytest.raises(ServiceDied):
        Again(get, 0.0).after(died)
    assert may_repeat(DoPut(2, b"k", b"v", 1.0)) and not may_repeat(DoPut(2, b"k", b"v", 1.0, expect=3))
    with pytest.raises(ServiceDied, match="may have been done"):
        Again(DoPut(2, b"k", b"v", 1.0, expect=3), 5.0).after(died)
