"""Bounds that an operator chooses."""

from __future__ import annotations

from dataclasses import dataclass

from .. import limits as bounds
from .services import Fault


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that a node chooses; each default has its reason in `mdht.limits`."""

    links: int = bounds.LINKS
    """Links at a time; further peers are refused as `too many`."""
    half_open: int = bounds.HALF_OPEN
    """Links that others began and that have proven nothing yet; the oldest is dropped for a new one."""
    store_bytes: int = bounds.STORE_BYTES
    """Bytes of records kept for others and oneself."""
    owner_bytes: int = bounds.QUOTA_OWNER_BYTES
    """Of these, bytes of one owner's records."""
    peer_bytes: int = bounds.QUOTA_PEER_BYTES
    """Bytes put by one peer; what it shares beyond that goes to other peers, or is refused."""
    subnet_bytes: int = bounds.QUOTA_SUBNET_BYTES
    """Bytes put from one subnet, this machine's and local networks aside."""
    served_streams: int = bounds.SERVED_STREAMS
    """Streams of files that peers may have open here at a time; further ones are told to wait."""
    requests: int = 4_096
    """Requests of this node's own user at a time; further ones are refused at once."""

    def faults(self) -> list[Fault]:
        """Everything that is wrong, each with its key."""
        lows = dict.fromkeys(("links", "half_open", "served_streams", "requests"), 1)
        lows["store_bytes"] = 1 << 20
        lows |= dict.fromkeys(("owner_bytes", "peer_bytes", "subnet_bytes"), 1 << 17)
        return [
            (f"limits.{name}", repr(getattr(self, name)), f"at least {low}")
            for name, low in lows.items()
            if getattr(self, name) < low
        ]
