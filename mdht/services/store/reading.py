"""Answers to the two reading questions, from any store: in the store service, and in readers beside links."""

from __future__ import annotations

from typing import Protocol

from ...limits import BATCH_RECORD_BYTES
from ...model import Kind
from ...store import Held
from ..commands import Get, GetAll, Have, HaveAll


class Readable(Protocol):
    """A store, or a reader of one."""

    def get(self, address: bytes, now_s: float) -> Held | None:
        """See `Store.get`."""

    def get_all(self, address: bytes, now_s: float) -> list[Held]:
        """See `Store.get_all`."""


def have(store: Readable, question: Get, now_s: float) -> Have | None:
    """The record of an address; of an open name the first, and how many others there are. Raises as the store."""
    held = store.get(question.address, now_s)
    if held is None:
        return None
    if held.packed[0] != Kind.CONTENT and held.record.kind == Kind.OPEN:
        return Have(held.packed, len(store.get_all(question.address, now_s)) - 1)
    return Have(held.packed)


def have_all(store: Readable, question: GetAll, now_s: float) -> HaveAll | None:
    """The records of an open name but the first `skip`, as many as fit one answer. Raises what the store does."""
    held = store.get_all(question.address, now_s)
    if not held:
        return None
    records: list[bytes] = []
    size = 0
    for one in held[question.skip :]:
        size += len(one.packed)
        if records and size > BATCH_RECORD_BYTES:
            break
        records.append(one.packed)
    return HaveAll(tuple(records), len(held))
