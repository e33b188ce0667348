"""Every bound and wait of the package, with its unit, its reason, and who else chose so.

The first block is *protocol*: a peer that exceeds one of these is refused, so all peers of a network must agree, and a
change needs a new `PROTOCOL_VERSION`. The second is *implementation*: each node may choose; most are defaults of the
configuration.
"""

from __future__ import annotations

from typing import Final

# ======================================================================================================================
# protocol
# ======================================================================================================================

PROTOCOL_VERSION: Final = 1
"""Of handshake, messages and binary forms together; the lower of two peers' is spoken."""

HASH_BYTES: Final = 32
"""Ids, addresses and hashes: SHA-256 (FIPS 180-4)."""

KEY_SEED_BYTES: Final = 32
"""An Ed25519 private key (RFC 8032, 5.1.5); `PUBLIC_KEY_BYTES` and `SIGNATURE_BYTES` likewise."""
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

SECRET_BYTES: Final = 32
"""A private network's secret: as strong as the HMAC-SHA256 that it keys. Shorter ones are guessed, so are refused."""

CHALLENGE_BYTES: Final = 32
"""Random bytes by which each side makes a handshake unique, as TLS 1.3 has (RFC 8446, 4.1.2)."""

NETWORK_CHARS: Final = 64
"""A network's name, ASCII: it is sent with every signed record. A DNS label has 63."""

TOKEN_CHARS: Final = 32
"""Names of address kinds, capabilities, attributes and encodings, ASCII."""

# -- protocol: records -------------------------------------------------------------------------------------------------

KEY_BYTES: Final = 1 << 10
"""A record's key: a path or a URL fits. memcached takes 250 bytes, etcd and LMDB (511) little more or less."""

VALUE_BYTES: Final = 64 << 10
"""A record's value: sent whole, so it holds the messages behind it up for 5 ms at 100 Mbit/s. Larger things are a
manifest of chunks of this size. BitTorrent's BEP 44 takes 1,000 bytes, libp2p's Kademlia 64 KiB a message or less.
"""

RECORD_HEAD_BYTES: Final = 116
"""The fixed head of a signed record's binary form (see `model.record`)."""

RECORD_BYTES: Final = RECORD_HEAD_BYTES + NETWORK_CHARS + KEY_BYTES + VALUE_BYTES
"""A record in its binary form, at most."""

NUMBER_MAX: Final = (1 << 63) - 1
"""Sequences and times: a signed 64-bit integer, which every language and database has."""

EXPIRES_S: Final = 30 * 86_400
"""Seconds that a signed record may live, and a tombstone must be kept: an owner on holiday for four weeks keeps its
records. IPNS records live 2 days by default, BEP 44 items 2 hours.
"""

EXPIRES_SLACK_S: Final = 60
"""Seconds by which a record may exceed `EXPIRES_S` at the one that verifies: clocks that agree within
`CLOCK_LOGGED_S` count as the same, or a record signed for the full time would be refused by a peer a second behind.
"""

CONTENT_LEASE_S: Final = 24 * 3_600
"""Seconds for which a storer keeps a content record that nobody put again; libp2p keeps provider records 24 to 48 h."""

OPEN_OWNERS: Final = 64
"""Owners whose records are kept under one open name: all of them fit one answer of `GET_ALL` in pieces, and squatting
a name costs 64 keys' quotas. BEP 5 answers with about 50 peers a key.
"""

# -- protocol: peers ---------------------------------------------------------------------------------------------------

PEER_RECORD_BYTES: Final = 2 << 10
"""A signed peer record: `CLOSEST_PEERS` of them stay under 40 KiB. Ethereum's node records (EIP-778) have 300 bytes."""

PEER_ADDRESSES: Final = 8
"""Addresses in a peer record: two transports, each by IPv4 and IPv6, from inside and outside."""

HOST_CHARS: Final = 253
"""A host name (RFC 1035, 2.3.4, without the root's dot)."""

CAPABILITIES: Final = 32
"""Capabilities in a peer record, and in a handshake."""

ATTRIBUTES: Final = 16
"""Attributes in a peer record; each at most `ATTRIBUTE_BYTES`, all of them within `PEER_RECORD_BYTES`."""

ATTRIBUTE_BYTES: Final = 1 << 10
"""One attribute's value: a signed statement of another peer fits."""

