"""One link: TLS, the handshake, then messages and streams, from first byte to last. No I/O, clock or randomness.

Five verbs drive it, as in aioquic:

    receive(data, now_s)      bytes came from the transport (`receive_eof`: it ended)
    data_to_send(now_s)       bytes for the transport, a turn of them; call until it gives none (or `has_data` is
                              false), and only while the transport takes more at once: what waits here is still sorted,
                              what waits there is not
    next_deadline()           when `handle_timer(now_s)` wants to be called, if nothing else happens before
    next_event()              what happened, until it gives None

After any other call, all of `data_to_send`, `next_deadline` and `next_event` may have something new. The transport is
to be read only while `wants_data`; it is to be closed once `finished`.

A link begins with `Proven`: this node answers by `accept` or `refuse`. Until then nothing that the peer asks is read.
`Opened` follows when the peer's node has accepted too; who dialled may ask before, right after its own `accept`.
It ends with `Ended`, and a reason that is told to the peer wherever it can still be.

Nothing that a peer sends raises here: it becomes an event. What raises is what this node did wrong (`WrongState`,
`TooLarge`), or cannot do now (`LinkFull`; `LinkClosed` once the link is over). Decisions and answers that come when the
link is over are dropped, because nobody could know in time.

Times: `now_s` is any clock that does not jump. Not thread-safe: a link lives on one host.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from ..codec import Claim, Farewell, Moving, Reply, Request, encoding, pack_frame
from ..codec.frame import FrameReader
from ..errors import BadFrame, LinkClosed, LinkRefused, MdhtError, RemoteError, WrongState
from ..limits import DEADLINE_MAX_MS, FRAME_BYTES, HANDSHAKE_FRAME_BYTES
from ..model.identity import short_id
from .config import SessionConfig
from .errors import PeerGone, PeerLeft, PeerSilent, TlsFailed
from .events import Ended, Event, Opened, Proven
from .handshake import Handshake, State
from .life import Life, Turn, turned
from .parties import HandshakeFailed, ProvenPeer
from .proof import Role
from .stats import Counters, SessionStats
from .talk import Talk
from .tls import Tls, TlsContexts

_log: Final = logging.getLogger(__name__)

_OVER: Final = (Life.CLOSING, Life.CLOSED)

_HELD_BYTES: Final = 64 << 10
"""Bytes that the peer may send before this node has accepted it; then reading should pause."""


class Session:
    """One side of one link.

    Arguments:
        config: what all links of this node have in common; validated by the caller, once.
        role: whether we dial or answer.
        tls: of the host that the link lives on; None only where `without_tls` is configured.
        challenge: 32 fresh random bytes.
        now_s: seconds of a clock that does not jump.
        wall_s: seconds since 1970 at `now_s`.
        expected_id: the id that is dialled, where it is known.
        who: what to call the peer before it is proven, such as its address.

    Raises:
        WrongState: `tls` does not fit the configuration, or what `Handshake` raises.
    """

    def __init__(
        self,
        config: SessionConfig,
        role: Role,
        *,
        tls: TlsContexts | None,
        challenge: bytes,
        now_s: float,
        wall_s: float,
        expected_id: bytes | None = None,
        who: str = "",
    ) -> None:
        if (tls is None) != config.handshake.without_tls:
            raise WrongState("a link", f"configured without_tls={config.handshake.without_tls}", "begin so")
        self.life = Life.CONNECTING
        self.peer: ProvenPeer | None = None
        """Who is there, once that is proven."""
        self.who = who
        """The peer's short id, once it is proven."""
        self.role = role
        self._config = config
        self._count = Counters()
        self._events: deque[tuple[Event, int]] = deque()
        self._event_bytes = 0
        self._reader = FrameReader(HANDSHAKE_FRAME_BYTES)
        self._handshake: Handshake | None = Handshake(
            config.handshake,
            role,
            challenge=challenge,
            now_s=now_s,
            wall_s=wall_s,
            expected_id=expected_id,
            who=who,
        )
        self._talk: Talk | None = None
        self._plain = bytearray()  # frames of the handshake that wait to be sent
        self._heard_s = now_s
        self._ping_s = now_s  # when to ping, if nothing is heard
        self._until_s = 0.0  # moving, retiring, closing: how long
        self._wall_offset_s = wall_s - now_s
        self._why = ""
        self.ended_by = ""
        """Once it is over: the reason of the peer's goodbye, `here` where we ended it without cause, else empty."""
        self._peer_done = False  # the peer sends nothing more
        self._tls: Tls | None = None
        if tls is not None:
            self._tls = tls.dial() if role is Role.DIAL else tls.answer()
        else:
            self._begin(b"", now_s)

    # -- the transport -------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now_s: float) -> None:
        """Bytes of the peer. What is wrong with them ends the link, by an event."""
        if self.life is Life.CLOSED:
            return
        self._count.received_bytes += len(data)
        self._heard_s = now_s
        self._ping_s = now_s + self._config.keepalive_s
        tls = self._tls
        if tls is not None:
            try:
                data = tls.receive_untrusted(data)
            except TlsFailed as error:
                self._lost(error, now_s)
                self._drop()
                return
        if self.life is Life.CONNECTING:
            if tls is not None and tls.established:
                self._begin(tls.exporter(), now_s)
            if data:
                self._connecting(data, now_s)
        elif data and self.life is not Life.CLOSING:
            self._open(data, now_s)
        if tls is not None and tls.peer_closed:
            self._lost(PeerGone(), now_s)

    def receive_eof(self, now_s: float) -> None:
        """The transport has ended, or failed: nothing more will come, and nothing can be sent."""
        if self.life is Life.CLOSING:
            self._drop()
            self._turn(Turn.DONE)
        elif self.life is not Life.CLOSED:
            self._lost(PeerGone(), now_s)
            self._drop()
            self._turn(Turn.DONE)

    def data_to_send(self, now_s: float) -> bytes:
        """Bytes for the transport: none if nothing waits, else about `turn_bytes`, or more for a larger message."""
        if self.life is Life.CLOSED:
            return b""
        self._retired(now_s)
        talk = self._talk
        plain = b""
        if talk is not None and talk.has_data:
            plain = talk.take(streams=self.life is not Life.CLOSING)
        if self._plain:
            plain = bytes(self._plain) + plain
            self._plain.clear()
        tls = self._tls
        data = plain
        if tls is not None:
            if plain and tls.established:
                try:
                    tls.send(plain)
                except TlsFailed as error:
                    self._lost(error, now_s)
                    self._drop()
            if self.life is Life.CLOSING and not (talk and talk.unsent_bytes):
                tls.close()
            data = tls.data_to_send()
        if not data and self._peer_done and self.life is Life.CLOSING:
            self._turn(Turn.DONE)
        self._count.sent_bytes += len(data)
        return data

    @property
    def has_data(self) -> bool:
        """Whether `data_to_send` may give something; False is certain."""
        if self.life is not Life.OPEN:
            return self.life is not Life.CLOSED
        talk = self._talk
        return (
            (talk is not None and talk.has_data)
            or bool(self._plain)
            or (self._tls is not None and self._tls.unsent_bytes > 0)
        )

    @property
    def wants_data(self) -> bool:
        """Whether the transport should be read: not while the node or the peer is behind, nor once all is said."""
        if self.life in _OVER:
            return self.life is Life.CLOSING
        if len(self._events) >= self._config.events or self._event_bytes >= self._config.event_bytes:
            return False
        if self._handshake is not None:
            return self._handshake.state is not State.WANTED or self._reader.waiting_bytes < _HELD_BYTES
        return self._talk is None or not self._talk.is_behind

    @property
    def traffic(self) -> int:
        """Messages sent and received since the beginning, but for pings and their answers."""
        return self._count.received_messages + self._count.sent_messages - 2 * self._count.pings

    @property
    def finished(self) -> bool:
        """The transport may be closed: `Ended` was told, and what was to be said is said."""
        return self.life is Life.CLOSED

    # -- time ----------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When `handle_timer` wants to be called; None once `finished`."""
        match self.life:
            case Life.CLOSED:
                return None
            case Life.CLOSING:
                return self._until_s
            case Life.CONNECTING:
                at_s = self._handshake.next_deadline() if self._handshake is not None else None
                asked_s = self._talk.next_deadline() if self._talk is not None else None
                return min((moment for moment in (at_s, asked_s) if moment is not None), default=None)
        assert self._talk is not None, "open"
        deadline_s = min(self._ping_s, self._heard_s + self._config.dead_after_s)
        asked_s = self._talk.next_deadline()
        if asked_s is not None and asked_s < deadline_s:
            deadline_s = asked_s
        if self.life is not Life.OPEN and self._until_s < deadline_s:
            deadline_s = self._until_s
        return deadline_s

    def handle_timer(self, now_s: float) -> None:
        """Does what is due. Calling it early, or too often, does nothing."""
        if self.life is Life.CLOSED:
            return
        if self.life is Life.CLOSING:
            if now_s >= self._until_s:
                self._drop()
                self._turn(Turn.DONE)
            return
        if self._talk is not None:
            self._talk.handle_timer(now_s)
        if self._handshake is not None:
            self._handshake.handle_timer(now_s)
            self._follow(now_s)
            return
        assert self._talk is not None, "open"
        if now_s >= self._heard_s + self._config.dead_after_s:
            self._leave(PeerSilent(now_s - self._heard_s), Farewell.IDLE, "nothing heard", now_s, at_once=True)
            return
        if now_s >= self._ping_s:
            self._talk.ping(now_s, self._config.dead_after_s, quiet=True)
            self._ping_s = now_s + self._config.keepalive_s
        if self.life in (Life.MOVING, Life.RETIRING) and now_s >= self._until_s:
            self._leave(None, Farewell.MOVED, "", now_s)

    def next_event(self) -> Event | None:
        """What happened, in order; None if nothing more did."""
        if not self._events:
            return None
        event, size = self._events.popleft()
        self._event_bytes -= size
        return event

    # -- what this node decides ----------------------------------------------------------------------------------------

    def accept(self, now_s: float) -> None:
        """This node wants the link to the peer of `Proven`. Raises `WrongState` before that, or twice."""
        if self.life in _OVER:
            return
        handshake = self._handshake
        if handshake is None:
            raise WrongState("a link", self.life.value, "accept the peer")
        handshake.accept()
        assert self.peer is not None, "Proven was told"
        self._talk = Talk(
            self._config,
            encoding(self.peer.encoding),
            dialled=self.peer.dialled,
            who=self.who,
            count=self._count,
            emit=self._emit,
            wall_offset_s=self._wall_offset_s,
        )
        self._talk.rtt_s = self.peer.rtt_s
        self._follow(now_s)

    def refuse(self, reason: str, now_s: float) -> None:
        """This node does not want the link, before it has accepted: the peer is told why, a `Refusal`.

        Without a TLS session yet, the peer only sees the end. Raises `WrongState` after `accept`.
        """
        if self.life in _OVER:
            return
        if self._handshake is None:
            raise WrongState("a link", self.life.value, "refuse the peer")
        self._handshake.refuse(reason)
        self._follow(now_s)

    def close(self, now_s: float, farewell: Farewell = Farewell.SHUTDOWN, text: str = "") -> None:
        """Says goodbye after the messages that wait, and ends the link; refuses a handshake. Nothing if it is over."""
        if self.life in _OVER:
            return
        if self._talk is None and self._handshake is not None:
            self.refuse(farewell.name.lower().replace("_", " "), now_s)
        else:
            self._leave(None, farewell, text, now_s)

    def move(self, drain_s: float, now_s: float) -> None:
        """Asks the peer to dial again. Ends once retired and idle, or after `drain_s`. Raises `WrongState`."""
        talk = self._open_talk("move")
        self._turn(Turn.MOVE)
        talk.asking = False
        talk.notify(Moving(min(round(drain_s * 1000), DEADLINE_MAX_MS)))
        self._until_s = now_s + drain_s

    def retire(self, drain_s: float, now_s: float) -> None:
        """Another link to this peer has taken over: ends once idle, or after `drain_s`. Nothing if it is over.

        Raises `WrongState` before both nodes have accepted.
        """
        if self.life in _OVER:
            return
        talk = self._open_talk("retire")
        until_s = now_s + drain_s
        self._until_s = min(self._until_s, until_s) if self.life is Life.MOVING else until_s
        self._turn(Turn.RETIRE)
        talk.asking = False

    # -- messages ------------------------------------------------------------------------------------------------------

    @property
    def next_number(self) -> int:
        """The number that the next request must carry: `session.request(Get(session.next_number, address), now_s)`.

        Raises `WrongState` before `accept`.
        """
        return self._open_talk("ask").next_number

    def request(self, message: Request, now_s: float, timeout_s: float | None = None) -> int:
        """Asks; `Answered` or `Unanswered` follows. Returns the number.

        Raises `WrongState`, `LinkClosed`, `LinkFull` or `TooLarge`; then nothing was sent.
        """
        self._open_talk("ask").request(message, now_s, timeout_s)
        return message.request

    def ping(self, now_s: float, timeout_s: float | None = None) -> int:
        """Asks whether the peer is there, however full the link is; `Answered` or `Unanswered` follows."""
        return self._open_talk("ping").ping(now_s, timeout_s, quiet=False)

    def reply(self, message: Reply) -> None:
        """Answers `Asked`, or refuses `StreamAsked` by an ERROR.

        Raises `WrongState` if it does not wait, or `TooLarge`: then it still waits.
        """
        if self.life in _OVER:
            return
        self._open_talk("answer").reply(message)

    def notify(self, message: Claim) -> None:
        """Says something that needs no answer. Raises `WrongState`."""
        self._open_talk("say something").notify(message)

    # -- streams -------------------------------------------------------------------------------------------------------

    def open_stream(self, purpose: int, about: bytes, now_s: float, timeout_s: float | None = None) -> int:
        """Asks for a stream; `StreamOpened` or `StreamEnded` follows. Returns its number.

        Raises `WrongState` or `LinkFull`.
        """
        return self._open_talk("open a stream").open_stream(purpose, about, now_s, timeout_s)

    def accept_stream(self, number: int) -> None:
        """Agrees to `StreamAsked`. Raises `WrongState` if it was not asked for, `LinkClosed` if it is over."""
        self._open_talk("accept a stream").accept_stream(number)

    def stream_send(self, number: int, data: bytes | memoryview) -> int:
        """Takes as much of `data` as there is room for, and says how much; `StreamWritable` follows if not all.

        `data` may not be changed afterwards. Raises `WrongState`.
        """
        return self._open_talk("send").stream_send(number, data)

    def stream_finish(self, number: int) -> None:
        """Nothing more comes from us on it, after what was sent. Raises `WrongState`."""
        self._open_talk("finish a stream").stream_finish(number)

    def stream_consumed(self, number: int, size: int) -> None:
        """`size` bytes of `StreamReceived` were used: as many more may come. Raises `WrongState` for more than came."""
        if self._talk is not None:
            self._talk.stream_consumed(number, size)

    def stream_widen(self, number: int, window_bytes: int) -> None:
        """As many bytes of that stream may wait to be used here, instead of the `stream_credit_bytes` of the
        configuration; a smaller number changes nothing. Raises `WrongState` above `limits.STREAM_WINDOW_BYTES`, and
        for a stream that is not open.
        """
        if self._talk is not None:
            self._talk.stream_widen(number, window_bytes)

    def stream_reset(self, number: int, code: int, text: str = "") -> None:
        """Gives a stream up, for this `codec.ErrorCode`; no event follows. Nothing happens if it is over."""
        if self._talk is not None:
            self._talk.stream_reset(number, code, text)

    def stats(self) -> SessionStats:
        """The link in numbers."""
        count, talk, tls = self._count, self._talk, self._tls
        ours, theirs, streams = talk.waiting if talk else (0, 0, 0)
        return SessionStats(
            life=self.life.value,
            peer=self.who,
            received_bytes=count.received_bytes,
            sent_bytes=count.sent_bytes,
            received_messages=count.received_messages,
            sent_messages=count.sent_messages,
            requests_out=ours,
            requests_in=theirs,
            streams=streams,
            unsent_bytes=talk.unsent_bytes if talk else len(self._plain),
            unsent_stream_bytes=talk.unsent_stream_bytes if talk else 0,
            events=len(self._events),
            timeouts=count.timeouts,
            late=count.late,
            unknown=count.unknown,
            busy=count.busy,
            resets=count.resets,
            rtt_s=talk.rtt_s if talk else 0.0,
            group=tls.group if tls else "",
            cipher=tls.cipher if tls else "",
        )

    # -- inside: the handshake -----------------------------------------------------------------------------------------

    def _begin(self, exporter: bytes, now_s: float) -> None:
        """The channel is there."""
        if self._handshake is not None and self._handshake.state is State.CONNECTING:
            self._handshake.begin(exporter, now_s)
            self._follow(now_s)

    def _connecting(self, data: bytes, now_s: float) -> None:
        """Frames while the handshake lasts; behind the peer's ACCEPT they are messages, and wait for ours."""
        handshake = self._handshake
        while handshake is not None and self.life is Life.CONNECTING:
            held = handshake.state is State.WANTED
            try:
                frames = self._reader.feed(data, 0 if held else 1)
            except BadFrame as error:
                handshake.unreadable(error)
                frames = []
            data = b""
            for frame in frames:
                handshake.receive_untrusted(frame, now_s)
            self._follow(now_s)
            handshake = self._handshake
            if not frames:
                return
        if self.life is Life.OPEN:
            self._open(data, now_s)

    def _follow(self, now_s: float) -> None:
        """What the handshake has to send and to tell."""
        handshake = self._handshake
        if handshake is None:
            return
        for frame in handshake.frames_to_send():
            self._plain += pack_frame(frame, HANDSHAKE_FRAME_BYTES)
        while (event := handshake.next_event()) is not None:
            match event:
                case Proven(peer):
                    self.peer = peer
                    self.who = short_id(peer.id)
                    self._emit(event, 0)
                case Opened():
                    self._handshake = None
                    self._reader.limit_bytes = FRAME_BYTES
                    self._ping_s = now_s + self._config.keepalive_s
                    self._turn(Turn.OPENED)
                    self._emit(event, 0)
                    self._open(b"", now_s)
                case HandshakeFailed(error):
                    self._refused(error, now_s)

    def _refused(self, error: LinkRefused, now_s: float) -> None:
        """The handshake failed. Behind our ACCEPT, a goodbye says so. Who has proven nothing is not waited for."""
        self._handshake = None
        self._peer_done = self._peer_done or not error.by_us or self.peer is None
        if self._talk is not None and error.by_us:
            self._talk.goodbye(Farewell.PROTOCOL, error.reason, at_once=True)
        self._end(error, now_s)

    # -- inside: the open link -----------------------------------------------------------------------------------------

    def _open(self, data: bytes, now_s: float) -> None:
        talk = self._talk
        assert talk is not None, "open"
        try:
            for frame in self._reader.feed(data):
                talk.receive_untrusted(frame, now_s)
        except PeerLeft as error:
            self._peer_done = True
            self._end(error, now_s)
        except RemoteError as error:
            self._leave(error, Farewell.PROTOCOL, str(error), now_s, at_once=True)

    def _open_talk(self, what: str) -> Talk:
        if self.life in _OVER:
            raise LinkClosed(self.who, self._why)
        if self._talk is None:
            raise WrongState("a link", self.life.value, what)
        return self._talk

    # -- inside: the end -----------------------------------------------------------------------------------------------

    def _retired(self, now_s: float) -> None:
        if self.life is Life.RETIRING and self._talk is not None and self._talk.idle:
            self._leave(None, Farewell.MOVED, "", now_s)

    def _leave(
        self, error: MdhtError | None, farewell: Farewell, text: str, now_s: float, *, at_once: bool = False
    ) -> None:
        """We end it, and say so."""
        assert self._talk is not None, "accepted"
        self._talk.goodbye(farewell, text, at_once=at_once)
        self._end(error, now_s)

    def _lost(self, error: RemoteError, now_s: float) -> None:
        """Nothing more can come."""
        self._peer_done = True
        if self.life not in _OVER:
            self._end(error, now_s)

    def _end(self, error: MdhtError | None, now_s: float) -> None:
        self._turn(Turn.LEAVE)
        self._why = str(error) if error is not None else "closed here"
        self.ended_by = "here" if error is None else error.reason if isinstance(error, PeerLeft) else ""
        self._handshake = None
        self._until_s = now_s + self._config.close_s
        if self._talk is not None:
            self._talk.end(LinkClosed(self.who, self._why))
        self._reader = FrameReader(0)
        self._emit(Ended(error, self.peer), 0)

    def _drop(self) -> None:
        """Nothing can be sent any more, or there is no time left for it."""
        self._plain.clear()
        self._talk = None

    # -- inside: small things ------------------------------------------------------------------------------------------

    def _emit(self, event: Event, size: int) -> None:
        self._events.append((event, size))
        self._event_bytes += size

    def _turn(self, turn: Turn) -> None:
        self.life = turned(self.life, turn)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s = %s", self.who or "?", self.life.value)
