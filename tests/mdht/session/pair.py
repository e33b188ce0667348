"""Two ends of a link, and what lies between them: a virtual clock, and bytes that a test may read, change or drop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from mdht.codec import Get
from mdht.codec.encoding import ENCODINGS
from mdht.codec.frame import pack_frame
from mdht.model.identity import Identity
from mdht.model.peer import PeerRecord
from mdht.session.config import SessionConfig
from mdht.session.events import Ended, Event, Opened, Proven
from mdht.session.parties import HandshakeConfig
from mdht.session.proof import Role
from mdht.session.session import Session
from mdht.session.tls import TlsContexts

NETWORK = "test"
WALL_S = 1_800_000_000.0
TLS = TlsContexts()
"""One for all tests: making one takes a millisecond."""
ADDRESS = b"a" * 32
MSGPACK = ENCODINGS["msgpack"].encode

E = TypeVar("E")


def identity(seed: int) -> Identity:
    """The same for the same number."""
    return Identity.from_seed(bytes([seed]) * 32)


ALICE = identity(1)
BOB = identity(2)
MALLORY = identity(3)


def record(who: Identity, network: str = NETWORK) -> PeerRecord:
    """A signed peer record, valid for an hour from `WALL_S`."""
    return PeerRecord.sign(who, network, sequence=1, expires_s=int(WALL_S) + 3600, now_s=WALL_S)


def handshake_config(who: Identity, **changes: Any) -> HandshakeConfig:
    """A valid one, with changes."""
    network = changes.get("network", NETWORK)
    config = HandshakeConfig(
        network=network, identity=who, record=record(who, network), capabilities=("relay", "store")
    )
    config = replace(config, **changes)
    config.validate()
    return config


def session_config(who: Identity, handshake: dict[str, Any] | None = None, **changes: Any) -> SessionConfig:
    """A valid one, with changes."""
    config = replace(SessionConfig(handshake=handshake_config(who, **(handshake or {}))), **changes)
    config.validate()
    return config


def session(
    role: Role, config: SessionConfig, *, expected_id: bytes | None = None, now_s: float = 0.0, wall_s: float = WALL_S
) -> Session:
    """One end, with the challenge that belongs to its role."""
    return Session(
        config,
        role,
        tls=None if config.handshake.without_tls else TLS,
        challenge=(b"a" if role is Role.DIAL else b"b") * 32,
        now_s=now_s,
        wall_s=wall_s,
        expected_id=expected_id,
        who="peer",
    )


class End:
    """One end: its session, the events taken from it, and what its node decides."""

    def __init__(self, session: Session, decide: str | None = "accept") -> None:
        self.session = session
        self.events: list[Event] = []
        self.decide = decide
        """`accept`, a reason to refuse, or None: wait for the test to decide."""

    def drain(self, now_s: float) -> None:
        while (event := self.session.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, Proven) and self.decide is not None:
                if self.decide == "accept":
                    self.session.accept(now_s)
                else:
                    self.session.refuse(self.decide, now_s)

    def take(self, kind: type[E]) -> list[E]:
        """The events of one kind, so far; they are forgotten."""
        found: list[E] = [event for event in self.events if isinstance(event, kind)]
        self.events = [event for event in self.events if not isinstance(event, kind)]
        return found

    def one(self, kind: type[E]) -> E:
        """The one event of that kind."""
        found = self.take(kind)
        assert len(found) == 1, (kind, found, self.events)
        return found[0]

    @property
    def opened(self) -> bool:
        return any(isinstance(event, Opened) for event in self.events)

    @property
    def error(self) -> Any:
        """Why it ended."""
        return self.one(Ended).error


Filter = Callable[[bytes], bytes]


class LinkPair:
    """A dials B. `to_b` and `to_a` may change what passes; `now_s` goes on only by `wait`."""

    def __init__(self, a: Session, b: Session, *, to_a: Filter = bytes, to_b: Filter = bytes) -> None:
        self.a = End(a)
        self.b = End(b)
        self.to_a = to_a
        self.to_b = to_b
        self.now_s = 0.0
        self.passed: list[tuple[str, bytes]] = []
        """What was sent: by whom, bytes."""

    @classmethod
    def of(
        cls,
        a: SessionConfig | None = None,
        b: SessionConfig | None = None,
        *,
        expected_id: bytes | None = None,
        to_a: Filter = bytes,
        to_b: Filter = bytes,
    ) -> LinkPair:
        """Both ends not connected yet."""
        dialler = session(Role.DIAL, a or session_config(ALICE), expected_id=expected_id)
        return cls(dialler, session(Role.ANSWER, b or session_config(BOB)), to_a=to_a, to_b=to_b)

    @classmethod
    def open(cls, a: SessionConfig | None = None, b: SessionConfig | None = None) -> LinkPair:
        """Both ends connected and accepted; their first events are forgotten."""
        pair = cls.of(a, b)
        pair.run()
        assert pair.a.opened and pair.b.opened, (pair.a.events, pair.b.events)
        pair.a.events.clear()
        pair.b.events.clear()
        return pair

    def run(self, turns: int = 1000) -> None:
        """Until neither has anything more to say."""
        for _ in range(turns):
            if not self.turn():
                return
        raise AssertionError("they never stop")

    def turn(self) -> bool:
        """Everything that A has to say now, then B. Whether there was anything."""
        moved = False
        for name, end, other, change in (("a", self.a, self.b, self.to_b), ("b", self.b, self.a, self.to_a)):
            end.drain(self.now_s)
            while data := end.session.data_to_send(self.now_s):
                moved = True
                self.passed.append((name, data))
                other.session.receive(change(data), self.now_s)
            end.drain(self.now_s)
            other.drain(self.now_s)
            if end.session.finished and not other.session.finished:
                other.session.receive_eof(self.now_s)
                other.drain(self.now_s)
                moved = True
        return moved

    def wait(self, seconds: float) -> None:
        """Time goes by, from one deadline to the next, and everything due is done."""
        until_s = self.now_s + seconds
        while True:
            deadlines = [end.session.next_deadline() for end in (self.a, self.b)]
            next_s = min((moment for moment in deadlines if moment is not None), default=until_s)
            if next_s >= until_s:
                break
            self.now_s = max(self.now_s, next_s)
            for end in (self.a, self.b):
                end.session.handle_timer(self.now_s)
            self.run()
        self.now_s = until_s
        for end in (self.a, self.b):
            end.session.handle_timer(self.now_s)
        self.run()


def get(end: End, now_s: float = 0.0, timeout_s: float | None = None) -> int:
    return end.session.request(Get(end.session.next_number, ADDRESS), now_s, timeout_s)


def say(message: Any) -> bytes:
    """A message as it goes over a link without TLS."""
    return pack_frame(MSGPACK(message))


def plain() -> LinkPair:
    """An open link without TLS, so that a test can put words into a peer's mouth."""
    return LinkPair.open(session_config(ALICE, {"without_tls": True}), session_config(BOB, {"without_tls": True}))
