"""Who is there: ping – pong – pong, bound to one TLS session. Everything that moves it is in this file.

Its states are in `handshake_states`; what a peer has to show, in `handshake_checks`.

    A, who dials                                    B, who is dialled

    CONNECTING                                      CONNECTING          TLS (or none) is being set up
        | begin                                         | begin
        |  1 PING  who I am, challenge a                v
        v --------------------------------------->  PING_AWAITED
    PING_SENT                                           | ping
        |      2 PONG  who I am, challenge b,           v               B knows a claimed id, and has no link:
        |              encoding chosen, signature   PONG_SENT           the PING may be a replay
        v <---------------------------------------      |
     PROVEN                                             |
        |  3 PROOF  signature                           |
        |  --------------------------------------->     v
        |                                            PROVEN             allow and deny lists, one link a pair: each
        |  ACCEPT or REFUSE       ACCEPT or REFUSE      |               node decides now, by `accept` or `refuse`
        v  <------------------------------------->      v
    ACCEPTED or WANTED, then OPEN                   ACCEPTED or WANTED, then OPEN

What either side knows, and when:

- After 2, A knows that the holder of B's key saw exactly A's PING within this TLS session, and answered it now
  (challenge a is fresh). After 3, B knows the same of A (challenge b). Before, neither knows anything.
- Whoever relays between two TLS sessions has two exporters, so each signature is over the wrong one. Whoever replays
  has an old exporter and an old challenge. Whoever reflects meets a frame of the wrong kind, or a signature of the
  wrong role. Whoever strikes encodings from a PING changes the hash that B signs.
- In a private network, A's mac is checked before B says who it is. A has said so by then: identities are visible to
  whoever answers.
- A says nothing of use before 2, and stops where it dialled a known id and another one answers.

ACCEPT proves nothing. It says that this node wants the link, and that its frames are messages from here on; so
`connect` at A hears "not allowed" as such, and not as a link that broke. A may send requests right behind 3 and its
ACCEPT; B reads none of them before its own node has accepted. Behind its ACCEPT a side says goodbye instead of REFUSE.

Without TLS (memory, tests) the exporter is empty, and only where `HandshakeConfig.without_tls` says so: the proofs
hold, but the bytes can then be read, and those behind the handshake changed, by whoever carries them.

A refusal is said once, with its reason, and ends the handshake on both sides. Clocks: `now_s` is any that does not
jump; the wall clock is given once, at the beginning, and counted on by `now_s`.
"""

from __future__ import annotations

from collections import deque

from ..errors import LinkRefused, Malformed, Oversized, Refusal, WrongState
from ..limits import CHALLENGE_BYTES, PROTOCOL_VERSION
from ..model.identity import short_id
from . import binary
from .binary import Accept, Hello, Ping, Pong, Proof, Refuse
from .handshake_checks import PeerChecks, Unfit, choose_encoding
from .handshake_states import DONE, STEPS, TRANSITIONS, State, Step
from .limits import EXPORTER_BYTES
from .parties import HandshakeConfig, HandshakeEvent, HandshakeFailed, Opened, Proven, ProvenPeer
from .proof import Role, Transcript, mac_of


