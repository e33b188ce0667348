"""Lookups on networks of a thousand peers in virtual time, with peers that fail, dawdle and lie.

Whatever the peers do, a lookup ends within its bounds, never believes what was not verified, and finds what an honest
peer among the holders has.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdht.routing import End, Latency, LookupConfig, nearest
from mdht.routing.keys import ID_BITS, to_int

from .network import (
    VALUE,
    Behaviour,
    Network,
    Run,
    dead,
    distractor,
    forger,
    honest,
    inventor,
    mute,
    run,
    slow,
)

NETWORK = Network.make(1000, Random(7))
CONFIG = LookupConfig()


def check(done: Run) -> None:
    """What holds of every lookup."""
    result = done.result
    assert done.ended_s <= CONFIG.timeout_s + 1e-9
    assert result.took_s == done.ended_s
    assert result.asked <= CONFIG.asked
    assert all(found.value == VALUE for found in result.found)
    everybody = [peer.id for peer in (*result.closest, *result.failed)]
    assert len(everybody) == len(set(everybody))
    assert len(result.closest) <= CONFIG.wanted
    assert not set(result.lacked) & {found.peer for found in result.found}


def honest_origin(network: Network, random: Random) -> int:
    return random.choice([peer for peer in network.peers if network.honest(peer)])


@pytest.mark.parametrize("seed", range(20))
def test_an_honest_network_gives_exactly_the_nearest(seed: int) -> None:
    random = Random(seed)
    target, origin = random.getrandbits(ID_BITS), random.choice(NETWORK.peers)
    done = run(NETWORK, target, random, origin=origin)
    check(done)
    expected = [peer for peer in nearest(NETWORK.peers, target, 9) if peer != origin][:8]
    assert [to_int(peer.id) for peer in done.result.closest] == expected
    assert done.result.end is End.CONVERGED
    assert done.result.asked <= 20
    assert done.ended_s < 1.0


MIXES: dict[str, list[tuple[Behaviour, float]]] = {
    "a third dead": [(dead, 0.33)],
    "a quarter slow": [(slow, 0.25)],
    "a fifth invents peers": [(inventor, 0.2)],
    "a fifth distracts": [(distractor, 0.2)],
    "a fifth forges": [(forger, 0.2)],
    "a fifth says nothing": [(mute, 0.2)],
    "some of each": [(dead, 0.2), (slow, 0.1), (inventor, 0.05), (forger, 0.05), (distractor, 0.05), (mute, 0.05)],
}


@pytest.mark.parametrize("mix", MIXES)
def test_what_exists_is_found(mix: str) -> None:
    random, latency = Random(mix), Latency()
    for _ in range(12):
        network = NETWORK.with_behaviours(MIXES[mix], random)
        target, origin = random.getrandbits(ID_BITS), honest_origin(network, random)
        network.put(target)
        done = run(network, target, random, origin=origin, values=1, latency=latency)
        check(done)
        if any(network.behaviours.get(holder, honest) in (honest, slow) for holder in network.holders - {origin}):
            assert done.result.end is End.FOUND, (mix, done)


@pytest.mark.parametrize("mix", MIXES)
def test_the_nearest_that_answer_are_found(mix: str) -> None:
    random, latency = Random(mix), Latency()
    for _ in range(12):
        network = NETWORK.with_behaviours(MIXES[mix], random)
        target, origin = random.getrandbits(ID_BITS), honest_origin(network, random)
        done = run(network, target, random, origin=origin, latency=latency)
        check(done)
        out = (dead, slow, forger)
        willing = [p for p in network.peers if network.behaviours.get(p, honest) not in out and p != origin]
        found = {to_int(peer.id) for peer in done.result.closest}
        assert len(found & set(nearest(willing, target, 8))) >= 7, mix
        assert done.ended_s < 6.0


def test_records_are_collected_from_several_replicas() -> None:
    random = Random(3)
    network = NETWORK.with_behaviours([(dead, 0.2)], random)
    target, origin = random.getrandbits(ID_BITS), honest_origin(network, random)
    network.put(target)
    done = run(network, target, random, origin=origin, values=4)
    check(done)
    assert len(done.result.found) == 4
    assert len({found.peer for found in done.result.found}) == 4


def test_what_does_not_exist_is_not_found_but_the_lookup_ends() -> None:
    random = Random(4)
    network = NETWORK.with_behaviours(MIXES["some of each"], random)
    target, origin = random.getrandbits(ID_BITS), honest_origin(network, random)
    done = run(network, target, random, origin=origin, values=1)
    check(done)
    assert done.result.found == ()
    assert len(done.result.lacked) >= 8


BEHAVIOURS = [dead, slow, forger, inventor, distractor, mute]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    shares=st.lists(st.floats(0, 0.5), min_size=len(BEHAVIOURS), max_size=len(BEHAVIOURS)),
    values=st.sampled_from([0, 1, 3]),
)
def test_it_always_ends_whatever_the_peers_are(seed: int, shares: list[float], values: int) -> None:
    random = Random(seed)
    total = max(1.0, sum(shares) * 1.02)
    mix: list[tuple[Behaviour, float]] = [
        (behaviour, share / total) for behaviour, share in zip(BEHAVIOURS, shares, strict=True)
    ]
    network = NETWORK.with_behaviours(mix, random)
    target, origin = random.getrandbits(ID_BITS), random.choice(network.peers)
    network.put(target)
    check(run(network, target, random, origin=origin, values=values))
