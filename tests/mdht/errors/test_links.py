from __future__ import annotations

import pytest

from mdht.errors import LinkRefused, Refusal


@pytest.mark.parametrize("reason", Refusal)
def test_every_refusal_has_advice(reason: Refusal) -> None:
    for by_us in (False, True):
        exc = LinkRefused(reason, "1a2b3c4d", by_us)
        assert type(exc.reason) is str
        assert "1a2b3c4d" in str(exc) and str(reason) in str(exc)
        assert "operator" not in str(exc)


def test_a_refusal_of_a_newer_peer_is_shown() -> None:
    assert "by 1a2b3c4d: not today" in str(LinkRefused("not today", "1a2b3c4d"))
