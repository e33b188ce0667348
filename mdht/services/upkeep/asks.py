"""How upkeep asks services and peers, and looks for the peers closest to an address.

Every answer comes to the function that was given with the question, as its value or its error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from ipc import Answer, Interned, IpcError, Service, ServiceDied

from ...errors import LinkClosed, MdhtError, RemoteError, TimedOut
from ...limits import LOOKUP_TIMEOUT_S, REQUEST_TIMEOUT_S, VERIFIED_PEERS, K
from ...model import VerifiedPeers
from ...routing import Ask as AskPeer
from ...routing import Done, Latency, Lookup, LookupConfig
from ..commands import Find, Nearest, Question
from ..errors import NotLinked
from ..links.commands import Ask
from ..peers.commands import Connect, Silent
from ..roster import Known, Roster
from ..surroundings import Surroundings

Then = Callable[[Any, Exception | None], None]
"""What is done with an answer: its value, or its error."""

Found = Callable[[list[Known]], None]
"""What is done with the end of a walk: those that answered, the closest first."""

_ALPHA: Final = 2
"""Peers asked at a time by a walk: nobody waits for it, so it yields to those of the user."""


class Asks:
    """For one service, on its thread. Outlets that it uses: `links`, `peers`, and those named in `request`."""

    def __init__(self, service: Service, own_id: bytes, network: str, around: Surroundings) -> None:
        self.own_id = own_id
        self.handle: Interned | None = None
        """Of the newest roster, once `peers` has given it."""
        self._service = service
        self._around = around
        self._verified = VerifiedPeers(network, VERIFIED_PEERS // 4)
        self._latency = Latency()
        self._then: dict[int, Then] = {}
        self._walks: set[_Walk] = set()
        self._last = int(service.loop.time() * 1e6)  # no answer to what was asked at another place is taken for ours

    @property
    def roster(self) -> Roster:
        """Whom the node knows now."""
        if self.handle is None:
            return Roster()
        roster: Roster = self.handle.value
        return roster

    def request(self, outlet: str, command: Any, then: Then) -> None:
        """Ask a service."""
        self._last += 1
        self._then[self._last] = then
        try:
            self._service.outlets[outlet].request(command, self._last)
        except IpcError as error:
            del self._then[self._last]
            then(None, error)

    def answered(self, answer: Answer) -> None:
        """An answer came to the service."""
        error = answer.error
        assert error is None or isinstance(error, Exception), "answers carry those"
        then = self._then.pop(answer.tag, None)
        if then is not None:  # else it was asked at another place
            then(answer.value, error)

    def ask(self, peer: Known, question: Question, then: Then) -> None:
        """Ask a peer over its link, which is made where there is none."""

        def asked(value: Any, error: Exception | None) -> None:
            if isinstance(error, NotLinked | LinkClosed | ServiceDied):
                self.request("peers", Connect(peer.record), connected)
            else:
                ended(value, error)

        def connected(_: Any, error: Exception | None) -> None:
            if error is not None:
                then(None, error)
            else:
                self.request("links", Ask(peer.id, question, REQUEST_TIMEOUT_S), ended)

        def ended(value: Any, error: Exception | None) -> None:
            if isinstance(error, TimedOut):
                self._service.outlets.peers.cast(Silent(peer.id))
            then(value, error)

        self.request("links", Ask(peer.id, question, REQUEST_TIMEOUT_S), asked)

    def walk(self, target: bytes, wanted: int, found: Found) -> None:
        """Look for the `wanted` peers closest to a target, beginning with those that we know."""
        loop = self._service.loop
        lookup: Lookup[Known, None] = Lookup(
            target,
            self.roster.closest(target, K),
            loop.time(),
            own_id=self.own_id,
            config=LookupConfig(
                parallel=_ALPHA, wanted=wanted, timeout_s=LOOKUP_TIMEOUT_S, peer_timeout_s=REQUEST_TIMEOUT_S
            ),
            latency=self._latency,
        )
        walk = _Walk(self, loop, lookup, wanted, found)
        self._walks.add(walk)
        walk.step()

    def over(self, walk: _Walk) -> None:
        """For the walk: it has ended."""
        self._walks.discard(walk)

    def known(self, packed: tuple[bytes, ...]) -> list[Known]:
        """Those of these peer records that are what they claim to be."""
        now_s = self._around.wall_s()
        found: list[Known] = []
        for one in packed:
            try:
                found.append(Known(self._verified.read(one, now_s).id, one))
            except RemoteError:
                continue  # whoever told it is asked for others, too
        return found

    def close(self) -> None:
        """End all walks."""
        for walk in list(self._walks):
            walk.cancel()
        self._walks.clear()


class _Walk:
    """One lookup that runs."""

    def __init__(
        self, asks: Asks, loop: asyncio.AbstractEventLoop, lookup: Lookup[Known, None], wanted: int, found: Found
    ) -> None:
        self._asks = asks
        self._loop = loop
        self._lookup = lookup
        self._question = Find(lookup.target, wanted)
        self._wanted = wanted
        self._found = found
        self._timer: asyncio.TimerHandle | None = None
        self._over = self._stepping = self._again = False

    def step(self) -> None:
        if self._over:
            return
        if self._stepping:
            self._again = True
            return
        self._stepping = True
        try:
            while True:
                self._again = False
                step = self._lookup.next(self._loop.time())
                if isinstance(step, AskPeer):
                    self._ask(step.peer)
                elif isinstance(step, Done):
                    self.cancel()
                    self._asks.over(self)
                    self._found(list(step.result.closest[: self._wanted]))
                    return
                elif not self._again:
                    if self._timer is not None:
                        self._timer.cancel()
                    self._timer = self._loop.call_at(step.until_s, self.step)
                    return
        finally:
            self._stepping = False

    def cancel(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _ask(self, peer: Known) -> None:
        def answered(value: Any, error: Exception | None) -> None:
            if self._over:
                return
            now_s = self._loop.time()
            if isinstance(value, Nearest):
                self._lookup.on_success(peer.id, self._asks.known(value.peers), now_s)
            else:
                assert error is None or isinstance(error, MdhtError | IpcError), "nothing else is an answer"
                self._lookup.on_failure(peer.id, now_s)
            self.step()

        self._asks.ask(peer, self._question, answered)
