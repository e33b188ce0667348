"""What bytes from outside meet, one part after another. Each target takes one changed frame and says what became of it.

An outcome is the name of the typed error, or a word. Anything else that is raised is a fault of this package.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import Any, Final

from mdht import codec
from mdht.codec import ErrorCode, Get, Ping, pack_frame
from mdht.codec.frame import FrameReader
from mdht.codec.unknown import Unknown
from mdht.errors import BadFrame, BadMessage, LinkClosed, LinkRefused, RemoteError, WrongState
from mdht.limits import FRAME_BYTES
from mdht.model import PeerRecord, unpack
from mdht.session import Asked, Ended, Life, Role, SessionConfig, StreamAsked, StreamReceived
from mdht.session.handshake_states import State
from mdht.session.parties import HandshakeFailed

from ..session.hands import answerer, dialler, events
from ..session.pair import ALICE, BOB, NETWORK, WALL_S, End, LinkPair, session_config
from .mutations import mutated, value
from .traffic import HANDSHAKES, MESSAGES, PEERS, PLAIN, RECORDS, message


class Target(ABC):
    """One part; `draw` decides everything."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.last = b""
        """The frame that was given last, to be shown if something broke."""

    @abstractmethod
    def frame(self) -> str:
        """Give it one changed frame."""


class Messages(Target):
    """The codec: a message, one that is unknown, or BadMessage; and what decodes can be sent on."""

    def __init__(self, draw: random.Random, name: str) -> None:
        super().__init__(draw)
        self._encoding = codec.encoding(name)
        self._samples = MESSAGES[name]
        self._plain = PLAIN[name]

    def frame(self) -> str:
        self.last = data = self._changed()
        try:
            message = self._encoding.decode(data)
        except BadMessage:
            return "BadMessage"
        if isinstance(message, Unknown):
            return "unknown"
        if self._encoding.decode(self._encoding.encode(message)) != message:
            raise AssertionError(f"{message} is another one after it was sent on")
        return "message"

    def _changed(self) -> bytes:
        if self.draw.random() < 0.7:
            return mutated(self.draw, self._samples)
        fields = [value(self.draw) for _ in range(self.draw.randrange(6))]
        return self._plain([self.draw.choice((1, 2, 3, 4, 5, 6, 48, 49, 50, 51, 52, 53, 54, 96, 99, 102)), *fields])  # type: ignore[no-any-return]


class Frames(Target):
    """The cutter: changed streams in pieces. It keeps no more than one frame, or BadFrame."""

    def frame(self) -> str:
        draw = self.draw
        stream = b"".join(len(body).to_bytes(4, "big") + body for body in draw.choices(MESSAGES["msgpack"], k=3))
        self.last = data = mutated(draw, [stream])
        reader = FrameReader(draw.choice((64, 4096, FRAME_BYTES)))
        at, out = 0, 0
        try:
            while at < len(data):
                size = draw.choice((1, 3, 64, len(data)))
                out += sum(4 + len(frame) for frame in reader.feed(data[at : at + size]))
                at += size
        except BadFrame:
            return "BadFrame"
        if reader.waiting_bytes + out != len(data):
            raise AssertionError("bytes were lost or made up")
        return "frames"


class Records(Target):
    """Records: only what was signed verifies."""

    def frame(self) -> str:
        self.last = data = mutated(self.draw, RECORDS)
        try:
            record = unpack(data)
            record.verify(NETWORK, WALL_S)
        except RemoteError as error:
            return type(error).__name__
        if data[0] != 1 and data not in RECORDS:
            raise AssertionError("a changed record verifies")
        if record.pack() != data:
            raise AssertionError("it has another form")
        return "content" if data[0] == 1 else "same"


class Peers(Target):
    """Peer records: only what was signed verifies."""

    def frame(self) -> str:
        self.last = data = mutated(self.draw, PEERS)
        try:
            PeerRecord.unpack(data).verify(NETWORK, WALL_S)
        except RemoteError as error:
            return type(error).__name__
        if data not in PEERS:
            raise AssertionError("a changed peer record verifies")
        return "same"


class Handshakes(Target):
    """Frames of the handshake, changed, to the side and in the state where they belong, or in another one."""

    def frame(self) -> str:
        draw = self.draw
        secret = draw.choice(list(HANDSHAKES))
        frames = HANDSHAKES[secret]
        which = draw.randrange(5)
        role, right = frames[which]
        self.last = data = mutated(draw, [right, *[frame for _, frame in frames]] if draw.random() < 0.2 else [right])
        end = dialler(BOB.id, secret=secret) if role is Role.DIAL else answerer(secret=secret)
        for to, before in frames[:which]:
            if to is role:
                end.receive_untrusted(before, 0.0)
        if which == 4 and role is Role.DIAL:
            end.accept()
        end.receive_untrusted(data, 0.0)
        failed = [event.error for event in events(end) if isinstance(event, HandshakeFailed)]
        if end.state is State.OPEN and which < 3:
            raise AssertionError("it is open too early")
        if which < 3 and data != right and not failed and which > 0:
            raise AssertionError("a changed frame was taken")
        for error in failed:
            if type(error) is not LinkRefused:
                raise AssertionError(f"not typed: {error!r}")
            return f"refused: {error.reason if error.by_us else 'by the peer'}"
        return "taken"


