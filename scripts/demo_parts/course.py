"""The demonstration itself: share, fetch, compare, kill, fetch, compare."""

from __future__ import annotations

import os
import sysconfig
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from mdht.config import Config, Limits
from mdht.errors import MdhtError
from mdht.services.files.commands import FileProgress
from mdht.testnet import ProcessNet

from .folder import Differences, Listing, Unusable, compared, copied, digests, listing
from .memory import Memory
from .options import Options
from .room import check, need
from .stages import Stage, Stages
from .units import seconds, size

_STALL_S = 60.0
"""Seconds without any progress after which a share or fetch is given up: a slow disk syncs for some."""

_OF_OTHERS = frozenset({b"site-packages", b"dist-packages"})
"""Folders in the standard library's with what others installed."""

_AGAIN = (b".opt-1.pyc", b".opt-2.pyc")
"""Ends of the names of files that have the same in them as others: compiled once more for `python -O` and `-OO`."""

SHARER, FETCHER = 0, 1


class TooFew(Exception):
    """Fewer nodes have some part than must survive the kills."""


@dataclass(slots=True)
class Fetch:
    """One fetch and its comparison."""

    node: int
    seconds: float = 0.0
    files: int = 0
    size_bytes: int = 0
    differences: Differences | None = None


@dataclass(slots=True)
class Outcome:
    """What happened."""

    folder: str
    files: int = 0
    size_bytes: int = 0
    skipped: int = 0
    start_s: float = 0.0
    share_s: float = 0.0
    id: bytes = b""
    chunks: int = 0
    replicas: int = 0
    fetches: list[Fetch] = field(default_factory=list)
    first_answer_s: float = 0.0
    """From the kills until a node that was left had found and verified the share's first record."""
    recovered_s: float = 0.0
    """From the kills until all of it was fetched again."""
    idle: Memory = field(default_factory=Memory)
    """Of the nodes when they were ready."""
    busy: Memory = field(default_factory=Memory)
    """After a share or fetch."""

    @property
    def same(self) -> bool:
        """Whether both fetches gave what was shared."""
        return len(self.fetches) == 2 and not any(one.differences is None or one.differences for one in self.fetches)


def source_of(options: Options) -> Listing:
    """What is to be shared. Raises Unusable."""
    if options.folder:
        return listing(os.path.abspath(options.folder))
    library = listing(sysconfig.get_path("stdlib"), _OF_OTHERS)
    library.sizes = {name: size for name, size in library.sizes.items() if not name.endswith(_AGAIN)}
    return library


def config_of(options: Options, folder_bytes: int) -> Config:
    """Of each node. One peer puts all of the folder, so what one peer may put is raised to that."""
    usual = Limits()
    room = 2 * folder_bytes + (64 << 20)
    limits = Limits(
        store_bytes=max(usual.store_bytes, 2 * room),
        peer_bytes=max(usual.peer_bytes, room),
        subnet_bytes=max(usual.subnet_bytes, room),
    )
    return Config(
        network="demo",
        store=options.store,
        replicas=options.replicas,
        file_replicas=options.replicas,
        reads=min(3, options.replicas),
        limits=limits,
    )


