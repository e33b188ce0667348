"""A network of peers in virtual time, honest and otherwise, for lookups to run on."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from mdht.routing import Ask, Done, Latency, Lookup, LookupConfig, Result, Verdict, Wait, nearest
from mdht.routing.keys import ID_BITS, to_bytes, to_int

VALUE = b"what was put"
FORGERY = b"something else"
BUCKET = 20


class Peer(NamedTuple):
    """All that a lookup needs of one."""

    id: bytes


class Answer(NamedTuple):
    """What a peer says, if it says anything, and after how long."""

    closer: list[Peer]
    value: bytes | None
    after_s: float


Behaviour = Callable[["Network", int, int, Random], Answer | None]
"""(network, number of the peer, target, random) to its answer; None: it never answers."""


@dataclass
class Network:
    """Peers by their ids as integers, each with the contacts that a routing table of one bucket a bit would have."""

    peers: list[int]
    known: dict[int, list[int]]
    behaviours: dict[int, Behaviour] = field(default_factory=dict)
    holders: set[int] = field(default_factory=set)

    @classmethod
    def make(cls, count: int, random: Random) -> Network:
        peers = sorted({random.getrandbits(ID_BITS) for _ in range(count)})
        return cls(peers, {peer: sorted(_contacts(peers, peer, random)) for peer in peers})

    def with_behaviours(self, shares: Iterable[tuple[Behaviour, float]], random: Random) -> Network:
        """The same network, with a random share of the peers behaving so; the rest are honest."""
        order = random.sample(self.peers, len(self.peers))
        behaviours: dict[int, Behaviour] = {}
        at = 0
        for behaviour, share in shares:
            take = int(share * len(order))
            behaviours.update(dict.fromkeys(order[at : at + take], behaviour))
            at += take
        return Network(self.peers, self.known, behaviours)

    def honest(self, number: int) -> bool:
        return number not in self.behaviours

    def put(self, target: int, replicas: int = 8) -> None:
        """The nearest peers hold the value, whatever they are."""
        self.holders = set(nearest(self.peers, target, replicas))

    def answer(self, number: int, target: int, random: Random) -> Answer | None:
        if number not in self.known:
            return None  # nobody is there
        return self.behaviours.get(number, honest)(self, number, target, random)


def _contacts(peers: list[int], own: int, random: Random) -> Iterable[int]:
    for bit in range(ID_BITS):
        size = 1 << (ID_BITS - 1 - bit)
        first = (own ^ size) & ~(size - 1)
        low, high = bisect_left(peers, first), bisect_left(peers, first + size)
        if high - low <= BUCKET:
            yield from peers[low:high]
        else:
            yield from random.sample(peers[low:high], BUCKET)
        if bisect_left(peers, (own & ~(size - 1)) + size) - bisect_left(peers, own & ~(size - 1)) <= 1:
            return


# -- behaviours --------------------------------------------------------------------------------------------------------


def honest(network: Network, number: int, target: int, random: Random) -> Answer:
    closer = [Peer(to_bytes(peer)) for peer in nearest(network.known[number], target, BUCKET)]
    return Answer(closer, VALUE if number in network.holders else None, random.uniform(0.01, 0.05))


def dead(network: Network, number: int, target: int, random: Random) -> None:
    return None


def slow(network: Network, number: int, target: int, random: Random) -> Answer:
    return honest(network, number, target, random)._replace(after_s=random.uniform(1.0, 3.0))


def forger(network: Network, number: int, target: int, random: Random) -> Answer:
    return honest(network, number, target, random)._replace(value=FORGERY)


def inventor(network: Network, number: int, target: int, random: Random) -> Answer:
    """Names twenty peers that do not exist, all next to the target."""
    return Answer([Peer(to_bytes(target ^ random.getrandbits(200))) for _ in range(BUCKET)], None, 0.02)


def distractor(network: Network, number: int, target: int, random: Random) -> Answer:
    """Names peers that are as far away as can be."""
    return Answer(
        [Peer(to_bytes(peer)) for peer in nearest(network.peers, ~target % (1 << ID_BITS), BUCKET)], None, 0.02
    )


def mute(network: Network, number: int, target: int, random: Random) -> Answer:
    return Answer([], None, 0.02)


# -- running -----------------------------------------------------------------------------------------------------------


class Run(NamedTuple):
    """A lookup that ended."""

    result: Result[Peer, bytes]
    ended_s: float
    steps: int


def run(
    network: Network,
    target: int,
    random: Random,
    *,
    origin: int,
    values: int = 0,
    config: LookupConfig | None = None,
    latency: Latency | None = None,
) -> Run:
    """Run a lookup in virtual time, until it is done."""
    config = config or LookupConfig()
    seeds = [Peer(to_bytes(peer)) for peer in nearest(network.known[origin], target, BUCKET)]
    lookup: Lookup[Peer, bytes] = Lookup(
        to_bytes(target),
        seeds,
        0.0,
        own_id=to_bytes(origin),
        values=values,
        config=config,
        latency=latency or Latency(),
    )
    now_s, steps, order = 0.0, 0, 0
    arriving: list[tuple[float, int, Peer, Answer]] = []
    while True:
        steps += 1
        assert steps < 10_000, "it goes round in circles"
        step = lookup.next(now_s)
        match step:
            case Done(result):
                return Run(result, now_s, steps)
            case Ask(peer, until_s):
                assert now_s < until_s <= config.timeout_s
                answer = network.answer(to_int(peer.id), target, random)
                if answer is not None:
                    order += 1
                    heapq.heappush(arriving, (now_s + answer.after_s, order, peer, answer))
            case Wait(until_s):
                assert until_s > now_s
                if not arriving or arriving[0][0] > until_s:
                    now_s = until_s
                    continue
                now_s, _, peer, answer = heapq.heappop(arriving)
                verdict = Verdict.NOTHING
                if answer.value is not None:
                    verdict = Verdict.GOOD if answer.value == VALUE else Verdict.FORGED
                lookup.on_success(peer.id, answer.closer, now_s, answer.value, verdict)
