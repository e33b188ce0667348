"""Requests of one link that wait for their answers: ours with their deadlines, and the peer's.

Numbers count up; who dialled uses the odd ones, the other side the even ones, from 2 (see `codec.messages`). After 2³²
they begin again, and those still in use are passed over.
"""

from __future__ import annotations

from collections.abc import Container
from heapq import heapify, heappop, heappush
from typing import Final

from ..codec import (
    REQUESTS,
    Closest,
    Error,
    Find,
    Found,
    FoundAll,
    Get,
    GetAll,
    Ping,
    Pong,
    Put,
    Reply,
    Request,
    Stored,
    StreamOpen,
    StreamOpened,
)
from ..errors import WrongState
from ..limits import ID_MAX
from .errors import LinkFull, Violation

ANSWERS: Final[dict[type[Request], frozenset[type[Reply]]]] = {
    Ping: frozenset({Pong, Error}),
    Get: frozenset({Found, Closest, Error}),
    GetAll: frozenset({FoundAll, Closest, Error}),
    Find: frozenset({Closest, Error}),
    Put: frozenset({Stored, Error}),
    StreamOpen: frozenset({StreamOpened, Error}),
}
"""Which replies answer which request. A request that is missing here may be answered by any."""

assert set(ANSWERS) == REQUESTS, "every request has its answers"


_Waiting = tuple[type[Request], float, bool, float]
"""Kind, deadline, whether only the session waits for it, and the seconds that it had."""


class OurRequests:
    """What we asked, until it is answered, late, or forgotten. `inside` are numbers that are in use elsewhere too."""

    __slots__ = ("_deadlines", "_first", "_inside", "_limit", "_waiting", "_wrapped", "next_number")

    def __init__(self, dialled: bool, limit: int, inside: Container[int]) -> None:
        self._first = 1 if dialled else 2
        self.next_number = self._first
        """What the next request must be numbered."""
        self._wrapped = False
        self._limit = limit
        self._inside = inside
        self._waiting: dict[int, _Waiting] = {}
        self._deadlines: list[tuple[float, int]] = []  # a heap; what was answered is taken out when it comes up

    def __len__(self) -> int:
        return len(self._waiting)

    def check(self, number: int) -> None:
        """Raises `WrongState` if it is not the next number, `LinkFull` if too many wait."""
        if number != self.next_number:
            raise WrongState("a request", f"numbered {number}", f"be sent where {self.next_number} is next")
        if len(self._waiting) >= self._limit:
            raise LinkFull("requests", self._limit)

    def add(self, number: int, kind: type[Request], now_s: float, timeout_s: float, quiet: bool = False) -> None:
        """It was sent, checked before. `quiet`: nobody but the session waits for it."""
        deadline_s = now_s + timeout_s
        self._waiting[number] = (kind, deadline_s, quiet, timeout_s)
        heappush(self._deadlines, (deadline_s, number))
        number += 2
        if number > ID_MAX:
            number = self._first
            self._wrapped = True
        while number in self._waiting or number in self._inside:
            number = number + 2 if number + 2 <= ID_MAX else self._first
        self.next_number = number
        if len(self._deadlines) > 2 * len(self._waiting) + 64:
            self._deadlines = [(deadline, sent) for sent, (_, deadline, _, _) in self._waiting.items()]
            heapify(self._deadlines)

    def answered(self, reply: Reply) -> bool | None:
        """A reply came. True if somebody waits for it, False if only the session does, None if nobody (any more).

        Raises:
            Violation: it is no answer to that request.
        """
        asked = self._waiting.pop(reply.request, None)
        if asked is None:
            return None
        kind, _, quiet, _ = asked
        if type(reply) not in ANSWERS[kind]:
            raise Violation(f"{type(reply).__name__} answers no {kind.__name__}")
        return not quiet

    def sent(self, number: int) -> bool:
        """Whether a number of our parity may have been used by us; else the peer made it up."""
        return self._wrapped or number < self.next_number

    def next_deadline(self) -> float | None:
        """When the next request is late."""
        heap = self._deadlines
        while heap:
            deadline_s, number = heap[0]
            asked = self._waiting.get(number)
            if asked is not None and asked[1] == deadline_s:
                return deadline_s
            heappop(heap)
        return None

    def expire(self, now_s: float) -> list[tuple[int, type[Request], bool, float]]:
        """The requests that are late now: number, kind, quiet, and the seconds that they had. They are forgotten."""
        late = []
        while (deadline_s := self.next_deadline()) is not None and deadline_s <= now_s:
            _, number = heappop(self._deadlines)
            kind, _, quiet, timeout_s = self._waiting.pop(number)
            late.append((number, kind, quiet, timeout_s))
        return late

    def drop(self, number: int) -> None:
        """Nobody waits for this answer any more; should it come, it is late."""
        self._waiting.pop(number, None)

    def forget(self) -> list[int]:
        """The link ended: the numbers for which somebody waited."""
        numbers = [number for number, (_, _, quiet, _) in self._waiting.items() if not quiet]
        self._waiting.clear()
        self._deadlines.clear()
        return numbers


class TheirRequests:
    """What the peer asked and we have not answered."""

    __slots__ = ("_limit", "_odd", "_waiting", "bytes", "highest")

    def __init__(self, dialled: bool, limit: int) -> None:
        self._odd = 0 if dialled else 1  # theirs are odd where we answered
        self._limit = limit
        self._waiting: dict[int, int] = {}  # number to size
        self.bytes = 0
        """Of those that wait."""
        self.highest = 0
        """The highest number they used."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, number: object) -> bool:
        return number in self._waiting

    def add(self, number: int, size: int) -> bool:
        """A request of `size` bytes came. False if too many wait already: answer BUSY, it is not kept.

        Raises:
            Violation: the number is not one of theirs, or waits already.
        """
        if number & 1 != self._odd:
            raise Violation(f"request {number} has the other side's parity")
        if number in self._waiting:
            raise Violation(f"request {number} is asked twice")
        if number > self.highest:
            self.highest = number
        if len(self._waiting) >= self._limit:
            return False
        self._waiting[number] = size
        self.bytes += size
        return True

    def answered(self, number: int) -> None:
        """We answer it. Raises `WrongState` if it does not wait."""
        try:
            self.bytes -= self._waiting.pop(number)
        except KeyError:
            raise WrongState("a request", f"not waiting ({number})", "be answered") from None

    def forget(self) -> None:
        """The link ended."""
        self._waiting.clear()
        self.bytes = 0
