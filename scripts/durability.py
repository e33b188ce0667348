#!/usr/bin/env python3
"""Kill a node with SIGKILL while it is given records, start it again, and look for everything that was acknowledged.

    scripts/durability.py                       20 kills: half a minute
    scripts/durability.py --kills 200           200 kills: five minutes on two cores
    scripts/durability.py --directory DIR       keep the node's data directory there

Each round starts a node with an LMDB store in a process of its own, looks for what was acknowledged before, puts over
a link with 64 requests in flight (content, versions of owned records, deletions), and kills the process at a random
moment: most among the puts, every tenth while the node starts, every tenth while it stops. At the end everything that
was ever acknowledged is looked for. Exit code 1 where anything is lost.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.command import Parser
from lib.command import run as run_script

from tests.mdht.hostile.durability import Counts, Torture

_TELL = 20
"""Kills between two lines of progress."""


def run(directory: Path, kills: int, seed: int) -> Counts:
    """All rounds, and the look at the end."""
    torture, began = Torture(directory, seed), time.monotonic()
    counts = torture.counts
    while counts.kills < kills:
        torture.kill()
        if counts.kills % _TELL == 0 or counts.kills == kills:
            told = f"{counts.acknowledged:,} puts acknowledged, {len(counts.lost)} lost"
            print(f"{counts.kills} kills, {time.monotonic() - began:.0f} s: {told}", file=sys.stderr, flush=True)
    torture.look_for_all()
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="decides moments and values (default: 1)")
    parser.add_argument("--directory", type=Path, help="the node's data directory (default: one that is removed)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as fresh:
        counts = run(options.directory or Path(fresh) / "node", options.kills, options.seed)
    print(f"kills                 {counts.kills} ({counts.starting} while starting, {counts.stopping} while stopping)")
    print(f"acknowledged          {counts.acknowledged:,}")
    print(f"looked for            {counts.checked:,}")
    print(f"lost                  {len(counts.lost)}")
    print(f"ended with an error   {counts.failed:,} (in flight at a kill; {counts.unsaid:,} were stored all the same)")
    print(f"slowest error         {counts.slowest_error_s:.2f} s after its kill")
    print(f"took                  {time.monotonic() - began:.0f} s")
    for lost in counts.lost[:20]:
        print(f"lost: {lost}", file=sys.stderr)
    return 1 if counts.lost else 0


if __name__ == "__main__":
    sys.exit(run_script(main))
