"""TLS 1.3 over memory: bytes in and out on one side, plaintext on the other. No socket, no clock.

TLS (RFC 8446) gives a link secrecy and integrity, and proves nothing about who is there: the certificate is thrown away
and nobody checks it. Identity is proven inside, by the handshake of `handshake.py`, which is bound to this one TLS
session by its exporter (RFC 8446 §7.5, the interface of RFC 5705). Hence

- only TLS 1.3: in earlier versions the exporter is not bound to the whole handshake unless an extension says so;
- no resumption and no early data: a resumed session would be a second one under the same roof, early data can be
  replayed. The server keeps no session cache, so a ticket resumes nothing. OpenSSL before 4.1 sends two of them all the
  same (79 bytes each; `SSL_CTX_set_num_tickets` is not reachable through pyOpenSSL), and nobody keeps them;
- the groups are OpenSSL's default, so X25519MLKEM768 wherever both sides have it (OpenSSL 3.5 and later): `group` says
  what was negotiated.

OpenSSL draws its own randomness. `MODE_RELEASE_BUFFERS` gives back a connection's 16 KiB record buffers while nothing
is half-read: an idle connection takes 34 KiB instead of 61.

Everything is bounded: a record before it reaches OpenSSL, the peer's part of the TLS handshake by
`limits.TLS_HANDSHAKE_BYTES`, and what waits to be sent by who calls `send` (see `unsent_bytes`).

Not thread-safe: a `TlsContexts` and what it makes belong to one host.
"""

from __future__ import annotations

import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from ..errors import WrongState
from .errors import TlsFailed, TlsTooOld
from .limits import EXPORTER_BYTES, FEED_BYTES, TLS_HANDSHAKE_BYTES
from .records import HEADER_BYTES, RecordCounter

EXPORTER_LABEL: Final = b"EXPORTER-mdht-link-v1"

_PLAIN_BYTES: Final = 1 << 14
"""Largest plaintext of one record (RFC 8446 §5.1)."""

_RECORD_EXTRA: Final = HEADER_BYTES + 1 + 16
"""Bytes that a record adds to its plaintext: header, content type, tag of the AEAD."""

_ALERT_ROOM: Final = 512
"""Room for alerts and key updates when reading what OpenSSL wants to send."""

_HANDSHAKE_ROOM: Final = 8 << 10
"""Room for a flight of the handshake; a longer one is read in several steps."""

_MODE_RELEASE_BUFFERS: Final = 0x10
"""`SSL_MODE_RELEASE_BUFFERS` of OpenSSL's ssl.h, for a pyOpenSSL that does not name it."""


class TlsContexts:
    """What the TLS connections of one host share: settings, and one throw-away certificate made with it.

    Making one takes about a millisecond. Nothing in the certificate names anybody: empty names, serial number 1, the
    widest dates that X.509 can write.
    """

    def __init__(self) -> None:
        self._client = self._context(SSL.TLS_CLIENT_METHOD)
        self._server = self._context(SSL.TLS_SERVER_METHOD)
        key = ec.generate_private_key(ec.SECP256R1())
        nobody = x509.Name([])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(nobody)
            .issuer_name(nobody)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime.datetime(1970, 1, 1))
            .not_valid_after(datetime.datetime(9999, 12, 31))
            .sign(key, hashes.SHA256())
        )
        self._server.use_privatekey(key)
        self._server.use_certificate(certificate)

    @staticmethod
    def _context(method: int) -> SSL.Context:
        context = SSL.Context(method)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.set_max_proto_version(SSL.TLS1_3_VERSION)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_mode(_MODE_RELEASE_BUFFERS)
        context.set_verify(SSL.VERIFY_NONE)
        return context

    def dial(self) -> Tls:
        """The end of who dials; its first bytes wait in `data_to_send` at once."""
        connection = SSL.Connection(self._client)
        connection.set_connect_state()
        return Tls(connection)

    def answer(self) -> Tls:
        """The end of who is dialled."""
        connection = SSL.Connection(self._server)
        connection.set_accept_state()
        return Tls(connection)


