"""Interned handles, and the tables of two connected processes."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc import interned
from ipc.codec import dumps, loads, loads_marked
from ipc.errors import BadFrame, NotSendable
from ipc.interned import Interned, InternTable
from ipc.sendable import BY_NAME, sendable


@sendable("test.interned.thing")
@dataclass(frozen=True)
class Thing:
    name: str


class FakeLink:
    """A connection that writes down what it is asked to define."""

    def __init__(self, capacity: int = 1024) -> None:
        self.asked: list[Interned] = []
        self.table = InternTable(self, capacity)

    def define(self, handle: Interned) -> None:
        self.asked.append(handle)


@pytest.fixture(autouse=True)
def no_links() -> Iterator[None]:
    gc.collect()
    yield
    for table in interned.LINKS.tables():
        table.close()


def test_one_handle_a_key() -> None:
    one = Interned("k1", [1, 2])
    assert Interned("k1", [1, 2]) is one
    assert Interned.get("k1") is one
    assert (one.key, one.version, one.value, one.packed) == ("k1", 1, [1, 2], dumps([1, 2]))
    with pytest.raises(ValueError, match=r"use|publish\(\)"):
        Interned("k1", [1, 3])


def test_a_handle_that_nobody_holds_is_forgotten() -> None:
    Interned("k2", 1)
    with pytest.raises(KeyError):
        Interned.get("k2")


def test_what_cannot_be_sent_is_refused_when_it_is_made() -> None:
    with pytest.raises(NotSendable):
        Interned("k3", [object()])
    handle = Interned("k3", 1)
    with pytest.raises(NotSendable):
        handle.publish(object())
    assert (handle.version, handle.value) == (1, 1)


@pytest.mark.parametrize("key", ["", 3, "x" * 513, None])
def test_a_key_is_short_text(key: Any) -> None:
    with pytest.raises(ValueError, match="an interned key is text"):
        Interned(key, 1)


def test_a_handle_is_read_only() -> None:
    handle = Interned("k4", 1)
    for name in ("value", "key", "version"):
        with pytest.raises(AttributeError):
            setattr(handle, name, 2)


def test_messages_carry_references() -> None:
    handle = Interned("k5", "x" * 1000)
    handles: list[Interned] = []
    data = dumps([handle, (handle, 1)], handles)
    assert handles == [handle, handle]
    assert len(data) < 40
    assert loads(data)[1][0] is handle


def test_a_refused_message_leaves_the_list_as_it_was() -> None:
    handle = Interned("k6", 1)
    handles = [handle]
    with pytest.raises(NotSendable):
        dumps([handle, object()], handles)
    assert handles == [handle]


def test_a_state_carries_the_whole() -> None:
    handle = Interned("k7", {"a": Thing("b")})
    data = dumps({"state": handle})
    assert loads(data)["state"] is handle
    del handle
    gc.collect()
    again = loads(data)["state"]
    assert (again.key, again.version, again.value) == ("k7", 1, {"a": Thing("b")})


def test_a_state_does_not_bring_back_an_older_version() -> None:
    handle = Interned("k8", 1)
    data = dumps(handle)
    handle.publish(2)
    assert loads(data) is handle
    assert handle.value == 2


def test_a_reference_without_a_definition_is_a_bad_frame() -> None:
    handle = Interned("k9", 1)
    old = dumps(handle, [])
    handle.publish(2)
    new = dumps(handle, [])
    del handle
    gc.collect()
    with pytest.raises(BadFrame, match="never defined"):
        loads(old)
    keep = Interned("k9", 1)
    assert loads(old) is keep
    with pytest.raises(BadFrame, match="version 2"):
        loads(new)


def test_definitions_are_sent_once() -> None:
    link = FakeLink()
    a, b = Interned("ka", 1), Interned("kb", 2)
    assert link.table.outgoing([a, b, a]) == [("ka", 1, dumps(1)), ("kb", 1, dumps(2))]
    assert link.table.outgoing([b, a]) == []
    assert (link.table.knows("ka"), link.table.knows("nothing")) == (1, None)
    a.publish(5)
    assert link.asked == [a]
    assert link.table.outgoing([a, b]) == [("ka", 2, dumps(5))]
    link.table.clear()
    assert link.table.knows("ka") is None
    assert len(link.table.outgoing([a, b])) == 2


def test_publishing_asks_only_those_who_know_an_older_version() -> None:
    sender, receiver, stranger, closed = FakeLink(), FakeLink(), FakeLink(), FakeLink()
    handle = Interned("kp", 1)
    sender.table.outgoing([handle])
    closed.table.outgoing([handle])
    closed.table.close()
    closed.table.close()
    receiver.table.incoming("kp", 1, dumps(1))
    handle.publish(2)
    assert (sender.asked, receiver.asked, stranger.asked, closed.asked) == ([handle], [handle], [], [])


def test_an_arriving_definition_is_forwarded_but_not_back() -> None:
    source, other = FakeLink(), FakeLink()
    handle = source.table.incoming("kf", 1, dumps("one"))
    other.table.outgoing([handle])
    assert source.table.incoming("kf", 2, memoryview(dumps("two"))) is handle
    assert handle.value == "two"
    assert (source.asked, other.asked) == ([], [handle])


def test_a_lesser_definition_is_answered_with_the_greater() -> None:
    link = FakeLink()
    handle = Interned("kl", 1)
    handle.publish(2)
    handle.publish(3)
    link.table.incoming("kl", 2, dumps(9))
    assert (handle.version, handle.value, link.table.knows("kl")) == (3, 3, 2)
    assert link.asked == [handle]


def test_equal_versions_are_ordered_by_their_bytes() -> None:
    link = FakeLink()
    handle = Interned("ke", 5)
    link.table.incoming("ke", 1, dumps(4))
    assert handle.value == 5
    link.table.incoming("ke", 1, dumps(6))
    assert handle.value == 6


def test_the_table_keeps_its_handles_alive() -> None:
    link = FakeLink()
    link.table.incoming("kh", 4, dumps("x"))
    gc.collect()
    assert Interned.get("kh").version == 4
    link.table.clear()
    with pytest.raises(KeyError):
        Interned.get("kh")


@pytest.mark.parametrize(
    ("key", "version", "packed"),
    [
        (3, 1, b"\x01"),
        ("", 1, b"\x01"),
        ("x" * 513, 1, b"\x01"),
        ("kg", 0, b"\x01"),
        ("kg", True, b"\x01"),
        ("kg", "1", b"\x01"),
        ("kg", 1 << 64, b"\x01"),
        ("kg", 1, "text"),
        ("kg", 1, b""),
        ("kg", 1, b"\x01\x01"),
    ],
)
def test_garbage_is_a_bad_frame(key: Any, version: Any, packed: Any) -> None:
    with pytest.raises(BadFrame):
        FakeLink().table.incoming(key, version, packed)


def test_a_value_of_an_unknown_type_marks_what_refers_to_it() -> None:
    link = FakeLink()
    handle = Interned("ku", Thing("x"))
    definition, message = link.table.outgoing([handle])[0], dumps([1, handle], [])
    del handle
    link.table.clear()
    gc.collect()
    entry = BY_NAME.pop("test.interned.thing")
    try:
        link.table.incoming(*definition)
        assert loads_marked(message)[1] == {"test.interned.thing"}
        with pytest.raises(BadFrame, match=r"test\.interned\.thing"):
            loads(message)
    finally:
        BY_NAME["test.interned.thing"] = entry


def test_too_many_keys_for_one_message() -> None:
    link = FakeLink(capacity=3)
    handles = [Interned(f"kt{i}", i) for i in range(4)]
    with pytest.raises(NotSendable, match="3 interned keys"):
        link.table.outgoing(handles)
    assert len(link.table.outgoing(handles[:3])) == 3


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=20))
def test_both_ends_keep_the_same_table(messages: list[list[int]]) -> None:
    """Every key of a message is known to the other side right after its definitions, whatever was pushed out."""
    handles = [Interned(f"km{i}", i) for i in range(6)]
    here, there = FakeLink(4), FakeLink(4)
    for message in messages:
        for definition in here.table.outgoing([handles[index] for index in message]):
            there.table.incoming(*definition)
        assert here.table._sent._entries == there.table._received._entries
        assert list(here.table._sent._entries) == list(there.table._received._entries)
        assert all(f"km{index}" in there.table._received._entries for index in message)


@settings(deadline=None)
@given(st.permutations([(1, 5), (2, 7), (2, 8), (3, 1), (3, 0)]))
def test_any_order_of_arrival_ends_the_same(order: list[tuple[int, int]]) -> None:
    link = FakeLink()
    for version, value in order:
        link.table.incoming("kc", version, dumps(value))
    assert (Interned.get("kc").version, Interned.get("kc").value) == (3, 1)


def test_no_publication_is_lost_between_threads() -> None:
    link = FakeLink()
    handle = Interned("kx", 0)
    seen: list[int] = []

    def drain() -> None:
        while link.asked:
            seen.extend(version for _, version, _ in link.table.outgoing([link.asked.pop()]))

    def publish() -> None:
        for _ in range(200):
            handle.publish(random.random())

    publishers = [threading.Thread(target=publish) for _ in range(2)]
    for thread in publishers:
        thread.start()
    for _ in range(200):
        link.table.outgoing([handle])
        time.sleep(0)
    for thread in publishers:
        thread.join()
    drain()
    assert handle.version == 401
    assert link.table.knows("kx") == 401
    assert seen == sorted(seen)
