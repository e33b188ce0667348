"""Test networks: several nodes that know each other, for tests, examples, demonstrations and measurements.

    with TestNet(8) as net:                                 # in this process, one thread a node
        net[0].put(b"hello")

    with ProcessNet(8, Config(store="lmdb")) as net:        # each a process of its own, as `mdht run` starts it
        net[0].put(b"hello")
        net.kill(3)

| file | what |
|---|---|
| `inprocess` | `TestNet`: nodes of this process, over TCP or a simulated network |
| `processes` | `ProcessNet`: nodes as processes |
| `process` | one of these: started, ready, stopped, killed |
| `janitor` | removes their directory when nobody is left who could |
| `settings` | a `Config` as TOML |
| `errors` | a node that did not start |
"""

from __future__ import annotations

from .errors import NodeNotStarted
from .inprocess import TestNet
from .processes import ProcessNet

__all__ = ["NodeNotStarted", "ProcessNet", "TestNet"]
