"""What the store says of a put, from what became of it."""

from __future__ import annotations

from ...codec import Verdict as Code
from ...model import Content, Record
from ...model.record import Signed
from ...store import CompareFailed, NotNewer, Stored, Superseded, Verdict
from ..commands import Kept


def kept(record: Record, verdict: Verdict, now_s: float) -> Kept:
    """What is told of a verdict. Raises its error where the record was not even considered."""
    sequence = record.sequence if isinstance(record, Signed) else 0
    if isinstance(verdict, Stored):
        lease_s = max(0, int(verdict.until_s - now_s)) if isinstance(record, Content) else 0
        return Kept(int(Code.HELD if verdict.renewed else Code.STORED), sequence, lease_s)
    if isinstance(verdict, NotNewer):
        lease_s = max(0, int(verdict.until_s - now_s)) if isinstance(record, Content) else 0
        return Kept(int(Code.HELD), sequence, lease_s)
    if isinstance(verdict, Superseded):
        return Kept(int(Code.SUPERSEDED), verdict.held)
    if isinstance(verdict, CompareFailed):
        return Kept(int(Code.CONFLICT), verdict.held)
    error = verdict.error()
    assert error is not None, "a refusal"
    raise error
