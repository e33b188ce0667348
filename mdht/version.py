"""The version of this program; of what is spoken between nodes, see `limits.PROTOCOL_VERSION`."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
