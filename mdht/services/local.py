"""Answers what peers ask: records from the store, and where it has none, the peers closest to them.

It stands beside the links. Where the store is on disk it reads there itself, in whatever process it lives, and only
puts go to the store service; with a store in memory, reads go there too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipc import Answer, Interned, Service, Token

from ..limits import CLOSEST_PEERS
from ..model import address_in
from .commands import Find, Get, GetAll, Have, Kept, Nearest, Put, Serve
from .links.places import PLACES
from .peers.commands import WhoIsThere
from .roster import Roster, nearer_than_chosen
from .store.reading import Readable, have, have_all
from .surroundings import Surroundings

if TYPE_CHECKING:
    from ..store.lmdb import PartsReader

_ROSTER = 0
"""Tag of the question for the roster; those of the store are above."""


class Local(Service):
    """Outlets: `store`, `peers`. `path` is that of an LMDB store, in however many parts; empty: a store in memory.

    Answers `Serve` as `commands` says; raises what the store raises.
    """

    per_host = True

    def __init__(self, path: str, around: Surroundings) -> None:
        self._path = path
        self._around = around

    def open(self) -> None:
        self._store: Readable | None = None
        self._reader: PartsReader | None = None
        if self._path:
            from ..store.lmdb import PartsReader

            self._store = self._reader = PartsReader(self._path)

    def start(self) -> None:
        self._open: dict[int, tuple[Token, Serve]] = {}
        self._last = self.shard
        self._handle: Interned | None = None
        self.outlets.peers.request(WhoIsThere(), _ROSTER)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def reshard(self, states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        """What is open is answered by the first; all know the roster, once one does."""
        opened = {tag: one for state in states for tag, one in state["_open"].items()}
        round_ = max(state["_last"] for state in states) // PLACES
        handle = next((state["_handle"] for state in states if state["_handle"] is not None), None)
        return [
            {"_open": {} if place else opened, "_last": round_ * PLACES + place, "_handle": handle}
            for place in range(count)
        ]

    def call(self, command: Any) -> Any:
        if type(command) is Answer:
            return self._answered(command)
        if type(command) is not Serve:
            raise TypeError(f"the local service knows no {command!r}")
        question = command.question
        if type(question) is Find:
            return self._nearest(question.target, question.peers)
        store = self._store
        if store is not None:
            if type(question) is Get:
                return self._completed(command, have(store, question, self._around.wall_s()))
            if type(question) is GetAll:
                return self._completed(command, have_all(store, question, self._around.wall_s()))
        self._last += PLACES  # so that no two places use the same
        self._open[self._last] = (self.later(), command)
        self.outlets.store.request(command, self._last)
        return None  # not sent: the token is answered

    @property
    def _roster(self) -> Roster:
        return Roster() if self._handle is None else self._handle.value

    def _nearest(self, target: bytes, count: int) -> Nearest:
        return Nearest(tuple([known.record for known in self._roster.closest(target, count)]))

    def _answered(self, answer: Answer) -> None:
        if answer.tag == _ROSTER:
            if answer.error is not None:
                raise answer.error
            self._handle = answer.value
            return
        token, serve = self._open.pop(answer.tag)
        if answer.error is not None:
            self.reply(token, error=answer.error)
        else:
            self.reply(token, self._completed(serve, answer.value))

    def _completed(self, serve: Serve, reply: Any) -> Any:
        """What the store said, and the peers that belong to it."""
        question = serve.question
        if reply is None:
            assert isinstance(question, Get | GetAll), "puts are answered"
            return self._nearest(question.address, CLOSEST_PEERS)
        if type(question) is Get and question.peers and type(reply) is Have:
            return Have(reply.record, reply.others, self._nearest(question.address, question.peers).peers)
        if type(question) is Put and question.chosen and type(reply) is Kept:
            peers = nearer_than_chosen(self._roster, address_in(question.record), question.chosen, serve.peer)
            if peers:
                return Kept(reply.verdict, reply.held, reply.lease_s, peers)
        return reply
