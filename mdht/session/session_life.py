"""What moves a link from one state to the next (the table is in `life`): the handshake, what nodes decide, the end."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from ..codec import Farewell, Moving, encoding, pack_frame
from ..codec.frame import FrameReader
from ..errors import BadFrame, LinkClosed, LinkRefused, MdhtError, RemoteError, WrongState
from ..limits import DEADLINE_MAX_MS, FRAME_BYTES, HANDSHAKE_FRAME_BYTES
from ..model.identity import short_id
from .config import SessionConfig
from .errors import PeerLeft
from .events import Ended, Event, Opened, Proven
from .handshake import Handshake
from .handshake_states import State
from .life import Life, Turn, turned
from .parties import HandshakeFailed, ProvenPeer
from .proof import Role
from .stats import Counters
from .talk import Talk
from .tls import Tls, TlsContexts

_log: Final = logging.getLogger(__name__)

OVER: Final = (Life.CLOSING, Life.CLOSED)
"""Nothing new can be said: at most a goodbye is on its way."""


class SessionLife:
    """The lower half of `Session`: all that it holds, and its states. Arguments as of `Session`."""

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

    # -- what this node decides ----------------------------------------------------------------------------------------

    def accept(self, now_s: float) -> None:
        """This node wants the link to the peer of `Proven`. Raises `WrongState` before that, or twice."""
        if self.life in OVER:
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
        if self.life in OVER:
            return
        if self._handshake is None:
            raise WrongState("a link", self.life.value, "refuse the peer")
        self._handshake.refuse(reason)
        self._follow(now_s)

    def close(self, now_s: float, farewell: Farewell = Farewell.SHUTDOWN, text: str = "") -> None:
        """Says goodbye after the messages that wait, and ends the link; refuses a handshake. Nothing if it is over."""
        if self.life in OVER:
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
        if self.life in OVER:
            return
        talk = self._open_talk("retire")
        until_s = now_s + drain_s
        self._until_s = min(self._until_s, until_s) if self.life is Life.MOVING else until_s
        self._turn(Turn.RETIRE)
        talk.asking = False

    # -- the handshake -------------------------------------------------------------------------------------------------

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

    # -- the open link -------------------------------------------------------------------------------------------------

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
        if self.life in OVER:
            raise LinkClosed(self.who, self._why)
        if self._talk is None:
            raise WrongState("a link", self.life.value, what)
        return self._talk

    # -- the end -------------------------------------------------------------------------------------------------------

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
        if self.life not in OVER:
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

    # -- small things --------------------------------------------------------------------------------------------------

    def _emit(self, event: Event, size: int) -> None:
        self._events.append((event, size))
        self._event_bytes += size

    def _turn(self, turn: Turn) -> None:
        self.life = turned(self.life, turn)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s = %s", self.who or "?", self.life.value)