class Links(Target):
    """A whole link, open, in plaintext: changed messages to the side that answers, which behaves as a node does."""

    def __init__(self, draw: random.Random, name: str) -> None:
        super().__init__(draw)
        self._samples = MESSAGES[name]
        handshake = {"without_tls": True, "encodings": (name,)}
        self._configs: tuple[SessionConfig, SessionConfig] = (
            session_config(ALICE, handshake),
            session_config(BOB, handshake),
        )
        self._encode = codec.encoding(name).encode
        self._pair: LinkPair | None = None
        self._streams: list[int] = []

    def frame(self) -> str:
        draw = self.draw
        if self._pair is None:
            self._pair = LinkPair.open(*self._configs)
            self._pair.b.session.receive(pack_frame(self._encode(Ping(39, 0))), 0.0)  # so lower numbers may be late
        pair, body = self._pair, self._body()
        self.last = data = len(body).to_bytes(4, "big") + body
        if draw.random() < 0.02:
            self.last = data = mutated(draw, [data])
        session = pair.b.session
        self._ask(pair.b, pair.now_s)
        session.receive(data, pair.now_s)
        outcome = self._behave(pair.b, pair.now_s)
        stats = session.stats()
        if stats.unsent_bytes > 1 << 20 or stats.events or stats.requests_in > 1024 or stats.streams > 64:
            raise AssertionError(f"more waits than may: {stats}")
        if outcome:
            self._pair, self._streams = None, []
        return outcome or "goes on"

    def _ask(self, end: End, now_s: float) -> None:
        """Sometimes this side says something, too: its numbers are even."""
        session, chance = end.session, self.draw.random()
        if chance < 0.2 and session.next_number < 40:
            session.request(Get(session.next_number, bytes(32)), now_s)
        elif chance < 0.3 and session.next_number < 40 and session.stats().streams < 30:
            self._streams.append(session.open_stream(1, b"about", now_s))
        elif chance < 0.5 and self._streams:
            try:
                session.stream_send(self.draw.choice(self._streams), bytes(20_000))
            except (LinkClosed, WrongState):
                pass  # it is over, or not open yet

    def _body(self) -> bytes:
        chance = self.draw.random()
        if chance < 0.5:
            return self._encode(message(self.draw))
        if chance < 0.7:
            return mutated(self.draw, [self._encode(message(self.draw))], 1)
        return mutated(self.draw, self._samples)

    def _behave(self, end: End, now_s: float) -> str:
        """Answers requests and consumes streams; why the link ended, if it did."""
        session, why = end.session, ""
        while (event := session.next_event()) is not None:
            match event:
                case Asked(message):
                    session.reply(codec.Error(message.request, ErrorCode.UNSUPPORTED, "no"))
                case StreamAsked(number):
                    try:
                        session.accept_stream(number)
                    except LinkClosed:
                        pass
                case StreamReceived(number, data):
                    session.stream_consumed(number, len(data))
                case Ended(error):
                    if not isinstance(error, RemoteError):
                        raise AssertionError(f"not typed: {error!r}")
                    why = type(error).__name__
        while session.data_to_send(now_s):
            pass
        return why


class Tls(Target):
    """A whole link over TLS: what passes between both sides is changed once, somewhere from the first byte on."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self._configs = (session_config(ALICE), session_config(BOB))

    def frame(self) -> str:
        draw = self.draw
        at = draw.randrange(7)
        passed = 0

        def change(data: bytes) -> bytes:
            nonlocal passed
            passed += 1
            if passed != at + 1:
                return data
            self.last = changed = mutated(draw, [data])
            return changed

        pair = LinkPair.of(*self._configs, expected_id=BOB.id, to_a=change, to_b=change)
        pair.run()
        for end in (pair.a, pair.b):
            if end.session.life is Life.OPEN:
                end.session.ping(0.0)
        pair.run()
        outcome = "goes on"
        for end in (pair.a, pair.b):
            for ended in end.take(Ended):
                if ended.error is not None and not isinstance(ended.error, RemoteError):
                    raise AssertionError(f"not typed: {ended.error!r}")
                outcome = type(ended.error).__name__
        return outcome


TARGETS: Final[dict[str, tuple[float, Any]]] = {
    "messages, msgpack": (0.20, lambda draw: Messages(draw, "msgpack")),
    "messages, json": (0.15, lambda draw: Messages(draw, "json")),
    "frames": (0.10, Frames),
    "records": (0.10, Records),
    "peer records": (0.08, Peers),
    "handshake": (0.10, Handshakes),
    "link, msgpack": (0.13, lambda draw: Links(draw, "msgpack")),
    "link, json": (0.10, lambda draw: Links(draw, "json")),
    "tls": (0.04, Tls),
}
"""Each with its share of all frames."""
