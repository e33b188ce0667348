"""The path to what cannot be sent."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import io
from dataclasses import dataclass
from typing import Any

import msgpack
import pytest

from ipc.codec import Unknown, dumps
from ipc.errors import NotSendable
from ipc.refs import Copied
from ipc.sendable import sendable

from .samples import Leaf


@sendable("StoreCommandRecord")
@dataclass(frozen=True)
class Record:
    file: Any


@sendable("StoreCommandPut")
@dataclass(frozen=True)
class Put:
    record: Record


@sendable("StoreCommand")
@dataclass(frozen=True)
class StoreCommand:
    put: Put


class Text(str):
    pass


class Numbers(enum.IntEnum):
    ONE = 1


Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "path", "type_name"),
    [
        (StoreCommand(Put(Record(io.TextIOWrapper(io.BytesIO())))), "StoreCommand.put.record.file", "TextIOWrapper"),
        ([1, 2, 3, object()], "list[3]", "object"),
        ((1, {"k": [{2: len}]}), "tuple[1]['k'][0][2]", "builtin_function_or_method"),
        ({Leaf(1, "a"): object}, "dict[Leaf]", "type"),
        ({Pair(1, 2): 1}, "dict[Pair]", "Pair"),
        ({"x" * 50: Text()}, f"dict['{'x' * 36}...]", "Text"),
        (Text("a"), "Text", "Text"),
        (Numbers.ONE, "Numbers", "Numbers"),
        (Pair(1, 2), "Pair", "Pair"),
        ([memoryview(b"x")], "list[0]", "memoryview"),
        ([msgpack.ExtType(1, b"\x90")], "list[0]", "ExtType"),
        ([msgpack.Timestamp(1)], "list[0]", "Timestamp"),
        (collections.OrderedDict(), "OrderedDict", "OrderedDict"),
        (Copied([Leaf]), "Copied.value[0]", "type"),
        ({frozenset({range(3)})}, "set[0][0]", "range"),
        ([{"error": ValueError}], "list[0]['error']", "type"),
        ([Unknown("x")], "list[0]", "Unknown"),
        (Leaf, "type", "type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_path_to_what_cannot_be_sent(value: Any, path: str, type_name: str) -> None:
    with pytest.raises(NotSendable) as caught:
        dumps(value)
    assert (caught.value.path, caught.value.type_name) == (path, type_name)


def test_a_time_zone_of_another_kind_is_refused_with_advice() -> None:
    class Zone(dt.tzinfo):
        def utcoffset(self, when: Any) -> dt.timedelta:
            return dt.timedelta()

        def dst(self, when: Any) -> None:
            return None

        def tzname(self, when: Any) -> str:
            return "zone"

    with pytest.raises(NotSendable, match="astimezone"):
        dumps([dt.datetime(2020, 1, 1, tzinfo=Zone())])
