from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import WrongState
from mdht.session.claims import Claims, Do

LOW, HIGH = b"\x01" * 32, b"\x02" * 32


def verdicts(claims: Claims[str]) -> list[tuple[Do, str]]:
    found = []
    while (verdict := claims.next_verdict()) is not None:
        found.append((verdict.do, verdict.link))
    return found


def test_the_first_is_accepted() -> None:
    claims: Claims[str] = Claims(LOW)
    claims.claim("x", HIGH, dialled=True, now_s=0.0)
    assert verdicts(claims) == [(Do.ACCEPT, "x")]
    assert claims.link_to(HIGH) == "x" and claims.link_to(LOW) is None
    with pytest.raises(WrongState):
        claims.claim("x", HIGH, dialled=True, now_s=0.0)


def test_dialled_at_once_the_lower_ids_dial_stays() -> None:
    for own, peer, dialled in ((LOW, HIGH, True), (HIGH, LOW, False)):  # the same two links, seen from both ends
        claims: Claims[str] = Claims(own)
        claims.claim("higher's", peer, dialled=not dialled, now_s=0.0)
        claims.claim("lower's", peer, dialled=dialled, now_s=1.0)
        assert verdicts(claims)[1:] == [(Do.CLOSE, "higher's"), (Do.ACCEPT, "lower's")]
        other: Claims[str] = Claims(own)
        other.claim("lower's", peer, dialled=dialled, now_s=0.0)
        other.claim("higher's", peer, dialled=not dialled, now_s=1.0)
        assert verdicts(other)[1:] == [(Do.PING, "lower's")]
        other.answered("lower's")
        assert verdicts(other) == [(Do.REFUSE, "higher's")]


def test_the_newer_replaces_one_that_fails_a_ping() -> None:
    claims: Claims[str] = Claims(LOW)
    claims.claim("old", HIGH, dialled=False, now_s=0.0)
    claims.claim("new", HIGH, dialled=False, now_s=100.0)
    assert verdicts(claims)[1:] == [(Do.PING, "old")]
    assert claims.next_deadline() == 102.0
    claims.handle_timer(101.9)
    assert not verdicts(claims)
    claims.handle_timer(102.0)
    assert verdicts(claims) == [(Do.CLOSE, "old"), (Do.ACCEPT, "new")]
    assert claims.link_to(HIGH) == "new" and claims.next_deadline() is None
    claims.gone("old", 103.0)
    claims.answered("old")
    assert claims.link_to(HIGH) == "new" and not verdicts(claims)


def test_the_older_answers_and_stays() -> None:
    claims: Claims[str] = Claims(LOW)
    claims.claim("old", HIGH, dialled=False, now_s=0.0)
    claims.claim("new", HIGH, dialled=True, now_s=100.0)
    claims.claim("third", HIGH, dialled=False, now_s=100.5)
    assert verdicts(claims)[1:] == [(Do.PING, "old"), (Do.REFUSE, "third")]
    claims.answered("new")
    assert not verdicts(claims)
    claims.answered("old")
    assert verdicts(claims) == [(Do.REFUSE, "new")]
    claims.handle_timer(200.0)
    assert not verdicts(claims) and claims.link_to(HIGH) == "old"
    assert claims.stats().refused == 2


def test_the_older_ends_while_the_newer_waits() -> None:
    claims: Claims[str] = Claims(LOW)
    claims.claim("old", HIGH, dialled=False, now_s=0.0)
    claims.claim("new", HIGH, dialled=False, now_s=100.0)
    verdicts(claims)
    claims.gone("old", 100.1)
    assert verdicts(claims) == [(Do.ACCEPT, "new")]
    claims.gone("new", 100.2)
    claims.gone("never", 100.2)
    assert claims.link_to(HIGH) is None and claims.stats().held == 0


def test_the_newer_ends_while_it_waits() -> None:
    claims: Claims[str] = Claims(LOW)
    claims.claim("old", HIGH, dialled=False, now_s=0.0)
    claims.claim("new", HIGH, dialled=False, now_s=100.0)
    claims.gone("new", 100.1)
    assert claims.next_deadline() is None
    claims.claim("newer", HIGH, dialled=False, now_s=101.0)
    assert verdicts(claims)[1:] == [(Do.PING, "old"), (Do.PING, "old")]
    assert claims.next_deadline() == 103.0


def test_a_winner_at_once_pushes_out_the_one_that_waits() -> None:
    claims: Claims[str] = Claims(LOW)
    claims.claim("old", HIGH, dialled=False, now_s=0.0)
    claims.claim("second", HIGH, dialled=False, now_s=1.0)
    claims.claim("ours", HIGH, dialled=True, now_s=2.0)
    assert verdicts(claims)[1:] == [(Do.PING, "old"), (Do.REFUSE, "second"), (Do.CLOSE, "old"), (Do.ACCEPT, "ours")]
    claims.handle_timer(100.0)
    assert not verdicts(claims) and claims.link_to(HIGH) == "ours"


def test_a_link_that_moves_makes_room_at_once() -> None:
    claims: Claims[str] = Claims(LOW)
    claims.claim("old", HIGH, dialled=False, now_s=0.0)
    claims.moving("old")
    claims.moving("never")
    claims.claim("new", HIGH, dialled=False, now_s=100.0)
    assert verdicts(claims)[1:] == [(Do.RETIRE, "old"), (Do.ACCEPT, "new")]
    claims.gone("old", 101.0)
    assert claims.link_to(HIGH) == "new"


@given(st.data())
def test_both_nodes_keep_the_same_link(data: st.DataObject) -> None:
    """Links dialled by either side, heard of in any order at both ends within a handshake's time: one is left."""
    nodes = {LOW: Claims[str](LOW), HIGH: Claims[str](HIGH)}
    links = {f"link{number}": data.draw(st.sampled_from([LOW, HIGH])) for number in range(data.draw(st.integers(1, 4)))}
    pending = [(link, node) for link in links for node in nodes]
    alive = set(links)
    now_s = 0.0
    while pending:
        link, node = pending.pop(data.draw(st.integers(0, len(pending) - 1)))
        now_s += 0.1
        if link in alive:
            nodes[node].claim(link, HIGH if node == LOW else LOW, dialled=links[link] == node, now_s=now_s)
        settle(nodes, alive, now_s)
    for claims in nodes.values():
        claims.handle_timer(now_s + 2.0)
    settle(nodes, alive, now_s)
    left = {claims.link_to(HIGH if node == LOW else LOW) for node, claims in nodes.items()}
    assert len(left) == 1 and left == alive and None not in left


def settle(nodes: dict[bytes, Claims[str]], alive: set[str], now_s: float) -> None:
    """Carries verdicts out: a link that one end closes or refuses is gone at both; a living one answers its ping."""
    moved = True
    while moved:
        moved = False
        for claims in nodes.values():
            for do, link in verdicts(claims):
                moved = True
                if do in (Do.REFUSE, Do.CLOSE):
                    alive.discard(link)
                    for other in nodes.values():
                        other.gone(link, now_s)
                elif do is Do.PING and link in alive:
                    claims.answered(link)
