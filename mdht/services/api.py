"""The api service: what our own user asks, each with a deadline; drives lookups, and asks peers over their links.

A request is answered once, in time: with its result, or with the error that says why not. Peers that are not linked are
connected on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipc import Answer, IpcError, Service

from ..errors import LinkClosed, LocalError, MdhtError, NotFound, Rejected, RemoteError, TimedOut, TooFewReplicas
from ..limits import CONTENT_LEASE_S, EXPIRES_S, NUMBER_MAX, VERIFIED_PEERS, K
from ..model import Content, Identity, Kind, Record, Signed, address_of, best_of, newest, unpack
from ..model.record import content_key
from ..routing import End, Latency, Lookup, LookupConfig, Result
from .commands import (
    ApiNumbers,
    ApiStats,
    Ask,
    Connect,
    DoConnect,
    DoGet,
    DoGetAll,
    DoPut,
    DoRefresh,
    Find,
    Get,
    GetAll,
    Got,
    Have,
    HaveAll,
    Nearby,
    Put,
    Question,
    Serve,
    Silent,
)
from .errors import NotLinked, TooBusy
from .operation import Operation
from .putting import Tally
from .search import Book, Known, Search
from .surroundings import Surroundings

_ASK_S = 5.0
"""Seconds for one question, where the request has that long."""

Then = Callable[[Any, Exception | None], None]
Found = Callable[[Result[Known, Any], Search], None]


class Api(Service):
    """See the module. Outlets: `links`, `peers`, `store`. `serves`: whether others can reach this node's store."""

    def __init__(
        self,
        identity: Identity,
        network: str,
        replicas: int,
        min_replicas: int,
        reads: int,
        alpha: int,
        most: int,
        serves: bool,
        around: Surroundings,
    ) -> None:
        self._identity = identity
        self._network = network
        self._replicas = replicas
        self._min_replicas = min_replicas
        self._reads = reads
        self._alpha = alpha
        self._most = most
        self._serves = serves
        self._around = around

    def start(self) -> None:
        self._own = int.from_bytes(self._identity.id, "big")
        self._book = Book(self._network, self._identity.id, VERIFIED_PEERS, self._around.wall_s)
        self._latency = Latency()
        self._then: dict[int, Then] = {}
        self._last = 0
        self._operations: set[Operation] = set()
        self._puts = self._gets = self._failed = self._asked = self._forged = 0

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is Answer:
            self._then.pop(command.tag)(command.value, command.error)
        elif kind is DoGet:
            self._get(command)
        elif kind is DoPut:
            self._put(command)
        elif kind is DoGetAll:
            self._get_all(command)
        elif kind is DoConnect:
            self._connect(command)
        elif kind is DoRefresh:
            self._refresh(command)
        elif kind is ApiNumbers:
            return ApiStats(self._puts, self._gets, self._failed, len(self._operations), self._asked, self._forged)
        else:
            raise TypeError(f"the api service knows no {command!r}")
        return None

    def close(self) -> None:
        for operation in list(self._operations):
            operation.cancel()

    # -- operations ----------------------------------------------------------------------------------------------------

    def _begin(self, timeout_s: float, what: str) -> Operation:
        if len(self._operations) >= self._most:
            raise TooBusy(self._most)
        operation = Operation(self.loop, self.later(), timeout_s, self._end)
        operation.late = lambda: operation.end(error=TimedOut(what, timeout_s))
        self._operations.add(operation)
        return operation

    def _end(self, operation: Operation, value: Any, error: Exception | None) -> None:
        self._operations.discard(operation)
        if operation.search is not None:
            self._forged += operation.search.forged
        if error is not None:
            self._failed += 1
            self.reply(operation.token, error=error)
        else:
            self.reply(operation.token, value)

    def _request(self, outlet: str, command: Any, then: Then) -> None:
        self._last += 1
        self._then[self._last] = then
        try:
            self.outlets[outlet].request(command, self._last)
        except IpcError as error:
            del self._then[self._last]
            then(None, error)

    def _guarded(self, operation: Operation, step: Callable[[], None]) -> None:
        """Whatever a step raises is the answer to who asked."""
        try:
            step()
        except Exception as error:
            operation.end(error=error)

    # -- asking peers --------------------------------------------------------------------------------------------------

    def _ask(self, operation: Operation, peer: Known, question: Question, then: Then) -> None:
        """Over the link to that peer, which is made where there is none, or where it closed: once.

        Asking twice is harmless: a replica that has stored the same version already says so.
        """

        def asked(value: Any, error: Exception | None) -> None:
            if isinstance(error, IpcError):
                operation.end(error=error)  # the node stops, or has too much to do: that says nothing of the peer
            elif isinstance(error, NotLinked | LinkClosed) and not operation.over:
                self._request("peers", Connect(peer.record), connected)
            else:
                then(value, error)

        def connected(_: Any, error: Exception | None) -> None:
            if isinstance(error, IpcError):
                operation.end(error=error)
            elif error is not None or operation.over:
                then(None, error or TimedOut("a link", 0.0))
            else:
                self._asked += 1
                self._request("links", Ask(peer.id, question, self._ask_s(operation)), again)

        def again(value: Any, error: Exception | None) -> None:
            if isinstance(error, IpcError):
                operation.end(error=error)
            else:
                then(value, error)

        self._asked += 1
        self._request("links", Ask(peer.id, question, self._ask_s(operation)), asked)

    def _ask_s(self, operation: Operation) -> float:
        return min(_ASK_S, operation.left_s(self.loop.time()))

    def _search(
        self,
        operation: Operation,
        target: bytes,
        question: Question,
        values: int,
        wanted: int,
        read: Callable[[tuple[bytes, ...]], Any],
        found: Found,
    ) -> None:
        """A lookup from the contacts nearest to the target."""

        def ask(peer: Known, question: Question, search: Search) -> None:
            def then(value: Any, error: Exception | None) -> None:
                if error is not None:
                    if isinstance(error, TimedOut):
                        self.outlets.peers.cast(Silent(peer.id))
                    search.failed(peer, error)
                else:
                    search.answered(peer, value)

            self._ask(operation, peer, question, then)

        def near(value: Any, error: Exception | None) -> None:
            if operation.over:
                return
            if error is not None:
                operation.end(error=error)
                return
            now_s = self.loop.time()
            lookup: Lookup[Known, Any] = Lookup(
                target,
                self._book.known(value.peers),
                now_s,
                own_id=self._identity.id,
                values=values,
                config=LookupConfig(
                    parallel=self._alpha, wanted=wanted, timeout_s=operation.left_s(now_s), peer_timeout_s=_ASK_S
                ),
                latency=self._latency,
            )

            def done(result: Result[Known, Any]) -> None:
                self._guarded(operation, lambda: found(result, search))

            search = Search(self.loop, lookup, question, ask, read, self._book.known, done)
            operation.search = search
            search.step()

        self._request("peers", Nearby(target, K), near)

    # -- get -----------------------------------------------------------------------------------------------------------

    def _get(self, command: DoGet) -> None:
        operation = self._begin(command.timeout_s, "get")
        self._gets += 1
        kind = Kind(command.kind)
        address = address_of(kind, command.key, command.owner)

        def local(value: Any, error: Exception | None) -> None:
            if isinstance(value, Have):
                record = unpack(value.record)
                if isinstance(record, Content):
                    operation.end(_got(record))
                    return
                own.append(record)
            elif isinstance(value, HaveAll):
                own.append([unpack(one) for one in value.records])
            if kind is Kind.CONTENT:
                self._request("peers", Nearby(address, 1), nearest)
            else:
                look()

        def nearest(value: Any, error: Exception | None) -> None:
            """Whoever is nearest of those we know mostly has it: α questions at once would be two too many."""
            first = self._book.known(value.peers) if error is None else []
            if operation.over or not first:
                look()
                return
            self._asked += 1
            patience_s = min(self._latency.patience_s(), self._ask_s(operation))
            self._request("links", Ask(first[0].id, question, patience_s), opened)

        def opened(value: Any, error: Exception | None) -> None:
            if isinstance(value, Have):
                try:
                    record = self._one(address)((value.record,))
                except RemoteError:
                    self._forged += 1
                else:
                    operation.end(_got(record))
                    return
            look()

        def look() -> None:
            if not operation.over:
                self._search(operation, address, question, values, self._replicas, reader(address), found)

        def found(result: Result[Known, Any], search: Search) -> None:
            values = own + [one.value for one in result.found]
            got = _best(kind, values)
            if got is None:
                operation.end(error=_nothing(result, address, command.timeout_s, "get"))
            else:
                operation.end(got)

        own: list[Any] = []
        question: Question
        reader: Callable[[bytes], Callable[[tuple[bytes, ...]], Any]]
        if kind is Kind.OPEN:
            question, reader, values = GetAll(address), self._versions, self._reads
        else:
            question, reader, values = Get(address), self._one, 1 if kind is Kind.CONTENT else self._reads
        self._request("store", Serve(question), local)

    def _get_all(self, command: DoGetAll) -> None:
        operation = self._begin(command.timeout_s, "get_all")
        self._gets += 1
        address = address_of(Kind.OPEN, command.key)

        def local(value: Any, error: Exception | None) -> None:
            if isinstance(value, HaveAll):
                own.append([unpack(one) for one in value.records])
            reader = self._versions(address)
            self._search(operation, address, GetAll(address), self._replicas + 1, self._replicas, reader, found)

        def found(result: Result[Known, Any], search: Search) -> None:
            versions: dict[bytes, list[Signed]] = {}
            for held in own + [one.value for one in result.found]:
                for record in held:
                    versions.setdefault(record.owner, []).append(record)
            live = [best for of in versions.values() if (best := newest(of)) is not None and not best.is_tombstone]
            if live:
                operation.end([_got(record, len(live) - 1) for record in live])
            else:
                operation.end(error=_nothing(result, address, command.timeout_s, "get_all"))

        own: list[Any] = []
        self._request("store", Serve(GetAll(address)), local)

    def _one(self, address: bytes) -> Callable[[tuple[bytes, ...]], Record]:
        """Reads the record of an address, verified."""

        def read(packed: tuple[bytes, ...]) -> Record:
            record = unpack(packed[0])
            record.verify(self._network, self._around.wall_s(), address)
            return record

        return read

    def _versions(self, address: bytes) -> Callable[[tuple[bytes, ...]], list[Signed]]:
        """Reads what one replica holds under an open name, all of it verified."""

        def read(packed: tuple[bytes, ...]) -> list[Signed]:
            now_s = self._around.wall_s()
            records: list[Signed] = []
            for one in packed:
                record = unpack(one)
                record.verify(self._network, now_s, address)
                assert isinstance(record, Signed), "no content has this address"
                records.append(record)
            return records

        return read

    # -- put -----------------------------------------------------------------------------------------------------------

    def _put(self, command: DoPut) -> None:
        kind = Kind(command.kind)
        if kind is Kind.CONTENT:
            if command.value is None:
                raise LocalError("content is not deleted: nobody owns it; its lease runs out")
            record: Record = Content.make(command.value)
            operation = self._begin(command.timeout_s, "put")
            self._puts += 1
            self._place(operation, command, record, record.address)
            return
        sequence = command.sequence or (0 if command.expect is None else command.expect + 1)
        if sequence:
            signed = self._sign(kind, command, sequence)
            operation = self._begin(command.timeout_s, "put")
            self._puts += 1
            self._place(operation, command, signed, signed.address)
            return
        self._sign(kind, command, 1)  # whatever is wrong with it is said before anybody is asked
        operation = self._begin(command.timeout_s, "put")
        self._puts += 1
        address = address_of(kind, command.key, self._identity.public)
        self._next_sequence(operation, kind, command, address)

    def _next_sequence(self, operation: Operation, kind: Kind, command: DoPut, address: bytes) -> None:
        """One more than the newest version that the replicas hold of ours; one lookup finds them, too."""
        wanted = command.replicas or self._replicas
        own: list[Any] = []

        def local(value: Any, error: Exception | None) -> None:
            if isinstance(value, HaveAll):
                own.append([unpack(one) for one in value.records])
            reader = self._versions(address)
            self._search(operation, address, GetAll(address), wanted + 1, wanted, reader, found)

        def found(result: Result[Known, Any], search: Search) -> None:
            replicas = own + [one.value for one in result.found]
            mine = [one.sequence for held in replicas for one in held if one.owner == self._identity.public]
            record = self._sign(kind, command, min(max(mine, default=0) + 1, NUMBER_MAX))
            self._send(operation, command, record, address, result, search)

        self._request("store", Serve(GetAll(address)), local)

    def _sign(self, kind: Kind, command: DoPut, sequence: int) -> Signed:
        now_s = self._around.wall_s()
        keep_s = min(command.keep_s or EXPIRES_S, EXPIRES_S)
        return Signed.sign(
            self._identity,
            self._network,
            kind,
            command.key,
            command.value,
            sequence=sequence,
            expires_s=int(now_s) + keep_s,
            now_s=now_s,
        )

    def _place(self, operation: Operation, command: DoPut, record: Record, address: bytes) -> None:
        """Find the replicas, and put."""
        wanted = command.replicas or self._replicas

        def found(result: Result[Known, Any], search: Search) -> None:
            self._send(operation, command, record, address, result, search)

        self._search(operation, address, Find(address, wanted), 0, wanted, self._one(address), found)

    def _send(
        self,
        operation: Operation,
        command: DoPut,
        record: Record,
        address: bytes,
        result: Result[Known, Any],
        search: Search,
    ) -> None:
        """To the nearest that answered, and to ourselves where we are one of them."""
        wanted = command.replicas or self._replicas
        signed = record if isinstance(record, Signed) else None
        tally = Tally(
            key=signed.key if signed is not None else content_key(command.value or b""),
            sequence=signed.sequence if signed is not None else 0,
            expect=command.expect,
            wanted=wanted,
            least=min(self._min_replicas, wanted),
        )
        peers = list(result.closest[:wanted])
        target = int.from_bytes(address, "big")
        ours = self._own ^ target
        here = self._serves and (
            len(peers) < wanted or any(int.from_bytes(peer.id, "big") ^ target > ours for peer in peers)
        )
        if here:
            peers = peers[: wanted - 1]
        lease_s = 0 if signed is not None else min(command.keep_s, CONTENT_LEASE_S)
        question = Put(record.pack(), command.expect, lease_s)
        tally.waiting = len(peers) + here
        if not peers:
            tally.errors += search.errors
        if not tally.waiting:
            why = "no peer was found: connect first" if not result.asked else str(next(iter(tally.errors), "no answer"))
            raise TooFewReplicas(0, wanted, why)

        def finish() -> None:
            try:
                operation.end(tally.result())
            except MdhtError as error:
                operation.end(error=error)

        def counted(own: bool) -> Then:
            def then(value: Any, error: Exception | None) -> None:
                tally.waiting -= 1
                if isinstance(error, IpcError):
                    operation.end(error=error)
                elif error is not None:
                    tally.errors.append(error)
                else:
                    tally.count(value, own)
                if not tally.waiting and not operation.over:
                    finish()

            return then

        operation.late = finish  # some replicas are silent: it counts what the others said
        if here:
            self._request("store", Serve(question), counted(True))
        for peer in peers:
            self._ask(operation, peer, question, counted(False))

    # -- peers ---------------------------------------------------------------------------------------------------------

    def _connect(self, command: DoConnect) -> None:
        operation = self._begin(command.timeout_s, f"connecting to {command.seed}")

        def then(value: Any, error: Exception | None) -> None:
            operation.end(value, error)

        self._request("peers", Connect(seed=command.seed), then)

    def _refresh(self, command: DoRefresh) -> None:
        operation = self._begin(command.timeout_s, "a refresh")

        def found(result: Result[Known, Any], search: Search) -> None:
            operation.end(len(result.closest))

        def no_value(packed: tuple[bytes, ...]) -> None:
            raise Rejected("a record where peers were asked for")

        self._search(operation, command.target, Find(command.target, K), 0, K, no_value, found)


def _got(record: Record, others: int = 0) -> Got:
    if isinstance(record, Content):
        return Got(record.value, record.key)
    return Got(record.value or b"", record.key, record.owner, record.sequence, record.expires_s, others)


def _best(kind: Kind, values: list[Any]) -> Got | None:
    """What the values of several replicas come to; None where it is nothing, or deleted."""
    if not values:
        return None
    if kind is Kind.CONTENT:
        return _got(values[0])
    if kind is Kind.OWNED:
        best = newest(values)
        return None if best is None or best.is_tombstone else _got(best)
    chosen = best_of(values)
    return None if chosen is None else _got(chosen.record, chosen.others)


def _nothing(result: Result[Known, Any], address: bytes, timeout_s: float, what: str) -> Exception:
    if result.end is End.DEADLINE and not result.found:
        return TimedOut(what, timeout_s)
    return NotFound(address, result.asked)
