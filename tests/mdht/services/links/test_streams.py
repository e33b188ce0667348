"""The end of a stream is told to its user even where there was no room for it at first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ipc import Closed, Full
from mdht.codec import ErrorCode
from mdht.errors import LinkClosed
from mdht.services.links.stream_commands import OpenStream, StreamFailed, StreamOver, StreamReady
from mdht.services.links.streams import Streams
from mdht.session import StreamAsked, StreamEnded, StreamOpened, StreamReceived


class Session:
    who = "a peer"

    def __init__(self) -> None:
        self.done: list[Any] = []

    def stream_reset(self, number: int, code: int, text: str) -> None:
        self.done.append((number, code))

    def reply(self, message: Any) -> None:
        self.done.append(message.code)


class Wire:
    host = "127.0.0.1"


class FakeLink:
    number = 7
    peer = bytes(32)
    subnet = "127.0.0.0/24"
    wire = Wire()

    def __init__(self) -> None:
        self.session = Session()


class Fixture:
    def __init__(self) -> None:
        self.link: Any = FakeLink()
        self.full = False
        self.told: list[Any] = []
        self.timers: list[Callable[[], None]] = []
        self.replies: list[Any] = []
        self.streams = Streams(
            {7: self.link},
            {},
            self.tell,
            lambda: "token",  # type: ignore[arg-type, return-value]
            lambda token, value=None, *, error=None: self.replies.append(error),
            lambda link: None,
            lambda: 0.0,
            lambda delay_s, then: self.timers.append(then),
        )

    def tell(self, news: Any) -> None:
        if self.full:
            raise Full("no room")
        self.told.append(news)

    def tick(self) -> None:
        timers, self.timers = self.timers, []
        for one in timers:
            one()


@pytest.fixture
def here() -> Fixture:
    return Fixture()


def test_who_has_no_room_is_told_of_the_end_later(here: Fixture) -> None:
    here.full = True
    here.streams.event(here.link, StreamReceived(3, b"data"))
    assert here.link.session.done == [(3, ErrorCode.BUSY)]
    here.streams.event(here.link, StreamReceived(3, b"more"))
    here.tick()
    assert here.told == []
    here.full = False
    here.tick()
    (over,) = here.told
    assert isinstance(over, StreamOver)
    assert (over.link, over.stream) == (7, 3)
    assert isinstance(over.error, LinkClosed)
    assert not here.timers
    assert here.link.session.done == [(3, ErrorCode.BUSY)], "it was given up once"


def test_of_the_end_itself_likewise_and_in_order(here: Fixture) -> None:
    here.full = True
    here.streams.event(here.link, StreamEnded(3, None))
    here.streams.event(here.link, StreamEnded(5, None))
    assert len(here.timers) == 1
    here.full = False
    here.tick()
    assert [one.stream for one in here.told] == [3, 5]


def test_one_that_was_being_opened_has_failed(here: Fixture) -> None:
    here.streams._opening[7, 4] = 11
    here.full = True
    here.streams.event(here.link, StreamOpened(4))
    here.full = False
    here.tick()
    (failed,) = here.told
    assert isinstance(failed, StreamFailed)
    assert failed.tag == 11
    here.streams._opening[7, 6] = 12
    here.streams.event(here.link, StreamOpened(6))
    assert here.told[1:] == [StreamReady(12, 7, 6)]


def test_one_to_a_peer_that_is_not_linked_has_failed(here: Fixture) -> None:
    here.full = True
    here.streams.call(OpenStream(9, bytes(32), 1, b"", 1.0))
    here.full = False
    here.tick()
    assert [type(one) for one in here.told] == [StreamFailed]


def test_an_offer_that_finds_no_room_is_refused(here: Fixture) -> None:
    here.full = True
    here.streams.event(here.link, StreamAsked(3, 1, b""))
    assert here.link.session.done == [ErrorCode.BUSY]
    assert not here.timers


def test_files_that_are_gone_are_told_nothing(here: Fixture) -> None:
    def gone(news: Any) -> None:
        raise Closed("it is closed")

    here.streams._tell = gone
    here.streams.event(here.link, StreamEnded(3, None))
    assert not here.timers
