"""Tests of what `scripts/` holds, which is no package: `bench` imports a module of `scripts/bench` by name."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "bench"


def bench(name: str) -> ModuleType:
    """That module of scripts/bench, found after everything else."""
    if str(BENCH) not in sys.path:
        sys.path.append(str(BENCH))
    return importlib.import_module(name)
