"""`Shared`, `Copied`, and what a channel between hosts of one process does with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ipc import refs
from ipc.codec import dumps, loads
from ipc.errors import NotSendable
from ipc.limits import NEST_DEPTH
from ipc.refs import Copied, Shared, cross
from ipc.sendable import sendable


@sendable("test.refs.config")
@dataclass(frozen=True, slots=True)
class Config:
    name: str
    parts: tuple[Any, ...] = ()


@sendable("test.refs.command")
@dataclass
class Command:
    body: Any
    other: Any = None
    late: Any = field(init=False, default=None)


@pytest.fixture(autouse=True)
def fresh_state() -> Iterator[None]:
    before, refs.STATE.copied = refs.STATE.copied, False
    yield
    refs.STATE.copied = before


def test_shared_takes_frozen_dataclasses_only() -> None:
    config = Config("a")
    assert Shared(config).value is config
    refused: list[Any] = [[], 3, Command(1), Config]
    for value in refused:
        with pytest.raises(NotSendable, match="frozen dataclasses only"):
            Shared(value)


@pytest.mark.parametrize("make", [Shared, Copied])
def test_a_ref_is_an_immutable_value(make: Any) -> None:
    one, two, other = make(Config("a")), make(Config("a")), make(Config("b"))
    assert one == two
    assert hash(one) == hash(two)
    assert one != other
    assert one != Config("a")
    assert repr(one) == f"{make.__name__}(Config(name='a', parts=()))"
    for name in ("_value", "value", "new"):
        with pytest.raises(AttributeError):
            setattr(one, name, 1)
    with pytest.raises(AttributeError):
        del one._value


def test_kinds_differ() -> None:
    assert Shared(Config("a")) != Copied(Config("a"))


def test_both_are_packed_and_rebuilt() -> None:
    for ref in (Shared(Config("a", (1, Shared(Config("b"))))), Copied([1, {"a": {2}}])):
        again = loads(dumps(ref))
        assert type(again) is type(ref)
        assert again == ref
        assert again.value is not ref.value


def test_nothing_is_looked_at_before_the_first_copied() -> None:
    class Explosive:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    command = [Explosive()]
    assert cross(command) is command
    assert not refs.STATE.copied
    Copied(1)
    assert refs.STATE.copied


def test_only_what_leads_to_a_copied_is_rebuilt() -> None:
    inner = [1]
    kept = {"kept": [1, 2]}
    copied = Copied(inner)
    command = Command([{"a": (copied, kept)}, kept], other=kept)
    command.late = copied
    result = cross(command)
    assert result == command
    assert result is not command
    assert command.body[0]["a"][0] is copied
    assert result.body[0]["a"][0].value is not inner
    assert result.body[0]["a"][1] is kept
    assert result.body[1] is kept
    assert result.other is kept
    assert result.late.value is result.body[0]["a"][0].value
    inner.append(2)
    assert result.late.value == [1]


def test_a_frozen_dataclass_is_rebuilt_without_its_constructor() -> None:
    shared = Shared(Config("a", (Copied([1]),)))
    result = cross(shared)
    assert result == shared
    assert result.value.parts[0].value is not shared.value.parts[0].value


def test_sets_and_keys_are_walked() -> None:
    copied = Copied(Config("a"))
    result = cross([{copied}, frozenset({copied}), {copied: 1}])
    assert result == [{copied}, frozenset({copied}), {copied: 1}]
    assert all(next(iter(part)) is not copied for part in result)


def test_without_a_copied_the_object_itself_crosses() -> None:
    Copied(1)
    command = Command([{"a": (1, 2)}])
    assert cross(command) is command


def test_cycles_and_depths_end() -> None:
    Copied(1)
    cycle: list[Any] = [1]
    cycle += [cycle, cycle]
    assert cross(cycle) is cycle
    deep: list[Any] = [Copied([1])]
    for _ in range(NEST_DEPTH + 5):
        deep = [deep, deep]
    assert cross(deep) is deep
