"""What leaves a link in order: requests with their numbers, pings, notices, goodbyes. Streams are in `talk_streams`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..codec import Encoding, Farewell, Goodbye, Message, Notice, Ping, Request, pack_frame
from ..errors import WrongState
from ..limits import NUMBER_MAX, TEXT_CHARS
from .config import SessionConfig
from .errors import LinkFull
from .events import Event
from .requests import OurRequests, TheirRequests
from .stats import Counters
from .streams import Streams


class Outgoing:
    """The lowest layer of `Talk`: the queue of messages that leave, and all that waits for an answer.

    Arguments:
        config: bounds and waits.
        encoding: what the handshake chose.
        dialled: by us, so our numbers are odd.
        who: the peer's short id, for errors.
        count: where to count.
        emit: takes each event, and the bytes in it.
        wall_offset_s: added to `now_s` gives seconds since 1970.
    """

    def __init__(
        self,
        config: SessionConfig,
        encoding: Encoding,
        *,
        dialled: bool,
        who: str,
        count: Counters,
        emit: Callable[[Event, int], None],
        wall_offset_s: float,
    ) -> None:
        self.asking = True
        """Whether new requests and streams of ours are allowed."""
        self.rtt_s = 0.0
        self._config = config
        self._encode = encoding.encode
        self._decode = encoding.decode
        self._who = who
        self._count = count
        self._emit = emit
        self._wall_offset_s = wall_offset_s
        self._streams = Streams(config.stream_credit_bytes)
        self._ours = OurRequests(dialled, config.requests, self._streams)
        self._theirs = TheirRequests(dialled, config.requests)
        self._taken_back: set[int] = set()
        """Streams that the peer asked for and gave up, before this node has answered: it could not know in time."""
        self._own_parity = 1 if dialled else 0
        self._out: deque[bytes] = deque()
        self._out_bytes = 0
        self._short_of_room = False
        self._pinged: tuple[int, float] = (0, 0.0)  # number and time of the last ping

    @property
    def next_number(self) -> int:
        """The number that the next request must have."""
        return self._ours.next_number

    def _ask(self, message: Request, now_s: float, timeout_s: float | None) -> None:
        if not self.asking:
            raise WrongState("a link", "ending", "ask")
        self._ours.check(message.request)
        if self._out_bytes > self._config.write_bytes:
            self._short_of_room = True
            raise LinkFull("bytes", self._config.write_bytes)
        self._push(message)
        self._ours.add(message.request, type(message), now_s, self._wait_s(timeout_s))

    def ping(self, now_s: float, timeout_s: float | None, *, quiet: bool) -> int:
        """Pings, whatever else waits to be sent. `quiet`: no event tells of the answer. Returns the number."""
        number = self._ours.next_number
        self._push(Ping(number, self._time_ms(now_s)))
        self._count.pings += 1
        self._ours.add(number, Ping, now_s, self._wait_s(timeout_s), quiet)
        self._pinged = (number, now_s)
        return number

    def notify(self, message: Notice) -> None:
        """Says something that needs no answer."""
        self._push(message)

    def goodbye(self, farewell: Farewell, text: str, *, at_once: bool) -> None:
        """The last message. `at_once`: what waits to be sent is dropped; pieces of streams always are."""
        if at_once:
            self._out.clear()
            self._out_bytes = 0
        self._push(Goodbye(farewell, text[:TEXT_CHARS]))

    def _push(self, message: Message) -> None:
        frame = pack_frame(self._encode(message))
        self._out.append(frame)
        self._out_bytes += len(frame)
        self._count.sent_messages += 1

    @property
    def unsent_bytes(self) -> int:
        """Messages that wait."""
        return self._out_bytes

    def _wait_s(self, timeout_s: float | None) -> float:
        return self._config.request_timeout_s if timeout_s is None else timeout_s

    def _time_ms(self, now_s: float) -> int:
        return min(max(0, round((now_s + self._wall_offset_s) * 1000)), NUMBER_MAX)
