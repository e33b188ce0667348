from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import Malformed
from mdht.limits import CAPABILITIES, HANDSHAKE_FRAME_BYTES, NETWORK_CHARS, PEER_RECORD_BYTES
from mdht.session.binary import (
    Accept,
    Frame,
    Hello,
    Ping,
    Pong,
    Proof,
    Refuse,
    pack,
    parse_untrusted,
    without_mac,
    without_signature,
)
from mdht.session.limits import ENCODINGS

TOKENS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,31}", fullmatch=True)
HELLOS = st.builds(
    Hello,
    version=st.integers(0, 65535),
    network=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
    peer=st.binary(min_size=32, max_size=32),
    record=st.binary(max_size=PEER_RECORD_BYTES),
    capabilities=st.sets(TOKENS, max_size=8).map(lambda names: tuple(sorted(names))),
    encodings=st.lists(TOKENS, max_size=ENCODINGS, unique=True).map(tuple),
    time_ms=st.integers(0, (1 << 63) - 1),
    challenge=st.binary(min_size=32, max_size=32),
)
MACS = st.sampled_from([b"", b"m" * 32])
SIGNATURES = st.binary(min_size=64, max_size=64)
FRAMES: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Ping, HELLOS, MACS),
    st.builds(Pong, HELLOS, TOKENS, SIGNATURES, MACS),
    st.builds(Proof, SIGNATURES, MACS),
    st.builds(Accept),
    st.builds(Refuse, st.text(max_size=60)),
)

HELLO = Hello(1, "n", b"i" * 32, b"record", ("a", "b"), ("json", "msgpack"), 5, b"c" * 32)


@given(FRAMES)
def test_roundtrip(frame: Frame) -> None:
    assert parse_untrusted(pack(frame)) == frame


@given(st.one_of(FRAMES.map(pack), st.binary(max_size=300)), st.data())
def test_one_content_has_one_form(packed: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, max(0, len(packed) - 1)))
    changed = packed[:at] + data.draw(st.binary(max_size=3)) + packed[at + data.draw(st.integers(0, 3)) :]
    try:
        frame = parse_untrusted(changed)
    except Malformed:
        return
    assert pack(frame) == changed


@given(FRAMES)
def test_every_beginning_is_malformed(frame: Frame) -> None:
    packed = pack(frame)
    for size in range(len(packed)):
        with pytest.raises(Malformed):
            parse_untrusted(packed[:size])
    with pytest.raises(Malformed, match=r"too many|more|behind|after"):
        parse_untrusted(packed + b"\0")


def test_parts() -> None:
    frame = Pong(HELLO, "json", b"s" * 64, b"m" * 32)
    packed = pack(frame)
    assert packed == without_mac(packed, frame) + b"\1" + b"m" * 32
    assert without_mac(packed, frame) == without_signature(packed, frame) + b"s" * 64
    ping = Ping(HELLO)
    assert without_mac(pack(ping), ping) + b"\0" == pack(ping)


def broken(**changes: object) -> bytes:
    hello = Hello(*[changes.get(name, getattr(HELLO, name)) for name in Hello.__slots__])  # type: ignore[arg-type]
    return pack(Ping(hello))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\x06",
        b"\x01" * (HANDSHAKE_FRAME_BYTES + 1),
        broken(network=""),
        broken(network="n" * (NETWORK_CHARS + 1)),
        broken(network="a b"),
        broken(record=bytes(PEER_RECORD_BYTES + 1)),
        broken(capabilities=("b", "a")),
        broken(capabilities=("a", "a")),
        broken(capabilities=("A",)),
        broken(capabilities=tuple(f"c{number:03}" for number in range(CAPABILITIES + 1))),
        broken(encodings=tuple(f"e{number}" for number in range(ENCODINGS + 1))),
        broken(encodings=("json", "json")),
        broken(encodings=("j\n",)),
        broken(time_ms=1 << 63),
        pack(Ping(HELLO))[:-1] + b"\2",
        b"\x05\x02\xff\xff",
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_untrusted(data)


def test_a_long_reason_is_cut_at_a_character() -> None:
    frame = parse_untrusted(pack(Refuse("ü" * 200)))
    assert isinstance(frame, Refuse) and set(frame.reason) == {"ü"} and 100 < len(frame.reason) < 130
