"""Clauses of a spawner: how services come, move, die and go."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import partial
from pathlib import Path

from ..errors import CallTimeout, Closed, IpcError, MoveTimeout, ServiceDied
from ..service import Service
from ..supervisor import Supervisor
from .clauses import Clause, clause
from .footprint import Footprint
from .services import Act, Awaiting, Diary, Echo, Refusing
from .spawner_bench import SpawnerBench
from .verdict import Unmet, expect

LIFE: list[Clause[SpawnerBench]] = []

_LAUNCHES = 20
_GAP_S = 0.5
"""Longest that the control loop may stand still: a spawner that waits in it stops every other service of the tree."""


def hooks(path: Path) -> list[str]:
    """The hooks that a diary has written."""
    return [line.split()[0] for line in path.read_text().splitlines()]


@clause(LIFE)
def launch_returns_after_start(bench: SpawnerBench) -> None:
    """`launch` returns when `open` and `start` have ended, `close` when `stop` and `close` have; all on one thread."""
    path = Path(bench.directory(), "diary")
    client = bench.start(Diary(str(path)))
    expect(hooks(path) == ["open", "start"], "open and start before launch returns", f"there was {hooks(path)}")
    client.call(1, bench.patience_s)
    client.close()
    expect(
        hooks(path) == ["open", "start", "call", "stop", "close"],
        "stop and close before close returns",
        f"there was {hooks(path)}",
    )
    threads = {tuple(line.split()[1:]) for line in path.read_text().splitlines()}
    expect(len(threads) == 1, "every hook on the service's own thread", f"there were {len(threads)}")


@clause(LIFE)
def start_errors_come_back(bench: SpawnerBench) -> None:
    """What `open` or `start` raises comes out of `launch`, nothing is left, and the next launch works."""
    bench.start(Echo()).close()
    before = Footprint.take()
    for hook in ("open", "start", "open", "start"):
        try:
            bench.start(Refusing(hook))
        except ValueError as error:
            expect(str(error) == f"{hook} refuses", "the error's text", f"it was {error}")
        else:
            raise Unmet(f"the ValueError of {hook}", "launch returned")
    bench.until_back(before, "four launches failed")
    expect(bench.start(Echo()).call(1, bench.patience_s) == 1, "the next launch to work", "it did not")


@clause(LIFE)
def state_is_taken_back(bench: SpawnerBench) -> None:
    """A service that moves inline and back keeps its state; every `open` has its `close`."""
    path = Path(bench.directory(), "diary")
    client = bench.start(Diary(str(path)))
    count = 0
    for place in (
        "inline+none",
        bench.name,
        "thread+queue",
        bench.name,
        f"{bench.name}+{bench.spawner.channels[-1]}",
        "inline",
    ):
        for _ in range(5):
            count += 1
            got = client.call(0, bench.patience_s)
            expect(got == count, f"command {count} to find the state of those before it", f"it is {got}")
        client.move(place, bench.patience_s)
    client.close()
    taken = [hook for hook in hooks(path) if hook in ("open", "close")]
    expect(taken == ["open", "close"] * (len(taken) // 2), "each open before its close", f"there was {taken}")
    for hook in ("start", "stop"):
        expect(hooks(path).count(hook) == 1, f"one {hook} in a life", f"there were {hooks(path).count(hook)}")


@clause(LIFE)
def moves_under_load(bench: SpawnerBench) -> None:
    """Commands that come while a service moves are served at the new place, all of them."""
    client = bench.start(Act())
    futures = []
    for place in ("inline+none", bench.name, "thread+queue", bench.name):
        futures += [client.future(["add", 1], bench.patience_s) for _ in range(200)]
        client.move(place, bench.patience_s)
        futures += [client.future(["add", 1], bench.patience_s) for _ in range(200)]
    got = [future.result(bench.patience_s) for future in futures]
    expect(got == list(range(1, 1601)), "1600 commands served once and in order", f"the last gave {got[-1]}")


@clause(LIFE)
def pause_waits_for_running_calls(bench: SpawnerBench) -> None:
    """A move waits for the running call; where that does not end in time, `MoveTimeout`, and nothing has changed."""
    for service, command in ((Act(), ["sleep", 0.5]), (Awaiting(), 0.5)):
        client = bench.start(service)
        running = client.future(command, bench.patience_s)
        time.sleep(0.05)
        try:
            client.move("thread+queue", timeout=0.1)
        except MoveTimeout:
            expect(
                client.placement.startswith(bench.name),
                "the service to stay after MoveTimeout",
                f"it is at {client.placement}",
            )
        else:
            raise Unmet("MoveTimeout while a call runs on", "it was moved")
        expect(running.result(bench.patience_s) == 0.5, "the running call to end as if nothing were", "it did not")
        running = client.future(command, bench.patience_s)
        time.sleep(0.05)
        client.move("thread+pipe", timeout=bench.patience_s)
        expect(
            running.done() or running.result(bench.patience_s) == 0.5,
            "a move to wait for the running call",
            "it was lost",
        )
        client.close()


@clause(LIFE)
def restarts_what_ends(bench: SpawnerBench) -> None:
    """A service that ends itself is a `ServiceDied` for its caller; a new object from the same parameters serves on."""
    client = bench.start(Act())
    client.call(["add", 41], bench.patience_s)
    try:
        client.call(["exit", 3], bench.patience_s)
    except ServiceDied:
        pass
    else:
        raise Unmet("ServiceDied for who asked a service to end", "there was a reply")
    got = client.call(["add", 1], bench.patience_s)
    expect(got == 1, "a fresh object after a restart", f"its total is {got}")
    restarts = client.stats().restarts
    expect(restarts == 1, "one restart to be counted", f"there are {restarts}")


@clause(LIFE)
def survives_a_killed_process(bench: SpawnerBench) -> None:
    """When a host's process is killed, who waits gets `ServiceDied` within a second, and a successor serves."""
    client, pid = bench.other_process()
    waiting = bench.aside(lambda: client.call(["sleep", 60], 60))
    time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    try:
        waiting.result("ServiceDied for who waits", max(3.0, bench.patience_s))
    except ServiceDied:
        took = time.monotonic() - killed
    else:
        raise Unmet("ServiceDied for who waits", "there was a reply")
    expect(took < 1.0, "ServiceDied within a second", f"it took {took:.2f} s")
    try:
        after = client.call(["where", None], bench.patience_s)[0]
    except CallTimeout:
        raise Unmet("a successor to serve", f"none did within {bench.patience_s:g} s") from None
    expect(after != pid, "a successor in another process", "the dead one answered")


