"""The budgets of the design, and the cells of ipc against every peer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from measure import Result
from subject import IN_FLIGHT_64, ONE_IN_FLIGHT, ONE_WAY

SMALL = 100


@dataclass(frozen=True)
class Budget:
    """A limit and what was measured. `ratio` above 1 is better than asked for; None where it was not measured."""

    what: str
    limit: float
    measured: float | None
    at_least: bool

    @property
    def ratio(self) -> float | None:
        if not self.measured:
            return None
        return self.measured / self.limit if self.at_least else self.limit / self.measured

    @property
    def verdict(self) -> str:
        return "not measured" if self.ratio is None else "met" if self.ratio >= 1 else "NOT MET"


@dataclass(frozen=True)
class Versus:
    """One cell of ipc against one peer: messages/s over the peer's, and the peer's CPU over ours. Above 1 is ahead."""

    cell: str
    peer: str
    size_bytes: int
    mode: str
    rate: float
    cpu: float

    @property
    def verdict(self) -> str:
        return "ahead" if self.rate >= 1 else "behind"


def budgets(results: Iterable[Result], over_ns: float | None) -> list[Budget]:
    """Every budget of the section Budgets that concerns ipc, for commands of 100 bytes."""
    found = {(one.subject, one.mode): one for one in results if one.size_bytes == SMALL}

    def rate(subject: str, mode: str, limit: float) -> Budget:
        one = found.get((subject, mode))
        return Budget(f"{subject} {mode}, messages/s, at least", limit, one and one.messages_per_s, True)

    def cost(subject: str, mode: str, limit: float) -> Budget:
        one = found.get((subject, mode))
        return Budget(f"{subject} {mode}, CPU µs a message, at most", limit, one and one.cpu_us, False)

    def trip(subject: str, yardstick: str) -> Budget:
        one, other = found.get((subject, ONE_IN_FLIGHT)), found.get((yardstick, ONE_IN_FLIGHT))
        times = one.p50_us / other.p50_us if one and other and one.p50_us and other.p50_us else None
        return Budget(f"{subject} one_in_flight, p50 in round trips of {yardstick}, at most", 1.5, times, False)

    return [
        Budget("inline+none call over a bare method call, ns, at most", 1000, over_ns, False),
        rate("thread+queue", ONE_WAY, 700_000),
        cost("thread+queue", ONE_WAY, 1.3),
        rate("process+pipe", ONE_WAY, 1_000_000),
        cost("process+pipe", ONE_WAY, 1.5),
        rate("process+pipe", IN_FLIGHT_64, 400_000),
        cost("process+pipe", IN_FLIGHT_64, 3.0),
        rate("process+zmq", ONE_WAY, 800_000),
        rate("process+zmq", IN_FLIGHT_64, 250_000),
        rate("process+pipe future", IN_FLIGHT_64, 100_000),
        trip("process+pipe", "socket pair"),
        trip("process+zmq", "pyzmq"),
    ]


def versus(results: Iterable[Result], peers: Iterable[str], sizes: Iterable[int] = (SMALL, 4096)) -> list[Versus]:
    """`process+pipe` and `process+zmq` against every peer, and `thread+queue` against those between threads."""
    results, peers, sizes = list(results), set(peers), set(sizes)
    ours = {(one.subject, one.size_bytes, one.mode): one for one in results}
    rows = []
    for cell in ("process+pipe", "process+zmq", "thread+queue"):
        for other in results:
            own = ours.get((cell, other.size_bytes, other.mode))
            if own is None or other.subject not in peers or other.size_bytes not in sizes:
                continue
            if cell == "thread+queue" and other.between != "threads":
                continue
            rate, cpu = own.messages_per_s / other.messages_per_s, other.cpu_us / own.cpu_us
            rows.append(Versus(cell, other.subject, other.size_bytes, other.mode, rate, cpu))
    return rows
