"""Goes through a store from page to page at a given pace, and hands each record to somebody.

A page is all that is in memory, and no transaction is open between pages; what is there all the time is seen once. At
most `AT_ONCE` records are worked on at a time. What could not reach anybody goes back to the front, and the course
pauses, longer each time: where the network is gone it goes on, later, from where it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from ipc import Closed

from ...routing.backoff import Backoff
from ...routing.pace import Pace
from .asks import Asks
from .commands import Scan, Scanned, Stocked

AT_ONCE: Final = 8
"""Records worked on at a time, each with a put to every other replica under way."""

TRIES: Final = 3
"""Times that a record which reached nobody is tried, before the next pass has to do it."""

LEAST_S: Final = 0.001
"""Seconds of a sleep at least: a shorter one may be no step of a clock at all."""

PAUSE: Final = Backoff(5.0, 300.0)
"""Seconds of pause where nobody can be reached: a Wi-Fi that comes back, up to a link that is down for long."""

Worked = Callable[[bool], None]
"""Called once when a record is done with; False: nobody could be reached."""

Work = Callable[[Stocked, Worked], None]


class Owner(Protocol):
    """The service that runs courses."""

    def later_step(self, delay_s: float, course: Course) -> None:
        """Call `course.step()` after so many seconds."""

    def now_s(self) -> float:
        """A clock that does not jump."""

    def random(self) -> float:
        """From 0 to below 1."""


class Course:
    """One way through the store at an outlet. `first`: an address to begin behind; it then comes round to it."""

    def __init__(
        self,
        owner: Owner,
        asks: Asks,
        pace: Pace,
        outlet: str,
        work: Work,
        done: Callable[[], None],
        *,
        scan: Scan | None = None,
        first: bytes | None = None,
    ) -> None:
        self.lost = 0
        """Records for which nobody could be reached."""
        self._owner = owner
        self._asks = asks
        self._pace = pace
        self._outlet = outlet
        self._work = work
        self._done = done
        self._scan = scan or Scan()
        self._after = first
        self._stop_behind = first
        self._round = first is None
        """Whether this is the last leg."""
        self._page: deque[tuple[Stocked, int]] = deque()
        self._asking = self._ended = self._over = self._sleeping = self._going = False
        self._working = 0
        self._failures = 0

    def step(self) -> None:
        """Go as far as it goes now. (What this sleeps for is over, where it was sleeping.)"""
        self._sleeping = False
        self._go()

    def stop(self) -> None:
        """Nothing more is begun, and `done` is not called."""
        self._over = True

    def _go(self) -> None:
        if self._going:
            return  # a record was done with at once: the loop below goes on
        self._going = True
        try:
            self._turns()
        finally:
            self._going = False

    def _turns(self) -> None:
        while not self._over and not self._sleeping and self._working < AT_ONCE:
            if not self._page:
                if not self._ended:
                    self._fetch()
                elif not self._working:
                    self._over = True
                    self._done()
                return
            wait_s = self._pace.wait_s(self._owner.now_s())
            if wait_s > 0:
                self._sleep(max(wait_s, LEAST_S))
                return
            record, tries = self._page.popleft()
            self._working += 1
            self._work(record, self._worked(record, tries))

    def _worked(self, record: Stocked, tries: int) -> Worked:
        def worked(reached: bool) -> None:
            self._working -= 1
            if reached:
                self._failures = 0
            elif tries + 1 < TRIES:
                self._page.appendleft((record, tries + 1))
                self._failures += 1
                self._sleep(PAUSE.delay_s(self._failures, self._owner.random()))
            else:
                self.lost += 1
            self._go()

        return worked

    def _fetch(self) -> None:
        if self._asking:
            return
        self._asking = True
        scan = Scan(self._after, self._scan.centre, self._scan.bits, self._scan.count)
        self._asks.request(self._outlet, scan, self._fetched)

    def _fetched(self, page: Scanned | None, error: Exception | None) -> None:
        self._asking = False
        if page is None:
            assert isinstance(error, Exception), "it is the one or the other"
            self._failures += 1
            if isinstance(error, Closed):
                self._over = True  # the node stops
            else:
                self._sleep(PAUSE.delay_s(self._failures, self._owner.random()))
            return
        self._page.extend((one, 0) for one in page.held)
        self._after = page.after
        if page.after is None:
            self._ended, self._round = self._round, True
        elif self._round and self._stop_behind is not None and page.after >= self._stop_behind:
            self._ended = True
        self._go()

    def _sleep(self, delay_s: float) -> None:
        if not self._sleeping and not self._over:
            self._sleeping = True
            self._owner.later_step(delay_s, self)
