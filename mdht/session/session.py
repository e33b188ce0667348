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

from typing import Final

from ..codec import Claim, Farewell, Reply, Request
from .errors import PeerGone, PeerSilent, TlsFailed
from .events import Event
from .handshake_states import State
from .life import Life, Turn
from .session_life import OVER, SessionLife
from .stats import SessionStats

_HELD_BYTES: Final = 64 << 10
"""Bytes that the peer may send before this node has accepted it; then reading should pause."""


class Session(SessionLife):
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
            self._drop()
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
        if self.life in OVER:
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
        if self.life in OVER:
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
