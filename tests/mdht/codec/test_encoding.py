from __future__ import annotations

import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdht import limits
from mdht.codec import ENCODINGS, Encoding, Get, Message, Put, Unknown, encoding
from mdht.errors import BadMessage, BadText

from ..model.making import mutated
from .making import HASH, SAMPLES, messages

MSGPACK, JSON = encoding("msgpack"), encoding("json")
RAW = {"msgpack": msgspec.msgpack.encode, "json": msgspec.json.encode}

each = pytest.mark.parametrize("coded", ENCODINGS.values(), ids=lambda coded: coded.name)


def raw(coded: Encoding, value: Any) -> bytes:
    """Any value in that encoding."""
    return RAW[coded.name](value)


def test_by_name() -> None:
    assert list(ENCODINGS) == ["msgpack", "json"]
    assert encoding("json").name == "json"
    with pytest.raises(BadText, match="msgpack, json"):
        encoding("pickle")


@given(messages)
@settings(deadline=None, max_examples=300)
def test_round_trip(message: Message) -> None:
    for coded in ENCODINGS.values():
        assert coded.decode(coded.encode(message)) == message
        assert coded.decode(memoryview(coded.encode(message))) == message


@each
def test_the_same_arrays(coded: Encoding) -> None:
    assert JSON.encode(Get(1, HASH)).startswith(b'[2,1,"AAEC')
    assert MSGPACK.encode(Get(1, HASH)).startswith(b"\x94\x02\x01\xc4\x20\x00\x01")


@given(st.data(), st.sampled_from(sorted(SAMPLES)))
@settings(deadline=None, max_examples=500)
def test_mutations_are_messages_or_bad_messages(data: st.DataObject, name: str) -> None:
    for coded in ENCODINGS.values():
        changed = data.draw(mutated(coded.encode(SAMPLES[name])))
        try:
            message = coded.decode(changed)
        except BadMessage:
            continue
        if not isinstance(message, Unknown):
            assert coded.decode(coded.encode(message)) == message  # within its bounds


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=500)
def test_garbage(data: bytes) -> None:
    for coded in ENCODINGS.values():
        try:
            coded.decode(data)
        except BadMessage:
            pass


numbers = st.integers(-1, 200) | st.integers(0, 2**64 - 1)
plain = st.recursive(
    st.none() | st.booleans() | numbers | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)


@given(numbers, st.lists(plain, max_size=6))
@settings(deadline=None, max_examples=500)
def test_arrays_of_anything(number: int, fields: list[Any]) -> None:
    for coded in ENCODINGS.values():
        try:
            coded.decode(raw(coded, [number, *fields]))
        except BadMessage:
            pass


@each
@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "text",
        {"tag": 1},
        [],
        ["2", 1],
        [True, 1],
        [2.0, 1],
        [-1, 1],
        [2],
        [2, "1", "A"],
        [2, -1, HASH],
        [2, 2**32, HASH],
        [2, 1, HASH[:31]],
        [2, 1, HASH + b"\0"],
        [2, 1, None],
        [2, 1, HASH, 21],
        [5, 1, b""],
        [5, 1, b"x", -1],
        [5, 1, b"x", 2**63],
        [5, 1, b"x", 2**64 - 1],
        [48, 1, 256],
        [48, 1, 1, "x" * 257],
        [52, 1, [b"x"] * 21],
        [52, 1, [b""]],
        [52, 1, [b"x" * 2049]],
        [51, 1, [b"x"] * 65, 64],
        [96, 1, b""],
        [96, 1, bytes(16_385)],
        [97, 1, 2**22 + 1],
        [40],
        [40, None],
        [70, "x"],
        [2**32],
    ],
    ids=repr,
)
def test_malformed(coded: Encoding, value: Any) -> None:
    with pytest.raises(BadMessage) as caught:
        coded.decode(raw(coded, value))
    assert coded.name in str(caught.value)
    assert len(str(caught.value)) < 400


@each
def test_cut_and_trailing(coded: Encoding) -> None:
    for message in SAMPLES.values():
        data = coded.encode(message)
        for end in range(len(data)):
            with pytest.raises(BadMessage):
                coded.decode(data[:end])
        with pytest.raises(BadMessage):
            coded.decode(data + data)


