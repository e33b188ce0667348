"""Bounds of a store, and their faults."""

from __future__ import annotations

import pickle

from mdht.store import QuotaExceeded, StoreFull, StoreLimits, Superseded


def test_faults_all_at_once() -> None:
    assert StoreLimits().faults() == []
    wrong = StoreLimits(total_bytes=5, name_owners=65, lease_s=0).faults()
    assert [fault.partition(":")[0] for fault in wrong] == ["total_bytes", "name_owners", "lease_s"]


def test_verdicts_cross_processes() -> None:
    for verdict in (QuotaExceeded("peer", "ab", 5, 6), StoreFull(1, 2), Superseded(1, 2)):
        assert pickle.loads(pickle.dumps(verdict)) == verdict
        assert str(verdict.error())
