"""An iterative lookup as a state machine: it says whom to ask, is told what came of it, and ends in any case.

    step = lookup.next(now_s)       # Ask(peer, until_s) | Wait(until_s) | Done(result)
    lookup.on_success(peer_id, closer_peers, now_s, value, verdict)
    lookup.on_failure(peer_id, now_s)

Call `next` until it does not say Ask; then again after every answer, every failure, and at the time that Wait names.
The shape is rust-libp2p's (`kad/src/query/peers/closest.rs`), the rules are these:

- *Order.* The nearest peers known are asked first, `parallel` (α) at once. Once α answers in a row bring nobody nearer,
  all of the nearest are asked at once (Kademlia, section 2.3). Once a value was found, no more are asked at a time than
  values are still wanted: the neighbourhood is reached, and mostly has them.
- *Converged* is a lookup when the `wanted` nearest, those aside that failed or are slow, have answered, and the slow
  ones among them have had `grace_s`.
- *Hedging.* A peer slower than a multiple of the usual frees its place; its answer still counts. While everybody is
  slow the patience doubles, so our own slow link does not turn into a flood of questions. That nothing was found is not
  concluded while one of the slow may still have it.
- *Doubt.* See `candidates.py`. Of one answer at most `closer` peers are taken. An answer without a peer nearer than its
  giver is dropped once enough nearer ones have answered: an honest one would know some of those. After a forgery
  nothing of what a peer says counts. Peers with trust below 0 are not asked.
- *End.* Peers asked are bounded, each has a deadline, and so has the whole.

No clock, no randomness: the same calls give the same steps. Not thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic

from .candidates import Candidate, Candidates, State
from .errors import NotAsked
from .keys import to_int
from .latency import Latency
from .lookup_config import LookupConfig
from .lookup_steps import Ask, Done, End, Found, LookupStats, P, Result, V, Verdict, Wait
from .trust import NEUTRAL, Trust

_DEFAULT = LookupConfig()

PATIENCE_DOUBLINGS = 4
"""After so many doublings the hard deadline of a peer is near anyway."""


class Lookup(Generic[P, V]):
    """One search for the peers nearest to `target`, or for values there. See the module."""

    def __init__(
        self,
        target: bytes,
        seeds: Iterable[P],
        now_s: float,
        *,
        own_id: bytes | None = None,
        values: int = 0,
        config: LookupConfig = _DEFAULT,
        latency: Latency | None = None,
        trust: Trust = NEUTRAL,
    ) -> None:
        """Begin.

        `target` and `own_id` are 32 bytes; the latter is never asked. `seeds` are the nearest peers that we know
        ourselves. `values` is how many verified values are wanted: 0 to find peers only, 1 for content, more for
        records that differ between replicas. `latency` is shared by the lookups of a node.
        """
        self.target = target
        self.values = values
        self._target = to_int(target)
        self._own = None if own_id is None else to_int(own_id) ^ self._target
        self._config = config
        self._latency = Latency() if latency is None else latency
        self._trust = trust
        self._began_s = now_s
        self._deadline_s = now_s + config.timeout_s
        self._candidates: Candidates[P] = Candidates(config.candidates, config.doubt_after)
        self._flight: dict[int, Candidate[P]] = {}
        self._waiting = 0
        self._asked = 0
        self._stalled = 0
        self._slow_in_a_row = 0
        self._found: list[Found[P, V]] = []
        self._done: Done[P, V] | None = None
        self._take(seeds, None)

    # -- the three calls -----------------------------------------------------------------------------------------------

    def next(self, now_s: float) -> Ask[P] | Wait | Done[P, V]:
        """What to do now. Wait never names a time that has passed."""
        if self._done is not None:
            return self._done
        if now_s >= self._deadline_s:
            return self._finish(End.DEADLINE, now_s)
        if self.values and len(self._found) >= self.values:
            return self._finish(End.FOUND, now_s)
        wake_s = self._look_at_flight(now_s)
        candidate, converged, limited = self._choose()
        if candidate is not None:
            return self._ask(candidate, now_s)
        if converged and not self._may_still_find():
            late_s = self._grace_until_s()
            if now_s >= late_s:
                return self._finish(End.CONVERGED, now_s)
            wake_s = min(wake_s, late_s)
        if not self._flight:
            return self._finish(End.LIMIT if limited else End.EXHAUSTED, now_s)
        return Wait(min(wake_s, self._deadline_s))

    def on_success(
        self,
        peer_id: bytes,
        closer: Sequence[P],
        now_s: float,
        value: V | None = None,
        verdict: Verdict = Verdict.NOTHING,
    ) -> None:
        """A peer answered: with peers that it holds to be nearer, and with a value, if it had one.

        The caller has verified the value, and says so by `verdict`; GOOD needs one. A late or second answer is fine.
        Raises NotAsked for a peer that was never asked, ValueError for GOOD without a value.
        """
        if verdict is Verdict.GOOD and value is None:
            raise ValueError("verdict GOOD needs the value that was verified")
        candidate = self._told_of(peer_id)
        if self._done is not None or candidate.state in (State.ANSWERED, State.FALSE):
            return
        if candidate.state is not State.FAILED:
            self._latency.observe(max(0.0, now_s - candidate.asked_s))
        candidate.credit(good=1, bad=0 if candidate.state is State.WAITING else -1)
        self._land(candidate)
        if verdict is Verdict.FORGED:
            candidate.state = State.FALSE
            self._candidates.take_out(candidate)
            return
        candidate.state = State.ANSWERED
        self._candidates.put_back(candidate)
        self._slow_in_a_row = 0
        if value is not None and verdict is Verdict.GOOD:
            candidate.has_value = True
            self._found.append(Found(candidate.peer, value))
        before = self._candidates.nearest()
        self._take(closer, candidate)
        self._stalled = 0 if self._candidates.nearest() != before else self._stalled + 1

    def on_failure(self, peer_id: bytes, now_s: float) -> None:
        """A peer could not be reached, did not answer in time, or answered what cannot be read.

        Raises NotAsked for a peer that was never asked.
        """
        candidate = self._told_of(peer_id)
        if self._done is None and candidate.state in (State.WAITING, State.SLOW):
            self._fail(candidate)

    def stats(self) -> LookupStats:
        """Numbers as of now."""
        states = [candidate.state for candidate in self._candidates.all()]
        return LookupStats(
            candidates=len(states),
            asked=self._asked,
            waiting=self._waiting,
            slow=len(self._flight) - self._waiting,
            answered=states.count(State.ANSWERED),
            failed=states.count(State.FAILED),
            found=len(self._found),
        )

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _choose(self) -> tuple[Candidate[P] | None, bool, bool]:
        """Whom to ask now, if anybody; whether the nearest have all answered; whether the limit kept one from it."""
        config, may_ask = self._config, self._asked < self._config.asked
        room = self._waiting < (
            config.parallel if self._stalled < config.parallel else max(config.parallel, config.wanted)
        )
        if self._found:
            room = room and self._waiting < self.values - len(self._found)
        places, settled, limited = 0, True, False
        doubtful: Candidate[P] | None = None
        for candidate in self._candidates:
            state = candidate.state
            if state is State.SLOW:
                continue
            if state is not State.ANSWERED:
                if candidate.doubtful(config.doubt_after):
                    if state is State.NEW and doubtful is None:
                        doubtful = candidate
                    continue
                if state is State.NEW:
                    if not may_ask:
                        limited = True
                        continue
                    if room:
                        return candidate, False, False
                settled = False
            places += 1
            if places >= config.wanted:
                return None, settled and not limited, limited
        if doubtful is not None and settled:
            if not may_ask:
                limited = True
            elif room:
                return doubtful, False, False
        return None, False, limited

    def _may_still_find(self) -> bool:
        return bool(self.values and not self._found and self._flight)

    def _grace_until_s(self) -> float:
        """Until when the slow ones among the nearest have time; minus infinity where none is slow."""
        until_s, answered = -float("inf"), 0
        for candidate in self._candidates:
            if candidate.state is State.SLOW:
                until_s = max(until_s, candidate.asked_s + self._config.grace_s)
            elif candidate.state is State.ANSWERED:
                answered += 1
                if answered >= self._config.wanted:
                    break
        return until_s

    def _ask(self, candidate: Candidate[P], now_s: float) -> Ask[P]:
        candidate.state = State.WAITING
        candidate.asked_s = now_s
        self._flight[candidate.distance] = candidate
        self._waiting += 1
        self._asked += 1
        return Ask(candidate.peer, min(now_s + self._config.peer_timeout_s, self._deadline_s))

    # -- time ----------------------------------------------------------------------------------------------------------

    def _look_at_flight(self, now_s: float) -> float:
        """See who has become slow or has failed; returns when the next will."""
        wake_s = self._deadline_s
        timeout_s = self._config.peer_timeout_s
        patience_s = self._patience_s()
        for candidate in list(self._flight.values()):
            fails_s = candidate.asked_s + timeout_s
            if now_s >= fails_s:
                self._fail(candidate)
                continue
            slow_s = candidate.asked_s + patience_s
            if candidate.state is State.WAITING and slow_s < fails_s:
                if now_s < slow_s:
                    wake_s = min(wake_s, slow_s)
                    continue
                candidate.state = State.SLOW
                candidate.credit(good=0, bad=1)
                self._waiting -= 1
                self._slow_in_a_row += 1
            wake_s = min(wake_s, fails_s)
        return wake_s

    def _patience_s(self) -> float:
        doublings = min(self._slow_in_a_row // self._config.parallel, PATIENCE_DOUBLINGS)
        return self._latency.patience_s(self._config.p50_times, self._config.p90_times) * (1 << doublings)

    # -- candidates ----------------------------------------------------------------------------------------------------

    def _take(self, peers: Iterable[P], source: Candidate[P] | None) -> None:
        """Take in peers that were named, unless they are beside the point."""
        named = {to_int(peer.id) ^ self._target: peer for peer in peers}
        if self._own is not None:
            named.pop(self._own, None)
        distances = sorted(named)
        if source is not None:
            distances = distances[: self._config.closer]
            if distances and distances[0] > source.distance and self._enough_nearer(source.distance):
                source.unrelated = True
                return
        for distance in distances:
            peer = named[distance]
            if (source is None or distance != source.distance) and self._trust.peer(peer.id) >= 0:
                self._candidates.add(peer, distance, source)
        self._candidates.trim()

    def _enough_nearer(self, distance: int) -> bool:
        """Whether as many as are wanted have answered from nearer than this."""
        nearer = 0
        for candidate in self._candidates:
            if candidate.distance >= distance or nearer >= self._config.wanted:
                break
            nearer += candidate.state is State.ANSWERED
        return nearer >= self._config.wanted

    def _told_of(self, peer_id: bytes) -> Candidate[P]:
        candidate = self._candidates.get(to_int(peer_id) ^ self._target)
        if candidate is None or candidate.state is State.NEW:
            raise NotAsked(peer_id)
        return candidate

    def _land(self, candidate: Candidate[P]) -> None:
        """It is in flight no more."""
        if self._flight.pop(candidate.distance, None) is not None and candidate.state is State.WAITING:
            self._waiting -= 1

    def _fail(self, candidate: Candidate[P]) -> None:
        self._land(candidate)
        candidate.credit(good=0, bad=0 if candidate.state is State.SLOW else 1)
        candidate.state = State.FAILED
        self._candidates.take_out(candidate)

    def _finish(self, end: End, now_s: float) -> Done[P, V]:
        everybody = self._candidates.all()
        answered = [candidate for candidate in everybody if candidate.state is State.ANSWERED]
        doubt = self._config.doubt_after
        self._done = Done(
            Result(
                end=end,
                closest=tuple(candidate.peer for candidate in answered[: self._config.wanted]),
                found=tuple(self._found),
                lacked=tuple(c.peer for c in answered if not c.has_value) if self.values else (),
                failed=tuple(c.peer for c in everybody if c.state is State.FAILED),
                discounted=tuple(c.peer for c in everybody if c.unrelated or not c.credible(doubt)),
                asked=self._asked,
                took_s=now_s - self._began_s,
            )
        )
        return self._done
