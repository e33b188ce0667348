"""`top`: the services and processes of a running node, on a full screen.

| file | what |
|---|---|
| `command` | the command |
| `watching` | the full screen: keys, signals and looks, on one loop |
| `sampling` | asks the node, and the system about its processes |
| `screen` | the terminal |
| `look` | what was found, and what happened between two looks |
| `layout` | its lines, for a terminal of any size |
| `columns` | which columns there is room for |
| `state`, `keys` | what was chosen by which key |
| `texts` | short numbers |
"""

from __future__ import annotations

from .command import top

__all__ = ["top"]