class Tls:
    """One end of one TLS connection: made by `TlsContexts`. Nothing blocks; not thread-safe.

    After any `TlsFailed` from `receive_untrusted` the connection is lost: `data_to_send` still gives the alert that
    says why, and nothing else may be called.

    `established`: the TLS handshake is done, so `send` and `exporter` may be called.
    `peer_closed`: the peer said that it sends nothing more (close_notify).
    """

    __slots__ = (
        "_closed",
        "_connection",
        "_failed",
        "_received_bytes",
        "_records",
        "_unsent",
        "established",
        "peer_closed",
    )

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection
        self._records = RecordCounter()
        self._received_bytes = 0
        self._unsent = 0
        self._closed = False
        self._failed = False
        self.established = False
        self.peer_closed = False
        self._advance()

    # -- bytes of the peer ---------------------------------------------------------------------------------------------

    def receive_untrusted(self, data: bytes) -> bytes:
        """Takes `data` as it came from the peer, and gives the plaintext in it: at most one record more than `data`.

        After close_notify the rest is ignored.

        Raises:
            TlsTooOld: the peer speaks no TLS 1.3.
            TlsFailed: `data` is not TLS, was changed on its way, or is too much for a handshake.
        """
        if self._failed:
            raise TlsFailed("lost")
        if len(data) <= FEED_BYTES:
            return self._receive(data)
        parts = []
        for start in range(0, len(data), FEED_BYTES):
            parts.append(self._receive(data[start : start + FEED_BYTES]))
        return b"".join(parts)

    def _receive(self, data: bytes) -> bytes:
        if self.peer_closed or not data:
            return b""
        ended = self._records.feed_untrusted(data)
        if ended < 0:
            raise self._lost(TlsFailed("not TLS: a record of impossible length"))
        try:
            self._connection.bio_write(data)
            if self.established:
                return self._plaintext(ended)
            self._received_bytes += len(data)
            if self._received_bytes > TLS_HANDSHAKE_BYTES:
                raise self._lost(TlsFailed(f"a TLS handshake of more than {TLS_HANDSHAKE_BYTES:,} bytes"))
            self._advance()
            return self._plaintext(ended) if self.established else b""  # what follows may have come with it
        except SSL.Error as error:
            raise self._lost(_typed(error)) from error

    def _advance(self) -> None:
        """One step of the TLS handshake, as far as what was received allows."""
        self._unsent += _HANDSHAKE_ROOM
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        self.established = True

    def _plaintext(self, records: int) -> bytes:
        """The content of up to that many complete records. One without plaintext may make OpenSSL answer something."""
        parts = []
        recv = self._connection.recv
        try:
            for _ in range(records):
                parts.append(recv(_PLAIN_BYTES))
        except SSL.WantReadError:
            self._unsent += _ALERT_ROOM
        except SSL.ZeroReturnError:
            self.peer_closed = True
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _lost(self, error: TlsFailed) -> TlsFailed:
        self._failed = True
        self._unsent += _ALERT_ROOM
        return error

    # -- bytes for the peer --------------------------------------------------------------------------------------------

    def send(self, plaintext: bytes) -> None:
        """Encrypts; the bytes wait for `data_to_send`. Joining small messages first saves a record (22 bytes) each.

        Raises:
            WrongState: before the TLS handshake is done, after `close`, or after a failure.
        """
        if not self.established or self._closed or self._failed:
            raise WrongState("a TLS connection", self._state(), "send")
        if not plaintext:
            return
        try:
            self._connection.sendall(plaintext)
        except SSL.Error as error:
            raise self._lost(_typed(error)) from error
        self._unsent += len(plaintext) + _RECORD_EXTRA * -(-len(plaintext) // _PLAIN_BYTES)

    def _state(self) -> str:
        if self._failed:
            return "lost"
        if self._closed:
            return "closed"
        return "established" if self.established else "in its handshake"

    @property
    def unsent_bytes(self) -> int:
        """No fewer than the bytes that `data_to_send` would give."""
        return self._unsent

    def data_to_send(self) -> bytes:
        """What waits to go to the peer; empty if nothing does."""
        if not self._unsent:
            return b""
        room = self._unsent + 1
        self._unsent = 0
        read = self._connection.bio_read
        parts = []
        try:
            while True:
                data = read(room)
                parts.append(data)
                if len(data) < room:
                    break
        except SSL.WantReadError:
            pass
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Says close_notify, once; during the TLS handshake, where there is none to say, only ends this side."""
        if self._closed:
            return
        self._closed = True
        if not self.established or self._failed:
            return
        self._unsent += _ALERT_ROOM
        try:
            self._connection.shutdown()
        except SSL.Error:
            pass  # lost already; the peer finds out by the end of the stream

    # -- what was negotiated -------------------------------------------------------------------------------------------

    def exporter(self) -> bytes:
        """32 bytes that only the two ends of this TLS session know, and no other session has.

        Raises:
            WrongState: the TLS handshake is not done.
        """
        if not self.established:
            raise WrongState("a TLS connection", self._state(), "export keys")
        return self._connection.export_keying_material(EXPORTER_LABEL, EXPORTER_BYTES)

    @property
    def group(self) -> str:
        """The key exchange that was negotiated, such as `X25519MLKEM768`; empty before that."""
        return (self._connection.get_group_name() or "") if self.established else ""

    @property
    def cipher(self) -> str:
        """The cipher suite that was negotiated, such as `TLS_AES_256_GCM_SHA384`; empty before that."""
        return (self._connection.get_cipher_name() or "") if self.established else ""


_VERSION_REASONS: Final = frozenset(
    {"unsupported protocol", "tlsv1 alert protocol version", "wrong ssl version", "no protocols available"}
)


def _typed(error: SSL.Error) -> TlsFailed:
    """Every OpenSSL error as ours: its reasons, as OpenSSL words them, are the text."""
    if isinstance(error, SSL.SysCallError):
        return TlsFailed("the stream ended within TLS")
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(entry[2]) for entry in queue if len(entry) > 2 and entry[2]]
    text = ", ".join(reasons) or "OpenSSL gives no reason"
    if _VERSION_REASONS.intersection(reasons):
        return TlsTooOld(text)
    return TlsFailed(text)
