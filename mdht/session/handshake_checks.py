"""What a peer has to show in the handshake: our network, its secret, a signature over all of it, its own record."""

from __future__ import annotations

from ..errors import BadSignature, OtherNetwork, Refusal
from ..model.keys import verify
from ..model.peer import PeerRecord
from .binary import Hello, Ping, Pong, Proof, without_mac, without_signature
from .parties import HandshakeConfig
from .proof import Role, Transcript, mac_fits


class Unfit(Exception):
    """A reason to refuse the peer; its cause is what exactly was wrong."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


class PeerChecks:
    """Of one peer, on the side `theirs` of one channel with that exporter. Holds nothing of what it has seen."""

    __slots__ = ("_config", "_exporter", "_theirs")

    def __init__(self, config: HandshakeConfig, theirs: Role, exporter: bytes) -> None:
        self._config = config
        self._theirs = theirs
        self._exporter = exporter

    def hello(self, hello: Hello, frame: Ping | Pong, data: bytes) -> None:
        """Raises `Unfit` unless the peer is of our network, is not we ourselves, and speaks some version."""
        if hello.version < 1:
            raise Unfit(Refusal.NO_VERSION)
        if hello.network != self._config.network:
            raise Unfit(Refusal.WRONG_NETWORK) from OtherNetwork(hello.network, self._config.network)
        self.mac(frame, data)
        if hello.peer == self._config.identity.id:
            raise Unfit(Refusal.OWN_ID)

    def mac(self, frame: Ping | Pong | Proof, data: bytes) -> None:
        """Raises `Unfit` where the peer does not know the secret of a private network."""
        if not mac_fits(self._config.secret, self._theirs, self._exporter, without_mac(data, frame), frame.mac):
            raise Unfit(Refusal.WRONG_NETWORK) from BadSignature("a mac: another secret")

    def proof(self, hello: Hello, frame: Pong | Proof, data: bytes, transcript: Transcript) -> PeerRecord:
        """The peer's record, which its hello carried, once its signature is over all frames before. Raises `Unfit`, or
        `Malformed` for a record that is none.
        """
        record = PeerRecord.unpack(hello.record)
        if record.id != hello.peer:
            raise Unfit(Refusal.BAD_SIGNATURE) from BadSignature("a peer record of another id")
        try:
            signed = transcript.to_sign(without_signature(data, frame))
            verify(record.public, self._theirs.context, signed, frame.signature)
            # Its times are not judged by an uncorrected clock here: see `ProvenPeer`.
            record.verify(self._config.network, record.expires_s - 1)
        except OtherNetwork as error:
            raise Unfit(Refusal.WRONG_NETWORK) from error
        except BadSignature as error:
            raise Unfit(Refusal.BAD_SIGNATURE) from error
        return record


def choose_encoding(dialler: tuple[str, ...], answerer: tuple[str, ...]) -> str:
    """The dialler's best that the answerer has too. Raises `Unfit`."""
    for name in dialler:
        if name in answerer:
            return name
    raise Unfit(Refusal.NO_ENCODING)
