"""Clauses of a channel: garbage is refused and counted, and hurts nobody else."""

from __future__ import annotations

import contextlib
import random
from functools import partial

from ..channels.frames import RUN, stream_frame
from ..channels.wire_client import WireClient
from ..codec import dumps
from ..host import Host
from .channel_bench import ChannelBench, Ends
from .clauses import Clause, clause
from .services import Echo
from .verdict import NotApplicable, expect

GARBAGE: list[Clause[ChannelBench]] = []

_GARBAGE = [
    b"",
    b"\xc1",
    b"\xff" * 100,
    random.Random(1).randbytes(1000),
    b"\xdd\xff\xff\xff\xff",
    b"\x91" * 5000,
    dumps(7),
    dumps([7]),
    dumps([[99, 1]]),
    dumps([[]]),
    dumps([[None]]),
    dumps([[RUN, "line"]]),
    dumps([[RUN, 1, 0, 0, 0.0, [], -1, []]]),
    dumps([[RUN, 1, 0, 0, 0.0, [], 0, "commands"]]),
]


def _counted(bench: ChannelBench, host: Host, before: int, what: str) -> None:
    bench.until(lambda: host.bad_frames > before, f"{what} to be counted", "it was not")


@clause(GARBAGE)
def refuses_garbage(bench: ChannelBench) -> None:
    """A frame that is none of ours is refused with `BadFrame` and counted; other wires of the host go on."""
    wires = bench.wires()
    good = wires.connect(Echo())
    for garbage in _GARBAGE:
        ends = Ends(bench, wires.there)
        before = wires.there.bad_frames
        ends.carrier.send(stream_frame(garbage))
        _counted(bench, wires.there, before, f"the frame {garbage[:20]!r}")
        got = good.call("good", bench.patience_s)
        expect(got == "good", "other wires to go on after garbage", f"one gave {got!r}")
        ends.close()


@clause(GARBAGE)
def refuses_garbage_from_the_service(bench: ChannelBench) -> None:
    """A frame from the service's side that is none of ours is refused, counted, and ends that wire only."""
    wires = bench.wires()
    good, cell = wires.connect(Echo()), wires.cell(Echo())
    for garbage in _GARBAGE:
        number = wires.wire(hosted=True)
        wires.client(wires.port(cell, number)).call("first", bench.patience_s)
        wires.there.soon(partial(wires.server_end(number).carrier.send, stream_frame(garbage)))
        _refused(bench, wires.client_end(number), garbage)
        got = good.call("good", bench.patience_s)
        expect(got == "good", "other wires to go on after garbage", f"one gave {got!r}")


def _refused(bench: ChannelBench, wire: WireClient, garbage: bytes) -> None:
    bench.until(lambda: wire.bad_frames, f"the frame {garbage[:20]!r} to be counted", "it was not")
    bench.until(lambda: wire.closed, "the wire that brought garbage to be closed", "it is open")


@clause(GARBAGE)
def refuses_broken_framing(bench: ChannelBench) -> None:
    """Bytes on the connection that are no frames (written by `make.corrupt(carrier, data)`) are refused and counted."""
    corrupt = bench.hook("corrupt", bench.channel)
    if corrupt is None:
        raise NotApplicable("no `make.corrupt(carrier, data)` writes bytes past the framing")
    wires = bench.wires()
    good = wires.connect(Echo())
    for data in (b"\xff" * 64, b"\xff" * 100_000):
        ends = Ends(bench, wires.there)
        before = wires.there.bad_frames
        with contextlib.suppress(OSError):  # the other end may have refused it before all was written
            corrupt(ends.carrier, data)
        _counted(bench, wires.there, before, f"{len(data)} bytes that are no frame")
        expect(good.call("good", bench.patience_s) == "good", "other wires to go on", "one did not")
        ends.close()
