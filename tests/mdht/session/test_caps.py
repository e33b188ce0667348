from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import Refusal
from mdht.session.caps import HalfOpen
from mdht.session.events import Ended, Opened
from mdht.session.proof import Role
from mdht.session.session import Session

from .pair import ALICE, BOB, LinkPair, session, session_config


def test_the_oldest_of_a_subnet_goes_first() -> None:
    caps: HalfOpen[int] = HalfOpen(total=5, per_subnet=2)
    assert caps.add(1, "x") is None
    assert caps.add(2, "y") is None
    assert caps.add(3, "x") is None
    assert caps.add(4, "x") == 1
    assert caps.add(5, "y") is None and caps.add(6, "z") is None
    assert caps.add(7, "z") == 2, "of all"
    assert 2 not in caps and len(caps) == 5
    stats = caps.stats()
    assert (stats.added, stats.dropped_subnet, stats.dropped_total) == (7, 1, 1)
    caps.discard(3)
    caps.discard(3)
    assert len(caps) == 4


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4), st.booleans())))
def test_the_caps_hold(steps: list[tuple[int, int, bool]]) -> None:
    caps: HalfOpen[int] = HalfOpen(total=7, per_subnet=3)
    model: list[tuple[int, int]] = []
    for link, subnet, leave in steps:
        if any(link == known for known, _ in model):
            if leave:
                caps.discard(link)
                model = [entry for entry in model if entry[0] != link]
            continue
        same = [entry for entry in model if entry[1] == subnet]
        oldest = same[0] if len(same) == 3 else model[0] if len(model) == 7 else None
        if oldest:
            model.remove(oldest)
        assert caps.add(link, subnet) == (oldest[0] if oldest else None)
        model.append((link, subnet))
        assert len(caps) == len(model)


def test_a_thousand_half_open_handshakes() -> None:
    """From 20 subnets: 256 are kept, the others are told, and an honest peer still gets its link."""
    caps: HalfOpen[Session] = HalfOpen()
    config = session_config(BOB)
    hello = session(Role.DIAL, session_config(ALICE)).data_to_send(0.0)
    dropped = []
    for number in range(1000):
        b = session(Role.ANSWER, config)
        b.receive(hello if number % 2 else hello[:100], 0.0)
        b.data_to_send(0.0)
        oldest = caps.add(b, f"10.0.{number % 20}.0/24")
        if oldest is not None:
            oldest.refuse(Refusal.TOO_MANY, 0.0)
            assert oldest.data_to_send(0.0) == b"" and oldest.finished
            dropped.append(oldest)
    assert len(caps) == 256 and len(dropped) == 744
    for b in dropped:
        ended = b.next_event()
        assert isinstance(ended, Ended)
        assert getattr(ended.error, "reason", None) == Refusal.TOO_MANY
    honest = LinkPair.of(b=config)
    assert caps.add(honest.b.session, "192.0.2.0/24") is not None
    honest.run()
    assert honest.a.take(Opened) and honest.b.take(Opened)
    caps.discard(honest.b.session)
    assert len(caps) == 255


def test_a_peer_that_is_pushed_out_after_its_ping_is_told_why() -> None:
    pair = LinkPair.of()
    while pair.b.session.stats().received_bytes < 1600:
        pair.b.session.receive(pair.a.session.data_to_send(0.0), 0.0)
        pair.a.session.receive(pair.b.session.data_to_send(0.0), 0.0)
    pair.b.session.refuse(Refusal.TOO_MANY, 0.0)
    pair.run()
    assert pair.a.error.reason == Refusal.TOO_MANY
