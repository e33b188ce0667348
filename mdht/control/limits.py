"""Bounds of a node's door. All clients are programs of one user, so these catch mistakes rather than enemies."""

from __future__ import annotations

from typing import Final

from ..limits import FRAME_BYTES

REQUEST_BYTES: Final = FRAME_BYTES
"""A request: the largest record with its key fits four times."""

REPLY_BYTES: Final = 8 << 20
"""A reply: all records of an open name (64 of 65 KiB), or all 4,096 peers that a node may have."""

CLIENTS: Final = 64
"""Programs at the door at a time; a shell loop in the background has one each."""

CLIENT_REQUESTS: Final = 256
"""Requests of one client that may wait for their answers; it is not read on meanwhile."""

REQUESTS: Final = 4_096
"""The same of all clients together, those that have left included; further ones are refused as too many."""

UNREAD_BYTES: Final = 2 * REPLY_BYTES
"""Replies that a client has not taken yet; one that leaves more is cut off."""

HALF_READ_BYTES: Final = 256 << 10
"""Replies that a client has not taken yet, from which on it is not read, until it takes them."""

TIMEOUT_MAX_S: Final = 600.0
"""Seconds that a request may ask for."""

CONFIG_CHARS: Final = 64 << 10
"""A configuration; ids to be allowed or denied take 70 characters each."""

TICKET_BYTES: Final = 64
"""A ticket, by which the progress of a share or fetch is asked for."""

TEXT_CHARS: Final = 4_096
"""Text in an error of a type that is not ours."""
