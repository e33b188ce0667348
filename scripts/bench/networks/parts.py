"""Where the time of one get goes: named functions of the node, timed around each call, by exclusive time.

The functions are wrapped here, in the measuring process only. A call whose own time is longer than any of them takes
was interrupted, by other work on the machine or by a collection of garbage: it is counted, its time is left out.

What a wrapper costs is taken off: what lies between its two readings of the clock from the function, the rest from
whoever called it. How that divides is measured on an empty function; how much it is, by comparing nodes that are timed
with nodes that are not, since in real code, with its cold caches, it is more.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Final

WRAPPED: Final = (
    # part, module, class, its functions: those by which a part is entered
    ("transport", "mdht.transport.tcp", "TcpWire", ("data_received", "write")),
    ("TLS", "mdht.session.tls", "Tls", ("receive_untrusted", "send", "data_to_send")),
    ("decode", "mdht.codec.frame", "FrameReader", ("feed",)),
    ("decode", "mdht.codec.encoding", "Encoding", ("decode",)),
    ("encode", "mdht.session.talk", "Talk", ("_push",)),
    ("session", "mdht.session.session", "Session", ("receive", "data_to_send", "request", "reply", "next_event")),
    ("links service", "mdht.services.links.service", "Links", ("heard", "_flush", "call")),
    ("answering", "mdht.services.local", "Local", ("call",)),
    ("store", "mdht.services.store.service", "StoreService", ("call",)),
    ("store", "mdht.store.memory", "MemoryStore", ("get",)),
    ("lookup", "mdht.services.api.search", "Search", ("__init__", "step", "answered", "failed")),
    ("lookup", "mdht.services.api.search", "Book", ("known",)),
    ("lookup", "mdht.services.roster", "Roster", ("closest",)),
    ("verify", "mdht.services.api.desk", "Desk", ("believed",)),
    ("api service", "mdht.services.api.service", "Api", ("call",)),
    ("peers service", "mdht.services.peers.service", "Peers", ("call",)),
    ("ipc", "ipc.outlets", "Outlet", ("request", "cast", "call")),
    ("ipc", "ipc.service", "Service", ("later", "reply", "after")),
    ("ipc", "ipc.cell.loop", "Cell", ("run", "serve_now", "answer")),
    ("ipc", "ipc.host", "Host", ("turn",)),
)

CALIBRATION_CALLS: Final = 100_000

INTERRUPTED_NS: Final = 300_000
"""Longer than what any wrapped function does by itself in a get; a scheduler's slice is a few milliseconds."""


@dataclass(slots=True)
class Part:
    """Of all calls so far. `inner`: calls of wrapped functions from within; `interrupted`: calls left out of `ns`."""

    ns: int = 0
    calls: int = 0
    inner: int = 0
    interrupted: int = 0


class Parts:
    """The clock's readings, by part. Not for more than one thread."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.missing: list[str] = []
        self._stack: list[list[int]] = [[0, 0]]  # of each open call: ns and number of the calls within
        self._undo: list[tuple[Any, str, Any]] = []
        self.own_ns, self.outer_ns = self._calibrate()

    def _calibrate(self) -> tuple[float, float]:
        """Nanoseconds that a wrapper adds to its function's time, and to the caller's."""

        def nothing() -> None:
            pass

        wrapped = self._wrap(nothing, Part())
        best = []
        for call in (nothing, wrapped):
            turns = []
            for _ in range(5):
                begun = perf_counter_ns()
                for _ in range(CALIBRATION_CALLS):
                    call()
                turns.append(perf_counter_ns() - begun)
            best.append(min(turns) / CALIBRATION_CALLS)
        part = Part()
        inner = self._wrap(nothing, part)
        for _ in range(CALIBRATION_CALLS):
            inner()
        own = part.ns / CALIBRATION_CALLS
        self._stack[:] = [[0, 0]]
        bare, all_of_it = best
        return own, max(0.0, all_of_it - bare - own)

    def _wrap(self, function: Callable[..., Any], part: Part) -> Callable[..., Any]:
        stack, clock = self._stack, perf_counter_ns

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            within = [0, 0]
            stack.append(within)
            begun = clock()
            try:
                return function(*arguments, **named)
            finally:
                took = clock() - begun
                stack.pop()
                own = took - within[0]
                if own < INTERRUPTED_NS:
                    part.ns += own
                else:
                    part.interrupted += 1
                part.calls += 1
                part.inner += within[1]
                outer = stack[-1]
                outer[0] += took
                outer[1] += 1

        return timed

    def install(self, table: Sequence[tuple[str, str, str, tuple[str, ...]]] = WRAPPED) -> None:
        """Wrap what is in the table; what is not there is named in `missing`. Before any node is made."""
        for name, module, cls, functions in table:
            part = self.parts.setdefault(name, Part())
            for function in functions:
                try:
                    owner = getattr(importlib.import_module(module), cls)
                    known = getattr(owner, function)
                except (ImportError, AttributeError):
                    self.missing.append(f"{module}.{cls}.{function}")
                    continue
                self._undo.append((owner, function, owner.__dict__.get(function)))
                setattr(owner, function, self._wrap(known, part))

    def remove(self) -> None:
        """Undo `install`."""
        while self._undo:
            owner, function, known = self._undo.pop()
            if known is None:
                delattr(owner, function)  # it was inherited
            else:
                setattr(owner, function, known)

    def reset(self) -> None:
        """Count from here."""
        for part in self.parts.values():
            part.ns = part.calls = part.inner = part.interrupted = 0

    def calls(self) -> int:
        """Of all parts."""
        return sum(part.calls for part in self.parts.values())

    def us(self, operations: int, wrapper_ns: float | None = None) -> dict[str, tuple[float, float]]:
        """Microseconds and calls an operation, by part, without what the wrappers cost: `wrapper_ns` a call."""
        each = self.own_ns + self.outer_ns
        scale = 1.0 if wrapper_ns is None else wrapper_ns / each
        own, outer = self.own_ns * scale, self.outer_ns * scale
        return {
            name: (
                max(0.0, part.ns - part.calls * own - part.inner * outer) / operations / 1e3,
                part.calls / operations,
            )
            for name, part in self.parts.items()
        }
