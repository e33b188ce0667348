"""What `mdht doctor` looks at. Each check gives what it found, and what to do where that is not as it should be."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import time
from typing import Final

import click

from ..config import Config
from ..control import (
    AboutCall,
    ConfigCall,
    PeersCall,
    ProbeCall,
    Probed,
    ServiceRow,
    ServicesCall,
    Shown,
    StatsCall,
)
from ..data_dir import IDENTITY_FILE, STORE_DIR, holder_of, load_identity, open_to_others
from ..errors import MdhtError, NoNode, TimedOut
from ..limits import CLOCK_LOGGED_S, LINKS
from ..remote.results import about_of, converted
from ..version import VERSION
from . import output
from .live import verdict
from .patient import Check, Patient, fail, ok, warn
from .process import USUAL_FILES, advice, file_limits, files_needed
from .troubles import silence, stays, troubles

_ANSWER_S: Final = 5.0
"""Seconds in which a healthy node answers what needs no network."""

_STATS_S: Final = 2.0
"""Seconds for its numbers, without which it can be judged; they are there only once every service has answered."""

_PROBE_S: Final = 5.0
"""Seconds for the real work that it is asked to do."""

_DIAL_S: Final = 3.0

_DISK_WARN_BYTES: Final = 2 << 30
_DISK_FAIL_BYTES: Final = 64 << 20
"""Free bytes: less than the default store may take; less than LMDB's file and a few batches."""


# -- its files ---------------------------------------------------------------------------------------------------------


def data_directory(patient: Patient) -> Check:
    """Whether it is there, is ours, and is closed to others."""
    name, path = "data directory", patient.data_dir
    try:
        about = os.stat(path)
    except FileNotFoundError:
        return warn(name, f"{path} is not there yet", "`mdht run` makes it, or name another with --data-dir")
    except OSError as error:
        return fail(name, f"{path}: {error.strerror}", "give yourself access to it, or name another with --data-dir")
    if not os.path.isdir(path):
        return fail(name, f"{path} is no directory", "name another with --data-dir")
    if not os.access(path, os.W_OK | os.X_OK):
        return fail(name, f"{path} cannot be written by this user", "run the node as its owner, or name another")
    if about.st_uid != os.geteuid():
        return warn(name, f"{path} belongs to user {about.st_uid}", "run the node as that user")
    if open_to_others(path):
        return warn(name, f"{path} has mode {about.st_mode & 0o777:04o}", f"chmod 700 {path}")
    return ok(name, path)


def identity(patient: Patient) -> Check:
    """Whether there is one that can be read, by its owner alone."""
    name, file = "identity", os.path.join(patient.data_dir, IDENTITY_FILE)
    try:
        found = load_identity(patient.data_dir)
    except MdhtError as error:
        return fail(name, f"{file}: {error}", "put a backup in its place, or move it away: the next run makes another")
    if found is None:
        return warn(name, "none yet", "`mdht run` makes one")
    if open_to_others(file):
        return fail(name, f"others can read {file}", f"chmod 600 {file}; where they may have, make a new one")
    if patient.about is not None and patient.about.id != found.id:
        return warn(name, "the running node has another than the file", "restart it to use that of the file")
    return ok(name, f"{found.id.hex()[:16]}…; `mdht id` shows it whole")


def store(patient: Patient) -> Check:
    """Whether it can be opened, and what it holds."""
    name, path = "store", os.path.join(patient.data_dir, STORE_DIR)
    if patient.about is not None and patient.about.store == "memory":
        return warn(
            name, "in memory: its records are gone with the node", 'set store = "lmdb", or run with --store lmdb'
        )
    from ..store import StoreError
    from ..store.lmdb import numbers_of

    try:
        numbers = numbers_of(path)
    except StoreError as error:
        return fail(name, str(error), "see above")
    if not numbers:
        return ok(name, "none yet")
    records = output.count(sum(one.records for one in numbers), "record")
    files = "a file" if len(numbers) == 1 else f"{len(numbers)} files"
    size, file_size = (sum(getattr(one, what) for one in numbers) for what in ("bytes", "file_bytes"))
    return ok(name, f"{records}, {output.size(size)}, {files} of {output.size(file_size)}")


