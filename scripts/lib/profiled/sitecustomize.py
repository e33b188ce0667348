"""Lets `scripts/profile_service.py` profile a node's processes by cProfile, where py-spy is not installed.

    PYTHONPATH=scripts/lib/profiled MDHT_PROFILE_DIR=/tmp/profiles mdht run

Python imports this file by itself when it starts, in the node and in every process below it. SIGUSR2 then begins to
profile the main thread, where the services of a process live; the next one ends that, and writes PID.pstats into the
directory. Nothing is slowed down before. Without MDHT_PROFILE_DIR nothing happens at all.
"""

from __future__ import annotations

import cProfile
import os
import signal
from types import FrameType

_running: list[cProfile.Profile] = []


def _toggle(_: int, __: FrameType | None) -> None:
    if not _running:
        profile = cProfile.Profile()
        _running.append(profile)
        profile.enable()
        return
    profile = _running.pop()
    profile.disable()
    target = os.path.join(os.environ["MDHT_PROFILE_DIR"], f"{os.getpid()}.pstats")
    profile.dump_stats(target + ".part")
    os.replace(target + ".part", target)


if os.environ.get("MDHT_PROFILE_DIR"):
    signal.signal(signal.SIGUSR2, _toggle)
