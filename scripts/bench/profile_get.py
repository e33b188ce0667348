"""Where the time of one get goes, by part, beside the floor of bare framing and TLS: one at a time, and 32 in flight.

All nodes live in this process on one event loop, so both sides of every get are in the figures. Three measurements take
turns: the nodes as they are (CPU time a get, and how much of it the kernel takes: system calls), the nodes with named
functions timed (see `networks.parts`: exclusive time; what the timing costs is measured and taken off), and the floor
(`networks.floor`: one round trip of the same sizes, and as many links). What is left of the CPU time is the event loop
and the asking side's own coroutine. Medians of the turns. Gets are of content that the asking node does not hold.

    python scripts/bench/profile_get.py [--nodes 16] [--seconds 1] [--repeat 5] [--owned] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))  # measures this checkout, installed or not

from networks.base import VALUE_BYTES
from networks.floor import Cost, Watch, floor
from networks.jobs import Stored, askers, gets, puts
from networks.ours import Ours
from networks.parts import Parts
from networks.turn import IN_FLIGHT, QUIET_CORES, QUIET_S, SETTLE_S
from table import number, table

VALUES = 800
GETS_PER_S = 20_000
WARM_GETS = 2_000


@dataclass(frozen=True)
class Turn:
    """One turn of the timed nodes: microseconds and calls a get by part, and what the timing cost."""

    parts: dict[str, tuple[float, float]]
    overhead_us: float


class Network:
    """Nodes on this loop, and values to get from them."""

    def __init__(self, nodes: Ours, stored: list[Stored]) -> None:
        self.nodes, self.stored, self.draw = nodes, stored, random.Random(1)

    @classmethod
    async def make(cls, count: int, record: str) -> Network:
        nodes = Ours({"record": record, "store": "memory"})
        here = await nodes.start(count)
        ids = [point for point, _ in here]
        await nodes.join([address for _, address in here])
        ends = await nodes.run(puts("profile", 0, VALUES, count), IN_FLIGHT, 60.0)
        stored = [
            Stored(end.job.number, end.key, end.job.value, askers(nodes.target(end.key), ids, ids, end.job.node))
            for end in ends
            if end.good
        ]
        network = cls(nodes, stored)
        await nodes.run(gets(stored, WARM_GETS, network.draw), IN_FLIGHT, 20.0)
        for _ in range(int(SETTLE_S / QUIET_S)):
            used = time.process_time()
            await asyncio.sleep(QUIET_S)
            if time.process_time() - used < QUIET_CORES * QUIET_S:
                break
        return network

    async def get(self, in_flight: int, seconds: float) -> tuple[Cost, int]:
        """The cost of a get, and how many there were. Raises ValueError where one did not bring what was put."""
        jobs = gets(self.stored, int(GETS_PER_S * seconds), self.draw)
        gc.collect()
        watch = Watch()
        ends = await self.nodes.run(jobs, in_flight, seconds)
        cost = watch.cost(len(ends))
        if bad := [end for end in ends if not end.good]:
            raise ValueError(f"{len(bad)} of {len(ends)} gets failed: {bad[0].error}")
        return cost, len(ends)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    record = "owned" if options.owned else "content"
    plain = await Network.make(options.nodes, record)
    parts = Parts()
    parts.install()
    try:
        timed = await Network.make(options.nodes, record)
        parts.remove()
        request, reply = options.request, VALUE_BYTES + options.around
        found: dict[str, Any] = {"missing": parts.missing}
        for in_flight in (1, IN_FLIGHT):
            costs, turns, floors = [], [], []
            for _ in range(options.repeat):
                cost, _ = await plain.get(in_flight, options.seconds)
                costs.append(cost)
                parts.install()
                parts.reset()
                slower, count = await timed.get(in_flight, options.seconds)
                timing_us = max(0.0, slower.cpu_us - cost.cpu_us)
                turns.append(Turn(parts.us(count, timing_us * count * 1e3 / max(1, parts.calls())), timing_us))
                parts.remove()
                floors.append(await floor(request, reply, options.nodes, in_flight, options.seconds / 2))
            found[f"{in_flight}"] = combined(costs, turns, floors)
        for network in (plain, timed):
            await network.nodes.stop()
    finally:
        parts.remove()
    return found


def combined(costs: Sequence[Cost], turns: Sequence[Turn], floors: Sequence[Cost]) -> dict[str, Any]:
    """Medians; `rest_us` is the CPU time of the untimed nodes that is in no part and not the kernel's."""
    parts = {
        name: tuple(statistics.median(turn.parts[name][at] for turn in turns) for at in (0, 1))
        for name in turns[0].parts
    }
    whole = _median(costs)
    named = sum(us for us, _ in parts.values())
    return {
        "get": dataclasses.asdict(whole),
        "parts_us_calls": parts,
        "system_calls_us": whole.kernel_us,
        "rest_us": whole.cpu_us - whole.kernel_us - named,
        "timing_us": statistics.median(turn.overhead_us for turn in turns),
        "floor": dataclasses.asdict(_median(floors)),
    }


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(one, field.name) for one in costs) for field in dataclasses.fields(Cost)))


def shown(found: dict[str, Any], options: argparse.Namespace) -> str:
    """The table: a row a part, microseconds and calls of a get for each number in flight."""
    columns = [found["1"], found[f"{IN_FLIGHT}"]]
    rows = [
        [name, *(number(one["parts_us_calls"][name][at]) for one in columns for at in (0, 1))]
        for name in columns[0]["parts_us_calls"]
    ]
    for title, key in (("system calls (kernel time)", "system_calls_us"), ("event loop and the rest", "rest_us")):
        rows.append([title, *(text for one in columns for text in (number(one[key]), ""))])
    rows.append(["a get, CPU", *(text for one in columns for text in (number(one["get"]["cpu_us"]), ""))])
    rows.append(["a get, wall", *(text for one in columns for text in (number(one["get"]["wall_us"]), ""))])
    for title, key in (("the floor, CPU", "cpu_us"), ("of it the kernel", "kernel_us"), ("the floor, wall", "wall_us")):
        rows.append([title, *(text for one in columns for text in (number(one["floor"][key]), ""))])
    rows.append(["(cost of the timing, taken off)", *(t for one in columns for t in (number(one["timing_us"]), ""))])
    kind = "an owned record" if options.owned else "a content record"
    lines = [
        f"One get of {kind}, {VALUE_BYTES} bytes, {options.nodes} nodes on one loop: both sides, µs",
        table(["", "one at a time", "calls", f"{IN_FLIGHT} in flight", "calls"], rows),
        f"floor: {options.request} bytes there, {VALUE_BYTES + options.around} back, over {options.nodes} links",
    ]
    return "\n".join(lines + [f"not found, so in another part: {name}" for name in found["missing"]])


def main() -> int:
    options = arguments()
    from ipc.loops import new_loop

    with asyncio.Runner(loop_factory=new_loop) as runner:
        found = runner.run(measure(options))
    print(shown(found, options))
    if options.json:
        Path(options.json).write_text(json.dumps({"options": vars(options), **found}, indent=1) + "\n")
    return 1 if found["missing"] else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=16, metavar="N", help="nodes, all in this process")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="of each measurement")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="turns")
    parser.add_argument("--owned", action="store_true", help="owned records in place of content")
    parser.add_argument("--request", type=int, default=48, metavar="BYTES", help="of the floor's frames there")
    parser.add_argument(
        "--around", type=int, default=64, metavar="BYTES", help="beside the value in the floor's replies"
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