def disk(patient: Patient) -> Check:
    """Whether there is room."""
    name, path = "free disk", patient.data_dir
    while not os.path.isdir(path):
        path = os.path.dirname(path) or "/"
    free = shutil.disk_usage(path).free
    text = f"{output.size(free)} for {path}"
    if free < _DISK_FAIL_BYTES:
        return fail(name, text, "make room, or the node stores nothing")
    if free < _DISK_WARN_BYTES:
        return warn(name, text, "make room, or give the node a smaller limits.store_bytes")
    return ok(name, text)


# -- the running node --------------------------------------------------------------------------------------------------


def lock(patient: Patient) -> Check:
    """Whether a node runs there."""
    name = "running node"
    try:
        patient.holder = holder_of(patient.data_dir)
    except MdhtError as error:
        return fail(name, str(error), "give yourself access to it")
    if patient.holder is None:
        return warn(name, "none", f"start one with `mdht run --data-dir {patient.data_dir}`")
    pid, since_s = patient.holder
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since_s)) if since_s else "an unknown time"
    return ok(name, f"process {pid or 'unknown'}, since {since}")


def door(patient: Patient) -> Check | None:
    """Whether that node answers."""
    name = "answers"
    if patient.holder is None:
        return None
    try:
        began_s = time.monotonic()
        patient.about = about_of(patient.ask(AboutCall(), _ANSWER_S))
        took_ms = (time.monotonic() - began_s) * 1000
        patient.peers = len(patient.ask(PeersCall(), _ANSWER_S))
    except NoNode:
        return fail(name, "it runs, and has no door", "run it with door = true, and wait until it is ready")
    except TimedOut as error:
        return fail(name, *patient.unanswered(error))
    except MdhtError as error:
        return fail(name, str(error), "look at its log; if it hangs, end it with SIGTERM and start it again")
    try:
        patient.stats = patient.ask(StatsCall(), min(_STATS_S, patient.left_s / 4))
    except TimedOut:
        patient.stats = {}  # `work` says which service does not answer
    about = patient.about
    if about.version != VERSION:
        return warn(name, f"it is version {about.version}, this program {VERSION}", "restart the node")
    return ok(name, f"in {took_ms:.1f} ms, version {about.version}, network {about.network}")


def work(patient: Patient) -> Check | None:
    """Whether that node does real work: it puts and gets a record of its own, and each service answers."""
    name = "works"
    if patient.about is None:
        return None
    try:
        probe_s = max(0.1, min(_PROBE_S, patient.left_s / 2))
        done = converted(patient.ask(ProbeCall(probe_s), probe_s + _ANSWER_S / 2), Probed)
    except TimedOut as error:
        return fail(name, *patient.unanswered(error))
    except MdhtError as error:
        return fail(name, str(error), "look at its log; if it hangs, end it with SIGTERM and start it again")
    return verdict(name, done)


def services(patient: Patient) -> Check | None:
    """Whether its services had to be started again, or hang."""
    name = "services"
    if patient.about is None:
        return None
    try:
        rows = converted(patient.ask(ServicesCall(), _ANSWER_S), list[ServiceRow])
    except MdhtError as error:
        return fail(name, str(error), "look at its log; if it hangs, end it with SIGTERM and start it again")
    if told := [f"{row.name} {text}" for row in rows if (text := silence(row))]:
        return fail(
            name, "; ".join(told), "one in a process is ended and started again after its watchdog_s; see its log"
        )
    told = [f"{row.name} {text}" for row in rows for text in troubles(row)]
    if told:
        right = "look at the log from then; memory that ran out shows in `dmesg`"
        if any(stays(row) for row in rows):
            right += "; place what hangs in a process (`mdht place`), where it can be ended and started again"
        return warn(name, "; ".join(told), right)
    return ok(name, f"{output.count(len(rows), 'service')}, none started again")


