"""What a node looks up to be known, and to know."""

from __future__ import annotations

import os
from hashlib import sha256

from mdht.routing import Contact, RoutingTable
from mdht.services.peers.refresh import Refresh

OWN = sha256(b"own").digest()


def table(peers: int) -> RoutingTable:
    made = RoutingTable(OWN, 0.0)
    for number in range(peers):
        made.seen(Contact(sha256(b"%d" % number).digest(), f"192.{number}.0.1", 7000, b""), 0.0)
    return made


def test_first_its_own_id_then_every_bucket_then_what_is_due() -> None:
    routing = table(100)
    refresh = Refresh(routing, os.urandom)
    assert refresh.targets(False, 0.0) == []
    assert refresh.targets(True, 0.0) == [OWN]
    assert len(refresh.targets(True, 30.0)) == routing.stats().buckets > 1
    assert refresh.targets(True, 60.0) == []
    assert len(refresh.targets(True, 60.0 + routing.config.refresh_s)) == routing.stats().buckets


def test_a_small_network_needs_no_more_than_its_own_id() -> None:
    refresh = Refresh(table(10), os.urandom)
    assert refresh.targets(True, 0.0) == [OWN]
    assert refresh.targets(True, 30.0) == []


def test_after_a_time_alone_it_begins_again() -> None:
    refresh = Refresh(table(10), os.urandom)
    refresh.targets(True, 0.0)
    refresh.targets(True, 30.0)
    refresh.targets(False, 60.0)
    assert refresh.targets(True, 90.0) == [OWN]
