from __future__ import annotations

import dataclasses
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import Conflict, Superseded
from mdht.model import Identity, Kind, Signed, admit, best_of, newest, supersedes

from .making import ALICE, BOB, CAROL, relaxed, signed

UNSIGNED = dataclasses.replace(signed(), signature=b"")
"""What wins does not depend on signatures; these are checked before."""

versions = st.builds(
    lambda value, sequence, expires_s: dataclasses.replace(
        UNSIGNED, value=value, sequence=sequence, expires_s=expires_s
    ),
    st.sampled_from([None, b"", b"a", b"b"]),
    st.integers(1, 3),
    st.integers(1, 2),
)


@given(versions, versions, versions)
def test_versions_are_in_one_order(a: Signed, b: Signed, c: Signed) -> None:
    assert not supersedes(a, a)
    assert (a == b) or supersedes(a, b) != supersedes(b, a)
    if supersedes(a, b) and supersedes(b, c):
        assert supersedes(a, c)


@given(st.lists(versions, min_size=1, max_size=4))
@relaxed
def test_replicas_agree_whatever_the_order(seen: list[Signed]) -> None:
    ends = set()
    for order in permutations(seen):
        held: Signed | None = None
        for new in order:
            try:
                if admit(new, held):
                    held = new
            except Superseded:
                pass
        ends.add(held)
    assert ends == {newest(seen)}


def test_sequence_then_hash_then_expiry() -> None:
    old = dataclasses.replace(UNSIGNED, sequence=1)
    assert supersedes(dataclasses.replace(old, sequence=2, value=b""), old)
    low, high = sorted(
        (dataclasses.replace(old, value=bytes((n,))) for n in range(2)), key=lambda record: record.value_hash
    )
    assert supersedes(high, low) and not supersedes(low, high)
    assert supersedes(dataclasses.replace(old, expires_s=old.expires_s + 1), old)


def test_deletion_wins_a_tie() -> None:
    assert supersedes(signed(value=None), signed(value=b"anything"))
    assert not supersedes(signed(value=None, sequence=1), signed(value=b"anything", sequence=2))


def test_newest_of_nothing() -> None:
    assert newest([]) is None


# -- compare-and-set ---------------------------------------------------------------------------------------------------


def test_admit_without_a_condition() -> None:
    one, two = signed(sequence=1), signed(sequence=2)
    assert admit(one, None)
    assert admit(two, one)
    assert not admit(two, two)
    with pytest.raises(Superseded) as caught:
        admit(one, two)
    assert (caught.value.sequence, caught.value.held) == (1, 2)


def test_compare_and_set() -> None:
    one, two, three = (signed(sequence=n) for n in (1, 2, 3))
    assert admit(one, None, expected=0)
    assert admit(two, one, expected=1)
    assert admit(three, signed(sequence=2, value=None), expected=2)  # over a tombstone
    for new, held, expected, found in ((two, None, 1, 0), (two, one, 0, 1), (three, one, 2, 1)):
        with pytest.raises(Conflict) as caught:
            admit(new, held, expected)
        assert (caught.value.expected, caught.value.held) == (expected, found)


def test_of_two_that_expected_the_same_one_comes_through() -> None:
    held = signed(sequence=5)
    first, second = signed(sequence=6, value=b"first"), signed(sequence=6, value=b"second")
    assert admit(first, held, expected=5)
    with pytest.raises(Conflict):
        admit(second, first, expected=5)


def test_the_same_put_again_is_no_conflict() -> None:
    two = signed(sequence=2)
    assert not admit(two, two, expected=1)


def test_a_set_needs_a_higher_sequence() -> None:
    held = signed(sequence=5, value=b"a")
    with pytest.raises(Superseded):
        admit(signed(sequence=5, value=None), held, expected=5)


# -- open names --------------------------------------------------------------------------------------------------------


def of(identity: Identity, value: bytes | None = b"v", sequence: int = 1) -> Signed:
    return signed(identity, kind=Kind.OPEN, value=value, sequence=sequence)


def test_nobody_there() -> None:
    assert best_of([]) is None
    assert best_of([[], []]) is None
    assert best_of([[of(ALICE, None)]]) is None


def test_who_most_replicas_saw_first() -> None:
    a, b, c = of(ALICE), of(BOB), of(CAROL)
    best = best_of([[b, a, c], [a, b], [b]])
    assert best is not None
    assert (best.record, best.others) == (b, 2)


def test_trust_comes_first() -> None:
    a, b = of(ALICE), of(BOB)
    best = best_of([[b, a], [b, a]], trust=lambda owner: 1.0 if owner == ALICE.public else 0.0)
    assert best is not None
    assert best.record == a
    distrusted = best_of([[b, a], [b, a]], trust=lambda owner: -1.0 if owner == BOB.public else 0.0)
    assert distrusted is not None
    assert distrusted.record == a


def test_sequences_of_different_owners_are_not_compared() -> None:
    best = best_of([[of(ALICE, sequence=1), of(BOB, sequence=99)]])
    assert best is not None
    assert best.record.owner == ALICE.public


def test_the_newest_version_of_the_chosen_owner() -> None:
    best = best_of([[of(ALICE, b"old", 1)], [of(BOB)], [of(ALICE, b"new", 2)]])
    assert best is not None
    assert (best.record.value, best.others) == (b"new", 1)


def test_who_deleted_is_out_and_the_next_is_first() -> None:
    replicas = [[of(ALICE), of(BOB), of(CAROL)], [of(ALICE, None, 2), of(BOB)], [of(CAROL), of(BOB)]]
    best = best_of(replicas)
    assert best is not None
    assert (best.record.owner, best.others) == (BOB.public, 1)


def test_the_choice_does_not_depend_on_who_answered_first() -> None:
    replicas = [[of(ALICE), of(BOB)], [of(BOB), of(ALICE)]]
    assert best_of(replicas) == best_of(replicas[::-1])
