"""What peers are and what they store, as plain immutable values. No I/O, no clock, no randomness.

| file | what |
|---|---|
| `names` | names of networks, and tokens |
| `keys` | Ed25519: sign and verify, with a context |
| `identity` | a peer's key and id |
| `address` | addresses and seeds |
| `peer` | the signed record that a peer makes of itself |
| `verified` | peer records that need not be verified again |
| `record` | content, owned and open records; addresses and binary forms |
| `versions` | which version wins, compare-and-set, the best of an open name |
| `binary` | reading binary forms |

Times are seconds since 1970 UTC and come as arguments (`now_s`); ids, keys and addresses are `bytes`.
"""

from __future__ import annotations

from .address import Address, Seed, parse_address, parse_seed
from .identity import Identity, format_id, parse_id, peer_id, short_id
from .keys import SigningKey, verify
from .names import check_network, check_token
from .peer import PeerRecord
from .record import Content, Kind, Record, Signed, address_in, address_of, content_key, unpack
from .verified import VerifiedPeers
from .versions import Best, Trust, admit, best_of, newest, supersedes

__all__ = [
    "Address",
    "Best",
    "Content",
    "Identity",
    "Kind",
    "PeerRecord",
    "Record",
    "Seed",
    "Signed",
    "SigningKey",
    "Trust",
    "VerifiedPeers",
    "address_of",
    "admit",
    "best_of",
    "check_network",
    "check_token",
    "content_key",
    "format_id",
    "newest",
    "parse_address",
    "parse_id",
    "parse_seed",
    "peer_id",
    "short_id",
    "supersedes",
    "address_in",
    "unpack",
    "verify",
]
