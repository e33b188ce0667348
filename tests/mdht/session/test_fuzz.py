"""No change to any byte of a handshake leads to a link; and nothing but typed errors comes out, whatever goes in."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdht.errors import LinkRefused, RemoteError
from mdht.session import binary
from mdht.session.events import Ended, Opened
from mdht.session.handshake_states import State
from mdht.session.parties import HandshakeFailed
from mdht.session.proof import Role

from .hands import Hands, answerer, dialler
from .pair import ALICE, BOB, LinkPair, session, session_config

SECRET = b"s" * 32
SIZES = [len(frame) for _, frame in Hands(dialler(), answerer()).run().frames]
FUZZ = settings(deadline=None, max_examples=300)


def no_link(secret: bytes, which: int, changed: bytes) -> None:
    """The frame `which` arrives as `changed`."""

    def change(name: str, number: int, frame: bytes) -> bytes:
        return changed if number == which else frame

    hands = Hands(dialler(BOB.id, secret=secret), answerer(secret=secret), change).run()
    by = hands.frames[which - 1][0]
    receiver, name = (hands.b, "b") if by == "a" else (hands.a, "a")
    assert not hands.open
    assert receiver.state is not State.OPEN
    for event in (*hands.events["a"], *hands.events["b"]):
        if isinstance(event, HandshakeFailed):
            assert isinstance(event.error, LinkRefused)
    if which <= 3:
        assert hands.error(name)
        assert State.OPEN not in (hands.a.state, hands.b.state)


@pytest.mark.parametrize("secret", [b"", SECRET], ids=["public", "private"])
@pytest.mark.parametrize("which", [1, 2, 3, 4, 5])
def test_every_byte(which: int, secret: bytes) -> None:
    frame = Hands(dialler(BOB.id, secret=secret), answerer(secret=secret)).run().frames[which - 1][1]
    bits = random.Random(which)
    for at in range(len(frame)):
        changed = bytearray(frame)
        changed[at] ^= 1 << bits.randrange(8)
        no_link(secret, which, bytes(changed))


@FUZZ
@given(which=st.integers(1, 5), secret=st.sampled_from([b"", SECRET]), data=st.data())
def test_any_change(which: int, secret: bytes, data: st.DataObject) -> None:
    frame = Hands(dialler(BOB.id, secret=secret), answerer(secret=secret)).run().frames[which - 1][1]
    at = data.draw(st.integers(0, len(frame)))
    changed = frame[:at] + data.draw(st.binary(max_size=40)) + frame[data.draw(st.integers(at, len(frame))) :]
    if changed != frame:
        no_link(secret, which, changed)


@FUZZ
@given(st.lists(st.binary(max_size=200), max_size=6), st.booleans())
def test_any_frames(frames: list[bytes], dial: bool) -> None:
    end = dialler() if dial else answerer()
    for frame in frames:
        end.receive_untrusted(frame, 0.0)
    assert end.peer is None and end.state is not State.OPEN


def drive(role: Role, chunks: list[bytes], without_tls: bool) -> list[object]:
    """A session that is given these bytes; its events."""
    config = session_config(BOB if role is Role.ANSWER else ALICE, {"without_tls": without_tls})
    end = session(role, config)
    events: list[object] = []
    for chunk in chunks:
        end.receive(chunk, 0.0)
        end.data_to_send(0.0)
    while (event := end.next_event()) is not None:
        events.append(event)
    return events


@FUZZ
@given(st.lists(st.binary(max_size=600), max_size=5), st.sampled_from(Role), st.booleans())
def test_random_bytes(chunks: list[bytes], role: Role, without_tls: bool) -> None:
    for event in drive(role, chunks, without_tls):
        assert isinstance(event, Ended) and isinstance(event.error, RemoteError)


@FUZZ
@given(kind=st.sampled_from([1, 2, 3, 4, 5]), rest=st.binary(max_size=400), role=st.sampled_from(Role))
def test_random_frames(kind: int, rest: bytes, role: Role) -> None:
    body = bytes([kind]) + rest
    for event in drive(role, [len(body).to_bytes(4, "big") + body], True):
        assert isinstance(event, Ended) and isinstance(event.error, LinkRefused)


@settings(deadline=None, max_examples=150)
@given(at=st.integers(0, 6000), bit=st.integers(0, 7), to_b=st.booleans())
def test_one_bit_on_the_wire(at: int, bit: int, to_b: bool) -> None:
    """Within TLS, one bit ends both sides, or it was one of the few that TLS itself ignores (old version fields)."""
    passed = 0

    def flip(data: bytes) -> bytes:
        nonlocal passed
        start, passed = passed, passed + len(data)
        if not start <= at < passed:
            return data
        changed = bytearray(data)
        changed[at - start] ^= 1 << bit
        return bytes(changed)

    pair = LinkPair.of(expected_id=BOB.id, to_b=flip if to_b else bytes, to_a=bytes if to_b else flip)
    pair.run()
    pair.wait(20.0)
    for end, peer in ((pair.a, BOB), (pair.b, ALICE)):
        for opened in end.take(Opened):
            assert opened.peer.id == peer.id
        for ended in end.take(Ended):
            assert ended.error is None or isinstance(ended.error, RemoteError)
    assert pair.a.session.life is pair.b.session.life


@FUZZ
@given(st.binary(min_size=1, max_size=200))
def test_any_message_on_an_open_link(body: bytes) -> None:
    """Whatever a proven peer sends, the link ends by a typed error or goes on."""
    pair = LinkPair.open(OPEN_A, OPEN_B)
    pair.b.session.receive(len(body).to_bytes(4, "big") + body, 0.0)
    pair.run()
    for ended in pair.b.take(Ended):
        assert isinstance(ended.error, RemoteError)


OPEN_A = session_config(ALICE, {"without_tls": True})
OPEN_B = session_config(BOB, {"without_tls": True})


def test_frames_are_the_fixed_ones() -> None:
    assert SIZES[3] == SIZES[4] == len(binary.pack(binary.Accept())) == 1
