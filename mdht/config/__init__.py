"""The configuration of a node.

| file | what |
|---|---|
| `node` | `Config`: everything that an operator decides |
| `services` | where one service lives, and what may be placed where |
| `sharing` | what services need of each other |
| `profiles` | named placements and bounds that ship |
| `limits` | bounds that an operator chooses |
| `cpus`, `cgroup` | CPUs that this process may use |
| `reading`, `writing` | TOML to values, and back |
| `changes` | how two configurations differ |
"""

from __future__ import annotations

from .cpus import cpu_count
from .limits import Limits
from .node import Config, parse_listen
from .profiles import PROFILES
from .reading import read_toml
from .services import LATER, MANY, SERVICES, STAY, Fault, ResolvedService, ServiceConfig

__all__ = [
    "LATER",
    "MANY",
    "PROFILES",
    "SERVICES",
    "STAY",
    "Config",
    "Fault",
    "Limits",
    "ResolvedService",
    "ServiceConfig",
    "cpu_count",
    "parse_listen",
    "read_toml",
]
