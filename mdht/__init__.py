"""A peer-to-peer node for signed records, built of small services on `ipc`.

    from mdht import Config, Node

    with Node(Config(seeds=("5f1c…e0@example.org:7000",))) as node:
        node.get(node.put(b"hello").key).value

A file imports only from lower floors, or from other files of its own folder; folders of one floor do not import each
other. Floors 0 to 3 do no I/O and know no clock, thread or random source, with the exceptions named in the design.

| floor | what |
|---|---|
| 0 | `errors`, `limits`, `version` |
| 1 | `model`: keys, identities, peers, records; above it `config`, `data_dir` |
| 2 | `codec`, `control`, `transport`, `routing`, `store` |
| 3 | `session`, `files` |
| 4 | `services` |
| 5 | `node`; above it `remote`, then `testnet` |
| 6 | `cli` |

What is most used can be imported from here; it is loaded when it is first asked for, so that a program that needs only
a part starts fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .config import Config as Config
    from .errors import MdhtError as MdhtError
    from .model import Kind as Kind
    from .node import Node as Node
    from .remote import RemoteNode as RemoteNode
    from .testnet import ProcessNet as ProcessNet
    from .testnet import TestNet as TestNet

_HOMES: Final = {
    "Config": "config",
    "Kind": "model",
    "MdhtError": "errors",
    "Node": "node",
    "ProcessNet": "testnet",
    "RemoteNode": "remote",
    "TestNet": "testnet",
}

__all__ = ["Config", "Kind", "MdhtError", "Node", "ProcessNet", "RemoteNode", "TestNet"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
