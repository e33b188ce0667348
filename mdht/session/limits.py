"""Bounds of links that only this folder needs, each with its unit and its reason; the others are in `mdht.limits`.

The first block is protocol: both ends must agree. The second is implementation: each node may choose.
"""

from __future__ import annotations

from typing import Final

# -- protocol ----------------------------------------------------------------------------------------------------------

ENCODINGS: Final = 8
"""Most encodings that a peer offers in a handshake: there are two, and room for what comes."""

EXPORTER_BYTES: Final = 32
"""What TLS gives to bind a handshake to its session: as strong as the hashes that it goes into."""

# -- implementation: TLS -----------------------------------------------------------------------------------------------

TLS_HANDSHAKE_BYTES: Final = 32 << 10
"""Most bytes of the peer's part of a TLS handshake: ours takes 1.6 KiB, and 5 with every hybrid group offered."""

FEED_BYTES: Final = 64 << 10
"""Bytes given to OpenSSL at once: bounds what lies undecrypted in its buffer."""

# -- implementation: links ---------------------------------------------------------------------------------------------

TURN_BYTES: Final = 64 << 10
"""Bytes that one `data_to_send` encrypts while streams have more: four of their messages. A reply that is asked for
meanwhile waits for no more than that, 5 ms at 100 Mbit/s.
"""

WRITE_RESUME_BYTES: Final = 256 << 10
"""Bytes below which a sender that was refused is told to go on: a quarter of `WRITE_BUFFER_BYTES`."""

EVENTS: Final = 1_024
"""Events that may wait for `next_event` before the driver is asked to stop reading."""

EVENT_BYTES: Final = 1 << 20
"""Bytes of the messages in them, likewise; what is being read at this moment comes on top."""

REQUEST_BYTES: Final = 4 << 20
"""Bytes of the peer's requests that may wait for our answers before reading pauses: 64 of the largest puts, which is
more than a disk syncs at once, and `LINK_REQUESTS` of all others.
"""

CLOSE_S: Final = 5.0
"""Seconds for a goodbye to leave and the peer to close, before the link is dropped."""
