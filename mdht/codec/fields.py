"""The types of fields of messages, each with its bound: what is larger or longer does not decode."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from .. import limits

Id = Annotated[int, Meta(ge=0, le=limits.ID_MAX)]
"""The number of a request or a stream."""

Code = Annotated[int, Meta(ge=0, le=255)]
"""A number of an open set (see `codes`): one that is not known here decodes too."""

Sequence = Annotated[int, Meta(ge=0, le=limits.NUMBER_MAX)]
"""A record's sequence; 0 is none."""

TimeMs = Annotated[int, Meta(ge=0, le=limits.NUMBER_MAX)]
"""Milliseconds since 1970 UTC."""

WaitMs = Annotated[int, Meta(ge=0, le=limits.DEADLINE_MAX_MS)]
"""A wait in milliseconds."""

LeaseS = Annotated[int, Meta(ge=0, le=limits.LEASE_MAX_S)]
"""Seconds for which something is kept."""

Hash = Annotated[bytes, Meta(min_length=limits.HASH_BYTES, max_length=limits.HASH_BYTES)]
"""An address, or an id."""

Text = Annotated[str, Meta(max_length=limits.TEXT_CHARS)]
"""A sentence for a log."""

PackedRecord = Annotated[bytes, Meta(min_length=1, max_length=limits.RECORD_BYTES)]
"""A record in its binary form (`model.unpack`): it is kept, sent on and checked as it is."""

PackedRecords = Annotated[list[PackedRecord], Meta(max_length=limits.OPEN_OWNERS)]
"""Records in their binary form, of one open name."""

PackedPeer = Annotated[bytes, Meta(min_length=1, max_length=limits.PEER_RECORD_BYTES)]
"""A peer record in its binary form (`model.PeerRecord.unpack`)."""

PackedPeers = Annotated[list[PackedPeer], Meta(max_length=limits.CLOSEST_PEERS)]
"""Peer records in their binary form, the closest first."""

Marks = Annotated[bytes, Meta(max_length=limits.CLOSEST_PEERS * limits.MARK_BYTES)]
"""The first `limits.MARK_BYTES` bytes of some ids, one after another."""

PeerCount = Annotated[int, Meta(ge=0, le=limits.CLOSEST_PEERS)]
"""How many peers are wanted."""

OwnerCount = Annotated[int, Meta(ge=0, le=limits.OPEN_OWNERS)]
"""How many owners, of one open name."""

StreamBytes = Annotated[bytes, Meta(min_length=1, max_length=limits.STREAM_DATA_BYTES)]
"""A piece of a stream."""

CreditBytes = Annotated[int, Meta(ge=0, le=limits.STREAM_WINDOW_BYTES)]
"""Bytes that the other side may send in addition."""

About = Annotated[bytes, Meta(max_length=limits.ABOUT_BYTES)]
"""What a stream is opened for, in the form that its purpose has."""
