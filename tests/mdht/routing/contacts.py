"""Contacts for the tests of the table."""

from __future__ import annotations

from mdht.routing import Contact, RoutingTable, TableConfig, distance

OWN = bytes(32)


def contact(number: int, host: str | None = None, *, bits: int = 0, data: bytes = b"") -> Contact:
    """A contact that shares exactly `bits` leading bits with `OWN`, told from others by `number`, in its own subnet."""
    peer_id = ((1 << (255 - bits)) | number).to_bytes(32, "big")
    if host is None:
        host = f"{11 + (number >> 16 & 0x7F)}.{number >> 8 & 0xFF}.{number & 0xFF}.1"
    return Contact(peer_id, host, 7000, data)


def table(own_id: bytes = OWN, now_s: float = 0.0, **settings: object) -> RoutingTable:
    """A small table: buckets of four, no wide ones, two spares, unless set otherwise."""
    config = TableConfig(**{"bucket_size": 4, "wider": (), "spares": 2, "siblings": 0, **settings})  # type: ignore[arg-type]
    assert config.faults() == []
    return RoutingTable(own_id, now_s, config)


def by_distance(contacts: list[Contact], target: bytes) -> list[Contact]:
    """The slow way."""
    return sorted(contacts, key=lambda one: distance(one.id, target))
