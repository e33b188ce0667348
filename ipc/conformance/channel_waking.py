"""Clauses of a channel: whoever sleeps is woken, by what comes, by a deadline, or by `wake`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..channels.carrier import Carrier
from ..channels.frames import stream_frame
from ..client import Client
from ..errors import Broken, CallTimeout, EndOfChannel
from .channel_bench import ChannelBench
from .clauses import Clause, clause
from .services import Echo
from .verdict import Unmet, expect

WAKING: list[Clause[ChannelBench]] = []

_PINGS = 900
_WAIT_S = 0.2
_LATE_S = 1.0
"""How much later than asked a loaded machine may wake a thread."""


def _ignore(frame: memoryview | bytes) -> None:
    return


def _until(carrier: Carrier, what: str, deadline_s: float) -> object:
    return carrier.wait(deadline_s) if what == "wait" else carrier.receive(_ignore, deadline_s)


@clause(WAKING)
def loses_no_wake_up(bench: ChannelBench) -> None:
    """Whoever sleeps is woken by what comes: a thread that reads, several on one wire, a host for futures."""
    _wake_a_reader(bench)
    wires = bench.wires()
    cell, wire, hosted = wires.cell(Echo()), wires.wire(), wires.wire(hosted=True)
    clients = [wires.client(wires.port(cell, wire)) for _ in range(2)]
    clients.append(wires.client(wires.port(cell, hosted)))

    def thread_reads(client: Client) -> Callable[[Any], Any]:
        return lambda command: client.call(command, bench.patience_s)

    def host_reads(client: Client) -> Callable[[Any], Any]:
        return lambda command: client.future(command, bench.patience_s).result(bench.patience_s)

    ways = [thread_reads(clients[0]), thread_reads(clients[1]), host_reads(clients[0]), host_reads(clients[2])]
    _ping(bench, ways[0], 0, _PINGS)
    players = [bench.aside(partial(_ping, bench, way, who, _PINGS // 3)) for who, way in enumerate(ways)]
    for player in players:
        player.result("every ping answered", 2 * bench.patience_s)


def _wake_a_reader(bench: ChannelBench) -> None:
    ends, chance = bench.ends(), random.Random(0)
    for number in range(_PINGS // 3):
        start = time.monotonic()
        ends.pour([stream_frame(b"ping")])
        time.sleep(chance.choice((0.0, 0.0, 0.0001, 0.0005)))
        got = ends.carrier.receive(_ignore, start + bench.patience_s)
        took = time.monotonic() - start
        woken = got and took < bench.patience_s / 2
        expect(woken, "a frame to wake the thread that receives", f"number {number} had not after {took:.2f} s")


def _ping(bench: ChannelBench, ask: Callable[[Any], Any], seed: int, count: int) -> None:
    chance = random.Random(seed)
    for number in range(count):
        try:
            got = ask([seed, number])
        except (CallTimeout, TimeoutError):
            raise Unmet(
                "a ping's answer to wake who waits", f"number {number} was not answered in {bench.patience_s:g} s"
            ) from None
        expect(got == [seed, number], f"the answer to [{seed}, {number}]", f"it was {got!r}")
        pause = chance.random()
        if pause < 0.5:
            time.sleep(pause * pause * 0.001)


@clause(WAKING)
def respects_deadlines(bench: ChannelBench) -> None:
    """`receive` and `wait` return when their deadline passes; `receive` not before, and without a deadline at once."""
    carrier = bench.ends().carrier
    for what in ("receive", "wait"):
        for wait_s in (_WAIT_S, 0.01, -1.0):
            waiting = bench.aside(partial(_until, carrier, what, time.monotonic() + wait_s))
            waiting.result(f"{what} to return when its deadline passes")
            took, least = waiting.took_s, max(0.0, wait_s)
            expect(took < least + _LATE_S, f"{what} to return at its deadline, {least} s on", f"it took {took:.3f} s")
            if what == "receive":
                expect(
                    took >= least * 0.8 - 0.005, f"to wait until the deadline, {least} s on", f"it took {took:.3f} s"
                )
    start = time.monotonic()
    got = carrier.receive(_ignore)
    took = time.monotonic() - start
    expect(not got and took < _LATE_S, "receive without deadline to give False at once", f"{got} after {took:.3f} s")


@clause(WAKING)
def ends_what_blocks_elsewhere(bench: ChannelBench) -> None:
    """`wake` ends a `receive` or `wait` that blocks in another thread, and one that is about to."""
    for what in ("receive", "wait"):
        for pause_s in (0.05, 0.0, 0.0002, 0.001):
            ends = bench.ends()
            never = time.monotonic() + 10 * bench.patience_s
            waiting = bench.aside(partial(_until, ends.carrier, what, never))
            time.sleep(pause_s)
            ends.carrier.wake()
            try:
                waiting.result(f"a {what} that blocks to return after wake")
            except (Broken, EndOfChannel):
                continue
            finally:
                ends.close()