class Course:
    """One run on a network that has started. `source` is what was named, `place` where everything goes."""

    def __init__(self, options: Options, net: ProcessNet, source: Listing, outcome: Outcome, stages: Stages) -> None:
        self._options = options
        self._net = net
        self._source = source
        self._outcome = outcome
        self._stages = stages

    def run(self) -> None:
        """All of it; what happened is in the outcome. Raises TooFew, MdhtError, Unusable and OSError."""
        outcome, options = self._outcome, self._options
        outcome.idle.look(self._pids())
        original = self._share()
        self._fetch(FETCHER, "fetched", original)
        outcome.busy.look(self._pids())
        began_s = self._kill()
        last = options.nodes - 1
        self._net[last].get(outcome.id, timeout=_STALL_S)
        outcome.first_answer_s = time.monotonic() - began_s
        self._stages.note(f"✓ First record found and verified {seconds(outcome.first_answer_s)} after the kills")
        outcome.recovered_s = self._fetch(last, "fetched-after-kills", original) - began_s
        outcome.busy.look(self._pids())

    def _share(self) -> dict[bytes, bytes]:
        """The SHA-256 of each file that was shared."""
        outcome, files = self._outcome, self._source
        if not self._options.folder:
            target = os.path.join(self._net.directory, os.path.basename(files.root))
            with self._stages.stage("Copying the standard library", files.total_bytes) as stage:
                files = copied(files, target, stage.step)
        with self._stages.stage("Computing the SHA-256 of every file", files.total_bytes) as stage:
            original = digests(files, stage.step)
        with self._stages.stage(f"Sharing through node {SHARER}", files.total_bytes) as stage:
            began_s = time.monotonic()
            shared = self._net[SHARER].share(files.root, timeout=_STALL_S, progress=_told(stage))
            outcome.share_s = time.monotonic() - began_s
            outcome.id, outcome.chunks, outcome.replicas = shared.id, shared.chunks, shared.replicas
            stage.said = f"{size(outcome.size_bytes / outcome.share_s)}/s, {shared.replicas} replicas of every chunk"
        outcome.busy.look(self._pids())
        if shared.files != outcome.files:
            raise TooFew(f"{shared.files:,} files were shared of {outcome.files:,}: the folder changes meanwhile")
        if shared.replicas < self._options.replicas:
            raise TooFew(
                f"some chunk is at {shared.replicas} nodes only, {self._options.replicas} were wanted: "
                f"{self._options.kill} kills might lose it"
            )
        return original

    def _fetch(self, number: int, name: str, original: dict[bytes, bytes]) -> float:
        """When it was complete, by the monotonic clock; what it gave is compared, and noted."""
        outcome = self._outcome
        result = Fetch(number)
        outcome.fetches.append(result)
        target = os.path.join(self._net.directory, name)
        with self._stages.stage(f"Fetching through node {number}", outcome.size_bytes) as stage:
            began_s = time.monotonic()
            fetched = self._net[number].fetch(outcome.id, target, timeout=_STALL_S, progress=_told(stage))
            ended_s = time.monotonic()
            result.seconds, result.files, result.size_bytes = ended_s - began_s, fetched.files, fetched.size_bytes
            stage.said = f"{size(fetched.size_bytes / result.seconds)}/s"
        with self._stages.stage("Comparing every SHA-256", outcome.size_bytes) as stage:
            result.differences = compared(original, target, stage.step)
            stage.said = str(result.differences) or f"{len(original):,} of {len(original):,} files are the same"
        return ended_s

    def _kill(self) -> float:
        """When the first was killed, by the monotonic clock."""
        began_s = time.monotonic()
        for number in self._options.killed:
            self._net.kill(number)
        names = ", ".join(map(str, self._options.killed))
        self._stages.note(f"✗ Killed nodes {names} with SIGKILL (node {SHARER} had shared it)", "bold red")
        return began_s

    def _pids(self) -> list[int]:
        return [self._net.pid(number) for number in range(self._options.nodes)]


def _told(stage: Stage) -> Callable[[FileProgress], None]:
    return lambda now: stage.set(now.done_bytes, now.total_bytes or None)


def run(options: Options, source: Listing, directory: str, stages: Stages) -> Outcome:
    """All of it, in `directory`, or where that is empty in one that is removed afterwards.

    Raises Unusable, NoRoom, TooFew, MdhtError and OSError.
    """
    is_copied = not options.folder
    wanted = need(options, source.total_bytes, is_copied)
    place = directory or tempfile.gettempdir()
    if options.folder and _holds(os.path.realpath(source.root), os.path.realpath(place)):
        raise Unusable(f"{source.root} holds {place}, where this works: name another folder, or another TMPDIR=/path")
    check(wanted, place)
    outcome = Outcome(source.root, len(source.sizes), source.total_bytes, source.skipped)
    _say(options, source, wanted.disk, directory, stages)
    config = config_of(options, source.total_bytes)
    began_s = time.monotonic()
    with ExitStack() as ending:
        with stages.stage(f"Starting {options.nodes} nodes", options.nodes, in_bytes=False) as stage:
            net = ProcessNet(options.nodes, config, directory=directory or None, started=lambda _: stage.step(1))
            ending.enter_context(net)
            outcome.start_s = time.monotonic() - began_s
            stage.said = f"in {net.directory}"
        try:
            Course(options, net, source, outcome, stages).run()
        except MdhtError as error:
            for number in range(options.nodes):
                if tail := net.log(number):
                    error.add_note(f"node {number} wrote:\n{tail}")
            raise
        with stages.stage("Stopping the nodes that are left", in_bytes=False):
            ending.close()
    return outcome


def _holds(folder: str, path: str) -> bool:
    return os.path.commonpath([folder, path]) == folder


def _say(options: Options, source: Listing, disk: int, directory: str, stages: Stages) -> None:
    stages.note(f"{source.root}: {len(source.sizes):,} files, {size(source.total_bytes)}", "bold")
    if source.skipped:
        stages.note(f"  {source.skipped:,} links, sockets or devices in it are no part of a share")
    lost = f"any {options.replicas - 1} nodes may die" if options.replicas > 1 else "no node may die"
    stages.note(f"  {options.replicas} replicas of every chunk: {lost} without a loss; {options.kill} will be killed")
    if options.replicas <= options.kill:
        stages.note("  That is not enough: chunks may be lost with the nodes, and then this fails", "yellow")
    where = directory or f"{tempfile.gettempdir()} (removed at the end; --keep leaves it)"
    stages.note(f"  Needs up to {size(disk)} of disk in {where}")
