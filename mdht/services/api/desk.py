"""What the operations of the api service share: whom they ask, by which outlet, and what is believed of the answers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ipc import Answer, Interned, IpcError, Service, sendable

from ...errors import Rejected, RemoteError, TimedOut
from ...limits import REQUEST_TIMEOUT_S, VERIFIED_PEERS
from ...model import Identity, Record, Signed, unpack
from ...routing import Latency, Lookup, LookupConfig, Result
from ..commands import Question, Serve
from ..links.commands import Ask
from ..peers.commands import Silent
from ..roster import Known, Roster
from ..surroundings import Surroundings
from .asking import PeerAsked, ServiceAsked, Then
from .fan import Fan
from .operation import Operation
from .search import Book, Search

Read = Callable[[tuple[bytes, ...]], Any]
"""Packed records of one replica to what they are, verified. Raises RemoteError."""

Found = Callable[[Result[Known, Any], Search], None]
"""What is done with the end of a search."""


@sendable("mdht.api_settings")
@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Of the configuration, what operations need. `serves`: whether others can reach this node's store."""

    network: str
    replicas: int
    min_replicas: int
    reads: int
    alpha: int
    requests: int
    serves: bool
    durable: bool = False
    """What is to be put again is synced before a put is acknowledged."""


class Desk:
    """Asks services and peers, and brings each answer to who asked. For the thread of its service."""

    def __init__(
        self,
        service: Service,
        next_tag: Callable[[], int],
        identity: Identity,
        settings: ApiSettings,
        around: Surroundings,
    ) -> None:
        """`next_tag` numbers questions: never twice the same, wherever the service lived before."""
        self.identity = identity
        self.settings = settings
        self.wall_s = around.wall_s
        self.latency = Latency()
        self.asked = 0
        self.forged = 0
        self._service = service
        self._next_tag = next_tag
        self._book = Book(settings.network, identity.id, VERIFIED_PEERS, around.wall_s)
        self._then: dict[int, Then] = {}
        self.handle: Interned | None = None

    @property
    def now_s(self) -> float:
        """The loop's clock."""
        return self._service.loop.time()

    @property
    def roster(self) -> Roster:
        """Whom the node knows, as of now."""
        return Roster() if self.handle is None else self.handle.value

    # -- services ------------------------------------------------------------------------------------------------------

    def request(self, outlet: str, command: Any, then: Then) -> None:
        """Ask a service; `then` is told what it answered, or why it could not be asked."""
        tag = self._next_tag()
        self._then[tag] = then
        try:
            self._service.outlets[outlet].request(command, tag)
        except IpcError as error:
            del self._then[tag]
            then(None, error)

    def cast(self, outlet: str, command: Any) -> None:
        """Tell a service what needs no answer; where it is gone, or has too much to do, it goes untold."""
        with contextlib.suppress(IpcError):
            self._service.outlets[outlet].cast(command)

    def answered(self, answer: Answer) -> None:
        """An answer came."""
        error = answer.error
        assert error is None or isinstance(error, Exception), "answers carry those"
        then = self._then.pop(answer.tag, None)
        if then is not None:  # else it was asked before the service moved here
            then(answer.value, error)

    def later(self, delay_s: float, step: Callable[[], None]) -> None:
        """Do it then; a step looks itself whether its operation is over."""
        self._service.loop.call_later(delay_s, step)

    # -- peers ---------------------------------------------------------------------------------------------------------

    def nearest(self, target: bytes, count: int) -> list[Known]:
        """The nearest peers that we know ourselves, nearest first."""
        return self.roster.closest(target, count)

    def once(self, peer: Known, question: Question, timeout_s: float, then: Then) -> None:
        """Ask a peer, if it is linked."""
        self.asked += 1
        self.request("links", Ask(peer.id, question, timeout_s, self.roster.place_of(peer.id)), then)

    def ask(self, operation: Operation, peer: Known, question: Question, then: Then) -> None:
        """Over the link to that peer, which is made where there is none, or where it closed; some times (`patience`).

        Asking twice is harmless: a replica that has stored the same version already says so.
        """
        PeerAsked(self, operation, peer, question, then).ask()

    def ask_own(self, operation: Operation, question: Question, then: Then) -> None:
        """The store of this node; again where it died over it, and is started again."""
        self.ask_service(operation, "store", Serve(question), then)

    def ask_service(self, operation: Operation, outlet: str, command: Any, then: Then) -> None:
        """A service that may be asked the same twice; again where it died over it, and is started again."""
        ServiceAsked(self, operation, outlet, command, then).ask()

    def ask_s(self, operation: Operation) -> float:
        """Seconds for one question."""
        return min(REQUEST_TIMEOUT_S, operation.left_s(self.now_s))

    def search(
        self,
        operation: Operation,
        target: bytes,
        question: Question,
        read: Read,
        found: Found,
        *,
        values: int,
        wanted: int,
        share: float = 1.0,
    ) -> None:
        """A lookup from the peers nearest to the target. What `found` raises is the answer to who asked.

        It has that share of the time that is left: less than all where something is to be done with what it finds.
        """
        search, _ = self._search(
            operation,
            target,
            question,
            read,
            found,
            lambda peer, question, then: self.ask(operation, peer, question, then),
            seeds=self.nearest(target, 2 * wanted),
            values=values,
            wanted=wanted,
            parallel=self.settings.alpha,
            share=share,
        )
        operation.running = search
        search.step()

    def fan(
        self,
        operation: Operation,
        target: bytes,
        question: Question,
        seeds: list[Known],
        wanted: int,
        count: Callable[[Any], None],
        done: Callable[[tuple[Known, ...], list[Exception]], None],
    ) -> None:
        """The question to the `wanted` nearest of `seeds`, or to others where one of them is not there or not nearest.

        `count` is shown every answer. What `done` raises is the answer to who asked.
        """

        def ask(peer: Known, question: Question, then: Then) -> None:
            def told(value: Any, error: Exception | None) -> None:
                if error is None:
                    count(value)
                then(value, error)

            self.ask(operation, peer, question, told)

        def no_value(packed: tuple[bytes, ...]) -> None:
            raise Rejected("a record in answer to a put")

        def take_over() -> tuple[Search, Lookup[Known, Any]]:
            return self._search(
                operation,
                target,
                question,
                no_value,
                lambda result, search: finish(result.closest, search.errors),
                ask,
                seeds=seeds,
                values=0,
                wanted=wanted,
                parallel=wanted,
            )

        def finish(closest: tuple[Known, ...], errors: list[Exception]) -> None:
            try:
                done(closest, errors)
            except Exception as error:
                operation.end(error=error)

        Fan(
            self._service.loop,
            operation,
            seeds[:wanted],
            lambda peer, then: ask(peer, question, then),
            take_over,
            self.latency.patience_s() * 2,
            finish,
        )

    def _search(
        self,
        operation: Operation,
        target: bytes,
        question: Question,
        read: Read,
        found: Found,
        ask: Callable[[Known, Question, Then], None],
        *,
        seeds: list[Known],
        values: int,
        wanted: int,
        parallel: int,
        share: float = 1.0,
    ) -> tuple[Search, Lookup[Known, Any]]:
        def asking(peer: Known, question: Question, search: Search) -> None:
            def then(value: Any, error: Exception | None) -> None:
                if error is None:
                    search.answered(peer, value)
                else:
                    self._silent(peer, error)
                    search.failed(peer, error)

            ask(peer, question, then)

        def done(result: Result[Known, Any]) -> None:
            self.forged += search.forged
            try:
                found(result, search)
            except Exception as error:
                operation.end(error=error)

        now_s = self.now_s
        lookup: Lookup[Known, Any] = Lookup(
            target,
            seeds,
            now_s,
            own_id=self.identity.id,
            values=values,
            config=LookupConfig(
                parallel=parallel,
                wanted=wanted,
                timeout_s=operation.left_s(now_s) * share,
                peer_timeout_s=REQUEST_TIMEOUT_S,
            ),
            latency=self.latency,
        )
        search = Search(self._service.loop, lookup, question, asking, read, self._book.known, done)
        return search, lookup

    def _silent(self, peer: Known, error: Exception) -> None:
        """The table is told of peers that leave questions unanswered."""
        if isinstance(error, TimedOut):
            self._service.outlets.peers.cast(Silent(peer.id))

    # -- what is believed ----------------------------------------------------------------------------------------------

    def one(self, address: bytes) -> Read:
        """Reads the record of an address. Replicas mostly have the same: what was verified is not verified again."""
        known: dict[bytes, Record] = {}

        def read(packed: tuple[bytes, ...]) -> Record:
            record = known.get(packed[0])
            if record is None:
                record = unpack(packed[0])
                record.verify(self.settings.network, self.wall_s(), address)
                known[packed[0]] = record
            return record

        return read

    def versions(self, address: bytes) -> Read:
        """Reads what one replica holds under an open name."""
        one = self.one(address)

        def read(packed: tuple[bytes, ...]) -> list[Signed]:
            records: list[Signed] = []
            for packed_record in packed:
                record = one((packed_record,))
                assert isinstance(record, Signed), "no content has this address"
                records.append(record)
            return records

        return read

    def believed(self, address: bytes, packed: bytes) -> Record | None:
        """The record, if it is the one of that address."""
        try:
            record: Record = self.one(address)((packed,))
        except RemoteError:
            self.forged += 1
            return None
        return record
