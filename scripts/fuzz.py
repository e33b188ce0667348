#!/usr/bin/env python3
"""Give changed frames to everything that reads bytes of a peer, and see whether anything but a typed error comes out.

    scripts/fuzz.py                             100,000 frames: half a minute
    scripts/fuzz.py --frames 1000000            a million: some minutes on one core
    scripts/fuzz.py --only handshake --seed 7   one part, other changes

The parts are the codec in both encodings, the cutter of frames, records, peer records, the handshake, whole links in
plaintext, and whole links over TLS. Valid traffic is changed by its structure: bits, lengths, numbers at the edges,
stretches removed, repeated and joined; and valid messages come at the wrong time. The same seed gives the same frames
(those over TLS differ, since OpenSSL draws its own keys). A changed thing that is taken for the original is a failure,
too. Memory is compared with that after a tenth of the frames. A frame that takes longer than `--hang` seconds ends the
run with a traceback. Exit code 1 where anything failed.
"""

from __future__ import annotations

import faulthandler
import gc
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import psutil
from lib.command import Parser, Usage
from lib.command import run as run_script

from tests.mdht.hostile.targets import TARGETS, Target

MIB = 1 << 20
_LOOK = 500
"""Frames between two looks at the clock of the watchdog."""


@dataclass
class Part:
    """One target and what became of its frames."""

    name: str
    target: Target
    frames: int
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0

    def run(self, frames: int, hang_s: float) -> None:
        """Give it so many frames."""
        for number in range(frames):
            if number % _LOOK == 0:
                faulthandler.dump_traceback_later(hang_s + 30, exit=True)
            began = time.perf_counter()
            try:
                outcome = self.target.frame()
            except Exception:
                outcome = "FAULT"
                self._tell()
            took = time.perf_counter() - began
            self.outcomes[outcome] += 1
            self.seconds += took
            self.slowest_s = max(self.slowest_s, took)
            if took > hang_s:
                self.faults += 1
                print(f"{self.name}: {took:.1f} s for {self.target.last.hex()}", file=sys.stderr)

    def _tell(self) -> None:
        self.faults += 1
        if self.faults <= 5:
            print(f"{self.name}: {self.target.last.hex()}", file=sys.stderr)
            traceback.print_exc()


def rss() -> int:
    """Bytes of memory in use."""
    gc.collect()
    return psutil.Process().memory_info().rss


def run(frames: int, seed: int, only: str, hang_s: float) -> tuple[list[Part], list[int]]:
    """All parts, in ten rounds; and the memory at the start, after the first and after the last of them, in bytes."""
    chosen = {name: it for name, it in TARGETS.items() if only in name}
    whole = sum(share for share, _ in chosen.values())
    parts = [
        Part(name, make(random.Random(f"{seed} {name}")), round(frames * share / whole))
        for name, (share, make) in chosen.items()
    ]
    memory = [rss()]
    for turn in range(10):
        for part in parts:
            part.run(part.frames * (turn + 1) // 10 - part.frames * turn // 10, hang_s)
        if turn in (0, 9):
            memory.append(rss())
        print(f"{10 * (turn + 1)} %", file=sys.stderr, flush=True)
    faulthandler.cancel_dump_traceback_later()
    return parts, memory


def print_table(parts: list[Part]) -> None:
    print(f"{'part':<18}{'frames':>9}{'µs each':>9}{'slowest ms':>12}{'faults':>8}  outcomes")
    for part in parts:
        count = sum(part.outcomes.values())
        told = ", ".join(f"{name} {number:,}" for name, number in part.outcomes.most_common())
        each = part.seconds / max(1, count) * 1e6
        print(f"{part.name:<18}{count:>9,}{each:>9.1f}{part.slowest_s * 1e3:>12.1f}{part.faults:>8}  {told}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--frames", type=int, default=100_000, help="in all (default: 100,000)")
    parser.add_argument("--seed", type=int, default=1, help="decides every change (default: 1)")
    parser.add_argument("--only", default="", help=f"parts with this in their name, of {', '.join(TARGETS)}")
    parser.add_argument("--hang", type=float, default=5.0, help="seconds that one frame may take (default: 5)")
    parser.add_argument("--slack", type=float, default=8.0, help="MiB that memory may grow (default: 8)")
    options = parser.parse_args(arguments)
    if not any(options.only in name for name in TARGETS):
        raise Usage(f"--only {options.only}: none of {', '.join(TARGETS)}")
    began = time.monotonic()
    parts, (start, before, after) = run(options.frames, options.seed, options.only, options.hang)
    seconds = time.monotonic() - began
    print_table(parts)
    count, faults = sum(sum(part.outcomes.values()) for part in parts), sum(part.faults for part in parts)
    print(f"{count:,} frames in {seconds:.0f} s, {count / seconds:,.0f} a second; {faults} faults; seed {options.seed}")
    print(f"memory {start / MIB:.1f} MiB at the start, {before / MIB:.1f} after a tenth, {after / MIB:.1f} at the end")
    return 1 if faults or after - before > options.slack * MIB else 0


if __name__ == "__main__":
    sys.exit(run_script(main))