# -- older and newer ---------------------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("number", [0, 7, 16, 18, 47])
def test_unknown_requests(coded: Encoding, number: int) -> None:
    unknown = coded.decode(raw(coded, [number, 9, {"any": [1, 2]}, "thing"]))
    assert unknown == Unknown(number, 9)
    assert isinstance(unknown, Unknown)
    assert unknown.is_request and not unknown.is_reply


@each
def test_unknown_replies_and_notices(coded: Encoding) -> None:
    reply = coded.decode(raw(coded, [70, 9, "x"]))
    assert reply == Unknown(70, 9)
    assert isinstance(reply, Unknown)
    assert reply.is_reply and not reply.is_request
    for number in (112, 127, 128, limits.ID_MAX):
        notice = coded.decode(raw(coded, [number, {"not": "a request"}]))
        assert notice == Unknown(number, 0)
        assert isinstance(notice, Unknown)
        assert not notice.is_reply and not notice.is_request
    assert coded.decode(raw(coded, [120])) == Unknown(120)


@each
def test_fields_added_at_the_end_are_ignored(coded: Encoding) -> None:
    assert coded.decode(raw(coded, [2, 9, HASH, 0, "new", [1]])) == Get(9, HASH)


@each
def test_fields_left_out_have_their_default(coded: Encoding) -> None:
    assert coded.decode(raw(coded, [5, 9, b"x"])) == Put(9, b"x", None, 0)


@each
def test_a_condition_that_is_not_known_is_not_overlooked(coded: Encoding) -> None:
    assert coded.decode(raw(coded, [5, 9, b"x", None, 0, b"", "only on Sundays"])) == Unknown(5, 9)
    assert coded.decode(raw(coded, [6, 9, 1, b"", 0, "only on Sundays"])) == Unknown(6, 9)
    with pytest.raises(BadMessage):
        coded.decode(raw(coded, [5, 9, b"", None, 0, b"", "only on Sundays"]))


# -- nothing is sized by the peer --------------------------------------------------------------------------------------

BOMBS = [
    b"\x93\x34\x01\xdd\xff\xff\xff\xff",  # a list of four thousand million peers
    b"\x92\x34\xc6\xff\xff\xff\xff",  # four gigabytes of bytes
    b"\xdd\xff\xff\xff\xff\x02",
    b"\x93\x34\x01" + b"\x91" * (limits.FRAME_BYTES - 3),
    b"\x93\x28\x01" + b"\x91" * (limits.FRAME_BYTES - 3),
    b"\x93\x28\x01\xdd\x00\x03\xff\xf0" + b"\x90" * (limits.FRAME_BYTES - 16),
    b"\x93\x05\x01\xdd\x00\x03\xff\xf0" + b"\x90" * (limits.FRAME_BYTES - 16),
    b"\xdf\x7f\xff\xff\xff" + b"\x00" * 1000,
    b"[52,1," + b"[" * (limits.FRAME_BYTES - 10),
    b"[40,1," + b"[" * (limits.FRAME_BYTES - 10),
    b"[40,1,[" + b"[]," * (limits.FRAME_BYTES // 4) + b"[]]]",
    b"[52,1,[" + b'"eA==",' * (limits.FRAME_BYTES // 8) + b'"eA=="]]',
    b"[2," + b"9" * (limits.FRAME_BYTES - 10) + b"]",
]


@pytest.mark.parametrize("data", BOMBS, ids=lambda data: repr(data[:12]))
def test_bombs(data: bytes) -> None:
    assert len(data) <= limits.FRAME_BYTES
    for coded in ENCODINGS.values():
        tracemalloc.start()
        try:
            coded.decode(data)
        except BadMessage:
            pass
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 16 * limits.FRAME_BYTES


@each
def test_the_text_of_an_error_is_one_short_line(coded: Encoding) -> None:
    with pytest.raises(BadMessage) as caught:
        coded.decode(raw(coded, ["\n\x1b[31m" * 500, 1]))
    assert str(caught.value).isprintable()
    assert repr(coded) == f"<encoding {coded.name}>"
