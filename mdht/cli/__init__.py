"""The command line `mdht`: starts a node, and asks one that runs.

Commands but `run`, `testnet` and `doctor` are thin: they ask the node in the data directory through its socket, and
import neither services nor cryptography.

| file | what |
|---|---|
| `app` | the group of commands, loaded one at a time |
| `entry` | runs it, and turns errors into messages and exit codes |
| `exits` | exit codes |
| `terms` | options that every command has |
| `output`, `progress` | what is written, for people and for programs |
| `values` | keys, ids and values as arguments |
| `about`, `records`, `files` | thin commands |
| `run`, `settings`, `serving`, `notify` | a node in the foreground |
| `process` | what it sets for its own process: open files, garbage collection |
| `testnet` | several of them |
| `tune` | the best placement of services, by trying |
| `doctor`, `checks` | what may be wrong |
| `completion` | scripts for shells |
"""

from __future__ import annotations

from .entry import entry, main

__all__ = ["entry", "main"]
