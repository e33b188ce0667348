"""Two handshakes that are given each other's frames directly, with an exporter that the test chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mdht.session.handshake import Handshake
from mdht.session.handshake_states import State
from mdht.session.parties import HandshakeEvent, HandshakeFailed, Opened, Proven
from mdht.session.proof import Role

from .pair import ALICE, BOB, WALL_S, handshake_config

EXPORTER = bytes(range(32))
CHALLENGE = {Role.DIAL: b"a" * 32, Role.ANSWER: b"b" * 32}


def dialler(expected_id: bytes | None = None, exporter: bytes = EXPORTER, **changes: Any) -> Handshake:
    """A, who is Alice unless said otherwise."""
    who = changes.pop("who", ALICE)
    return begun(who, Role.DIAL, exporter, expected_id, changes)


def answerer(exporter: bytes = EXPORTER, **changes: Any) -> Handshake:
    """B, who is Bob unless said otherwise."""
    who = changes.pop("who", BOB)
    return begun(who, Role.ANSWER, exporter, None, changes)


def begun(who: Any, role: Role, exporter: bytes, expected_id: bytes | None, changes: dict[str, Any]) -> Handshake:
    """Any, begun."""
    challenge = changes.pop("challenge", CHALLENGE[role])
    handshake = Handshake(
        handshake_config(who, **changes), role, challenge=challenge, now_s=0.0, wall_s=WALL_S, expected_id=expected_id
    )
    handshake.begin(exporter, 0.0)
    return handshake


def events(handshake: Handshake) -> list[HandshakeEvent]:
    """All that waits."""
    found = []
    while (event := handshake.next_event()) is not None:
        found.append(event)
    return found


Change = Callable[[str, int, bytes], bytes | None]


class Hands:
    """Both sides; frames pass through `change(name, number, frame)`, which gives what arrives, or None for nothing."""

    def __init__(
        self, a: Handshake, b: Handshake, change: Callable[[str, int, bytes], bytes | None] | None = None
    ) -> None:
        self.a, self.b = a, b
        self.frames: list[tuple[str, bytes]] = []
        self.events: dict[str, list[HandshakeEvent]] = {"a": [], "b": []}
        self._change = change or (lambda name, number, frame: frame)

    def run(self, now_s: float = 0.0, accept: bool = True) -> Hands:
        """Until neither says anything more."""
        moved = True
        while moved:
            moved = False
            for name, end, other in (("a", self.a, self.b), ("b", self.b, self.a)):
                for event in events(end):
                    self.events[name].append(event)
                    if isinstance(event, Proven) and accept and end.state is not State.FAILED:
                        end.accept()
                for frame in end.frames_to_send():
                    moved = True
                    self.frames.append((name, frame))
                    arrives = self._change(name, len(self.frames), frame)
                    if arrives is not None:
                        other.receive_untrusted(arrives, now_s)
        for name, end in (("a", self.a), ("b", self.b)):
            self.events[name] += events(end)
        return self

    def proven(self, name: str) -> Any:
        """The peer that was proven, or None."""
        return next((event.peer for event in self.events[name] if isinstance(event, Proven)), None)

    def error(self, name: str) -> Any:
        """Why it failed."""
        (failed,) = (event for event in self.events[name] if isinstance(event, HandshakeFailed))
        return failed.error

    @property
    def open(self) -> bool:
        """Both sides are, and both were told."""
        told = all(any(isinstance(event, Opened) for event in self.events[name]) for name in "ab")
        return told and self.a.state is self.b.state is State.OPEN
