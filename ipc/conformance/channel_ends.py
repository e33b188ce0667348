"""Clauses of a channel's ends: each sees the other go, and closing is total."""

from __future__ import annotations

import time
from functools import partial

from ..channels.frames import stream_frame
from ..codec import dumps
from ..errors import Broken, ChannelError, EndOfChannel
from .channel_bench import ChannelBench, Ends
from .clauses import Clause, clause
from .footprint import Footprint
from .services import Echo, Notes
from .verdict import Unmet, expect

ENDS: list[Clause[ChannelBench]] = []


@clause(ENDS)
def says_that_the_other_end_is_gone(bench: ChannelBench) -> None:
    """When the service's end has closed, its last frames are received, then `EndOfChannel` or `Broken` is raised.

    Sending is `Broken`.
    """
    bench.notices_loss()
    ends = bench.ends()
    frames = [stream_frame(b"%d" % number) for number in range(100)]
    got: list[int] = []

    def say_and_go() -> None:
        for frame in frames:
            ends.server.carrier.send(list(frame))
        ends.server.close()

    ends.on_host(say_and_go)
    deadline = time.monotonic() + bench.patience_s
    try:
        while time.monotonic() < deadline:
            ends.carrier.receive(lambda frame: got.append(int(bytes(frame))), deadline)
    except (EndOfChannel, Broken):
        expect(got == list(range(100)), "what was sent before the end", f"only {len(got)} of 100 frames came")
    else:
        raise Unmet("EndOfChannel or Broken from receive", f"nothing was raised in {bench.patience_s:g} s")
    _until_broken(bench, ends)


def _until_broken(bench: ChannelBench, ends: Ends) -> None:
    deadline = time.monotonic() + bench.patience_s
    try:
        while time.monotonic() < deadline:
            ends.carrier.send(stream_frame(b"\0" * 10_000))
    except Broken:
        return
    raise Unmet("Broken from send to an end that is gone", f"nothing was raised in {bench.patience_s:g} s")


@clause(ENDS)
def sees_its_sender_go(bench: ChannelBench) -> None:
    """When a sender's end has closed, everything that it had sent is served, and the service's end closes."""
    bench.notices_loss()
    wires = bench.wires()
    notes = Notes()
    cell, number = wires.cell(notes), wires.wire()
    client, wire, server = wires.client(wires.port(cell, number)), wires.client_end(number), wires.server_end(number)
    for command in range(500):
        client.cast(command, bench.patience_s)
    while wire.dirty or wire.blocked:
        wire.flush()
    wire.close()
    bench.until(lambda: server.closed, "the service's end to close after its sender's", "it did not")
    got = bench.settle(lambda: len(notes.notes), 500)
    expect(got == 500, "all 500 commands that were sent before", f"{got} were served")


@clause(ENDS)
def tells_the_tree_that_it_broke(bench: ChannelBench) -> None:
    """A wire whose service's end is gone is reported once, and its senders keep what they are given from then on."""
    bench.notices_loss()
    wires = bench.wires()
    number = wires.wire(hosted=True)
    client = wires.client(port := wires.port(wires.cell(Echo()), number))
    client.call(1, bench.patience_s)
    server = wires.server_end(number)
    wires.there.soon(server.close)
    bench.until(lambda: wires.lost, "the loss of a wire to be reported", "it was not")
    expect(wires.client_end(number).closed, "a wire that is lost to be closed", "it is open")
    client.cast(2, bench.patience_s)
    expect(port.senders[0].outstanding()[0] >= 1, "a command for a lost wire to be kept", "it was not")
    time.sleep(0.05)
    expect(wires.lost == [number], "one report", f"there were {len(wires.lost)}")


@clause(ENDS)
def closes_totally(bench: ChannelBench) -> None:
    """`close` releases every descriptor and thread of both ends, also under traffic, and may be called again."""
    _open_and_close(bench, 1)
    before = Footprint.take()
    _open_and_close(bench, 10)
    bench.until_back(before, "ten wires were opened and closed")


def _open_and_close(bench: ChannelBench, count: int) -> None:
    for _ in range(count):
        ends = bench.ends()
        ends.carrier.send(stream_frame(dumps([])))
        ends.carrier.wake()
        for _ in range(2):
            ends.carrier.close()
        for _ in range(2):
            ends.on_host(ends.server.close)
            ends.on_host(ends.server.carrier.close)
        ends.host.stop()
        wires = bench.wires()
        number = wires.wire()
        client, blocker = (wires.client(wires.port(wires.cell(Echo(), serve=serve), number)) for serve in (True, False))
        client.call_many([b"\0" * 1000] * 10, bench.patience_s)
        waiting = bench.aside(partial(blocker.call, 1, 0.05))
        client.cast(1)
        wires.hang_up(number)
        try:
            waiting.result("a call to end when its wire is closed or its deadline passes")
        except (ChannelError, TimeoutError):
            pass
        wires.close()
