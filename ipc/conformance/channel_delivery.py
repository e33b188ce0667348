"""Clauses of a channel: everything arrives, once, in order, and at whom it was meant for."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import Any

from ..channels.sender import Sender
from ..errors import Full
from ..service import Token
from .channel_bench import ChannelBench
from .clauses import Clause, clause
from .services import Echo, Notes, Placed
from .verdict import Unmet, expect

DELIVERY: list[Clause[ChannelBench]] = []

_FLOOD = 100_000
_ORDER = 20_000
_SENDERS = 4


def flood(bench: ChannelBench, senders: int, each: int) -> list[list[int]]:
    """Numbered commands from several threads over one wire; what the service got of each, in the order that it came."""
    wires = bench.wires()
    notes = Notes()
    cell, wire = wires.cell(notes), wires.wire()
    clients = [wires.client(wires.port(cell, wire)) for _ in range(senders)]

    def send(who: int) -> None:
        cast = clients[who].cast
        try:
            for number in range(each):
                cast([who, number], bench.patience_s)
        except Full:
            return  # commands were lost, so room was: the count says so

    threads = [bench.aside(partial(send, who)) for who in range(senders)]
    for thread in threads:
        thread.result("that casts find room while the service goes on", 2 * bench.patience_s)
    bench.settle(lambda: len(notes.notes), senders * each)
    got: list[list[int]] = [[] for _ in range(senders)]
    for who, number in list(notes.notes):
        got[who].append(number)
    return got


def first_seen(numbers: Iterable[int]) -> list[int]:
    """Without repetitions."""
    return list(dict.fromkeys(numbers))


@clause(DELIVERY)
def echoes(bench: ChannelBench) -> None:
    """A command reaches the service and its reply comes back, whatever plain value it is."""
    client = bench.wires().connect(Echo())
    values: list[Any] = [
        None,
        True,
        -1,
        2**63,
        0.5,
        "",
        "ä\0\U0001f600",
        b"",
        b"\0\xff",
        [],
        [1, [2, [3]]],
        {"a": {1: 2}},
    ]
    for value in values:
        got = client.call(value, bench.patience_s)
        expect(got == value, f"{value!r} back", f"it was {got!r}")
    many = client.call_many(values, bench.patience_s)
    expect(many == values, "replies in the order of their commands", f"they were {many!r}")
    future = client.future("later", bench.patience_s)
    expect(future.result(bench.patience_s) == "later", "a future's reply", f"it was {future.result()!r}")


@clause(DELIVERY)
def keeps_the_order_of_each_sender(bench: ChannelBench) -> None:
    """Commands of one sender are served in the order in which they were sent."""
    for who, numbers in enumerate(flood(bench, _SENDERS, _ORDER // _SENDERS)):
        seen = first_seen(numbers)
        for before, after in pairwise(seen):
            expect(before < after, f"the commands of sender {who} in order", f"{after} was served after {before}")


@clause(DELIVERY)
def duplicates_nothing(bench: ChannelBench) -> None:
    """No command is served twice."""
    for numbers in flood(bench, 1, _FLOOD // 2):
        twice = len(numbers) - len(set(numbers))
        expect(not twice, "each command once", f"{twice} of {len(numbers)} came again")


@clause(DELIVERY)
def loses_nothing(bench: ChannelBench) -> None:
    """Of a hundred thousand commands from several senders, each is served."""
    each = _FLOOD // _SENDERS
    for who, numbers in enumerate(flood(bench, _SENDERS, each)):
        missing = set(range(each)).difference(numbers)
        expect(
            not missing,
            f"all {each} commands of sender {who}",
            f"{len(missing)} never came, {min(missing, default=0)} the first",
        )


@clause(DELIVERY)
def mixes_no_senders(bench: ChannelBench) -> None:
    """Senders that share a wire each reach their own service, and each gets its own replies."""
    wires = bench.wires()
    wire, services = wires.wire(), [Notes() for _ in range(_SENDERS)]
    clients = [wires.client(wires.port(wires.cell(service), wire)) for service in services]

    def ask(who: int) -> None:
        for start in range(0, 600, 20):
            commands = [[who, number] for number in range(start, start + 20)]
            replies = clients[who].call_many(commands, bench.patience_s)
            expect(
                replies == commands,
                f"sender {who} to get its own replies",
                f"it got {replies[:3]!r} for {commands[:3]!r}",
            )
            single = clients[who].call([who, -1], bench.patience_s)
            expect(single == [who, -1], f"sender {who} to get its own reply", f"it got {single!r}")

    threads = [bench.aside(partial(ask, who)) for who in range(_SENDERS)]
    for thread in threads:
        thread.result("that threads which share a wire all get their replies", 2 * bench.patience_s)
    for who, service in enumerate(services):
        strange = [note for note in service.notes if note[0] != who]
        expect(not strange, f"service {who} to get the commands of its own sender", f"it got {strange[:3]!r}")


@clause(DELIVERY)
def a_goodbye_comes_last(bench: ChannelBench) -> None:
    """The mark that ends a sender's commands is answered once all before it were received."""
    wires = bench.wires()
    notes = Notes()
    cell, number = wires.cell(notes, serve=False), wires.wire()
    port = wires.port(cell, number)
    client, wire = wires.client(port), wires.client_end(number)
    sender: Sender = port.senders[0]
    for command in range(2000):
        client.cast(command, bench.patience_s)
    ended = threading.Event()
    there: list[int] = []

    def at_the_end() -> None:
        there.append(sum(len(entry[5]) for entry in list(cell.inbox)))
        ended.set()

    sender.ended = at_the_end
    wire.flush()
    sender.detach()
    wire.end(sender)
    expect(ended.wait(bench.patience_s), "the goodbye to be answered", f"it was not within {bench.patience_s:g} s")
    expect(there == [2000], "all 2000 commands received before the goodbye's answer", f"{there[0]} were")


@clause(DELIVERY)
def carries_what_was_held(bench: ChannelBench) -> None:
    """The service's end may be the first to speak: replies held while a wire was replaced cross the new one."""
    for run_dir in ("", bench.directory()):
        wires = bench.wires(run_dir)
        service = _Later()
        cell = wires.cell(service)
        port = wires.port(cell, wires.wire())
        client, line = wires.client(port), port.senders[0].line
        for turn in range(10):
            service.token = None
            reply = client.future(turn, bench.patience_s)
            bench.until(service.took, "a command to be served", "it was not")
            wires.do(wires.agent.detach(port.id, line, bench.patience_s))
            wires.there.soon(service.answer)
            wires.rewire(port, cell)
            try:
                got = reply.result(bench.patience_s)
            except TimeoutError:
                way = f" between processes (run_dir, in turn {turn})" if run_dir else f" in turn {turn}"
                raise Unmet("a reply that was held to cross the new wire", f"it did not{way}") from None
            expect(got == "held", "the reply that was held", f"it was {got!r}")


class _Later(Placed):
    """Answers when it is told to."""

    token: Token | None = None

    def call(self, command: Any) -> None:
        self.token = self.later()

    def took(self) -> bool:
        """Whether a command was served."""
        return self.token is not None

    def answer(self) -> None:
        """Answer the last command."""
        if self.token is not None:
            self.reply(self.token, "held")
