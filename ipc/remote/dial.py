"""From an endpoint to a connection that was welcomed, or to the reason why not.

    connecting → shaking hands → saying hello → welcomed

ZeroMQ's monitor tells the steps. Where nobody listens yet, another attempt is made until the deadline; a refusal is
final. CURVE tells a caller little about a server that it does not know: a wrong server key shows as a connection that
ends in the handshake, as does a server that is none of ours.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING

import zmq

from ..channels.frames import stream_frame
from ..errors import BadFrame, ChannelError, IpcError, Refused, UnknownService, Unreachable
from .curve import Curve
from .guard import read_items
from .messages import Code, Goodbye, Welcome, pack_hello, read_welcome
from .monitor import Monitor
from .options import client_socket
from .wire import RemoteCarrier

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host import Host

_AGAIN_S = 0.05
_EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
)


class Step(StrEnum):
    """How far an attempt has come; the text is what is missing where time runs out."""

    CONNECTING = (
        "nobody listens there, or a firewall drops what is sent: look at the address, and whether the tree runs"
    )
    HANDSHAKE = "the connection was taken but no CURVE handshake came: it may be another kind of server"
    HELLO = "the keys were accepted but HELLO was not answered: the service may be moving, or its machine overloaded"
    WELCOMED = ""


class _Nobody(Exception):
    """Nobody listens there now."""


class Dial:
    """One attempt, and then its connection. On the host's thread; `carrier` once it is welcomed."""

    def __init__(self, endpoint: str, service: str, curve: Curve, server_key: str, host: Host) -> None:
        self.endpoint = endpoint
        self.host = host
        self.step = Step.CONNECTING
        self.public = curve.public
        self.welcome: asyncio.Future[Welcome] = host.loop.create_future()
        self.on_lost: Callable[[str], None] | None = None
        self.lost = ""
        socket = client_socket(curve, server_key, "[" in endpoint)
        self.carrier = RemoteCarrier(socket, self._closed)
        self.monitor: Monitor | None = None
        try:
            self.monitor = Monitor(socket, host, _EVENTS, self._event)
            socket.connect(endpoint)
            self.carrier.send(stream_frame(pack_hello(service)))
            host.add_reader(self.carrier.fileno(), self._readable)
        except BaseException as error:
            self.close()
            if isinstance(error, zmq.ZMQError):
                raise Unreachable(f"{endpoint} is no address to connect to: {error}") from error
            raise

    def _readable(self) -> None:
        if self.step is Step.WELCOMED:
            return
        try:
            self.carrier.receive(self._on_frame)
        except ChannelError as error:
            self._fail(Refused(f"{self.endpoint} does not speak this protocol: {error}"))

    def _on_frame(self, frame: memoryview | bytes) -> None:
        if self.welcome.done():
            return
        (item, *_) = read_items(frame)
        answer = read_welcome(item)
        if isinstance(answer, Goodbye):
            self._fail(_refusal(self.endpoint, answer))
        else:
            self.step = Step.WELCOMED
            self.welcome.set_result(answer)

    def _event(self, event: int, value: int) -> None:
        where = self.endpoint
        if event == zmq.EVENT_CONNECTED:
            self.step = Step.HANDSHAKE
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.step = Step.HELLO if self.step is not Step.WELCOMED else self.step
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self._fail(Refused(f"{where} does not allow this key: its owner must allow {self.public!r} ({value})"))
        elif event in (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL):
            reason = "server_key is not the public key of the server there, or it is no CURVE server"
            self._fail(Refused(f"{where} broke off the handshake without a word: most likely {reason}"))
        elif event == zmq.EVENT_CLOSED and self.step is Step.CONNECTING:
            self._fail(_Nobody())
        elif event == zmq.EVENT_DISCONNECTED:
            self.lost = f"the connection to {where} has ended: closed there, or nothing was heard any more"
            if self.on_lost is not None:
                self.on_lost(self.lost)
            else:
                self._readable()  # a GOODBYE came before it
                self._fail(Unreachable(f"{where} ended the connection before it answered HELLO"))

    def _fail(self, error: Exception) -> None:
        if not self.welcome.done():
            self.welcome.set_exception(error)

    def _closed(self) -> None:
        if self.monitor is not None:
            self.monitor.close()

    def hand_over(self, on_lost: Callable[[str], None]) -> None:
        """Somebody else reads from now on, and is told when the connection ends."""
        self.host.remove_reader(self.carrier.fileno())
        self.on_lost = on_lost
        if self.lost:
            on_lost(self.lost)

    def close(self) -> None:
        """Give everything back. Idempotent."""
        if not self.welcome.done():
            self.welcome.cancel()
        self.host.remove_reader(self.carrier.fileno())
        self.carrier.close()


def _refusal(endpoint: str, answer: Goodbye) -> IpcError:
    if answer.code == Code.UNKNOWN:
        return UnknownService(f"{endpoint}: {answer.reason}")
    if answer.code == Code.CLOSED:
        return Unreachable(f"{endpoint} is closing: {answer.reason}")
    return Refused(f"{endpoint} refused: {answer.reason}")


async def dial(
    endpoint: str, service: str, curve: Curve, server_key: str, host: Host, timeout_s: float
) -> tuple[Dial, Welcome]:
    """Connect and be welcomed, within `timeout_s`. On the host.

    Raises `Refused`, `UnknownService`, `Unreachable`.
    """
    step = Step.CONNECTING
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                attempt = Dial(endpoint, service, curve, server_key, host)
                try:
                    return attempt, await attempt.welcome
                except _Nobody:
                    attempt.close()
                    await asyncio.sleep(_AGAIN_S)
                except BaseException:
                    step = attempt.step
                    attempt.close()
                    raise
    except BadFrame as error:
        raise Refused(f"{endpoint} does not speak this protocol: {error}") from error
    except TimeoutError as error:
        if isinstance(error, Unreachable):
            raise
        raise Unreachable(f"{endpoint} did not answer within {timeout_s:g} s: {step.value}") from None