@clause(LIFE)
def control_loop_goes_on(bench: SpawnerBench) -> None:
    """`spawn` and `stop` do not block the control loop: other services of the tree are served meanwhile."""
    bench.start(Echo()).close()
    gap = bench.aside(lambda: asyncio.run(_longest_gap(bench))).result("launches to end", 3 * bench.patience_s)
    expect(gap < _GAP_S, f"the control loop to have its turn within {_GAP_S} s", f"it stood still for {gap:.2f} s")


async def _longest_gap(bench: SpawnerBench) -> float:
    longest, ticking = 0.0, True

    async def tick() -> None:
        nonlocal longest
        last = time.monotonic()
        while ticking:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    ticker = asyncio.ensure_future(tick())
    async with Supervisor() as tree:
        for number in range(3):
            await tree.aadd(f"echo{number}", Echo(), bench.name)
    ticking = False
    await ticker
    return longest


@clause(LIFE)
def stops_within_a_bound(bench: SpawnerBench) -> None:
    """A service whose calls do not end is stopped all the same, and who waits for them gets `Closed`."""
    tree = bench.tree()
    tree.add("endless", Awaiting(), bench.name)
    client = tree.client("endless")
    waiting = [bench.aside(lambda: client.call(3600.0, 3600)) for _ in range(3)]
    client.call(0.0, bench.patience_s)
    bench.aside(lambda: tree.close(0.3)).result("close to end though calls do not")
    for caller in waiting:
        try:
            caller.result("Closed for who waits")
        except (Closed, ServiceDied):
            continue
        raise Unmet("Closed for who waits", "there was a reply")


@clause(LIFE)
def stops_totally(bench: SpawnerBench) -> None:
    """After twenty launches there are as many descriptors, threads and processes as before."""
    services: list[type[Service]] = [Echo, Awaiting]
    bench.start(Echo()).close()
    before = Footprint.take()
    for number in range(_LAUNCHES // 2):
        two = [bench.aside(partial(bench.start, cls())) for cls in services]
        for launched in two:
            client = launched.result("a launch beside another to end")
            client.call(0, bench.patience_s)
            if number % 2:
                client.close()
            else:
                bench.aside(client.close).result("close to end")
    bench.until_back(before, f"{_LAUNCHES} launches")


@clause(LIFE)
def gives_up_cleanly(bench: SpawnerBench) -> None:
    """A service that dies at once, again and again, ends its tree with nothing left."""
    bench.start(Echo()).close()
    before = Footprint.take()
    client = bench.start(Act(), max_restarts=2, window_s=60.0)
    for _ in range(4):
        try:
            client.call(["exit", 1], bench.patience_s)
        except IpcError:
            continue
        raise Unmet("an error for who asked a service to end", "there was a reply")
    client.close()
    bench.until_back(before, "a tree gave up")
