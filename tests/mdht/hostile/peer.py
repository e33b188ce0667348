"""A peer on a blocking socket that says what a test wants: honest until told otherwise, and in the test's thread."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from mdht import codec
from mdht.codec import pack_frame
from mdht.limits import EXPIRES_S
from mdht.model import Address, Identity, PeerRecord
from mdht.session import (
    Answered,
    Asked,
    Ended,
    HandshakeConfig,
    Life,
    Opened,
    Proven,
    Role,
    Session,
    SessionConfig,
    TlsContexts,
    Unanswered,
)

TLS = TlsContexts()
"""For all raw peers of a process: they live on one thread."""

Answer = Callable[[Any], Any]
"""A request to its reply, or None: it is never answered."""


def somebody() -> Identity:
    """A new identity."""
    return Identity.from_seed(os.urandom(32))


def hello(
    identity: Identity,
    network: str = "mdht",
    *,
    addresses: tuple[Address, ...] = (Address("tcp", "127.0.0.1", 9),),
    **changes: Any,
) -> SessionConfig:
    """What it says of itself. It claims to listen (where nobody does), so that nodes keep it in their tables."""
    now_s = time.time()
    record = PeerRecord.sign(
        identity, network, sequence=1, expires_s=int(now_s) + EXPIRES_S - 60, now_s=now_s, addresses=addresses
    )
    return SessionConfig(
        handshake=replace(HandshakeConfig(network=network, identity=identity, record=record), **changes)
    )


def place(address: str) -> tuple[str, int]:
    """Host and port of a node's `address`."""
    host, _, port = address.rpartition("@")[2].rpartition(":")
    return host, int(port)


class TlsClient:
    """A TLS connection to a node, on which a test says what it likes."""

    def __init__(self, address: str) -> None:
        self.sock = socket.create_connection(place(address), 10)
        self.sock.settimeout(15)
        self._tls = TLS.dial()
        self._said = b""
        self._write()
        while not self._tls.established:
            assert self._read()
            self._write()

    def say(self, plain: bytes) -> None:
        self._tls.send(plain)
        self._write()

    def until_over(self) -> bytes:
        """What the node said until it hung up."""
        while self._read():
            pass
        return self._said

    def _write(self) -> None:
        if data := self._tls.data_to_send():
            self.sock.sendall(data)

    def _read(self) -> bool:
        try:
            data = self.sock.recv(65_536)
        except ConnectionError:
            data = b""
        if data:
            self._said += self._tls.receive_untrusted(data)
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()


class RawPeer:
    """One link to or from a node. `answer` serves what the node asks; without one it is told UNSUPPORTED."""

    def __init__(
        self,
        sock: socket.socket,
        config: SessionConfig | None = None,
        *,
        role: Role = Role.DIAL,
        answer: Answer | None = None,
        expected_id: bytes | None = None,
    ) -> None:
        self.sock = sock
        self.sock.settimeout(None)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.answer = answer
        self.asked: list[Any] = []
        """Requests of the node, in order."""
        self.replies: dict[int, Any] = {}
        """Answers to ours, or the errors that stand for them."""
        self.ended: Any = None
        """`Ended`, once the session told it."""
        self.opened = False
        self.eof = False
        """The node has closed the connection."""
        config = hello(somebody()) if config is None else config
        self.identity = config.handshake.identity
        self.session = Session(
            config,
            role,
            tls=TLS,
            challenge=os.urandom(32),
            now_s=time.monotonic(),
            wall_s=time.time(),
            expected_id=expected_id,
        )

    @classmethod
    def dial(cls, address: str, config: SessionConfig | None = None, **more: Any) -> Self:
        """Connected to a node, and open; fails if that is refused."""
        peer = cls(socket.create_connection(place(address), 10), config, **more)
        try:
            peer.until(lambda: peer.opened or peer.over)
            assert peer.opened, peer.ended
        except BaseException:
            peer.close()
            raise
        return peer

    # -- turns ---------------------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Nothing more can come."""
        return self.eof or self.session.finished

    def until(self, condition: Callable[[], Any], within_s: float = 20.0) -> Any:
        """Talk until the condition holds, and give what it gave."""
        deadline = time.monotonic() + within_s
        while not (result := condition()):
            assert time.monotonic() < deadline, f"not within {within_s:g} s; {self.session.life}, {self.ended}"
            assert not (self.over and time.monotonic() > deadline - within_s / 2), f"it is over: {self.ended}"
            self.turn(0.02)
        return result

    def until_over(self, within_s: float = 20.0) -> Any:
        """Talk until the node has closed the connection; why the session ended."""
        deadline = time.monotonic() + within_s
        while not self.eof:
            assert time.monotonic() < deadline, f"the node keeps the connection; {self.session.life}"
            self.turn(0.02)
        return self.ended.error if self.ended is not None else None

    def turn(self, wait_s: float = 0.0) -> None:
        """Send what waits, read what is there."""
        self.flush()
        if self.eof:
            return
        if self._poll.poll(wait_s * 1000):
            try:
                data = self.sock.recv(65_536)
            except OSError:
                data = b""
            if data:
                self.session.receive(data, time.monotonic())
            else:
                self.eof = True
                self.session.receive_eof(time.monotonic())
        self._events()
        self.flush()

    def flush(self) -> None:
        while data := self.session.data_to_send(time.monotonic()):
            self._write(data)

    def _write(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError:
            self.eof = True
            self.session.receive_eof(time.monotonic())

    def _events(self) -> None:
        while (event := self.session.next_event()) is not None:
            match event:
                case Proven():
                    self.session.accept(time.monotonic())
                case Opened():
                    self.opened = True
                case Ended():
                    self.ended = event
                case Answered(number, message):
                    self.replies[number] = message
                case Unanswered(number, error):
                    self.replies[number] = error
                case Asked(message):
                    self._asked(message)

    def _asked(self, message: Any) -> None:
        self.asked.append(message)
        if self.answer is None:
            self.session.reply(codec.Error(message.request, codec.ErrorCode.UNSUPPORTED, "no"))
        elif (reply := self.answer(message)) is not None:
            self.session.reply(reply)

    # -- saying something ----------------------------------------------------------------------------------------------

    def ask(self, make: Callable[[int], Any], within_s: float = 20.0) -> Any:
        """A request, made with its number; its answer."""
        number = self.session.request(make(self.session.next_number), time.monotonic(), 3600.0)
        self.until(lambda: number in self.replies, within_s)
        return self.replies.pop(number)

    def say(self, *bodies: bytes) -> None:
        """Frames with these bodies, whatever they are, in one write within TLS."""
        self.say_plain(b"".join(map(pack_frame, bodies)))

    def say_message(self, *messages: Any) -> None:
        """Messages that the session would not send so."""
        self.say(*[self.encoding.encode(message) for message in messages])

    def say_plain(self, data: bytes) -> None:
        """Bytes within TLS."""
        self.flush()
        if self.session.life in (Life.CLOSING, Life.CLOSED):
            return  # the node has ended it meanwhile
        tls = self.tls
        tls.send(data)
        self._write(tls.data_to_send())

    def count_on(self, number: int) -> None:
        """Numbers up to this one were used by `say_message`; answers to them are not waited for."""
        ours = self.session._talk._ours  # type: ignore[union-attr]
        ours.next_number = number | 1

    @property
    def tls(self) -> Any:
        return self.session._tls

    @property
    def encoding(self) -> Any:
        assert self.session.peer is not None, "open"
        return codec.encoding(self.session.peer.encoding)

    # -- the end -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
