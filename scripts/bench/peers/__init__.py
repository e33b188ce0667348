"""What people would use instead, one small file each. A peer that is not installed is named, never just left out."""

from __future__ import annotations

import importlib
import importlib.util

from subject import Subject

PEERS = (
    # shown as, module, class, what must be installed
    ("socket pair", "unix_socket", "SocketPair", None),
    ("pyzmq", "pyzmq_sockets", "Pyzmq", "zmq"),
    ("multiprocessing.Queue", "mp_queue", "ProcessQueue", None),
    ("multiprocessing.Pipe", "mp_pipe", "ProcessPipe", None),
    ("Thespian", "thespian_actors", "ThespianActor", "thespian"),
    ("Ray", "ray_actors", "RayActor", "ray"),
    ("queue.Queue", "thread_queue", "ThreadQueue", None),
    ("pykka", "pykka_actors", "PykkaActor", "pykka"),
)


def installed() -> list[Subject]:
    """A fresh subject for each peer that can be imported, in the order of the tables."""
    return [
        getattr(importlib.import_module(f"{__name__}.{module}"), cls)()
        for _, module, cls, needs in PEERS
        if needs is None or importlib.util.find_spec(needs)
    ]


def missing() -> list[str]:
    """The names of the peers that are not installed."""
    return [name for name, _, _, needs in PEERS if needs is not None and not importlib.util.find_spec(needs)]