class Handshake:
    """One side of one handshake. Frames in and out are whole: their lengths on the wire are somebody else's matter.

    Arguments:
        config: who we are, and what we accept; validated by the caller.
        role: whether we dial or answer.
        challenge: 32 fresh random bytes.
        now_s: seconds of a clock that does not jump; the deadline counts from here.
        wall_s: seconds since 1970 at `now_s`.
        expected_id: where a known peer is dialled, its id. None trusts whoever answers; `ProvenPeer.expected` says so.
        who: what to call the peer in errors before it has said its id, such as its address.

    Raises:
        WrongState: a challenge of another length, or an expected id on the side that answers.
    """

    __slots__ = (
        "_challenge",
        "_checks",
        "_config",
        "_deadline_s",
        "_encoding",
        "_events",
        "_expected_id",
        "_exporter",
        "_frames",
        "_heard_s",
        "_sent_s",
        "_theirs",
        "_transcript",
        "_wall_offset_s",
        "_who",
        "peer",
        "role",
        "state",
    )

    def __init__(
        self,
        config: HandshakeConfig,
        role: Role,
        *,
        challenge: bytes,
        now_s: float,
        wall_s: float,
        expected_id: bytes | None = None,
        who: str = "",
    ) -> None:
        if len(challenge) != CHALLENGE_BYTES:
            raise WrongState("a handshake", f"given {len(challenge)} bytes of challenge", "begin")
        if expected_id is not None and role is Role.ANSWER:
            raise WrongState("a handshake", "answering", "expect an id")
        self.state = State.CONNECTING
        self.role = role
        self.peer: ProvenPeer | None = None
        """Who is there, once that is proven."""
        self._config = config
        self._challenge = challenge
        self._expected_id = expected_id
        self._who = who
        self._wall_offset_s = wall_s - now_s
        self._deadline_s = now_s + config.deadline_s
        self._exporter = b""
        self._checks = PeerChecks(config, role.other, b"")
        self._transcript = Transcript(b"")
        self._theirs: Hello | None = None
        self._encoding = ""
        self._sent_s = now_s  # when the frame left that the peer answers
        self._heard_s = now_s  # when the peer's hello came
        self._frames: deque[bytes] = deque()
        self._events: deque[HandshakeEvent] = deque()

    # -- the verbs -----------------------------------------------------------------------------------------------------

    def begin(self, exporter: bytes, now_s: float) -> None:
        """The channel is there, with this exporter: 32 bytes of TLS, or none where `without_tls` is configured.

        Raises:
            WrongState: begun before, or an exporter that does not fit the configuration.
        """
        if len(exporter) != (0 if self._config.without_tls else EXPORTER_BYTES):
            how = "without" if self._config.without_tls else "with"
            raise WrongState("a handshake", f"configured {how} TLS", f"begin with {len(exporter)} bytes of exporter")
        self._step(Step.BEGIN_DIAL if self.role is Role.DIAL else Step.BEGIN_ANSWER)
        self._exporter = exporter
        self._checks = PeerChecks(self._config, self.role.other, exporter)
        self._transcript = Transcript(exporter)
        if self.role is Role.DIAL:
            self._send(binary.ping_body(self._hello(now_s)), now_s)

    def receive_untrusted(self, data: bytes, now_s: float) -> None:
        """One whole frame of the peer. What is wrong with it becomes `HandshakeFailed`, never an exception.

        Once OPEN or WANTED, frames are messages and are not to be given here.
        """
        if self.state is State.FAILED:
            return
        try:
            frame = binary.parse_untrusted(data)
            step = STEPS[type(frame)]
            if (self.state, step) not in TRANSITIONS:
                raise Malformed("handshake", f"{step.name} while it is {self.state.value}")
            if isinstance(frame, Ping):
                self._on_ping(frame, data, now_s)
            elif isinstance(frame, Pong):
                self._on_pong(frame, data, now_s)
            elif isinstance(frame, Proof):
                self._on_proof(frame, data, now_s)
            else:
                self._step(step)
                if isinstance(frame, Refuse):
                    self._fail(frame.reason, by_us=False)
                else:
                    self._opened()
        except Unfit as unfit:
            self._refuse(unfit.reason, unfit.__cause__)
        except (Malformed, Oversized) as error:
            self._refuse(Refusal.MALFORMED, error)

    def unreadable(self, error: Malformed) -> None:
        """What the peer sends cannot be cut into frames."""
        if self.state not in DONE:
            self._refuse(Refusal.MALFORMED, error)

    def frames_to_send(self) -> list[bytes]:
        """Frames for the peer, in order; those given are forgotten."""
        frames = list(self._frames)
        self._frames.clear()
        return frames

    def next_deadline(self) -> float | None:
        """When `handle_timer` wants to be called, in `now_s`; None once open or failed."""
        return None if self.state in DONE else self._deadline_s

    def handle_timer(self, now_s: float) -> None:
        """Refuses the peer as too slow if the deadline has passed."""
        if self.state not in DONE and now_s >= self._deadline_s:
            self._refuse(Refusal.TOO_SLOW, TimeoutError(self.state.value))

    def next_event(self) -> HandshakeEvent | None:
        """What happened, in order; None if nothing more did."""
        return self._events.popleft() if self._events else None

    # -- what this node decides ----------------------------------------------------------------------------------------

    def accept(self) -> None:
        """This node wants the link: the peer is allowed, and it is the only link with it.

        Raises:
            WrongState: there is no proven peer to accept, or it was accepted already.
        """
        self._step(Step.ACCEPTING)
        self._frames.append(binary.pack(Accept()))
        self._opened()

    def refuse(self, reason: str) -> None:
        """This node does not want the link: at any time before it has accepted. The peer is told why, a `Refusal`.

        Raises:
            WrongState: accepted, open or failed already.
        """
        if self.state in (State.ACCEPTED, *DONE):
            raise WrongState("a handshake", self.state.value, "refuse the peer")
        self._refuse(reason)

    # -- the frames ----------------------------------------------------------------------------------------------------

    def _on_ping(self, ping: Ping, data: bytes, now_s: float) -> None:
        hello = ping.hello
        self._checks.hello(hello, ping, data)
        self._who = short_id(hello.peer)
        self._encoding = choose_encoding(hello.encodings, self._config.encodings)
        self._theirs = hello
        self._heard_s = now_s
        self._transcript.add(data)
        self._step(Step.PING)
        self._send_signed(binary.pong_body(self._hello(now_s), self._encoding), now_s)

    def _on_pong(self, pong: Pong, data: bytes, now_s: float) -> None:
        hello = pong.hello
        self._checks.hello(hello, pong, data)
        self._who = short_id(hello.peer)
        if self._expected_id is not None and hello.peer != self._expected_id:
            raise Unfit(Refusal.OTHER_PEER)
        if pong.encoding != choose_encoding(self._config.encodings, hello.encodings):
            raise Malformed("handshake", f"{pong.encoding} is not the best encoding that both have")
        self._encoding = pong.encoding
        self._prove(hello, pong, data, now_s, clock_s=(self._sent_s + now_s) / 2)
        self._transcript.add(data)
        self._step(Step.PONG)
        self._send_signed(binary.proof_body(), now_s)

    def _on_proof(self, proof: Proof, data: bytes, now_s: float) -> None:
        hello = self._theirs
        assert hello is not None, "PONG_SENT is entered with the peer's hello"
        self._checks.mac(proof, data)
        # The PING left half a round trip before it was heard; that of PONG and PROOF was measured.
        self._prove(hello, proof, data, now_s, clock_s=self._heard_s - (now_s - self._sent_s) / 2)
        self._step(Step.PROOF)

    def _prove(self, hello: Hello, frame: Pong | Proof, data: bytes, now_s: float, *, clock_s: float) -> None:
        """The peer is who it says, or what `PeerChecks.proof` raises. `clock_s` is ours at its time."""
        self.peer = ProvenPeer(
            id=hello.peer,
            record=self._checks.proof(hello, frame, data, self._transcript),
            capabilities=hello.capabilities,
            encoding=self._encoding,
            version=min(hello.version, PROTOCOL_VERSION),
            dialled=self.role is Role.DIAL,
            expected=self._expected_id is not None,
            clock_offset_s=hello.time_ms / 1000 - (clock_s + self._wall_offset_s),
            rtt_s=max(0.0, now_s - self._sent_s),
        )
        self._events.append(Proven(self.peer))

    # -- small things --------------------------------------------------------------------------------------------------

    def _hello(self, now_s: float) -> Hello:
        config = self._config
        return Hello(
            version=PROTOCOL_VERSION,
            network=config.network,
            peer=config.identity.id,
            record=config.record.pack(),
            capabilities=config.capabilities,
            encodings=config.encodings,
            time_ms=max(0, round((now_s + self._wall_offset_s) * 1000)),
            challenge=self._challenge,
        )

    def _send_signed(self, body: bytes, now_s: float) -> None:
        signature = self._config.identity.sign(self.role.context, self._transcript.to_sign(body))
        self._send(body + signature, now_s)

    def _send(self, body: bytes, now_s: float) -> None:
        frame = body + binary.pack_mac(mac_of(self._config.secret, self.role, self._exporter, body))
        self._transcript.add(frame)
        self._frames.append(frame)
        self._sent_s = now_s

    def _step(self, step: Step) -> None:
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise WrongState("a handshake", self.state.value, step.value)
        self.state = state

    def _opened(self) -> None:
        if self.state is State.OPEN:
            assert self.peer is not None, "ACCEPTED and WANTED come after PROVEN"
            self._events.append(Opened(self.peer))

    def _refuse(self, reason: str, cause: BaseException | None = None) -> None:
        """Fails, and says why if the peer can read it: there is a channel, and our frames are not messages yet."""
        if self.state not in (State.CONNECTING, State.ACCEPTED):
            self._frames.append(binary.pack(Refuse(reason)))
        self._step(Step.REFUSING)
        self._fail(reason, by_us=True, cause=cause)

    def _fail(self, reason: str, *, by_us: bool, cause: BaseException | None = None) -> None:
        error = LinkRefused(reason, self._who, by_us)
        error.__cause__ = cause
        self._events.append(HandshakeFailed(error, self.peer))
