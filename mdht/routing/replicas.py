"""Who holds a record: the r peers whose ids are closest to its address, and what follows from it.

Ids are 32 bytes; `peers` are ids of others, without our own. Pure: the same ids give the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nsmallest

from .keys import ID_BITS, to_int


def closest_ids(address: bytes, peers: Iterable[bytes], count: int) -> list[bytes]:
    """The `count` of them that are closest, the closest first."""
    target = to_int(address)
    return nsmallest(count, peers, key=lambda one: to_int(one) ^ target)


def holds(address: bytes, own_id: bytes, peers: Iterable[bytes], replicas: int) -> bool:
    """Whether we are among the `replicas` closest."""
    target = to_int(address)
    ours = to_int(own_id) ^ target
    closer = 0
    for one in peers:
        closer += to_int(one) ^ target < ours
        if closer >= replicas:
            return False
    return True


def hands_over(
    address: bytes, own_id: bytes, newcomer: bytes, peers: Sequence[bytes], replicas: int, givers: int
) -> bool:
    """Whether we give a record to a newcomer: it is among the `replicas` closest, and of the others we are among the
    `givers` closest. So it gets each record from a few, not from all who have it (Kademlia, section 2.5, has one).
    """
    others = [one for one in peers if one != newcomer]
    return holds(address, own_id, others, givers) and holds(address, newcomer, [own_id, *others], replicas)


def heir(
    address: bytes, own_id: bytes, gone: bytes, peers: Sequence[bytes], replicas: int, givers: int
) -> bytes | None:
    """Whom we give a record to now that `gone` does not hold it any more: the last of the `replicas` closest that are
    left. None where it did not hold it, where others give it, and where that is ourselves.
    """
    left = closest_ids(address, [own_id, *(one for one in peers if one != gone)], replicas)
    if own_id not in left[:givers] or len(left) < replicas or left[-1] == own_id:
        return None
    return left[-1] if closest_ids(address, [gone, left[-1]], 1) == [gone] else None


def shared_region_bits(newcomer: bytes, peers: Iterable[bytes], replicas: int) -> int:
    """Leading bits that an address has in common with the newcomer if it may be among its `replicas` closest.

    An address that leaves the newcomer's id at bit i lies in the half of the tree that the newcomer is not in; where
    that half has `replicas` peers, they are all closer. So the addresses in question begin below the deepest i for
    which that is so of i and of every bit before it.
    """
    own = to_int(newcomer)
    halves = [0] * (ID_BITS + 1)
    for one in peers:
        halves[ID_BITS - (to_int(one) ^ own).bit_length()] += 1
    bits = 0
    while bits < ID_BITS and halves[bits] >= replicas:
        bits += 1
    return bits
