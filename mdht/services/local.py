"""Answers what peers ask: records from the store, and where it has none, the peers closest to them."""

from __future__ import annotations

from typing import Any

from ipc import Answer, Service, Token

from ..limits import CLOSEST_PEERS
from .commands import Find, Get, GetAll, Have, Nearby, Nearest, Put, Serve


class Local(Service):
    """Outlets: `store`, `peers`. Answers `Serve` as `commands` says; raises what the store raises."""

    def start(self) -> None:
        self._open: dict[int, tuple[Token, Serve, Have | None]] = {}
        self._last = 0

    def call(self, command: Any) -> Any:
        if type(command) is Answer:
            self._answered(command)
            return None
        if type(command) is not Serve:
            raise TypeError(f"the local service knows no {command!r}")
        self._last += 1
        self._open[self._last] = (self.later(), command, None)
        question = command.question
        if type(question) is Find:
            self.outlets.peers.request(Nearby(question.target, question.peers), self._last)
        else:
            self.outlets.store.request(command, self._last)
        return None

    def _answered(self, answer: Answer) -> None:
        token, serve, have = self._open.pop(answer.tag)
        question, reply = serve.question, answer.value
        if answer.error is not None:
            self.reply(token, error=answer.error)
        elif have is not None:  # it was waiting for its peers
            self.reply(token, Have(have.record, have.others, reply.peers))
        elif reply is None and isinstance(question, Get | GetAll):
            self._open[answer.tag] = (token, serve, None)
            self.outlets.peers.request(Nearby(question.address, CLOSEST_PEERS), answer.tag)
        elif type(question) is Get and question.peers and type(reply) is Have:
            self._open[answer.tag] = (token, serve, reply)
            self.outlets.peers.request(Nearby(question.address, question.peers), answer.tag)
        else:
            assert reply is not None or not isinstance(question, Put), "puts are answered"
            self.reply(token, reply if reply is not None else Nearest(()))
