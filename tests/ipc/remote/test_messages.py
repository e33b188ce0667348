"""What crosses between machines: packed and read again, and refused where it is of another form."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.codec import dumps, loads
from ipc.errors import BadFrame
from ipc.remote import messages as m
from ipc.remote.guard import read_items, read_values
from ipc.remote.messages import Code, Goodbye, Hello, Welcome
from ipc.remote_errors import pack_error

U64 = st.integers(0, (1 << 64) - 1)
U32 = st.integers(0, (1 << 32) - 1)


def item_of(frame: bytes) -> list[Any]:
    (item,) = read_items(frame)
    return item


@given(st.text(max_size=m.REASON_CHARS).filter(lambda text: text.isprintable()))
def test_hello(name: str) -> None:
    assert m.read_hello(item_of(m.pack_hello(name))) == Hello(m.VERSION, name)


@given(st.integers(1, 1 << 62), st.integers(1, 1 << 62))
def test_welcome(commands: int, nbytes: int) -> None:
    assert m.read_welcome(item_of(m.pack_welcome(commands, nbytes))) == Welcome(m.VERSION, commands, nbytes)


def test_goodbye_answers_a_hello_too_and_its_reason_is_cut() -> None:
    answer = m.read_welcome(item_of(m.pack_goodbye(Code.BUSY, "x" * 10_000)))
    assert answer == Goodbye(Code.BUSY, "x" * m.REASON_CHARS)
    assert m.read_goodbye([m.GOODBYE, 77, "y" * 10_000]) == Goodbye(77, "y" * m.REASON_CHARS)


@given(U64, st.floats(allow_nan=False), st.binary(max_size=100), st.integers(0, 5))
def test_run(run: int, remaining: float, body: bytes, head: int) -> None:
    nbytes = max(0, len(body) - head)
    frame = m.pack_frame([m.pack_run(run, remaining, nbytes, len(body)) + body])
    assert m.read_run(item_of(frame)) == (run, remaining, nbytes, body)


def test_a_run_without_a_deadline() -> None:
    item = item_of(m.pack_frame([m.pack_run(0, math.inf, 1, 1) + b"\x90"]))
    assert m.read_run(item)[1] == math.inf


@given(U64, U32, st.binary(max_size=100))
def test_reply(run: int, offset: int, body: bytes) -> None:
    assert m.read_reply(item_of(m.pack_frame([m.pack_reply(run, offset, body)]))) == (run, offset, body)


@given(U32, U32)
def test_ack(commands: int, nbytes: int) -> None:
    assert m.read_ack(item_of(m.pack_frame([m.pack_ack(commands, nbytes)]))) == (commands, nbytes)


def test_fail() -> None:
    try:
        raise KeyError("a", 1)
    except KeyError as error:
        frame = m.pack_frame([m.pack_fail(5, 7, pack_error(error))])
    run, offset, rebuilt = m.read_fail(item_of(frame))
    assert (run, offset) == (5, 7)
    assert type(rebuilt) is KeyError
    assert rebuilt.args == ("a", 1)
    assert "KeyError" in str(rebuilt.__cause__)


def test_many_items_in_a_frame() -> None:
    frame = m.pack_frame([m.POKE_ITEM, m.END_ITEM, m.pack_ack(1, 2)])
    assert read_items(frame) == [[m.POKE], [m.END], [m.ACK, 1, 2]]


@pytest.mark.parametrize(
    "item",
    [
        [m.RUN],
        [m.RUN, 1, 1.0, 1],
        [m.RUN, -1, 1.0, 1, b"\x90"],
        [m.RUN, True, 1.0, 1, b"\x90"],
        [m.RUN, 1, 1, 1, b"\x90"],
        [m.RUN, 1, math.nan, 1, b"\x90"],
        [m.RUN, 1, 1.0, 2, b"\x90"],
        [m.RUN, 1, 1.0, -1, b"\x90"],
        [m.RUN, 1, 1.0, 0, b"x" * 6],
        [m.RUN, 1, 1.0, 1, "\x90"],
        [m.RUN, 1, 1.0, 1, [1]],
        [m.RUN, 1, 1.0, 1, b"\x90", 1],
    ],
)
def test_what_is_no_run_is_refused(item: list[Any]) -> None:
    with pytest.raises(BadFrame, match="a RUN has"):
        m.read_run(item)


@pytest.mark.parametrize(
    "item", [[0], [0, "ipc"], [0, "ipc", 1], [0, "ipc", 1, 5], [0, "abc", 1, "x"], [1, "ipc", 1, "x"]]
)
def test_what_is_no_hello_is_refused(item: list[Any]) -> None:
    with pytest.raises(BadFrame, match="HELLO"):
        m.read_hello(item)


def test_a_hello_of_another_version_is_read_as_far() -> None:
    assert m.read_hello([m.HELLO, "ipc", 9, {"anything": 1}, 5]) == Hello(9, "")


@pytest.mark.parametrize(
    "item", [[8, 1, 5, 0], [8, 2, 5, 5], [8, 1, 5], [9, 1, 5, 5], [8, 1, True, 5], [13, 1], [13, 1, 2]]
)
def test_what_is_no_answer_to_a_hello_is_refused(item: list[Any]) -> None:
    with pytest.raises(BadFrame):
        m.read_welcome(item)


@pytest.mark.parametrize("error", [None, [], [0, "X", b"", "", "", 5], [1, "ValueError", b"\xc1", "", "", []], [9] * 6])
def test_what_is_no_error_is_refused(error: Any) -> None:
    with pytest.raises(BadFrame):
        m.read_fail([m.FAIL, 1, 0, error])


# -- hostile bytes -----------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    for read in (read_items, read_values):
        try:
            read(data)
        except BadFrame:
            continue


@given(
    st.lists(
        st.recursive(
            st.none() | st.integers() | st.text() | st.binary(), lambda inner: st.lists(inner) | st.tuples(inner)
        ),
        min_size=1,
    )
)
def test_values_come_through(values: list[Any]) -> None:
    assert read_values(dumps(values)) == (values, set())


@pytest.mark.parametrize(
    "data", [b"", b"\x90", b"\x01", b"\x80", b"\x91", b"\x91\x01\x01", b"\xc1", b"\xdd\xff\xff\xff\xff\x01"]
)
def test_a_list_of_commands_is_whole_and_not_empty(data: bytes) -> None:
    with pytest.raises(BadFrame):
        read_values(data)


@pytest.mark.parametrize("extension", [b"", b"\x01", b"\x0c", b"\x0d", b"\x11"])
def test_no_room_is_made_for_what_is_only_announced(extension: bytes) -> None:
    """Heads of nested lists, each announcing as many items as there are bytes: gigabytes, if they were believed."""
    import resource

    size = 4 << 20
    heads = (b"\xdd" + struct.pack(">I", size - 100)) * 500
    data = heads + b"\xc0" * (size - len(heads))
    if extension:
        data = b"\xc9" + struct.pack(">I", len(data)) + extension + data
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadFrame):
        read_values(b"\x91" + data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10, "KiB"


def test_extensions_in_extensions_without_end_are_refused() -> None:
    data = b"\x90"
    for _ in range(1000):
        data = (
            b"\xc9" + struct.pack(">I", len(data)) + b"\x01" + b"\x91" + data
            if len(data) % 2
            else (b"\xc9" + struct.pack(">I", len(data)) + b"\x0d" + data)
        )
    with pytest.raises(BadFrame):
        read_values(b"\x91" + data)


def test_interned_values_are_refused_wherever_they_are() -> None:
    from ipc import Copied, Interned

    handle = Interned("remote.test", [1])
    for value in (
        handle,
        [handle],
        (1, (handle,)),
        {"a": handle},
        Copied(handle),
        ValueError(handle),
        KeyError((handle,)),
    ):
        references: list[Interned] = []
        for body in (dumps([value]), dumps([value], references)):
            with pytest.raises(BadFrame, match=r"send its \.value"):
                read_values(body)
    error = pack_error(ValueError("x"))
    error[2] = dumps([handle])
    with pytest.raises(BadFrame, match=r"send its \.value"):
        m.read_fail([m.FAIL, 1, 0, error])


def test_bytes_that_look_like_an_interned_value_are_bytes() -> None:
    data = [b"\xc7\x01\x0f", b"\xd4\x0f\x01" * 1000, "\x0f"]
    assert read_values(dumps(data)) == (data, set())


def test_a_type_that_is_not_known_here_is_marked() -> None:
    body = b"\x92\x01" + b"\xc7\x06\x0c" + dumps(["nope"])
    values, unknown = read_values(body)
    assert unknown == {"nope"}
    assert values[0] == 1


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x90",
        b"\xc0",
        b"\x91\xc0",
        b"\x91\x90",
        b"\x91\x91\xa1x",
        b"\x91\x91\xc3",
        dumps((1,)),
        dumps([[1, (2,)]]),
        dumps([[1, {}], {"a": 1}]),
    ],
)
def test_what_is_no_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(BadFrame):
        read_items(frame)


def test_the_constants_are_items() -> None:
    assert [loads(item) for item in (m.POKE_ITEM, m.END_ITEM, m.ENDED_ITEM)] == [[m.POKE], [m.END], [m.ENDED]]
