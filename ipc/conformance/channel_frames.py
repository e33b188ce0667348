"""Clauses of a channel: frames of every size, many at once, and more than buffers hold."""

from __future__ import annotations

import random
import threading
import time
import zlib
from typing import Any

from ..channels.frames import stream_frame
from ..client import Client
from .channel_bench import ChannelBench
from .clauses import Clause, clause
from .services import Echo, Notes
from .verdict import expect

FRAMES: list[Clause[ChannelBench]] = []

_LARGEST = 16 << 20


def sizes() -> list[int]:
    """0 bytes to 16 MiB: each small one, and both sides of every power of two, where buffers end."""
    found = set(range(70))
    for power in range(7, 21):
        found.update(range((1 << power) - 8, (1 << power) + 3))
    return [*sorted(found), _LARGEST]


def body(size: int, seed: int) -> bytes:
    """Bytes that differ by place and by seed."""
    unit = random.Random(seed).randbytes(min(size, 1021))
    return (unit * (size // 1021 + 1))[:size]


@clause(FRAMES)
def frames_of_every_size(bench: ChannelBench) -> None:
    """Frames of 0 bytes to 16 MiB, and of every size around a power of two, cross whole, both ways."""
    _frames_to_the_sender(bench)
    notes = Notes()
    wires = bench.wires()
    cell, wire = wires.cell(notes), wires.wire()
    client = wires.client(wires.port(cell, wire))
    wanted = sizes()
    for seed, size in enumerate(wanted):
        client.cast(body(size, seed), bench.patience_s)
        wires.client_end(wire).flush()
    bench.settle(lambda: len(notes.notes), len(wanted))
    for seed, size in enumerate(wanted):
        expect(seed < len(notes.notes), f"a frame with {size} bytes to arrive", "it did not")
        expect(
            notes.notes[seed] == body(size, seed),
            f"{size} bytes as they were sent",
            f"{len(notes.notes[seed])} others came",
        )
    large = body(_LARGEST, 1)
    expect(client.call(large, bench.patience_s) == large, f"{_LARGEST} bytes there and back", "others came back")


def _frames_to_the_sender(bench: ChannelBench) -> None:
    ends = bench.ends()
    wanted = sizes()
    got: list[tuple[int, int]] = []
    ends.pour([stream_frame(body(size, seed)) for seed, size in enumerate(wanted)])
    deadline = time.monotonic() + 2 * bench.patience_s
    while len(got) < len(wanted) and time.monotonic() < deadline:
        ends.carrier.receive(
            lambda frame: got.append((len(frame), zlib.crc32(frame))), time.monotonic() + bench.patience_s / 5
        )
    for seed, size in enumerate(wanted):
        expect(seed < len(got), f"a frame of {size} bytes to reach the sender", f"only {len(got)} frames came")
        expect(
            got[seed] == (size, zlib.crc32(body(size, seed))),
            f"a frame of {size} bytes as it was sent",
            f"{got[seed][0]} others came",
        )


@clause(FRAMES)
def gives_everything_that_is_there(bench: ChannelBench) -> None:
    """Batches: a receiver that wakes up gets every frame that is there, not the first one only."""
    count = 20
    wires = bench.wires()
    seen = _Seen()
    cell, wire = wires.cell(seen), wires.wire()
    client = wires.client(wires.port(cell, wire))
    held, go = threading.Event(), threading.Event()
    bench.undo.callback(go.set)
    client.call(0, bench.patience_s)

    def hold() -> None:
        held.set()
        go.wait(bench.patience_s)

    wires.there.soon(hold)
    held.wait(bench.patience_s)
    for number in range(count):
        client.cast(number, bench.patience_s)
        wires.client_end(wire).flush()
    time.sleep(0.1)
    go.set()
    bench.settle(lambda: len(seen.waiting), count + 1)
    waiting = seen.waiting[1] if len(seen.waiting) > 1 else -1
    expect(waiting == count - 1, f"{count} frames at the service's first wake-up", f"{waiting + 1} were there")
    _batch_to_the_sender(bench, count)


class _Seen(Notes):
    """Notes at each command how many runs wait behind it."""

    def start(self) -> None:
        self.waiting: list[int] = []

    def call(self, command: Any) -> Any:
        self.waiting.append(len(self._ipc_placed().inbox))
        return command


def _batch_to_the_sender(bench: ChannelBench, count: int) -> None:
    ends = bench.ends()
    ends.pour([stream_frame(b"%d" % number) for number in range(count)])
    time.sleep(0.1)
    got: list[int] = []
    ends.carrier.receive(lambda frame: got.append(int(bytes(frame))), time.monotonic() + bench.patience_s)
    expect(got == list(range(count)), f"{count} frames from one receive", f"it gave {len(got)}")


@clause(FRAMES)
def floods_both_ways(bench: ChannelBench) -> None:
    """Much more than any buffer holds, in both directions at once, does not deadlock."""
    wires = bench.wires()
    cell, wire = wires.cell(Echo()), wires.wire()
    clients = [wires.client(wires.port(cell, wire)) for _ in range(3)]
    blocks = [body(200_000, seed) for seed in range(50)]

    def call(client: Client) -> None:
        expect(
            client.call_many(blocks, 3 * bench.patience_s) == blocks, "every block back as it was sent", "others came"
        )

    def futures(client: Client) -> None:
        pending = [client.future(block, 3 * bench.patience_s) for block in blocks]
        back = [future.result(3 * bench.patience_s) for future in pending]
        expect(back == blocks, "every block back as it was sent", "others came")

    threads = [
        bench.aside(lambda: call(clients[0])),
        bench.aside(lambda: futures(clients[1])),
        bench.aside(lambda: call(clients[2])),
    ]
    for thread in threads:
        thread.result("a two-way flood to come to its end", 3 * bench.patience_s)
