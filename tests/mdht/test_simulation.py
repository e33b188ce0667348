"""Days of a network's life: what was acknowledged is there, whoever came and went meanwhile."""

from __future__ import annotations

import pytest

from mdht.services.upkeep.handover import Handover
from mdht.services.upkeep.service import Upkeep
from mdht.simulation import Life, run

LIFE = Life(nodes=12, days=1.25, content=20, owned=20, churn_s=3_600.0, seed=1)
"""In a day and a quarter more than twice as many nodes leave as there are; content has a lease of a day."""


def test_everything_is_found_while_nodes_come_and_go() -> None:
    report = run(LIFE)
    assert report.lost == []
    assert report.looked_for == 160
    assert report.left + report.crashed >= 2 * LIFE.nodes
    assert report.upkeep.handed > 0
    assert report.upkeep.renewed > 0
    assert 8.0 <= report.replicas < 11.0
    assert report.upkeep.lost == report.upkeep.dropped == 0


def test_without_upkeep_it_would_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the life is hard enough to show something."""
    monkeypatch.setattr(Upkeep, "_pass", lambda self, name: None)
    monkeypatch.setattr(Handover, "arrived", lambda self, arrived: None)
    monkeypatch.setattr(Handover, "departed", lambda self, peer: None)
    monkeypatch.setattr(Upkeep, "_repair", lambda self, repair: None)
    report = run(Life(nodes=12, days=1.1, content=10, owned=10, churn_s=2_400.0, checks=1, seed=1))
    assert len(report.lost) > 5
