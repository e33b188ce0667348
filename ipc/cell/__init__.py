"""A cell: one shard of a service at its place, its inbox, and the one loop that serves it (`loop`).

It is the handle through which a service is woken, paused, stopped, and its state taken back.
"""

from .base import DIRECT
from .life import run_now
from .loop import Cell

__all__ = ["DIRECT", "Cell", "run_now"]
