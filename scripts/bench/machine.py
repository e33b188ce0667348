"""What the numbers were measured on."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import time

import psutil

PACKAGES = ("pyzmq", "msgpack", "uvloop", "greenlet", "psutil", "pykka", "thespian", "ray")


def machine() -> dict[str, object]:
    """Cores, processor, memory, system, Python, loop, and the versions of all that takes part."""
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": processor(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "loop": "uvloop" if importlib.util.find_spec("uvloop") else "asyncio",
        "versions": {name: version(name) for name in PACKAGES},
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as info:
            return next(line.partition(":")[2].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
