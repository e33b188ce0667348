"""Clauses of a spawner: what a service placed by it does with commands."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import CallTimeout
from .clauses import Clause, clause
from .services import Act, Awaiting, Blocking, Echo, Notes, Relay, Sharded, Suspending
from .spawner_bench import SpawnerBench
from .verdict import Unmet, expect

CALLS: list[Clause[SpawnerBench]] = []

_PINGS = 400


@clause(CALLS)
def answers(bench: SpawnerBench) -> None:
    """`call`, `cast`, `call_many` and `future` reach the service, in the order in which they were sent."""
    client = bench.start(Notes())
    client.cast(0, bench.patience_s)
    expect(client.call(1, bench.patience_s) == 1, "a call's reply", "it was another")
    many = client.call_many([2, 3, 4], bench.patience_s)
    expect(many == [2, 3, 4], "the replies of call_many in order", f"they were {many!r}")
    expect(client.future(5).result(bench.patience_s) == 5, "a future's reply", "it was another")
    for number in range(6, 5000):
        client.cast(number, bench.patience_s)
    notes = client.call("take", bench.patience_s)
    expect(notes == list(range(5000)), "5000 commands served in order", f"{len(notes)} were, or in another order")


@clause(CALLS)
def answers_over_each_channel(bench: SpawnerBench) -> None:
    """Every channel that the spawner calls legal reaches its services."""
    for channel in bench.spawner.channels:
        client = bench.launch(Echo(), f"{bench.name}+{channel}")
        got = client.call_many([1, "two", b"3"], bench.patience_s)
        expect(got == [1, "two", b"3"], f"replies over {channel}", f"they were {got!r}")
        client.close()


@clause(CALLS)
def runs_off_the_callers_thread(bench: SpawnerBench) -> None:
    """A service is served on its host's thread, never on that of its caller."""
    client = bench.start(Act())
    mine = [os.getpid(), threading.get_native_id()]
    places = {tuple(client.call(["where", None], bench.patience_s)) for _ in range(20)}
    expect(len(places) == 1, "one thread for the whole life of a service", f"there were {len(places)}")
    expect(places != {tuple(mine)}, "a thread that is not the caller's", "it is the caller's own")


@clause(CALLS)
def loses_no_wake_up(bench: SpawnerBench) -> None:
    """A service that sleeps is woken by what comes, whichever way it is asked and whenever."""
    client = bench.start(Echo())

    def blocking(command: Any) -> Any:
        return client.call(command, bench.patience_s)

    def hosted(command: Any) -> Any:
        return client.future(command, bench.patience_s).result(bench.patience_s)

    _ping(bench, blocking, 1)
    players = [bench.aside(lambda: _ping(bench, blocking, 2)), bench.aside(lambda: _ping(bench, hosted, 3))]
    for player in players:
        player.result("every ping answered", 2 * bench.patience_s)


def _ping(bench: SpawnerBench, ask: Callable[[Any], Any], seed: int) -> None:
    chance = random.Random(seed)
    for number in range(_PINGS):
        try:
            got = ask([seed, number])
        except (CallTimeout, TimeoutError):
            raise Unmet(
                "a command to wake the service", f"number {number} was not answered in {bench.patience_s:g} s"
            ) from None
        expect(got == [seed, number], "the answer to the command that was sent", f"it was {got!r}")
        pause = chance.random()
        if pause < 0.5:
            time.sleep(pause * pause * 0.002)


@clause(CALLS)
def errors_come_to_the_caller(bench: SpawnerBench) -> None:
    """What a command raises goes to who sent it, with its type and text, and the service goes on."""
    client = bench.start(Act())
    client.call(["add", 1], bench.patience_s)
    try:
        client.call(["raise", "on purpose"], bench.patience_s)
    except ValueError as error:
        expect(str(error) == "on purpose", "the error's text", f"it was {error}")
    else:
        raise Unmet("the service's ValueError", "nothing was raised")
    replies = client.call_many([["add", 1], ["raise", "again"], ["add", 1]], bench.patience_s, return_errors=True)
    expect(
        replies[0] == 2 and replies[2] == 3, "the other commands of a batch to be served", f"replies were {replies!r}"
    )
    expect(isinstance(replies[1], ValueError), "the error in the place of its reply", f"it was {replies[1]!r}")


@clause(CALLS)
def commands_may_wait(bench: SpawnerBench) -> None:
    """Services that await, that suspend deep inside plain functions, or that block their thread, are served."""
    for service in (Awaiting(), Suspending()):
        client = bench.start(service)
        start = time.monotonic()
        replies = client.call_many([0.1] * 8, bench.patience_s)
        took = time.monotonic() - start
        expect(replies == [0.1] * 8, f"{type(service).__name__} to answer", f"it gave {replies!r}")
        expect(
            took < 0.1 * 8 * 0.9,
            f"8 commands of {type(service).__name__} to wait side by side",
            f"they took {took:.2f} s",
        )
        client.close()
    client = bench.start(Blocking())
    expect(client.call(["sleep", 0.05], bench.patience_s) == 0.05, "a blocking service to answer", "it did not")


@clause(CALLS)
def services_reach_each_other(bench: SpawnerBench) -> None:
    """An outlet from one host of the spawner to another carries requests and answers."""
    tree = bench.tree()
    tree.add("echo", Echo(), bench.name)
    tree.add("relay", Relay(), bench.name, outlets={"target": "echo"})
    got = tree.client("relay").call_many(list(range(500)), bench.patience_s)
    expect(got == list(range(500)), "500 answers by way of another host", f"they were {got[:5]!r} …")


@clause(CALLS)
def groups_share_a_host(bench: SpawnerBench) -> None:
    """Two services placed in one group are on the same host; others are not."""
    tree = bench.tree()
    clients = []
    for name, placement in (("one", f"{bench.name}@g"), ("two", f"{bench.name}@g"), ("alone", bench.name)):
        tree.add(name, Act(), placement)
        clients.append(tree.client(name))
    one, two, alone = (client.call(["where", None], bench.patience_s) for client in clients)
    expect(one == two, "members of a group on one host", f"they are on {one} and {two}")
    expect(one != alone, "a service of no group on another host", "it is on the group's")


@clause(CALLS)
def deals_to_shards(bench: SpawnerBench) -> None:
    """`:n` makes n hosts; commands with equal keys go to the same one, in order."""
    client = bench.launch(Sharded(), f"{bench.name}:3")
    first = [tuple(client.call(["where", key], bench.patience_s)) for key in range(30)]
    again = client.call_many([["where", key] for key in range(30)], bench.patience_s)
    expect([tuple(where) for where in again] == first, "equal keys at the same shard", "some went elsewhere")
    expect(len(set(first)) == 3, "three hosts for three shards", f"there are {len(set(first))}")
