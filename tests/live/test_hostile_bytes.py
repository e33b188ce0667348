"""Bytes at a node's port from somebody who never gets as far as a handshake, or breaks it."""

from __future__ import annotations

import functools
import os
import socket
import ssl
import time
from collections.abc import Callable

import pytest

from mdht.codec import Get as GetMessage
from mdht.codec import encoding, pack_frame
from mdht.errors import LinkRefused
from mdht.services.links import service as links
from mdht.session import HandshakeConfig, Role, binary
from mdht.session.handshake import Handshake
from tests.mdht.hostile.attacked import attacked
from tests.mdht.hostile.peer import TlsClient, hello, place, somebody

from .footprint import until


def send_and_read(address: str, data: bytes, *, end: bool = True) -> bytes:
    """Everything the node says until it hangs up."""
    said = b""
    with socket.create_connection(place(address), 10) as one:
        one.settimeout(15)
        try:
            one.sendall(data)
            if end:
                one.shutdown(socket.SHUT_WR)
            while part := one.recv(65_536):
                said += part
        except ConnectionError:
            pass  # cut off
    return said


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        os.urandom(5000),
        b"\0" * 4096,
        b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
        b"\x16\x03\x01\x00\x05\x01\x00",
        b"\x17\x03\x03\x00\x10" + b"x" * 16,
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x16",
        b"",
    ],
    ids=["http", "random", "zeros", "oversized record", "cut record", "data first", "alert", "one byte", "nothing"],
)
def test_what_is_not_tls(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        before = node.stats().links
        for _ in range(3):
            send_and_read(node.address, data)
        until(lambda: node.stats().links.half_open == 0, 10, "they are gone")
        after = node.stats().links
        assert after.answered == before.answered + 3
        broken = data[:1] not in (b"", b"\x16") or len(data) > 7
        assert after.violations - before.violations == (3 if broken else 0)


def test_bytes_that_do_not_end_are_cut_off_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """The one who sends them keeps the connection open: the node does not wait for the deadline of the handshake."""
    with attacked(caplog) as node:
        began = time.monotonic()
        send_and_read(node.address, b"nobody speaks like that" * 100, end=False)
        assert time.monotonic() - began < 9


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2])
def test_an_older_tls(version: ssl.TLSVersion, caplog: pytest.LogCaptureFixture) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = version
    with attacked(caplog) as node:
        with (
            socket.create_connection(place(node.address), 10) as one,
            pytest.raises(ssl.SSLError, match=r"(?i)version"),
        ):
            context.wrap_socket(one)
        until(lambda: node.stats().links.violations == 1, 10, "it is counted")


# -- within TLS, before anybody is proven ------------------------------------------------------------------------------


def refusal(said: bytes) -> str:
    """The reason in the one frame that was said."""
    frame = binary.parse_untrusted(said[4:])
    assert isinstance(frame, binary.Refuse)
    return frame.reason


def ping() -> bytes:
    """A right one, of a new peer."""
    handshake = Handshake(
        hello(somebody()).handshake, Role.DIAL, challenge=os.urandom(32), now_s=0.0, wall_s=time.time()
    )
    handshake.begin(bytes(32), 0.0)
    (frame,) = handshake.frames_to_send()
    return frame


FIRST = {
    "an empty frame": lambda: b"\0\0\0\0",
    "an oversized frame": lambda: b"\xff\xff\xff\xff",
    "a frame as large as a message": lambda: (256 << 10).to_bytes(4, "big") + b"\1" * 9000,
    "random": lambda: pack_frame(os.urandom(300)),
    "ACCEPT": lambda: pack_frame(binary.pack(binary.Accept())),
    "PROOF": lambda: pack_frame(binary.pack(binary.Proof(bytes(64)))),
    "a message": lambda: pack_frame(encoding("msgpack").encode(GetMessage(1, bytes(32)))),
    "a cut PING": lambda: pack_frame(ping()[:-9]),
}


@pytest.mark.parametrize("first", FIRST)
def test_what_is_no_ping(first: str, caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        before = node.stats().links.failed
        with TlsClient(node.address) as beginner:
            beginner.say(FIRST[first]())
            assert refusal(beginner.until_over()) == "malformed"
        until(lambda: node.stats().links.failed == before + 1, 10, "it is counted")


def test_two_pings(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        with TlsClient(node.address) as beginner:
            beginner.say(pack_frame(ping()) * 2)
            said = beginner.until_over()
        pong_bytes = int.from_bytes(said[:4], "big")
        assert isinstance(binary.parse_untrusted(said[4 : 4 + pong_bytes]), binary.Pong)
        assert refusal(said[4 + pong_bytes :]) == "malformed"


def test_a_refusal_and_then_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        with TlsClient(node.address) as beginner:
            beginner.say(pack_frame(binary.pack(binary.Refuse("no reason at all \u202e" * 12))))
            assert beginner.until_over() == b""


# -- slowly ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes give a handshake half a second."""
    monkeypatch.setattr(links, "HandshakeConfig", functools.partial(HandshakeConfig, deadline_s=0.5))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("within", ["tcp", "tls"])
def test_a_byte_now_and_then_does_not_put_the_deadline_off(within: str, caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        if within == "tcp":
            sock = socket.create_connection(place(node.address), 10)
            drip: Callable[[bytes], object] = sock.sendall
        else:
            beginner = TlsClient(node.address)
            sock, drip = beginner.sock, beginner.say
        with sock:
            sock.settimeout(0.05)
            deadline = time.monotonic() + 15
            rest = iter(b"\x16\x03\x01\x10\x00\x01" + bytes(4096) if within == "tcp" else pack_frame(ping()))
            while True:
                assert time.monotonic() < deadline, "it lets itself be fed for ever"
                try:
                    drip(bytes([next(rest)]))
                    if not sock.recv(65_536):
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        until(lambda: node.stats().links.half_open == 0, 10, "it is gone")
        assert node.stats().links.failed == 1


@pytest.mark.usefixtures("impatient")
def test_who_is_dialled_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node, socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(LinkRefused, match="too slow"):
            node.connect(f"127.0.0.1:{silent.getsockname()[1]}", timeout=10)
