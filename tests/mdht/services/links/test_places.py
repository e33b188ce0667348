"""Which place of links a command is for, and numbers of all of them together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ipc import Shard
from mdht.errors import LinkClosed
from mdht.services.commands import Get
from mdht.services.links.commands import Ask, Decide, Dial, LinkNumbers, LinkStats, WhereAmI
from mdht.services.links.places import PLACES, link_number, place_for, place_of
from mdht.services.links.stream_commands import OpenStream, SendOn
from mdht.services.peers.gather import Gather, total


@given(st.integers(0, 1 << 40), st.integers(0, PLACES - 1))
def test_a_links_number_says_where_it_is(count: int, place: int) -> None:
    number = link_number(count, place)
    assert place_of(number) == place
    assert number != link_number(count + 1, place)
    assert place_for(Decide(number, "ping")) == place
    assert place_for(SendOn(number, 1, b"x")) == place


def test_commands_that_name_their_place() -> None:
    for command in (
        Ask(b"peer", Get(b"address"), 1.0, 3),
        Dial("tcp", "127.0.0.1", 1, None, 3),
        LinkNumbers(3),
        OpenStream(1, b"peer", 1, b"", 1.0, 3),
    ):
        assert place_for(command) == Shard(3)
        assert type(place_for(command)) is Shard
    assert place_for(WhereAmI()) == 0


def test_numbers_of_all_places() -> None:
    gather, told, asked = Gather(), list[object](), list[tuple[int, int]]()
    gather.ask(3, lambda place, number: asked.append((place, number)), lambda value, error: told.append(value))
    assert [place for place, _ in asked] == [0, 1, 2]
    for place, number in asked:
        assert not told
        gather.answered(number, LinkStats(links=place + 1, served=10), None)
    assert told == [LinkStats(links=6, served=30)]
    assert total([]) == LinkStats()


def test_one_place_cannot_answer() -> None:
    gather, told = Gather(), list[object]()
    gather.ask(2, lambda place, number: None, lambda value, error: told.append(error))
    error = LinkClosed("it", "gone")
    gather.answered(1, None, error)
    gather.answered(1, LinkStats(), None)
    assert told == [error]
