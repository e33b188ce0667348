"""A bare Unix stream socket pair: one msgpack value and one `sendall` a message. The yardstick for one in flight."""

from __future__ import annotations

import socket
from collections.abc import Callable

import msgpack

from subject import PROCESSES, Ends

READ_BYTES = 256 << 10


class SocketPair(Ends):
    name = "socket pair"
    blocks_both_ways = True

    def start(self, payload: bytes) -> None:
        self.payload, self.sent = payload, 0
        self.sockets, self.children = [], []
        self.send, self.receive = self._end(echo)
        self.cast, answer = self._end(sink)
        self.count = lambda: (self.cast(b"count"), answer())[1]  # type: ignore[func-returns-value]

    def stop(self) -> None:
        for sock in self.sockets:
            sock.close()
        for child in self.children:
            child.join(10)

    def _end(self, target: Callable[[socket.socket], None]) -> tuple[Callable[[bytes], None], Callable[[], bytes]]:
        here, there = socket.socketpair()
        self.sockets.append(here)
        with there:
            child = PROCESSES.Process(target=target, args=(there,), daemon=True)
            child.start()
            self.children.append(child)
        return sender(here), receiver(here)


def sender(sock: socket.socket) -> Callable[[bytes], None]:
    pack, sendall = msgpack.Packer().pack, sock.sendall
    return lambda message: sendall(pack(message))


def receiver(sock: socket.socket) -> Callable[[], bytes]:
    """A function that waits for one message; raises `EOFError` when the other side has closed."""
    unpacker, buffer = msgpack.Unpacker(), memoryview(bytearray(READ_BYTES))
    take, feed, read = unpacker.unpack, unpacker.feed, sock.recv_into

    def receive() -> bytes:
        while True:
            try:
                return take()
            except msgpack.OutOfData:
                if not (size := read(buffer)):
                    raise EOFError from None
                feed(buffer[:size])

    return receive


def echo(sock: socket.socket) -> None:
    send, receive = sender(sock), receiver(sock)
    try:
        while True:
            send(receive())
    except EOFError:
        pass


def sink(sock: socket.socket) -> None:
    send, receive, received = sender(sock), receiver(sock), 0
    try:
        while True:
            if receive() == b"count":
                send(received)
            else:
                received += 1
    except EOFError:
        pass
