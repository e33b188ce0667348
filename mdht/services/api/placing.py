"""Puts: to the peers nearest to a record's address, and to this node where it is one of them.

A put is a lookup whose question is the put itself: every replica that stores it also names peers that are nearer than
those chosen, and they are asked in turn, as are others in place of those who fail. Where this node does not know the
neighbourhood of the address, a lookup without the record comes first, so that nobody on the way stores what is not
theirs to keep.

The next sequence of our own record is not asked for, but tried: as compare-and-set on the one that we believe to be
held. Replicas that hold another one say so, and are put to again, with a higher sequence where one is needed.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final

from ipc import Closed, IpcError

from ...errors import LocalError, MdhtError, Rejected, TooFewReplicas
from ...limits import CONTENT_LEASE_S, EXPIRES_S, NUMBER_MAX
from ...model import Content, Kind, Record, Signed, address_of
from ...model.record import content_key
from ...routing import Result
from ..commands import Find, Kept, Put
from ..roster import Known, marks_of
from ..upkeep.commands import Forget, Remember
from .commands import DoForget, DoPut, PutDone
from .desk import Desk
from .operation import Operation
from .patience import is_gone
from .search import Search
from .tally import Tally

_Result = Result[Any, Any]

_SEQUENCES: Final = 4_096
"""Own records whose last sequence is remembered, some 500 KiB; of others it is found out by the first put."""


class Placing:
    """`put` answers the operation, sooner or later."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._own = int.from_bytes(desk.identity.id, "big")
        self._sequences: OrderedDict[bytes, int] = OrderedDict()

    def check(self, command: DoPut) -> None:
        """Raises what is wrong with the command, before anybody is asked: LocalError, TooLarge, BadRecord."""
        if command.kind != Kind.CONTENT:
            self.sign(command, command.sequence or (command.expect or 0) + 1, check=True)
        elif command.value is None:
            raise LocalError("content is not deleted: nobody owns it; its lease runs out")
        else:
            Content.make(command.value)

    def put(self, operation: Operation, command: DoPut) -> None:
        """Put a value, or a tombstone where it has none: `PutDone`, or an error."""
        kind = Kind(command.kind)
        if kind is Kind.CONTENT:
            content = Content.make(command.value or b"")
            _Put(self, operation, command, content, content.address).find()
            return
        address = address_of(kind, command.key, self._desk.identity.public)
        if command.sequence or command.expect is not None:
            sequence = command.sequence or (command.expect or 0) + 1
            record = self.sign(command, sequence)
            _Put(self, operation, command, record, address, expect=command.expect).find()
            return
        believed = self._sequences.get(address, 0)
        record = self.sign(command, min(believed + 1, NUMBER_MAX))
        _Put(self, operation, command, record, address, expect=believed, tries=True).find()

    def forget(self, operation: Operation, command: DoForget) -> None:
        """Put a record of ours again no more: whether it was remembered, or an error."""
        kind = Kind(command.kind)
        public = self._desk.identity.public
        address = address_of(kind, command.key, b"" if kind is Kind.CONTENT else public)
        forget = Forget(address, public if kind is Kind.OPEN else b"")
        self._desk.ask_service(operation, "published", forget, operation.end)

    def sign(self, command: DoPut, sequence: int, check: bool = False) -> Signed:
        """That version of what is put; to `check` it, unsigned. Raises what is wrong with it."""
        desk, now_s = self._desk, command.at_s or self._desk.wall_s()
        return Signed.sign(
            desk.identity,
            desk.settings.network,
            Kind(command.kind),
            command.key,
            command.value,
            sequence=sequence,
            expires_s=int(now_s) + min(command.keep_s or EXPIRES_S, EXPIRES_S),
            now_s=now_s,
            unsigned=check,
        )

    def remember(self, address: bytes, sequence: int) -> None:
        """The sequence that the replicas hold now."""
        self._sequences[address] = max(sequence, self._sequences.pop(address, 0))
        if len(self._sequences) > _SEQUENCES:
            self._sequences.popitem(last=False)

    @property
    def desk(self) -> Desk:
        """Whom to ask, and how."""
        return self._desk

    def is_nearer(self, target: int, peer: Known) -> bool:
        """Whether this node is nearer to the target than that peer."""
        return self._own ^ target < int.from_bytes(peer.id, "big") ^ target


