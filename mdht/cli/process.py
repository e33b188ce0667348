"""What a program that runs a node sets for its own process; its children inherit it, or need it not.

Only programs do: who uses `mdht.Node` in a process of their own decides themselves.

*Open files.* Most systems let a process have 1,024 files and sockets open unless it asks for more, and a node may have
4,096 links. So the soft limit is raised to what its configuration may need, as far as the hard limit lets it
(getrlimit(2)); no further, so that a leak of descriptors ends in an error, and not in the system's memory.

*Garbage.* What was imported and made until a node is ready lives as long as it does. A full pass of the cyclic garbage
collector visits all of it, 20 ms with every link waiting, to find nothing; frozen, it is not visited. The thresholds
stay as they are: a request leaves no cycle behind, so with them the collector takes a thousandth of the time of puts;
with 50,000 instead of 700, cycles around the TLS connections of 1,200 ended links kept 60 MB. Child processes freeze
nothing: a full pass there takes 6 ms, and comes once in 100,000 records or some thousand links.
"""

from __future__ import annotations

import gc
import logging
import sys
from typing import TYPE_CHECKING, Final

from ..control.limits import CLIENTS
from ..limits import FILE_OPERATIONS, HALF_OPEN, LINKS

if TYPE_CHECKING:
    from ..config import Config

if sys.platform != "win32":
    import resource

_OPERATION_FILES: Final = 3
"""Descriptors of one share or fetch: the file, its folder or index, and the next file."""

_PART_FILES: Final = 4
"""Descriptors of one LMDB environment: its file, its lock, and both again while it is divided."""

_PROCESS_FILES: Final = 8
"""Descriptors of a child process here: its control socket, its sentinel, channels to services in other places."""

_SLACK: Final = 128
"""Standard streams, event loops, listeners, connections that are being dialled, the log, modules being imported."""

_MACOS_MOST: Final = 10_240
"""OPEN_MAX of macOS: it refuses a higher soft limit although it calls the hard one infinite (setrlimit(2) there)."""

USUAL_FILES: Final = LINKS + HALF_OPEN + CLIENTS + FILE_OPERATIONS * _OPERATION_FILES + 2 * _PART_FILES + _SLACK
"""What a node with the usual bounds needs, on one thread."""

_log: Final = logging.getLogger("mdht")


def files_needed(config: Config) -> int:
    """Most files and sockets that a process of such a node has open. One process may get all the links."""
    limits, places = config.limits, config.placed.values()
    processes = sum(part.place.count for part in places if part.place.spawner == "process")
    return (
        limits.links
        + limits.half_open
        + CLIENTS
        + FILE_OPERATIONS * _OPERATION_FILES
        + (config.store_parts + 1) * _PART_FILES
        + processes * _PROCESS_FILES
        + _SLACK
    )


def file_limits() -> tuple[int, int]:
    """Most files that this process may have open, and to how many it may raise that itself; 0: unknown, or no limit."""
    if sys.platform == "win32":
        return 0, 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (0 if soft == resource.RLIM_INFINITY else soft), (0 if hard == resource.RLIM_INFINITY else hard)


def raise_files(needed: int) -> int:
    """Let this process, and those that it starts from now on, open so many files, or as many as it may.

    How many that are; 0: unknown, or no limit. It never lowers the limit, and raises nothing.
    """
    soft, hard = file_limits()
    if not soft or soft >= needed or sys.platform == "win32":
        return soft
    most = min(needed, hard) if hard else needed
    for wanted in (most, min(most, _MACOS_MOST)):
        if wanted <= soft:
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard or resource.RLIM_INFINITY))
        except (ValueError, OSError) as error:
            _log.debug("the limit of open files stays %d, not %d: %s", soft, wanted, error)
        else:
            break
    return file_limits()[0]


def advice(needed: int) -> str:
    """What to do where fewer files than needed may be open."""
    return f"LimitNOFILE={needed} in its systemd unit, or `ulimit -n {needed}` before it is run; or lower limits.links"


class OpenFiles:
    """Raises the limit for a configuration, and for those that replace it while the node runs.

    Processes that were started before inherit what was allowed then.
    """

    def __init__(self) -> None:
        self._told = 0

    def allow(self, config: Config) -> None:
        """Raise it; where that is not enough, it is logged, once for each number."""
        needed = files_needed(config)
        limit = raise_files(needed)
        if limit and limit < needed != self._told:
            self._told = needed
            _log.warning(
                "%d files may be open, and limits.links = %d may need %d: further connections will have to wait. %s",
                limit,
                config.limits.links,
                needed,
                advice(needed),
            )


def freeze_what_lives() -> None:
    """Let the garbage collector pass over all that is there now, after one pass of it."""
    gc.collect()
    gc.freeze()
