"""The configuration of a node.

| file | what |
|---|---|
| `node` | `Config`: everything that an operator decides |
| `services` | where one service lives, and what may be placed where |
| `profiles` | named placements and bounds that ship |
| `limits` | bounds that an operator chooses |
| `reading` | TOML to values |
"""

from __future__ import annotations

from .limits import Limits
from .node import Config, cpu_count, parse_listen
from .profiles import PROFILES
from .reading import read_toml
from .services import LATER, MANY, SERVICES, STAY, Fault, ServiceConfig

__all__ = [
    "LATER",
    "MANY",
    "PROFILES",
    "SERVICES",
    "STAY",
    "Config",
    "Fault",
    "Limits",
    "ServiceConfig",
    "cpu_count",
    "parse_listen",
    "read_toml",
]