class _Put:
    """One put. `tries`: the sequence is a guess, and another may be taken."""

    def __init__(
        self,
        placing: Placing,
        operation: Operation,
        command: DoPut,
        record: Record,
        address: bytes,
        *,
        expect: int | None = None,
        tries: bool = False,
    ) -> None:
        self._placing = placing
        self._desk = placing.desk
        self._operation = operation
        self._command = command
        self._record = record
        self._address = address
        self._expect = expect
        self._tries = tries
        self._wanted = command.replicas or self._desk.settings.replicas
        self._peers: tuple[Known, ...] = ()
        self._errors: list[Exception] = []

    def find(self) -> None:
        """Find out who is to have it, then put."""
        desk, address, wanted = self._desk, self._address, self._wanted

        def no_value(packed: tuple[bytes, ...]) -> None:
            raise Rejected("a record where peers were asked for")

        def found(result: _Result, search: Search) -> None:
            self._errors = search.errors
            self._send(list(result.closest), list(result.closest))

        if desk.roster.covers(desk.identity.id, address, wanted):
            near = desk.nearest(address, 2 * wanted)
            self._send(near[:wanted], near)
        else:
            question = Find(address, wanted)
            desk.search(self._operation, address, question, no_value, found, values=0, wanted=wanted, share=0.5)

    def _send(self, chosen: list[Known], seeds: list[Known]) -> None:
        """One round: to those chosen, and whoever turns out to be nearer."""
        desk, operation, wanted = self._desk, self._operation, self._wanted
        target = int.from_bytes(self._address, "big")
        here = desk.settings.serves and (
            len(chosen) < wanted or any(self._placing.is_nearer(target, peer) for peer in chosen[:wanted])
        )
        peers = chosen[: wanted - here]
        if not peers and not here:
            why = str(next(iter(self._errors), "no peer was found: connect first"))
            raise TooFewReplicas(0, wanted, why)
        record = self._record
        signed = record if isinstance(record, Signed) else None
        tally = Tally(
            key=signed.key if signed is not None else content_key(self._command.value or b""),
            sequence=signed.sequence if signed is not None else 0,
            expect=self._command.expect,
            wanted=wanted,
            least=min(desk.settings.min_replicas, wanted),
        )
        if not peers:
            tally.errors += self._errors
        waits = [bool(here), bool(peers)]

        def late() -> None:
            self._tries = False  # there is no time for another round
            self._finish(tally)

        def done(part: int) -> None:
            waits[part] = False
            if not any(waits) and not operation.over:
                self._finish(tally)

        def own(value: Any, error: Exception | None) -> None:
            if isinstance(error, IpcError) and not is_gone(error):
                operation.end(error=error)
            elif error is not None:
                tally.errors.append(error)
            else:
                tally.count(value, own=True)
            done(0)

        def count(value: Any) -> None:
            if isinstance(value, Kept):
                tally.count(value)

        def found(closest: tuple[Known, ...], errors: list[Exception]) -> None:
            self._peers = closest
            tally.errors += errors
            done(1)

        ids = [peer.id for peer in peers]
        marks = marks_of([*ids, desk.identity.id] if here else ids)
        lease_s = 0 if signed is not None else min(self._command.keep_s, CONTENT_LEASE_S)
        question = Put(record.pack(), self._expect, lease_s, marks)
        operation.late = late  # some replicas are silent: it counts what the others said
        if here:
            desk.ask_own(operation, question, own)
        if peers:
            desk.fan(operation, self._address, question, seeds, len(peers), count, found)

    def _finish(self, tally: Tally) -> None:
        """All have answered: what that means."""
        signed = self._record
        if self._tries and isinstance(signed, Signed) and (tally.conflicts or tally.superseded):
            self._again(signed, tally)
            return
        try:
            done = tally.result()
        except MdhtError as error:
            self._operation.end(error=error)
            return
        if isinstance(signed, Signed):
            self._placing.remember(self._address, signed.sequence)
        self._remember(signed, done)

    def _remember(self, record: Record, done: PutDone) -> None:
        """Write down that it is put again; on a disk, before anybody hears of it: a crash then forgets nothing told."""
        desk, operation = self._desk, self._operation
        if not desk.settings.durable:
            desk.cast("published", Remember(record.pack(), self._command.keep_s))
            operation.end(done)
            return
        unsure = replace(done, remembered=False)
        operation.late = lambda: operation.end(unsure)

        def remembered(value: bool | None, error: Exception | None) -> None:
            if isinstance(error, Closed):
                operation.end(error=error)  # the node stops
            else:
                operation.end(done if value else unsure)

        desk.ask_service(operation, "published", Remember(record.pack(), self._command.keep_s, synced=True), remembered)

    def _again(self, signed: Signed, tally: Tally) -> None:
        """Some replica holds another sequence than we believed: without a condition, and above all of them."""
        self._tries, self._expect = False, None
        try:
            if tally.held >= signed.sequence:
                self._record = self._placing.sign(self._command, min(tally.held + 1, NUMBER_MAX))
            self._send(list(self._peers), list(self._peers))
        except MdhtError as error:
            self._operation.end(error=error)