CLOSEST_PEERS: Final = 20
"""Peers in one answer: Kademlia's k (Maymounkov and Mazières, 2002, use 20)."""

MARK_BYTES: Final = 8
"""Of an id, where it only says which of some peers is meant: two of a million peers share so many once in 10⁷ networks.
"""

# -- protocol: frames and messages -------------------------------------------------------------------------------------

FRAME_HEAD_BYTES: Final = 4
"""The length before each frame, big endian."""

HANDSHAKE_FRAME_BYTES: Final = 8 << 10
"""A frame before the peer has proven who it is: a peer record, capabilities and signatures fit twice."""

FRAME_BYTES: Final = 256 << 10
"""A frame after that: a record with `CLOSEST_PEERS`, or `BATCH_RECORD_BYTES`, with room to grow (JSON's base64 takes a
third more). HTTP/2 begins with 16 KiB and allows 16 MiB (RFC 9113, 4.2).
"""

BATCH_RECORD_BYTES: Final = 128 << 10
"""Records in one answer of `GET_ALL`, all together; the rest is asked for again. At least one record always fits."""

ID_MAX: Final = (1 << 32) - 1
"""Request and stream numbers: at 20,000 requests a second a link counts two and a half days before it wraps."""

TEXT_CHARS: Final = 256
"""Text of an error or a goodbye: a sentence for a log."""

LEASE_MAX_S: Final = EXPIRES_S
"""Seconds in a PUT or STORED message: what is asked may be more than what is granted."""

STREAM_DATA_BYTES: Final = 16 << 10
"""Data in one stream message: one TLS record (RFC 8446, 5.1), so that other messages wait for no more than that."""

STREAM_WINDOW_BYTES: Final = 4 << 20
"""Credit that a stream may have open: 1 Gbit/s at 30 ms. A grant beyond it is an error (RFC 9113, 6.9.1, likewise)."""

ABOUT_BYTES: Final = 2 << 10
"""What a stream is opened for, in that purpose's own form: an address and a range, a host and port."""

DEADLINE_MAX_MS: Final = 600_000
"""Milliseconds in a message that names a wait."""

# ======================================================================================================================
# implementation
# ======================================================================================================================

# -- implementation: finding -------------------------------------------------------------------------------------------

K: Final = 20
"""Peers in a bucket, and in the result of a lookup: half of them may leave within the hour (Kademlia, section 4.1)."""

ALPHA: Final = 3
"""Peers asked at once by a lookup (Kademlia, section 4.1); hedging adds one for each that is slower than usual."""

REPLICAS: Final = 8
"""r: peers that a put is sent to. With half of all peers gone, one in 256 records is lost before it is put again."""

FILE_REPLICAS: Final = 3
"""The same for each part of a file: 1 GiB sends 3 GiB then, and two of its peers may go. HDFS keeps 3, too."""

MIN_REPLICAS: Final = 1
"""Peers that must have synced a put before it counts as done."""

REPUBLISH_S: Final = 8 * 3_600
"""Seconds between puts of what this node answers for: a third of `CONTENT_LEASE_S`, so two may fail."""

LOOKUP_TIMEOUT_S: Final = 20.0
"""Seconds for a lookup, all hops together: logarithmic hops of at most `REQUEST_TIMEOUT_S`, hedged."""

# -- implementation: links ---------------------------------------------------------------------------------------------

LINKS: Final = 4_096
"""Links of a node: at 48 KiB each, 192 MiB."""

HANDSHAKE_TIMEOUT_S: Final = 10.0
"""Seconds from the first byte to a proven identity: five round trips by satellite, and a loaded machine."""

HALF_OPEN: Final = 256
"""Links in their handshake; the oldest is dropped for a new one. A SYN queue has as many."""

HALF_OPEN_SUBNET: Final = 16
"""The same of one subnet: a household or an office starting at once."""

SUBNET_BITS_V4: Final = 24
"""Leading bits of an IPv4 address that count as one subnet; libp2p and Bitcoin use 16 to 24."""

SUBNET_BITS_V6: Final = 56
"""The same for IPv6: what a provider gives one household (RFC 6177)."""

REQUEST_TIMEOUT_S: Final = 5.0
"""Seconds for one request of a peer."""

LINK_REQUESTS: Final = 1_024
"""Requests of one link that may wait for their answers, in each direction."""

