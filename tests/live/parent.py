"""A program with a tree of every kind of child, under load, to be killed: `python -m tests.live.parent directory`.

Prints, as one line of JSON, the processes below it and the directory of its sockets, then calls until it ends.
"""

from __future__ import annotations

import json
import sys

from ipc import Closed, Supervisor

from .footprint import descendants, read_lines, run_dirs, until
from .load import Load
from .services import Diary, Nest, Sharded, Sleeper, Where


def main(directory: str) -> None:
    with Supervisor() as tree:
        tree.add("pipe", Where(), "process+pipe")
        tree.add("zmq", Where(), "process+zmq")
        tree.add("group", Sharded(), "process:2@g")
        tree.add("diary", Diary(f"{directory}/diary"), "process+pipe")
        tree.add("thread", Where(), "thread+zmq")
        tree.add("nest", Nest(), "process+pipe")
        clients = [tree.client(name) for name in ("pipe", "zmq", "group", "diary", "thread", "nest")]
        for client in clients:
            client.call(0)
        tree.add("busy", Sleeper(), "process+pipe")
        busy = tree.client("busy").future(600.0, timeout=700.0)
        until(lambda: tree.stats()["busy"].queued == 0, 10.0, "busy is busy")
        print(json.dumps({"pids": sorted(descendants()), "run_dirs": sorted(run_dirs())}), flush=True)
        loads = [Load(client, 2, lambda thread, number: number, until_error=Closed) for client in clients]
        for load in loads:
            load.__enter__()
        until(lambda: read_lines(f"{directory}/leave"), 120.0, "killed, or told to leave")
        assert not busy.done()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
