"""Clauses of a channel under whole services: between processes, when one is killed, and while a service moves."""

from __future__ import annotations

import os
import signal
import threading
import time

from ..client import Client
from ..errors import ServiceDied
from .channel_bench import ChannelBench
from .channel_frames import body
from .clauses import Clause, clause
from .services import Act, Echo, Notes, Relay
from .verdict import NotApplicable, Unmet, expect

SERVICES: list[Clause[ChannelBench]] = []


@clause(SERVICES)
def carries_a_service(bench: ChannelBench) -> None:
    """A service placed with the channel, in a thread, answers as it does anywhere."""
    for spawner in bench.spawners:
        if spawner != "process":
            client = bench.launch(Echo(), f"{spawner}+{bench.name}")
            _exercise(bench, client)


@clause(SERVICES)
def crosses_processes(bench: ChannelBench) -> None:
    """The same for a service in another process, frames of 16 MiB included."""
    client = bench.launch(Echo(bench.recipe()), f"process+{bench.name}")
    _exercise(bench, client)
    large = body(16 << 20, 3)
    expect(client.call(large, 2 * bench.patience_s) == large, "16 MiB there and back", "others came back")


def _exercise(bench: ChannelBench, client: Client) -> None:
    commands = [[number, b"\0" * number] for number in range(3000)]
    expect(
        client.call_many(commands, 2 * bench.patience_s) == commands,
        "3000 commands back as they were sent",
        "others came",
    )
    futures = [client.future(number) for number in range(500)]
    replies = [future.result(bench.patience_s) for future in futures]
    expect(replies == list(range(500)), "500 futures, each with its own reply", f"they were {replies[:5]!r} …")
    for number in range(200):
        expect(client.call(number, bench.patience_s) == number, f"{number} back", "another came")


@clause(SERVICES)
def joins_processes(bench: ChannelBench) -> None:
    """A service in one process reaches one in another through an outlet."""
    recipe = bench.recipe()
    tree = bench.tree()
    tree.add("relay", Relay(recipe), f"process+{bench.name}", outlets={"target": "echo"})
    tree.add("echo", Echo(recipe), f"process+{bench.name}")
    client = tree.client("relay")
    replies = client.call_many(list(range(2000)), bench.patience_s)
    expect(replies == list(range(2000)), "2000 answers by way of another process", f"they were {replies[:5]!r} …")


@clause(SERVICES)
def survives_a_killed_process(bench: ChannelBench) -> None:
    """When the service's process is killed, who waits gets `ServiceDied` within a second, and a successor serves."""
    client = bench.launch(Act(bench.recipe()), f"process+{bench.name}")
    pid, _ = client.call(["where", None], bench.patience_s)
    waiting = bench.aside(lambda: client.call(["sleep", 60], 60))
    time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    try:
        waiting.result("ServiceDied for who waits", 3.0)
    except ServiceDied:
        took = time.monotonic() - killed
    else:
        raise Unmet("ServiceDied for who waits", "there was a reply")
    expect(took < 1.0, "ServiceDied within a second", f"it took {took:.2f} s")
    after, _ = client.call(["where", None], bench.patience_s)
    expect(after != pid, "a successor in another process", f"process {after} answered")


@clause(SERVICES)
def keeps_order_while_a_service_moves(bench: ChannelBench) -> None:
    """A service that is moved onto the channel and off it, under load, gets every command once and in order."""
    places = ["inline+none", f"thread+{bench.name}", "thread+queue", f"thread+{bench.name}", "process+pipe"]
    recipe: list[str] = []
    try:
        recipe = bench.recipe()
        places += [f"process+{bench.name}", f"thread+{bench.name}", f"process+{bench.name}"]
    except NotApplicable:
        pass
    client = bench.launch(Notes(recipe), f"thread+{bench.name}")
    done = threading.Event()
    bench.undo.callback(done.set)

    def cast() -> int:
        number = 0
        while not done.is_set():
            for _ in range(20):
                client.cast([0, number], bench.patience_s)
                number += 1
            time.sleep(0.002)
        return number

    def call() -> int:
        number = 0
        while not done.is_set():
            client.call([1, number], bench.patience_s)
            number += 1
            time.sleep(0.001)
        return number

    senders = [bench.aside(cast), bench.aside(call)]
    for place in places:
        client.move(place, bench.patience_s)
        time.sleep(0.03)
    done.set()
    sent = [sender.result("a sender to go on through every move", 2 * bench.patience_s) for sender in senders]
    client.move("inline+none", bench.patience_s)
    notes: list[list[int]] = []

    def all_there() -> int:
        notes[:] = client.call("take", bench.patience_s)
        return len(notes)

    bench.settle(all_there, sum(sent))
    for who, count in enumerate(sent):
        numbers = [number for sender, number in notes if sender == who]
        wrong = next((place for place, number in enumerate(numbers) if place != number), len(numbers))
        expect(
            numbers == list(range(count)),
            f"all {count} commands in order, over {len(places)} moves",
            f"there are {len(numbers)}, wrong from number {wrong}",
        )