LINK_STREAMS: Final = 32
"""Streams of one link; HTTP/2 recommends at least 100 for a browser, which has one link for a whole site."""

STREAM_CREDIT_BYTES: Final = 256 << 10
"""Credit granted when a stream opens: 100 Mbit/s at 20 ms. All streams of a link together stay under 8 MiB."""

WRITE_BUFFER_BYTES: Final = 1 << 20
"""Bytes that may wait to be written to one link before its requests are refused and its streams pause."""

KEEPALIVE_S: Final = 25.0
"""Seconds of silence before a PING: NAT mappings of UDP live 30 s and more (RFC 4787, REQ-5: should be 2 minutes)."""

DEAD_AFTER_S: Final = 75.0
"""Seconds of silence before a link counts as dead: three keep-alives."""

DUPLICATE_PING_S: Final = 2.0
"""Seconds that an older link to the same peer has for an answer, before a newer one replaces it."""

DRAIN_S: Final = 60.0
"""Seconds that links have to end by themselves after `MOVING`."""

# -- implementation: time ----------------------------------------------------------------------------------------------

CLOCK_OFFSET_MAX_S: Final = 2 * 3_600
"""Seconds by which the local clock is corrected at most, by the median of peers: a wrong time zone or daylight saving,
and no more, however many peers lie. Bitcoin's bound was 70 minutes.
"""

CLOCK_LOGGED_S: Final = 60
"""Seconds of offset from which it is logged and shown by `doctor`: NTP keeps clocks within a tenth of a second."""

# -- implementation: the store -----------------------------------------------------------------------------------------

STORE_BYTES: Final = 1 << 30
"""Bytes of records in the store."""

QUOTA_OWNER_BYTES: Final = 16 << 20
"""Bytes of one owner's records: 256 of the largest."""

QUOTA_PEER_BYTES: Final = 512 << 20
"""Bytes put by one peer: content has no owner, so whoever puts it is charged. Half of the store, so that one peer can
share 1 GiB in a network of eight nodes, three times each part, and no peer alone can fill a store.
"""

QUOTA_SUBNET_BYTES: Final = 512 << 20
"""Bytes put from one subnet: identities cost nothing, subnets do. What one peer may have, for all of a subnet."""

# -- implementation: files ---------------------------------------------------------------------------------------------

FILE_WINDOW_BYTES: Final = 8 << 20
"""Bytes of a share or a fetch that are on their way at a time, with all peers together: 1 Gbit/s at 64 ms."""

FILE_BATCH_BYTES: Final = 1 << 20
"""Bytes read from or written to a disk at once, by a thread of their own: a few milliseconds of work."""

FILE_OPERATIONS: Final = 16
"""Shares and fetches of one node's user at a time: their windows together are 128 MiB."""

SERVED_STREAMS: Final = 256
"""Streams of peers that a node serves at a time, of all links together: each may hold `SERVED_BYTES`."""

SERVED_BYTES: Final = 512 << 10
"""Bytes of records that wait in one stream of a peer for the store or for credit: what one sync takes at a time."""

SERVED_TOTAL_BYTES: Final = 16 << 20
"""The same of all streams together: beyond it, none gets credit until the store has caught up."""

FILE_DISK_S: Final = 300.0
"""Seconds that one step of a share or a fetch may take at the disk: the look at a folder of a million files, the sync
of a large file on a slow disk.
"""

STREAM_WIDE_BYTES: Final = 1 << 20
"""Credit of a stream of records, where `STREAM_CREDIT_BYTES` would keep it waiting: 100 Mbit/s at 80 ms, and a receiver
that is not scheduled for 10 ms at 1 Gbit/s. Who fetches gives it, since no more comes than it asked for; who is put to
gives it to the first sixteen.
"""

STREAM_STALL_S: Final = 15.0
"""Seconds without an answer after which a peer's stream is given up, and others are asked: three times what one request
may take, for a disk that is slow to sync.
"""

STREAM_IDLE_S: Final = 60.0
"""Seconds after which a stream of a peer that says nothing is closed: it takes a place that others could have."""

# -- implementation: caches --------------------------------------------------------------------------------------------

VERIFIED_PEERS: Final = 4_096
"""Peer records remembered as verified: 2 MiB of typical ones, and all that the lookups of an hour meet."""
