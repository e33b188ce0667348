from __future__ import annotations

import pytest

from mdht.codec import Closest, Farewell, Moving
from mdht.errors import LinkClosed, LinkRefused, Refusal, WrongState
from mdht.session.errors import PeerGone
from mdht.session.events import Answered, Asked, Ended, Noticed, Opened, Unanswered
from mdht.session.life import Life
from mdht.session.proof import Role

from .pair import ALICE, BOB, MALLORY, WALL_S, LinkPair, get, session, session_config

# -- before both nodes have accepted -----------------------------------------------------------------------------------


def test_who_dialled_may_ask_before_the_other_node_has_accepted() -> None:
    pair = LinkPair.of()
    pair.b.decide = None
    pair.run()
    assert not pair.a.opened
    number = get(pair.a)
    pair.run()
    assert not pair.b.take(Asked), "B reads no request before it has accepted"
    pair.b.session.accept(0.0)
    pair.run()
    assert pair.a.opened and pair.b.opened
    assert pair.b.one(Asked).message.request == number


def test_nothing_can_be_asked_before_accept() -> None:
    pair = LinkPair.of()
    with pytest.raises(WrongState):
        _ = pair.a.session.next_number
    with pytest.raises(WrongState):
        pair.a.session.accept(0.0)


# -- refusals, as both sides see them ----------------------------------------------------------------------------------


def refusal(pair: LinkPair, by: str, reason: str) -> None:
    pair.run()
    us, them = (pair.a, pair.b) if by == "a" else (pair.b, pair.a)
    ours, theirs = us.error, them.error
    assert isinstance(ours, LinkRefused) and isinstance(theirs, LinkRefused)
    assert (ours.reason, ours.by_us) == (reason, True)
    assert (theirs.reason, theirs.by_us) == (reason, False)
    assert reason in str(theirs)
    pair.wait(10.0)
    assert pair.a.session.finished and pair.b.session.finished
    assert not pair.a.opened and not pair.b.opened


def test_wrong_secret() -> None:
    refusal(LinkPair.of(b=session_config(BOB, {"secret": b"s" * 32})), "b", Refusal.WRONG_NETWORK)


def test_wrong_network() -> None:
    refusal(LinkPair.of(b=session_config(BOB, {"network": "other"})), "b", Refusal.WRONG_NETWORK)


def test_other_id_than_dialled() -> None:
    refusal(LinkPair.of(b=session_config(MALLORY), expected_id=BOB.id), "a", Refusal.OTHER_PEER)


def test_own_id() -> None:
    refusal(LinkPair.of(b=session_config(ALICE)), "b", Refusal.OWN_ID)


@pytest.mark.parametrize("by", ["a", "b"])
def test_not_allowed(by: str) -> None:
    pair = LinkPair.of()
    (pair.a if by == "a" else pair.b).decide = Refusal.NOT_ALLOWED
    refusal(pair, by, Refusal.NOT_ALLOWED)


def test_closing_during_a_handshake_is_a_refusal() -> None:
    pair = LinkPair.of()
    pair.b.decide = None
    pair.run()
    pair.b.session.close(0.0)
    refusal(pair, "b", "shutdown")


def test_refusing_before_tls_says_nothing_and_is_done_at_once() -> None:
    b = session(Role.ANSWER, session_config(BOB))
    b.refuse(Refusal.TOO_MANY, 0.0)
    assert b.data_to_send(0.0) == b"" and b.finished
    assert isinstance(b.next_event(), Ended)


def test_a_node_that_decides_when_it_is_too_late() -> None:
    pair = LinkPair.of()
    pair.b.decide = None
    pair.run()
    pair.b.session.receive_eof(0.0)
    pair.b.session.accept(0.0)
    pair.b.session.refuse(Refusal.TOO_MANY, 0.0)
    assert isinstance(pair.b.session.next_event(), Ended) and pair.b.session.finished


def test_a_peer_that_never_answers() -> None:
    a = session(Role.DIAL, session_config(ALICE))
    assert a.data_to_send(0.0)
    assert a.next_deadline() == 10.0
    a.handle_timer(9.0)
    assert a.next_event() is None
    a.handle_timer(10.0)
    ended = a.next_event()
    assert isinstance(ended, Ended) and isinstance(ended.error, LinkRefused)
    assert (ended.error.reason, ended.error.by_us) == (Refusal.TOO_SLOW, True)
    assert a.data_to_send(10.0) == b"" and a.finished


