from __future__ import annotations

import pytest
from OpenSSL import SSL

from mdht.errors import RemoteError, WrongState
from mdht.session.errors import TlsFailed, TlsTooOld
from mdht.session.limits import TLS_HANDSHAKE_BYTES
from mdht.session.tls import Tls, TlsContexts

from .pair import TLS


def connect(a: Tls, b: Tls) -> None:
    while True:
        to_b, to_a = a.data_to_send(), b.data_to_send()
        if not to_b and not to_a:
            return
        assert b.receive_untrusted(to_b) == b""
        assert a.receive_untrusted(to_a) == b""


def connected() -> tuple[Tls, Tls]:
    a, b = TLS.dial(), TLS.answer()
    connect(a, b)
    assert a.established and b.established
    return a, b


def old_connection(method: int, context: TlsContexts | None = None) -> SSL.Connection:
    old = SSL.Context(method)
    old.set_max_proto_version(SSL.TLS1_2_VERSION)
    connection = SSL.Connection(old)
    connection.set_connect_state()
    return connection


def step(connection: SSL.Connection) -> bytes:
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        pass
    return connection.bio_read(1 << 16)


def test_plaintext_in_order_and_whole() -> None:
    a, b = connected()
    a.send(b"one")
    a.send(b"two")
    big = bytes(range(256)) * 1000
    a.send(big)
    assert b.receive_untrusted(a.data_to_send()) == b"onetwo" + big
    assert a.data_to_send() == b""
    b.send(b"back")
    assert a.receive_untrusted(b.data_to_send()) == b"back"


@pytest.mark.parametrize("size", [1, 2, 5, 21, 1000])
def test_any_cut(size: int) -> None:
    a, b = TLS.dial(), TLS.answer()
    while True:
        to_b, to_a = a.data_to_send(), b.data_to_send()
        if not to_b and not to_a:
            break
        for end, data in ((b, to_b), (a, to_a)):
            for at in range(0, len(data), size):
                end.receive_untrusted(data[at : at + size])
    a.send(b"x" * 3000)
    data = a.data_to_send()
    assert b"".join(b.receive_untrusted(data[at : at + size]) for at in range(0, len(data), size)) == b"x" * 3000


def test_both_ends_export_the_same_and_two_sessions_do_not() -> None:
    a, b = connected()
    c, _ = connected()
    assert a.exporter() == b.exporter() != c.exporter()
    assert len(a.exporter()) == 32


def test_says_what_was_negotiated() -> None:
    a, b = connected()
    assert a.group == b.group == "X25519MLKEM768"
    assert a.cipher == b.cipher
    assert TLS.dial().group == ""


def test_nothing_is_resumed() -> None:
    a, b = connected()
    a.send(b"x")
    b.receive_untrusted(a.data_to_send())
    b.send(b"x")
    a.receive_untrusted(b.data_to_send())
    ticket = a._connection.get_session()
    assert ticket is not None
    connection = SSL.Connection(TLS._client)
    connection.set_session(ticket)
    connection.set_connect_state()
    again, server = Tls(connection), TLS.answer()
    server.receive_untrusted(again.data_to_send())
    assert len(server.data_to_send()) > 1400  # with the certificate: a whole handshake


def test_tls_1_2_client_is_refused_and_told() -> None:
    client = old_connection(SSL.TLS_CLIENT_METHOD)
    server = TLS.answer()
    with pytest.raises(TlsTooOld) as caught:
        server.receive_untrusted(step(client))
    assert isinstance(caught.value, RemoteError)
    client.bio_write(server.data_to_send())
    with pytest.raises(SSL.Error, match="protocol version"):
        client.do_handshake()


def test_tls_1_2_server_is_refused() -> None:
    old = SSL.Context(SSL.TLS_SERVER_METHOD)
    old.set_max_proto_version(SSL.TLS1_2_VERSION)
    server = SSL.Connection(old)
    server.set_accept_state()
    client = TLS.dial()
    server.bio_write(client.data_to_send())
    with pytest.raises(SSL.Error):
        server.do_handshake()
    with pytest.raises(TlsTooOld):
        client.receive_untrusted(server.bio_read(1 << 16))


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100, b"\xff" * 100, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00" * 9]
)
def test_what_is_not_tls(data: bytes) -> None:
    server = TLS.answer()
    with pytest.raises(TlsFailed):
        server.receive_untrusted(data)
    with pytest.raises(TlsFailed):
        server.receive_untrusted(b"more")


def test_a_handshake_that_never_ends_is_cut_off() -> None:
    server = TLS.answer()
    # A ClientHello that claims 64 KiB, in records of 1 KiB.
    body = b"\x01\x00\xff\xff" + bytes(1020)
    sent = 0
    with pytest.raises(TlsFailed):
        while sent <= 2 * TLS_HANDSHAKE_BYTES:
            record = b"\x16\x03\x01" + len(body).to_bytes(2, "big") + body
            server.receive_untrusted(record)
            sent += len(record)
            body = bytes(1024)
    assert sent <= TLS_HANDSHAKE_BYTES


def test_changed_bytes_end_it_and_the_peer_learns_why() -> None:
    a, b = connected()
    a.send(b"x" * 100)
    data = bytearray(a.data_to_send())
    data[50] ^= 1
    with pytest.raises(TlsFailed, match="bad record mac"):
        b.receive_untrusted(bytes(data))
    with pytest.raises(TlsFailed, match="bad record mac"):
        a.receive_untrusted(b.data_to_send())
    with pytest.raises(WrongState):
        b.send(b"x")


def test_close_notify() -> None:
    a, b = connected()
    a.send(b"last")
    a.close()
    a.close()
    assert b.receive_untrusted(a.data_to_send()) == b"last"
    assert b.peer_closed and not a.peer_closed
    assert b.receive_untrusted(b"whatever") == b""
    b.send(b"half open")
    assert a.receive_untrusted(b.data_to_send()) == b"half open"
    with pytest.raises(WrongState, match="closed"):
        a.send(b"x")


def test_too_early() -> None:
    a = TLS.dial()
    with pytest.raises(WrongState, match="handshake"):
        a.send(b"x")
    with pytest.raises(WrongState):
        a.exporter()
    a.close()


def test_no_certificate_names_anybody() -> None:
    a, _ = connected()
    certificate = a._connection.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    assert len(certificate.subject) == len(certificate.issuer) == 0
    assert TlsContexts() is not None