def listening(patient: Patient) -> Check | None:
    """Whether its addresses can be connected to from here."""
    name, about = "reachable", patient.about
    if about is None:
        return None
    if not about.addresses:
        return warn(name, "it listens nowhere, so it only dials", "set listen, if others shall reach its records")
    failed = [f"{one} ({why})" for one in about.addresses if (why := _dial(one))]
    if failed:
        return fail(name, ", ".join(failed), "open that port in the firewall, or correct `advertise`")
    text = f"{', '.join(about.addresses)}, by a connection from here"
    if all(_is_loopback(one) for one in about.addresses):
        return warn(name, f"{text}; only from this machine", "run it with --listen HOST:PORT of a network interface")
    return ok(name, text)


def _dial(address: str) -> str:
    """Why it cannot be connected to; empty: it can."""
    from ..model import parse_address

    place = parse_address(address)
    if place.kind != "tcp":
        return ""
    try:
        socket.create_connection((place.host, place.port), _DIAL_S).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _is_loopback(address: str) -> bool:
    return address.startswith(("127.", "localhost:", "[::1]:"))


def peers(patient: Patient) -> Check | None:
    """Whether it knows anybody."""
    if patient.about is None:
        return None
    text = output.count(patient.peers, "peer")
    if patient.peers:
        return ok("peers", text)
    if patient.about.bootstrap:
        return warn("peers", f"{text}, though it has seeds", "see whether the seeds run: `mdht connect` says why not")
    return warn("peers", f"{text}, and no seeds", "`mdht connect ID@HOST:PORT`, or seeds in the configuration")


def clock(patient: Patient) -> Check | None:
    """Whether this machine's clock is that of its peers."""
    numbers = patient.stats.get("peers", {})
    offset_s = numbers.get("clock_offset_s")
    if offset_s is None:
        return None
    if "clock_votes" in numbers and not numbers["clock_votes"]:
        return ok("clock", "no peers to compare it with")
    text = f"{offset_s:+.1f} s from that of its peers"
    if abs(offset_s) > CLOCK_LOGGED_S:
        return warn("clock", text, "set this machine's clock; have it kept by NTP")
    return ok("clock", text)


# -- the machine -------------------------------------------------------------------------------------------------------


def descriptors(patient: Patient) -> Check:
    """Whether it may open as many files as its links and stores may need. `mdht run` raises the soft limit itself."""
    name = "open files"
    links, needed = _files_needed(patient)
    soft, hard = file_limits()
    limit = patient.about.open_files if patient.about is not None else hard if soft else 0
    if not limit:
        return ok(name, "no limit")
    text = f"{limit:,} at most, {needed:,} needed for {links:,} links"
    return ok(name, text) if limit >= needed else warn(name, text, advice(needed))


def _files_needed(patient: Patient) -> tuple[int, int]:
    """Links and files of the running node as it is configured now, else of one that would be run there."""
    from .settings import settings

    try:
        if patient.about is None:
            config = settings(None, patient.data_dir, False, {})
        else:
            config = Config.from_toml(converted(patient.ask(ConfigCall(True), _ANSWER_S), Shown).toml)
    except (MdhtError, click.UsageError):
        return LINKS, USUAL_FILES  # what is wrong with it is said elsewhere
    return config.limits.links, files_needed(config)


def loop(patient: Patient) -> Check:
    """Whether it has the faster event loop."""
    name = "event loop"
    used = patient.about.loop if patient.about is not None else ""
    if not used:
        try:
            import uvloop
        except ImportError:
            used = "asyncio"
        else:
            used = uvloop.__name__
    if used != "uvloop":
        return warn(name, f"{used}: about half as fast as uvloop", "pip install uvloop, and leave IPC_LOOP unset")
    return ok(name, used)


def versions(patient: Patient) -> Check:
    """What is installed."""
    from importlib.metadata import PackageNotFoundError, version

    parts = [f"mdht {VERSION}", f"Python {platform.python_version()}"]
    missing = []
    for package in ("cryptography", "pyOpenSSL", "msgspec", "lmdb", "uvloop"):
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return warn("versions", f"{', '.join(parts)}; not installed: {', '.join(missing)}", "pip install mdht")
    return ok("versions", ", ".join(parts))


CHECKS: Final = (
    data_directory,
    lock,
    door,
    work,
    services,
    identity,
    store,
    disk,
    listening,
    peers,
    clock,
    descriptors,
    loop,
    versions,
)
"""In this order: later ones use what earlier ones found. None: there is nothing to look at."""
