#!/usr/bin/env python3
"""Find the best placement of a node's services on this machine, for a load: `mdht tune` of this checkout.

    scripts/tune.py --gets 1 --store lmdb --links 32 --budget 5m          small records are read
    scripts/tune.py --gets 0 --store lmdb --dir /var/lib --budget 5m      every request waits for that disk
    scripts/tune.py --like ~/.local/share/mdht --apply ~/.local/share/mdht --save tuned.json

Starts nodes and load makers as processes on the loopback, and ends them all. `--help` names every option, `--json`
writes the report for programs. Exit codes are those of `mdht`; 1 where `--apply` could not move everything, or a
file could not be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mdht.cli import entry

if __name__ == "__main__":
    sys.exit(entry(["tune", *sys.argv[1:]]))
