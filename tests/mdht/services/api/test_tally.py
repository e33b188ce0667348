"""What the answers of replicas mean for who put."""

from __future__ import annotations

import pytest

from mdht.codec import Verdict
from mdht.errors import Conflict, Superseded, TimedOut, TooFewReplicas
from mdht.services.api.commands import PutDone
from mdht.services.api.tally import Tally
from mdht.services.commands import Kept


def tally(*verdicts: Verdict, own: bool = False, wanted: int = 4, least: int = 1, held: int = 9) -> Tally:
    """The first answer is this node's own, if `own`."""
    made = Tally(b"key", 5, 4, wanted, least)
    for at, verdict in enumerate(verdicts):
        made.count(Kept(int(verdict), held), own and at == 0)
    return made


STORED, HELD, CONFLICT, OLD = Verdict.STORED, Verdict.HELD, Verdict.CONFLICT, Verdict.SUPERSEDED


def test_counts_who_has_it() -> None:
    assert tally(STORED, HELD, STORED).result() == PutDone(b"key", 5, 3, 4)


def test_a_replica_that_is_behind_does_not_fail_it() -> None:
    assert tally(STORED, STORED, CONFLICT).result().stored == 2
    assert tally(STORED, STORED, OLD).result().stored == 2


def test_as_many_against_as_for() -> None:
    with pytest.raises(Conflict) as conflict:
        tally(STORED, CONFLICT).result()
    assert (conflict.value.expected, conflict.value.held) == (4, 9)
    with pytest.raises(Superseded) as superseded:
        tally(OLD).result()
    assert (superseded.value.sequence, superseded.value.held) == (5, 9)


def test_itself_alone_is_nobody() -> None:
    with pytest.raises(TooFewReplicas) as few:
        tally(STORED, own=True).result()
    assert few.value.stored == 0
    assert tally(STORED, own=True, wanted=1).result().stored == 1


def test_fewer_than_must_be() -> None:
    made = tally(STORED, STORED, least=3)
    made.errors.append(TimedOut("a put", 5.0))
    with pytest.raises(TooFewReplicas, match="2 peers of 4") as few:
        made.result()
    assert "longer than 5 s" in few.value.reason
