from __future__ import annotations

import pytest

from mdht.errors import BadSignature, Expired, OtherNetwork
from mdht.model import VerifiedPeers

from .making import ALICE, BOB, CAROL, NETWORK, NOW_S, peer


def test_a_record_is_read_once() -> None:
    seen = VerifiedPeers(NETWORK, 2)
    first = seen.read(peer().pack(), NOW_S)
    assert first == peer()
    assert seen.read(peer().pack(), NOW_S) is first


def test_what_does_not_verify_is_not_remembered() -> None:
    seen = VerifiedPeers(NETWORK, 2)
    for _ in range(2):
        with pytest.raises(BadSignature):
            seen.read(peer().pack()[:-1] + b"\0", NOW_S)
    with pytest.raises(OtherNetwork):
        VerifiedPeers("other", 2).read(peer().pack(), NOW_S)
    assert len(seen) == 0


def test_expiry_is_looked_at_each_time() -> None:
    seen = VerifiedPeers(NETWORK, 2)
    seen.read(peer().pack(), NOW_S)
    for _ in range(2):
        with pytest.raises(Expired):
            seen.read(peer().pack(), NOW_S + 3600)
    assert len(seen) == 0


def test_the_one_used_longest_ago_is_forgotten() -> None:
    seen = VerifiedPeers(NETWORK, 2)
    alice = seen.read(peer(ALICE).pack(), NOW_S)
    bob = seen.read(peer(BOB).pack(), NOW_S)
    seen.read(peer(ALICE).pack(), NOW_S)
    seen.read(peer(CAROL).pack(), NOW_S)
    assert len(seen) == 2
    assert seen.read(peer(ALICE).pack(), NOW_S) is alice
    assert seen.read(peer(BOB).pack(), NOW_S) is not bob
