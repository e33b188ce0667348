"""Some seconds of what `scripts/fuzz.py` does for minutes, and the same choices made by hypothesis."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdht.model import record

from .mutations import mutated
from .targets import TARGETS
from .traffic import RECORDS

FRAMES = 20_000


@pytest.mark.parametrize("name", TARGETS)
def test_changed_frames_end_in_typed_errors(name: str) -> None:
    share, make = TARGETS[name]
    target = make(random.Random(f"suite {name}"))
    outcomes = {target.frame() for _ in range(int(FRAMES * share))}
    assert len(outcomes) > 1, "some are refused, some are not"


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "tls"])
@settings(deadline=None, max_examples=60)
@given(draw=st.randoms(use_true_random=False))
def test_any_choice(name: str, draw: random.Random) -> None:
    target = TARGETS[name][1](draw)
    for _ in range(5):
        target.frame()


def test_the_fuzzer_sees_a_check_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check of signatures, changed records are taken, and that is a failure."""
    monkeypatch.setattr(record, "verify", lambda *_: None)
    target = TARGETS["records"][1](random.Random(1))
    with pytest.raises(AssertionError, match="a changed record verifies"):
        for _ in range(5_000):
            target.frame()


def test_the_same_seed_changes_the_same() -> None:
    first, second = random.Random(7), random.Random(7)
    assert [mutated(first, RECORDS) for _ in range(200)] == [mutated(second, RECORDS) for _ in range(200)]
