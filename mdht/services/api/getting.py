"""Gets: of content from whoever has it, of owned records and open names the newest that several replicas hold."""

from __future__ import annotations

from typing import Any

from ...errors import NotFound, TimedOut
from ...limits import REQUEST_TIMEOUT_S
from ...model import Content, Kind, Record, Signed, address_of, best_of, newest, unpack
from ...routing import End, Result
from ..commands import Get, GetAll, Have, HaveAll
from .commands import DoGet, DoGetAll, Got
from .desk import Desk
from .operation import Operation
from .patience import LOOK_AGAIN_S, may_be_there
from .read_repair import cache, mend
from .search import Search

_Result = Result[Any, Any]


class Getting:
    """Each method answers the operation, sooner or later."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get(self, operation: Operation, command: DoGet) -> None:
        """The record of a key: `Got`, NotFound or TimedOut."""
        kind = Kind(command.kind)
        address = address_of(kind, command.key, command.owner)
        if kind is Kind.CONTENT:
            self._content(operation, address, command.timeout_s)
        else:
            self._newest(operation, kind, address, command.timeout_s)

    def _content(self, operation: Operation, address: bytes, timeout_s: float) -> None:
        desk, question = self._desk, Get(address)
        asked_s = 0.0

        def local(value: Any, error: Exception | None) -> None:
            if isinstance(value, Have):
                operation.end(got(unpack(value.record)))
                return
            # Whoever is nearest of those we know mostly has it: α questions at once would be two too many.
            first = desk.nearest(address, 1)
            if first and not operation.over:
                nonlocal asked_s
                asked_s = desk.now_s
                patience_s = min(desk.latency.patience_s(), REQUEST_TIMEOUT_S, operation.left_s(desk.now_s))
                desk.once(first[0], question, patience_s, nearest)
            else:
                self._look(operation, question, timeout_s)

        def nearest(value: Any, error: Exception | None) -> None:
            if error is None:
                desk.latency.observe(desk.now_s - asked_s)
            record = desk.believed(address, value.record) if isinstance(value, Have) else None
            if record is not None:
                operation.end(got(record))
            else:
                self._look(operation, question, timeout_s)

        desk.ask_own(operation, question, local)

    def _look(self, operation: Operation, question: Get, timeout_s: float) -> None:
        """Search for content, and again where somebody may have it who could not be asked."""
        desk, address = self._desk, question.address
        if operation.over:
            return

        def found(result: _Result, search: Search) -> None:
            if result.found:
                cache(result.found[0].value, result, desk.cast)
                operation.end(got(result.found[0].value))
            elif _is_patient(operation, search) and operation.left_s(desk.now_s) > LOOK_AGAIN_S:
                desk.later(LOOK_AGAIN_S, lambda: self._look(operation, question, timeout_s))
            else:
                operation.end(error=_nothing(result, address, timeout_s, "get"))

        desk.search(operation, address, question, desk.one(address), found, values=1, wanted=desk.settings.replicas)

    def _newest(self, operation: Operation, kind: Kind, address: bytes, timeout_s: float) -> None:
        desk, own = self._desk, list[Any]()
        question: Get | GetAll = GetAll(address) if kind is Kind.OPEN else Get(address)

        def local(value: Any, error: Exception | None) -> None:
            if isinstance(value, Have):
                own.append(unpack(value.record))
            elif isinstance(value, HaveAll):
                own.append([unpack(one) for one in value.records])
            self._compare(operation, kind, question, own, timeout_s)

        desk.ask_own(operation, question, local)

    def _compare(
        self, operation: Operation, kind: Kind, question: Get | GetAll, own: list[Any], timeout_s: float
    ) -> None:
        """Search for versions besides our own, and again where there are none, and somebody could not be asked."""
        desk, settings = self._desk, self._desk.settings
        address = question.address
        if operation.over:
            return

        def found(result: _Result, search: Search) -> None:
            values = own + [one.value for one in result.found]
            best = _best(kind, values)
            if kind is Kind.OWNED:
                mend(newest(values), result, desk.cast)
            patient = not values and _is_patient(operation, search)
            if patient and operation.left_s(desk.now_s) > LOOK_AGAIN_S:
                desk.later(LOOK_AGAIN_S, lambda: self._compare(operation, kind, question, own, timeout_s))
            elif best is None:
                operation.end(error=_nothing(result, address, timeout_s, "get"))
            else:
                operation.end(best)

        read = desk.versions(address) if kind is Kind.OPEN else desk.one(address)
        desk.search(operation, address, question, read, found, values=settings.reads, wanted=settings.replicas)

    def get_all(self, operation: Operation, command: DoGetAll) -> None:
        """All owners' records of an open name: a list of `Got`, NotFound or TimedOut."""
        desk, own = self._desk, list[Any]()
        address = address_of(Kind.OPEN, command.key)
        question = GetAll(address)

        def local(value: Any, error: Exception | None) -> None:
            if isinstance(value, HaveAll):
                own.append([unpack(one) for one in value.records])
            wanted = desk.settings.replicas
            desk.search(operation, address, question, desk.versions(address), found, values=wanted + 1, wanted=wanted)

        def found(result: _Result, search: Search) -> None:
            versions: dict[bytes, list[Signed]] = {}
            for held in own + [one.value for one in result.found]:
                for record in held:
                    versions.setdefault(record.owner, []).append(record)
            live = [best for of in versions.values() if (best := newest(of)) is not None and not best.is_tombstone]
            if live:
                operation.end([got(record, len(live) - 1) for record in live])
            else:
                operation.end(error=_nothing(result, address, command.timeout_s, "get_all"))

        desk.ask_own(operation, question, local)


def _is_patient(operation: Operation, search: Search) -> bool:
    """Whether somebody may have it who could not be asked: a link broke, or is not there yet."""
    return operation.connecting > 0 or may_be_there(search.errors)


def got(record: Record, others: int = 0) -> Got:
    """What is told to who asked."""
    if isinstance(record, Content):
        return Got(record.value, record.key)
    return Got(record.value or b"", record.key, record.owner, record.sequence, record.expires_s, others)


def _best(kind: Kind, values: list[Any]) -> Got | None:
    """What the values of several replicas come to; None where it is nothing, or deleted."""
    if not values:
        return None
    if kind is Kind.OWNED:
        best = newest(values)
        return None if best is None or best.is_tombstone else got(best)
    chosen = best_of(values)
    return None if chosen is None else got(chosen.record, chosen.others)


def _nothing(result: _Result, address: bytes, timeout_s: float, what: str) -> Exception:
    if result.end is End.DEADLINE and not result.found:
        return TimedOut(what, timeout_s)
    return NotFound(address, result.asked)
