"""What an operator is told of a node's services: where they are, how they do, and what became of a change."""

from __future__ import annotations

from dataclasses import dataclass

Change = tuple[str, str, str]
"""A key of the configuration, what it was, what it is to be."""


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service, all its places together. Totals are since the start, but for what says otherwise."""

    name: str
    placement: str
    configured: str = ""
    """Where the configuration places it."""
    pids: tuple[int, ...] = ()
    calls: int = 0
    errors: int = 0
    busy_s: float = 0.0
    queued: int = 0
    """Commands that wait now."""
    oldest_wait_s: float = 0.0
    """How long the first of them has waited."""
    p50_s: float = 0.0
    """Of its latest calls."""
    p99_s: float = 0.0
    cpu_s: float = 0.0
    """Of its processes, which it may share with others."""
    rss_bytes: int = 0
    """Likewise."""
    restarts: int = 0
    hangs: int = 0
    """Times that it served nothing although commands waited."""
    moves: int = 0
    lost: int = 0
    """Commands that may have been lost with a process."""
    last_error: str = ""
    """Why it was last started again."""
    affinity: tuple[int, ...] | None = None
    nice: int | None = None
    last_hang: str = ""
    """What was last seen when it hung."""
    silent_s: float = 0.0
    """For how long one of its processes has not answered; 0.0: all do. The numbers are then partly older."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that has happened."""

    service: str
    before: str
    after: str
    also: tuple[str, ...] = ()
    """Services that had to move along."""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of a new configuration."""

    applied: tuple[Change, ...] = ()
    restart: tuple[tuple[str, str, str, str], ...] = ()
    """What counts from the next start only; and why, where it is not always so."""
    failed: tuple[tuple[str, str, str, str], ...] = ()
    """What could have been applied, and why it was not."""
    overridden: tuple[Change, ...] = ()
    """What of the file does not count, since the command line says otherwise: the key, what the file says, what
    counts.
    """


@dataclass(frozen=True, slots=True)
class Shown:
    """A configuration in TOML, and how the running node differs from what it was started with."""

    toml: str = ""
    changed: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Probed:
    """Real work of a node: how long each step took, in seconds, and what failed."""

    put_s: float = 0.0
    get_s: float = 0.0
    lag_s: float = 0.0
    """By how much its event loop was late."""
    services: dict[str, float] | None = None
    """Seconds in which each service answered."""
    failures: dict[str, str] | None = None
    """What went wrong, by step or service."""