def test_a_peer_that_stops_after_tls() -> None:
    pair = LinkPair.of()
    pair.b.decide = None
    pair.run()
    pair.wait(10.0)
    reasons = {end.error.reason for end in (pair.a, pair.b)}
    assert reasons == {Refusal.TOO_SLOW}


def test_a_node_that_was_accepted_but_does_not_accept_in_time() -> None:
    pair = LinkPair.of()
    pair.a.decide = None
    pair.run()
    pair.b.session.handle_timer(10.0)  # B has accepted: it leaves by a goodbye, which A does not read
    pair.run()
    ours = pair.b.error
    assert isinstance(ours, LinkRefused) and ours.by_us
    pair.a.session.receive_eof(10.0)
    pair.run()
    assert isinstance(pair.a.error, PeerGone)


# -- the end -----------------------------------------------------------------------------------------------------------


def test_goodbye_comes_after_what_waits() -> None:
    pair = LinkPair.open()
    get(pair.a)
    pair.run()
    pair.b.session.reply(Closest(1, []))
    pair.b.session.close(0.0, Farewell.TOO_MANY)
    pair.run()
    assert [type(event) for event in pair.a.events] == [Answered, Ended]
    assert pair.a.error.reason == "too many"


def test_those_who_wait_learn_of_the_end() -> None:
    pair = LinkPair.open()
    number = get(pair.a)
    pair.run()
    pair.a.session.receive_eof(0.0)
    pair.a.drain(0.0)
    assert pair.a.one(Unanswered).number == number
    assert isinstance(pair.a.error, PeerGone)
    with pytest.raises(LinkClosed):
        get(pair.a)
    pair.a.session.reply(Closest(2, []))  # nobody could know in time


def test_a_close_that_the_peer_does_not_see() -> None:
    pair = LinkPair.open()
    pair.a.session.close(0.0)
    while pair.a.session.data_to_send(0.0):
        pass
    assert not pair.a.session.finished and pair.a.session.next_deadline() == 5.0
    pair.a.session.receive(b"garbage", 1.0)
    pair.a.session.handle_timer(5.0)
    assert pair.a.session.finished


def test_moving() -> None:
    pair = LinkPair.open()
    number = get(pair.a)
    pair.run()
    pair.b.session.move(60.0, 0.0)
    pair.run()
    assert pair.a.one(Noticed).message == Moving(60_000)
    with pytest.raises(WrongState):
        get(pair.b)
    again = get(pair.a)  # A may ask until it has another link
    pair.run()
    pair.b.session.retire(60.0, 0.0)
    pair.run()
    assert pair.b.session.life is Life.RETIRING
    for asked in pair.b.take(Asked):
        pair.b.session.reply(Closest(asked.message.request, []))
    pair.run()
    assert [answered.number for answered in pair.a.take(Answered)] == [number, again]
    assert pair.a.error.reason == "moved" and pair.b.error is None


def test_a_move_ends_at_its_deadline() -> None:
    pair = LinkPair.open()
    get(pair.a, timeout_s=500.0)
    pair.run()
    pair.b.session.move(10.0, 0.0)
    assert pair.b.session.next_deadline() == 10.0
    pair.b.session.retire(60.0, 0.0)
    assert pair.b.session.next_deadline() == 10.0, "the earlier of both"
    pair.run()
    pair.wait(10.0)
    assert pair.b.session.finished and pair.a.error.reason == "moved"


def test_the_peers_clock_and_round_trip_are_known() -> None:
    a, b = session(Role.DIAL, session_config(ALICE)), session(Role.ANSWER, session_config(BOB), wall_s=WALL_S + 50)
    pair = LinkPair(a, b)
    pair.run()
    assert pair.a.one(Opened).peer.clock_offset_s == pytest.approx(50, abs=0.01)


def test_a_link_that_is_over_has_nothing_to_retire() -> None:
    pair = LinkPair.open()
    pair.b.session.receive_eof(0.0)
    pair.b.session.retire(60.0, 0.0)
    assert pair.b.session.finished
