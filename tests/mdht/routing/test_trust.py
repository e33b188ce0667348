"""The neutral trust: nobody is above or below anybody."""

from __future__ import annotations

from mdht.routing import NEUTRAL, Trust


def test_neutral() -> None:
    trust: Trust = NEUTRAL
    assert trust.peer(b"a" * 32) == trust.peer(b"b" * 32) == 0
    assert trust.owner(b"a" * 32) == 0
