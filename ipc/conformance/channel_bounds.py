"""Clauses of a channel: it is bounded, says so, and gives room back."""

from __future__ import annotations

import time

from ..cell import Cell
from ..channels.bounds import Bounds
from ..client import Client
from ..errors import CallTimeout, Closed, Full
from .channel_bench import ChannelBench, Wires
from .clauses import Clause, clause
from .services import Notes
from .verdict import Unmet, expect

BOUNDS: list[Clause[ChannelBench]] = []

_AT_ONCE_S = 0.25
_WAIT_S = 0.2
_ROOM = 8
_SOON_S = 2.0


def paused(wires: Wires, bounds: Bounds) -> tuple[Client, Cell, Notes]:
    """A client of a service that takes no command yet."""
    notes = Notes()
    cell = wires.cell(notes, serve=False)
    return wires.client(wires.port(cell, wires.wire(), bounds)), cell, notes


def fill(client: Client, size: int, most: int) -> int:
    """Cast until there is no room; how many were taken, and raises `Unmet` where there always is."""
    for number in range(most + 1):
        try:
            client.cast(b"\0" * size, 0.0)
        except Full:
            return number
    raise Unmet(f"no room for more than {most} commands of {size} bytes", f"{most + 1} were taken")


def refused_after(client: Client, size: int, timeout_s: float) -> float:
    """Seconds until a cast that finds no room raises `Full`."""
    start = time.monotonic()
    try:
        client.cast(b"\0" * size, timeout_s)
    except Full:
        return time.monotonic() - start
    raise Unmet("Full from a channel without room", "the cast was taken")


@clause(BOUNDS)
def bounded_in_commands(bench: ChannelBench) -> None:
    """A sender has at most as many commands waiting as its bounds say, and `Full` is raised for the next."""
    client, _, _ = paused(bench.wires(), Bounds(commands=_ROOM, when_full="fail"))
    taken = fill(client, 10, 4 * _ROOM)
    expect(taken == _ROOM, f"room for {_ROOM} commands", f"there was room for {taken}")


@clause(BOUNDS)
def bounded_in_bytes(bench: ChannelBench) -> None:
    """A sender has at most as many bytes waiting as its bounds say, and `Full` is raised for more."""
    client, _, _ = paused(bench.wires(), Bounds(bytes=100_000, when_full="fail"))
    taken = fill(client, 10_000, 20)
    expect(8 <= taken <= 10, "room for 100,000 bytes", f"there was room for {taken} commands of 10,000")
    try:
        client.call(b"\0" * 100_001, bench.patience_s)
    except Full:
        return
    raise Unmet("Full for a command that can never fit", "it was taken")


@clause(BOUNDS)
def fails_at_once(bench: ChannelBench) -> None:
    """With the policy `fail`, `Full` is raised at once, whatever the timeout."""
    client, _, _ = paused(bench.wires(), Bounds(commands=_ROOM, when_full="fail"))
    fill(client, 10, _ROOM)
    took = refused_after(client, 10, bench.patience_s)
    expect(took < _AT_ONCE_S, "Full at once", f"it took {took:.2f} s")


@clause(BOUNDS)
def blocks_until_the_deadline(bench: ChannelBench) -> None:
    """With the policy `block`, `Full` is raised when the deadline has passed, neither before nor much later."""
    client, _, _ = paused(bench.wires(), Bounds(commands=_ROOM))
    fill(client, 10, _ROOM)
    took = refused_after(client, 10, _WAIT_S)
    expect(took >= _WAIT_S * 0.95, f"to wait {_WAIT_S} s for room", f"it gave up after {took:.2f} s")
    expect(took < _WAIT_S + 1.0, f"Full after {_WAIT_S} s", f"it took {took:.2f} s")


@clause(BOUNDS)
def gives_room_back(bench: ChannelBench) -> None:
    """Room is given back when commands have been served, and whoever waits for it goes on."""
    wires = bench.wires()
    client, cell, notes = paused(wires, Bounds(commands=_ROOM))
    fill(client, 10, _ROOM)
    waiting = bench.aside(lambda: client.cast(b"last", 2 * bench.patience_s))
    time.sleep(0.05)
    expect(waiting.running, "a cast without room to wait", "it did not")
    wires.serve(cell.id)
    waiting.result("room once the service had served")
    for number in range(50 * _ROOM):
        client.cast(number, bench.patience_s)
    total = _ROOM + 1 + 50 * _ROOM
    got = bench.settle(lambda: len(notes.notes), total)
    expect(got == total, f"all {total} commands served through room for {_ROOM}", f"{got} were")


@clause(BOUNDS)
def keeps_deadlines(bench: ChannelBench) -> None:
    """A call ends with `CallTimeout` when its deadline passes, and a command still queued then is not served."""
    wires = bench.wires()
    client, cell, notes = paused(wires, Bounds())
    start = time.monotonic()
    try:
        client.call("late", _WAIT_S)
    except CallTimeout:
        took = time.monotonic() - start
    else:
        raise Unmet("CallTimeout from a service that does not serve", "there was a reply")
    expect(_WAIT_S * 0.95 <= took < _WAIT_S + 1.0, f"CallTimeout after {_WAIT_S} s", f"it took {took:.2f} s")
    wires.serve(cell.id)
    client.call("next", bench.patience_s)
    expect(notes.notes == ["next"], "the late command to be dropped", f"served were {notes.notes!r}")


@clause(BOUNDS)
def says_that_you_closed_it(bench: ChannelBench) -> None:
    """`Closed` is raised by whatever is sent by a port that you closed."""
    wires = bench.wires()
    port = wires.port(wires.cell(Notes()), wires.wire())
    client = wires.client(port)
    client.call(1, bench.patience_s)
    wires.do(wires.agent.drop_port(port.id, Closed("closed by the check")))
    for send in (lambda: client.cast(1), lambda: client.call(1, bench.patience_s), lambda: client.future(1)):
        try:
            send()
        except Closed:
            continue
        raise Unmet("Closed from a port that is closed", "nothing was raised")


@clause(BOUNDS)
def closing_wakes_who_waits(bench: ChannelBench) -> None:
    """A thread that waits for a reply, or for room, gets `Closed` as soon as its port is closed."""
    wires = bench.wires()
    cell = wires.cell(Notes(), serve=False)
    ports = [wires.port(cell, wires.wire(), Bounds(commands=_ROOM)) for _ in range(2)]
    asking, full = map(wires.client, ports)
    fill(full, 10, _ROOM)
    waiting = {
        "a reply": bench.aside(lambda: asking.call(b"reply", 2 * bench.patience_s)),
        "room": bench.aside(lambda: full.cast(b"room", 2 * bench.patience_s)),
    }
    time.sleep(0.1)
    for port in ports:
        wires.do(wires.agent.drop_port(port.id, Closed("closed by the check")))
    for what, thread in waiting.items():
        try:
            thread.result(f"Closed for who waits for {what}", _SOON_S)
        except Closed:
            continue
        raise Unmet(f"Closed for who waits for {what}", "nothing was raised")
