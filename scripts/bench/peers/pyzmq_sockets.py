"""Bare pyzmq over `ipc://`: PUSH/PULL one way, DEALER/ROUTER there and back, one msgpack value a message and send."""

from __future__ import annotations

import os
import tempfile

import msgpack
import zmq

from subject import PROCESSES, WAIT_S, Ends

BOUND_BYTES = 256 << 20
"""The default high-water mark is 1000 messages; a megabyte each is held to this much a side."""


class Pyzmq(Ends):
    name = "pyzmq"

    def start(self, payload: bytes) -> None:
        self.payload, self.sent = payload, 0
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.children = []
        self.context = zmq.Context()
        pack, unpack = msgpack.packb, msgpack.unpackb
        push, counts, dealer = (self._socket(kind, name) for kind, name in SOCKETS)
        for target in (sink, echo):
            child = PROCESSES.Process(target=target, args=(self.folder.name, self.bound), daemon=True)
            child.start()
            self.children.append(child)
        self.cast = lambda message: push.send(pack(message))
        self.send = lambda message: dealer.send(pack(message))
        self.receive = lambda: unpack(dealer.recv())
        self.count = lambda: (self.cast(b"count"), unpack(counts.recv()))[1]

    def stop(self) -> None:
        for child in self.children:
            child.terminate()
            child.join(10)
        self.context.destroy(linger=0)
        self.folder.cleanup()

    @property
    def bound(self) -> int:
        return max(16, min(1000, BOUND_BYTES // len(self.payload)))

    def _socket(self, kind: int, name: str) -> zmq.Socket[bytes]:
        sock = self.context.socket(kind)
        sock.setsockopt(zmq.RCVTIMEO, int(WAIT_S * 1000))
        return opened(sock, self.folder.name, name, self.bound, bind=True)


SOCKETS = ((zmq.PUSH, "push"), (zmq.PULL, "counts"), (zmq.DEALER, "dealer"))


def opened(sock: zmq.Socket[bytes], folder: str, name: str, bound: int, *, bind: bool = False) -> zmq.Socket[bytes]:
    sock.set_hwm(bound)
    address = f"ipc://{os.path.join(folder, name)}"
    if bind:
        sock.bind(address)
    else:
        sock.connect(address)
    return sock


def sink(folder: str, bound: int) -> None:
    context = zmq.Context()
    pull = opened(context.socket(zmq.PULL), folder, "push", bound)
    counts = opened(context.socket(zmq.PUSH), folder, "counts", bound)
    received = 0
    while True:
        if msgpack.unpackb(pull.recv()) == b"count":
            counts.send(msgpack.packb(received))
        else:
            received += 1


def echo(folder: str, bound: int) -> None:
    context = zmq.Context()
    router = opened(context.socket(zmq.ROUTER), folder, "dealer", bound)
    while True:
        sender, message = router.recv_multipart()
        router.send_multipart([sender, msgpack.packb(msgpack.unpackb(message))])
