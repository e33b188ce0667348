from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mdht import limits
from mdht.codec import (
    ENCODINGS,
    NOTICES,
    REPLIES,
    REQUESTS,
    Encoding,
    ErrorCode,
    Farewell,
    Purpose,
    Put,
    Verdict,
    encoding,
)
from mdht.codec.messages import REPLY_NUMBERS, REQUEST_NUMBERS, RESERVED, Notice, Reply, Request
from mdht.model import unpack

from ..model.making import NETWORK, NOW_S, signed, vectors
from .making import LARGEST, SAMPLES, TYPES


def number(cls: Any) -> int:
    return int(cls.__struct_config__.tag)


def test_numbers_say_how_a_message_is_answered() -> None:
    assert all(number(cls) in REQUEST_NUMBERS for cls in REQUESTS)
    assert all(number(cls) in REPLY_NUMBERS for cls in REPLIES)
    assert all(96 <= number(cls) < 128 for cls in NOTICES)
    assert set(Request.__args__) == REQUESTS
    assert set(Reply.__args__) == REPLIES
    assert set(Notice.__args__) == NOTICES


def test_no_number_is_given_twice() -> None:
    given = [number(cls) for cls in TYPES] + list(RESERVED.values())
    assert len(given) == len(set(given))
    assert max(given) < 128


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: str(cls.__name__))
def test_the_second_element_is_the_request_or_stream(cls: Any) -> None:
    if cls in REQUESTS or cls in REPLIES:
        assert cls.__struct_fields__[0] == "request"
    elif cls.__name__.startswith("Stream"):
        assert cls.__struct_fields__[0] == "stream"
    assert cls.__struct_config__.frozen
    assert cls.__struct_config__.array_like
    assert not cls.__struct_config__.gc


def test_samples_and_largest_are_of_every_type() -> None:
    assert {type(message) for message in SAMPLES.values()} == {type(message) for message in LARGEST} == set(TYPES)


@pytest.mark.parametrize("coded", ENCODINGS.values(), ids=str)
def test_the_largest_fit_a_frame(coded: Encoding) -> None:
    for message in LARGEST:
        data = coded.encode(message)
        assert len(data) <= limits.FRAME_BYTES
        assert coded.decode(data) == message


def test_vectors() -> None:
    for vector in vectors("messages"):
        message = SAMPLES[vector["note"]]
        packed = bytes.fromhex(vector["msgpack"])
        assert encoding("msgpack").encode(message) == packed
        assert encoding("msgpack").decode(packed) == message
        text = msgspec.json.encode(vector["json"])
        assert encoding("json").encode(message) == text
        assert encoding("json").decode(text) == message
    assert {vector["note"] for vector in vectors("messages")} == set(SAMPLES)


def test_a_record_passes_through_as_it_is() -> None:
    record = signed()
    for coded in ENCODINGS.values():
        message = coded.decode(coded.encode(Put(1, record.pack())))
        assert isinstance(message, Put)
        unpack(message.record).verify(NETWORK, NOW_S, record.address)


def test_codes_fit_their_field() -> None:
    for codes in (ErrorCode, Verdict, Farewell, Purpose):
        assert all(0 <= code < 256 for code in codes)
