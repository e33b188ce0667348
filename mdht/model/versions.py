"""Which version of a record wins: between versions of one owner, and between the owners of one open name.

Versions of one owner (and kind and key) are in one total order, the same at every replica, in whichever order they
arrive: sequence, then hash of the value, then expiry. So replicas that saw the same versions hold the same one.
A tombstone's hash is the greatest, so a deletion wins over a put of the same sequence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..errors import Conflict, Superseded
from .record import Signed

Trust = Callable[[bytes], float]
"""How far an owner (a public key) is trusted: more is better, 0.0 is a stranger."""


def supersedes(new: Signed, held: Signed) -> bool:
    """Whether `new` replaces `held`, a version of the same owner, kind and key.

    False where both are the same version; two versions with the same sequence, value and expiry differ in nothing
    that was signed.
    """
    if new.sequence != held.sequence:
        return new.sequence > held.sequence
    return (new.value_hash, new.expires_s) > (held.value_hash, held.expires_s)


def admit(new: Signed, held: Signed | None, expected: int | None = None) -> bool:
    """Whether a replica that holds `held` is to store `new`; False where it holds that very version already.

    `expected` is for compare-and-set: the sequence that must be held, 0 for nothing; None does not ask. A put that is
    sent again because its answer was lost finds its own version, which is no conflict.

    Raises Conflict where another sequence is held than expected, and Superseded where `held` wins.
    """
    if held is not None and _same(new, held):
        return False
    sequence = held.sequence if held is not None else 0
    if expected is not None:
        if expected != sequence:
            raise Conflict(expected, sequence)
        if new.sequence <= sequence:
            raise Superseded(new.sequence, sequence)
    if held is not None and not supersedes(new, held):
        raise Superseded(new.sequence, sequence)
    return True


def newest(versions: Iterable[Signed]) -> Signed | None:
    """The version of one owner that wins over the others, be it a tombstone; None of none."""
    best: Signed | None = None
    for version in versions:
        if best is None or supersedes(version, best):
            best = version
    return best


@dataclass(frozen=True, slots=True)
class Best:
    """The answer to a get of an open name: the record chosen, and how many `others` have one under that name."""

    record: Signed
    others: int


def best_of(replicas: Sequence[Sequence[Signed]], trust: Trust | None = None) -> Best | None:
    """The record that an open name stands for, or None where nobody has one there.

    `replicas[i]` is what one replica holds under the name, in the order in which it first saw the owners. Of each owner
    its newest version counts, and none if that is a tombstone. Between owners: the more trusted, then the one whom more
    replicas saw first (a name belongs to who came first, as far as a majority of replicas is honest), then the smaller
    public key, so that everybody who got the same answers makes the same choice.
    """
    versions: dict[bytes, list[Signed]] = {}
    for held in replicas:
        for record in held:
            versions.setdefault(record.owner, []).append(record)
    live = {owner: best for owner, of in versions.items() if (best := newest(of)) is not None and not best.is_tombstone}
    if not live:
        return None
    first = Counter(next((record.owner for record in held if record.owner in live), b"") for held in replicas)

    def rank(owner: bytes) -> tuple[float, int, bytes]:
        return (-trust(owner) if trust is not None else 0.0, -first[owner], owner)

    return Best(live[min(live, key=rank)], len(live) - 1)


def _same(a: Signed, b: Signed) -> bool:
    return a.sequence == b.sequence and a.expires_s == b.expires_s and a.value_hash == b.value_hash
